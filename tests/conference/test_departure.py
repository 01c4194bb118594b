from xml.etree.ElementTree import fromstring

import pytest

from gateway.conference.departure import Departure, is_room_missing, refused, removed
from gateway.conference.events import LeaveCause
from gateway.errors import JoinFailure
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence
from gateway.xmpp.stanza import StanzaError
from tests.xmpp.traces import trace

ME = "room@conference.meet.test/1a2b3c4d"


def gone(inside: str, item: str = "") -> Departure:
    presence = parse_presence(
        fromstring(
            f"<presence xmlns='jabber:client' from='{ME}' type='unavailable'>"
            f"<x xmlns='http://jabber.org/protocol/muc#user'>"
            f"<item affiliation='none' role='none'>{item}</item>"
            f"<status code='110'/>{inside}</x></presence>"
        )
    )
    assert isinstance(presence, OccupantPresence)
    return removed(presence, presence.actor)


def error(xml: str) -> StanzaError:
    return StanzaError.parse(
        fromstring(f"<presence xmlns='jabber:client' type='error'>{xml}</presence>")
    )


def condition(type_: str, name: str, inside: str = "", text: str = "") -> StanzaError:
    return error(
        f"<error type='{type_}'><{name} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        f"<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{text}</text>{inside}</error>"
    )


NO_ROOM = condition(
    "cancel", "not-allowed", "<room-does-not-exist xmlns='http://jitsi.org/jitmeet'/>"
)


@pytest.mark.parametrize(
    ("status", "cause", "rejoin"),
    [
        ("<status code='307'/>", LeaveCause.KICKED, False),
        ("<status code='301'/>", LeaveCause.BANNED, False),
        ("<status code='307'/><status code='301'/>", LeaveCause.BANNED, False),
        ("<status code='322'/>", LeaveCause.MEMBERS_ONLY, True),
        ("<status code='321'/>", LeaveCause.MEMBERS_ONLY, True),
        ("<status code='332'/>", LeaveCause.CONNECTION_LOST, True),
        ("<status code='333'/><status code='307'/>", LeaveCause.CONNECTION_LOST, True),
        ("", LeaveCause.CONNECTION_LOST, True),
        ("<destroy/>", LeaveCause.MEETING_ENDED, False),
        ("<destroy jid='main@conference.meet.test'/>", LeaveCause.MEETING_ENDED, False),
    ],
)
def test_our_own_leaving_presence_says_why(status: str, cause: LeaveCause, rejoin: bool) -> None:
    departure = gone(status)
    assert (departure.cause, departure.rejoin) == (cause, rejoin)


def test_who_kicked_us_and_why_is_kept() -> None:
    item = "<actor nick='5e6f7a8b'/><reason>bye</reason>"
    departure = gone("<status code='307'/>", item)
    assert (departure.actor, departure.text) == ("5e6f7a8b", "bye")


def test_the_reason_of_a_destroyed_room_is_kept() -> None:
    departure = gone("<destroy><reason>The meeting has been terminated</reason></destroy>")
    assert departure.text == "The meeting has been terminated"


# Table 3.5 of the protocol reference.
@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (condition("auth", "not-authorized"), JoinFailure.PASSWORD),
        (condition("auth", "registration-required"), JoinFailure.LOBBY),
        (
            condition(
                "auth",
                "registration-required",
                "<lobbyroom xmlns='http://jitsi.org/jitmeet'>j</lobbyroom>"
                "<waiting-for-host xmlns='http://jitsi.org/jitmeet'/>",
            ),
            JoinFailure.WAITING_FOR_HOST,
        ),
        (
            condition(
                "modify",
                "not-acceptable",
                "<displayname-required xmlns='http://jitsi.org/jitmeet' lobby='true'/>",
            ),
            JoinFailure.REFUSED,
        ),
        (NO_ROOM, JoinFailure.NOT_FOUND),
        (
            condition(
                "cancel",
                "not-allowed",
                "<authentication-required xmlns='http://jitsi.org/jitmeet'/>",
            ),
            JoinFailure.AUTHENTICATION,
        ),
        (
            condition("cancel", "not-allowed", text="Room and token mismatched"),
            JoinFailure.AUTHENTICATION,
        ),
        (condition("cancel", "service-unavailable"), JoinFailure.FULL),
        (condition("wait", "resource-constraint"), JoinFailure.FULL),
        (condition("cancel", "conflict"), JoinFailure.UNREACHABLE),
        (condition("auth", "forbidden"), JoinFailure.BANNED),
        (condition("modify", "jid-malformed"), JoinFailure.NOT_FOUND),
        (condition("cancel", "item-not-found"), JoinFailure.NOT_FOUND),
        (condition("cancel", "remote-server-not-found"), JoinFailure.NOT_FOUND),
        (condition("cancel", "not-allowed", text="Invalid resource"), JoinFailure.PROTOCOL),
        (
            condition("cancel", "not-allowed", "<no-main-participants xmlns='jitsi:visitors'/>"),
            JoinFailure.WAITING_FOR_HOST,
        ),
        (
            condition("cancel", "not-allowed", "<promotion-not-allowed xmlns='jitsi:visitors'/>"),
            JoinFailure.ONLY_VISITORS,
        ),
        (
            condition("cancel", "not-allowed", "<no-visitors-lobby xmlns='jitsi:visitors'/>"),
            JoinFailure.NO_VISITORS,
        ),
    ],
)
def test_a_refused_join_has_its_cause(refusal: StanzaError, cause: JoinFailure) -> None:
    assert refused(refusal).cause is cause
    assert str(refusal) in refused(refusal).text
    assert is_room_missing(refusal) is (refusal is NO_ROOM)


def test_a_room_that_the_focus_has_not_opened_is_missing() -> None:
    assert is_room_missing(condition("cancel", "not-allowed", text="Room creation is restricted"))
    assert is_room_missing(NO_ROOM)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("password-room", JoinFailure.PASSWORD),
        ("lobby-approved", JoinFailure.LOBBY),
        ("lobby-denied", JoinFailure.LOBBY),
        ("lobby-disabled", JoinFailure.LOBBY),
    ],
)
def test_real_refusals_have_their_causes(name: str, cause: JoinFailure) -> None:
    refusals = [
        presence
        for entry in trace(name)
        if entry.incoming
        and entry.stanza.tag == "{jabber:client}presence"
        and isinstance(presence := parse_presence(entry.stanza), PresenceRefused)
    ]
    assert refusals
    assert {refused(presence.error).cause for presence in refusals} == {cause}
