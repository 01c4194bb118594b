"""Jigasi's messages in SIP INFO."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.jigasi_info import (
    MEDIA_TYPE,
    Heartbeat,
    MuteAnswer,
    MuteWanted,
    Order,
    Reporter,
    RoomAccess,
    heartbeat,
    mute_answer,
    parse,
    serialize,
)
from gateway.conference import events as conference
from tests.control.snapshots import table


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ('{"i":1,"t":4,"d":{"pwd":"1234"}}', RoomAccess("1234")),
        ('{"t":11}', Heartbeat()),
        ('{"type":"muteRequest","id":"u","data":{"audio":true}}', MuteWanted("u", True)),
        ('{"type":"muteRequest","id":"u","data":{"audio":false}}', MuteWanted("u", False)),
        (
            '{"type":"muteResponse","id":"u","status":"OK","data":{"audio":true}}',
            MuteAnswer("u", True),
        ),
        ('{"type":"muteResponse","id":"u","status":"FAILED"}', MuteAnswer("u", False)),
        ('{"i":1,"t":4,"d":{"pwd":1234}}', None),
        ('{"i":1,"t":4}', None),
        ('{"type":"muteRequest","data":{"audio":"yes"}}', None),
        ('{"t":99}', None),
        ("[]", None),
        ("{", None),
        ("[" * 9000, None),
        ("", None),
    ],
)
def test_what_a_pbx_says_is_understood(body: str, order: Order | None) -> None:
    assert parse(MEDIA_TYPE, body.encode()) == order


@given(st.binary(max_size=200))
def test_no_body_is_more_than_not_understood(body: bytes) -> None:
    parse(MEDIA_TYPE, body)


def test_other_types_are_not_looked_at() -> None:
    assert parse("application/dtmf", b'{"t":11}') is None
    assert "1234" not in repr(RoomAccess("1234"))


def told(*events: conference.Event) -> list[object]:
    reporter = Reporter()
    return [json.loads(serialize(message)) for event in events for message in reporter.told(event)]


LOBBY = conference.Waiting(conference.WaitingFor.LOBBY, "r@lobby/me")


def test_a_pbx_is_told_of_the_lobby_once() -> None:
    assert told(LOBBY, LOBBY) == [{"i": 1, "t": 3}]
    assert told(conference.Waiting(conference.WaitingFor.HOST)) == []
    assert told(LOBBY, conference.Rejoined()) == [
        {"i": 1, "t": 3},
        {"i": 2, "t": 6},
        {"i": 3, "t": 5},
    ]
    assert told(conference.Rejoined()) == []
    denied = conference.Ended(conference.LeaveCause.LOBBY_DENIED, "")
    assert told(LOBBY, denied) == [{"i": 1, "t": 3}, {"i": 2, "t": 7}]


def test_a_pbx_is_told_of_moderation_and_mutes() -> None:
    assert told(
        conference.ModerationSwitched(True),
        conference.Approved(),
        conference.ApprovalWithdrawn(),
        conference.ModerationSwitched(False),
    ) == [{"t": 8, "d": True}, {"t": 9}, {"t": 10}, {"t": 8, "d": False}]
    (request,) = told(conference.MutedByModerator("Ann"))
    assert isinstance(request, dict)
    assert request["id"]
    assert {**request, "id": ""} == {"type": "muteRequest", "id": "", "data": {"audio": True}}


def test_a_pbx_is_told_of_being_a_visitor_and_of_promotion() -> None:
    assert told(conference.VisitorChanged(True), conference.VisitorChanged(False)) == [
        {"t": 12, "d": True},
        {"t": 12, "d": False},
    ]


def test_answers_carry_the_id_of_what_they_answer() -> None:
    assert mute_answer(MuteWanted("u", False), done=False) == {
        "type": "muteResponse",
        "id": "u",
        "status": "FAILED",
        "data": {"audio": False},
    }
    assert heartbeat() == {"t": 11}


def test_the_guide_has_every_message() -> None:
    rows = {row[0]: (row[1] == "yes", row[2] == "yes") for row in table("Messages")}
    sent = [
        *told(LOBBY, conference.Rejoined(), LOBBY),
        *told(LOBBY, conference.Ended(conference.LeaveCause.LOBBY_DENIED, "")),
        *told(conference.ModerationSwitched(True), conference.Approved()),
        *told(conference.ApprovalWithdrawn(), conference.VisitorChanged(True)),
        *told(conference.MutedByModerator(None)),
        heartbeat(),
        mute_answer(MuteWanted("u", True), done=True),
    ]
    names = {str(each.get("t", each.get("type"))) for each in sent if isinstance(each, dict)}
    assert names == {name for name, (_, is_sent) in rows.items() if is_sent}
    read = {
        name
        for name in rows
        for body in (
            {"t": int(name), "d": {"pwd": "1"}}
            if name.isdigit()
            else {"type": name, "id": "u", "data": {"audio": True}},
        )
        if parse(MEDIA_TYPE, json.dumps(body).encode()) is not None
    }
    assert read == {name for name, (is_read, _) in rows.items() if is_read}
