"""The conferenceMapper protocol: what is asked, and what answers say."""

import json

import pytest

from gateway.errors import RemoteProtocolError
from gateway.ivr.conference_mapping import ConferenceMapping, by_pin, by_room, is_pin

ROOM = "standup@conference.meet.example.org"


def parsed(**told: object) -> ConferenceMapping:
    return ConferenceMapping.parse(json.dumps(told).encode())


def test_an_answer_of_the_public_service_is_read() -> None:
    body = b'{"message":"ok","id":4826130597,"conference":"standup@conference.meet.example.org"}'
    assert ConferenceMapping.parse(body) == ConferenceMapping(ROOM, "4826130597", "ok")


def test_an_answer_of_jaas_is_read() -> None:
    """It has more in it, among that the name of the room."""
    told = {"url": "https://8x8.vc/x/a", "fqn": "x/a", "tenant": "x", "hasPasscode": False}
    mapping = parsed(id=1234567890123, conference=ROOM, name="a", **told)
    assert (mapping.room, mapping.pin, mapping.display_name) == (ROOM, "1234567890123", None)


@pytest.mark.parametrize("no_room", [False, None, ""])
def test_a_pin_that_nobody_knows_has_no_conference(no_room: object) -> None:
    assert parsed(message="none", id=12345, conference=no_room).room is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"false",
        b'{"message": "hello"}',
        b'{"conference": true}',
        b'{"conference": 7}',
        b'{"conference": "no-domain"}',
        b'{"conference": "a@' + b"b" * 4000 + b'"}',
        b"[" * 100_000,
        b'{"conference": ' + b"1" * 5000 + b"}",
        b'"\xff"',
    ],
)
def test_what_makes_no_sense_is_the_mappers_fault(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ConferenceMapping.parse(body)


@pytest.mark.parametrize("pin", [True, -5, 1.5, "12a", "", "1" * 33, None, []])
def test_an_id_that_is_none_does_not_count(pin: object) -> None:
    assert parsed(conference=ROOM, id=pin).pin is None


def test_what_we_answer_is_what_the_web_client_wants() -> None:
    told = ConferenceMapping(ROOM, "482613059", "hello").as_json()
    assert told == {"message": "hello", "id": 482613059, "conference": ROOM}
    assert ConferenceMapping(None, "482613059").as_json()["conference"] is False
    assert json.loads(json.dumps(told))["id"] == 482613059


@pytest.mark.parametrize("pin", ["0123456", "1234567890123456"])
def test_a_pin_that_no_number_says_exactly_is_text(pin: str) -> None:
    assert ConferenceMapping(ROOM, pin).as_json()["id"] == pin
    assert ConferenceMapping.parse(json.dumps({"conference": ROOM, "id": pin}).encode()).pin == pin


def test_what_a_personal_pin_carries_goes_along() -> None:
    mapping = ConferenceMapping(ROOM, "7777", display_name="Ann", moderator=True)
    assert ConferenceMapping.parse(json.dumps(mapping.as_json()).encode()) == mapping
    assert "moderator" not in ConferenceMapping(ROOM, "7777").as_json()


def test_addresses_are_those_that_the_service_has() -> None:
    assert by_pin("https://a/conferenceMapper", "123") == "https://a/conferenceMapper?id=123"
    assert by_room("https://a/m?key=x", "a@b.c") == "https://a/m?key=x&conference=a@b.c"
    assert by_room("https://a/m", "a&id=1#@b.c").endswith("?conference=a%26id%3D1%23@b.c")


def test_only_digits_are_a_pin() -> None:
    assert is_pin("0123456789")
    assert not any(map(is_pin, ("", "12a", "١٢", "1" * 33, "1\n", " 1")))


def test_a_pin_is_not_shown() -> None:
    assert "482613059" not in repr(ConferenceMapping(ROOM, "482613059"))
