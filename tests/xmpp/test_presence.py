from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp.presence import (
    MAX_NAME,
    Destroyed,
    OccupantPresence,
    PresenceRefused,
    parse_presence,
)

FROM = "from='r@muc.d/abcd'"


def parse(inside: str = "", attributes: str = FROM) -> OccupantPresence:
    text = f"<presence xmlns='jabber:client' {attributes}>{inside}</presence>"
    presence = parse_presence(fromstring(text))
    assert isinstance(presence, OccupantPresence)
    return presence


def test_whose_token_an_occupant_has_is_what_the_server_says() -> None:
    assert parse("<identity><user><id> u17 </id><name>Anna</name></user></identity>").user == "u17"
    for odd in ("<identity/>", "<identity><user/></identity>", "<identity><id>u</id></identity>"):
        assert parse(odd).user is None


def user(inside: str) -> str:
    return f"<x xmlns='http://jabber.org/protocol/muc#user'>{inside}</x>"


def test_an_occupant_is_described() -> None:
    presence = parse(
        "<nick xmlns='http://jabber.org/protocol/nick'>Alice</nick>"
        "<features><feature var='f1'/><feature var='f2'/></features>"
        + user(
            "<item role='moderator' affiliation='owner' jid='a@d/1'/>"
            "<status code='100'/><status code='110'/><status code='odd'/><status/>"
        )
    )
    assert presence == OccupantPresence(
        occupant="r@muc.d/abcd",
        available=True,
        role="moderator",
        affiliation="owner",
        real_jid="a@d/1",
        statuses=frozenset({100, 110}),
        display_name="Alice",
        features=frozenset({"f1", "f2"}),
    )
    assert presence.nick == "abcd" and presence.is_self


def test_a_name_without_end_is_not_remembered_to_its_end() -> None:
    nick = f"<nick xmlns='http://jabber.org/protocol/nick'>{'Eve' * 50_000}</nick>"
    assert parse(nick).display_name == ("Eve" * 50_000)[:MAX_NAME]


def test_a_bare_presence_is_enough() -> None:
    assert parse() == OccupantPresence("r@muc.d/abcd", available=True)
    assert not parse().is_self


def test_leaving_tells_who_did_it_and_why() -> None:
    presence = parse(
        user("<item role='none'><actor nick='mod'/><reason>bye</reason></item>"),
        f"{FROM} type='unavailable'",
    )
    assert (presence.available, presence.actor, presence.reason) == (False, "mod", "bye")


def test_a_destroyed_room_may_name_another() -> None:
    assert parse(user("<destroy jid='b@muc.d'><reason>moved</reason></destroy>")).destroyed == (
        Destroyed("b@muc.d", "moved")
    )
    assert parse(user("<destroy/>")).destroyed == Destroyed(None, None)


@pytest.mark.parametrize(
    ("inside", "muted"),
    [
        ("", None),
        ("<audiomuted>true</audiomuted>", True),
        ("<audiomuted>false</audiomuted>", False),
        ('<SourceInfo>{"abcd-a0":{"muted":false}}</SourceInfo>', False),
        ('<SourceInfo>{"abcd-a0":{"muted":true}}</SourceInfo>', True),
        ('<SourceInfo>{"abcd-a0":{}}</SourceInfo>', True),
        ("<SourceInfo>{}</SourceInfo><audiomuted>false</audiomuted>", True),
        ('<SourceInfo>{"other-a0":{"muted":false}}</SourceInfo>', True),
        ("<SourceInfo>nonsense</SourceInfo>", None),
        ("<SourceInfo>" + "[" * 100_000 + "</SourceInfo>", None),
    ],
)
def test_what_is_said_about_muting(inside: str, muted: bool | None) -> None:
    assert parse(inside).audio_muted is muted


@given(st.text())
def test_no_source_info_of_a_stranger_makes_its_presence_unreadable(text: str) -> None:
    stanza = fromstring(f"<presence xmlns='jabber:client' {FROM}><SourceInfo/></presence>")
    stanza[0].text = text
    assert isinstance(parse_presence(stanza), OccupantPresence)


def test_the_focus_says_when_it_has_no_videobridge() -> None:
    assert parse().bridge_available
    missing = "<bridgeNotAvailable xmlns='http://jitsi.org/protocol/focus'/>"
    assert not parse(missing).bridge_available


@pytest.mark.parametrize(
    ("inside", "encrypts", "transcribes"),
    [
        ("", False, False),
        ("<jitsi_participant_e2ee.enabled>true</jitsi_participant_e2ee.enabled>", True, False),
        ("<jitsi_participant_e2ee.enabled>false</jitsi_participant_e2ee.enabled>", False, False),
        ("<jitsi_participant_e2ee.enabled/>", False, False),
        ("<transcription-status status='ON'/>", False, True),
        ("<transcription-status status='OFF'/>", False, False),
    ],
)
def test_an_occupant_says_that_it_encrypts_or_transcribes(
    inside: str, encrypts: bool, transcribes: bool
) -> None:
    assert (parse(inside).encrypts, parse(inside).transcribes) == (encrypts, transcribes)


def test_a_refused_presence_carries_the_error() -> None:
    refused = parse_presence(
        fromstring(
            f"<presence xmlns='jabber:client' type='error' {FROM}><error type='auth'>"
            "<forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        )
    )
    assert isinstance(refused, PresenceRefused)
    assert (refused.occupant, refused.error.condition) == ("r@muc.d/abcd", "forbidden")


def test_a_presence_must_say_who_it_is_about() -> None:
    with pytest.raises(JingleError, match="'from'"):
        parse(attributes="")
    with pytest.raises(JingleError, match="subscribe"):
        parse(attributes=f"{FROM} type='subscribe'")
