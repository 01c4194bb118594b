"""What is decided about who waits in a lobby."""

from xml.etree.ElementTree import fromstring

import pytest

from gateway.conference.lobby import Admitted, Knock, lobby_of
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.invitation import Invitation
from gateway.xmpp.presence import Destroyed, OccupantPresence, PresenceRefused
from gateway.xmpp.reception import Received
from gateway.xmpp.stanza import StanzaError
from tests.conference.world import LOBBY, ROOM, error, members_only
from tests.xmpp.traces import trace

US = f"{LOBBY}/1a2b3c4d"


def knock() -> Knock:
    return Knock(LOBBY, ROOM, "1a2b3c4d")


def failure(received: Received) -> JoinFailure:
    with pytest.raises(ConferenceError) as refused:
        knock().receive(received)
    return refused.value.cause


def refusal(inside: str, beside: str = "") -> StanzaError:
    return StanzaError.parse(
        fromstring(f"<presence xmlns='jabber:client' type='error'>{inside}{beside}</presence>")
    )


def test_a_room_names_its_lobby_in_one_of_two_ways() -> None:
    assert lobby_of(refusal(members_only())) == LOBBY
    beside = f"<lobbyroom>{LOBBY}</lobbyroom>"
    assert lobby_of(refusal(members_only(lobby=None), beside)) == LOBBY


def test_a_room_without_a_lobby_names_none() -> None:
    assert lobby_of(refusal(members_only(lobby=None))) is None
    assert lobby_of(refusal(error("auth", "forbidden"), "<lobbyroom>x@y</lobbyroom>")) is None


@pytest.mark.parametrize("name", ["lobby-approved", "lobby-denied", "lobby-disabled"])
def test_a_real_room_names_its_lobby(name: str) -> None:
    refusals = [entry.stanza for entry in trace(name) if entry.stanza.get("type") == "error"]
    assert [lobby_of(StanzaError.parse(each)) for each in refusals] == ["tlobby@lobby.meet.test"]


def test_being_shown_in_the_lobby_decides_nothing() -> None:
    knocking = knock()
    assert knocking.receive(OccupantPresence(US, True)) is None
    assert knocking.is_heard


def test_an_invitation_of_the_room_lets_us_in() -> None:
    assert knock().receive(Invitation(ROOM, "geheim")) == Admitted("geheim")
    assert knock().receive(Invitation(ROOM, None)) == Admitted()


def test_an_invitation_of_anybody_else_does_not() -> None:
    for sender in ("other@conference.meet.test", f"{ROOM}/alice", LOBBY, ""):
        assert knock().receive(Invitation(sender, None)) is None


def test_a_lobby_that_is_switched_off_lets_us_in() -> None:
    gone = OccupantPresence(US, False, destroyed=Destroyed(ROOM, "Lobby room closed."))
    assert knock().receive(gone) == Admitted(lobby_is_gone=True)


def test_a_lobby_that_is_switched_off_may_name_a_tenants_room_as_prosody_does() -> None:
    # mod_muc_wait_for_host of some versions, when the host arrives.
    gone = OccupantPresence(US, False, destroyed=Destroyed("[acme]room@conference.meet.test", None))
    knocking = Knock(LOBBY, "room@conference.acme.meet.test", "1a2b3c4d")
    assert knocking.receive(gone) == Admitted(lobby_is_gone=True)


def test_a_lobby_that_is_switched_off_before_we_are_in_it_lets_us_in() -> None:
    not_there = error("cancel", "not-allowed", text="Room creation is restricted")
    refused = PresenceRefused(US, refusal(not_there))
    assert knock().receive(refused) == Admitted(lobby_is_gone=True)


@pytest.mark.parametrize("alternate", [None, "other@conference.meet.test"])
def test_a_lobby_that_goes_with_its_meeting_does_not(alternate: str | None) -> None:
    gone = OccupantPresence(US, False, destroyed=Destroyed(alternate, "ended"))
    assert failure(gone) is JoinFailure.MEETING_ENDED


def test_who_is_thrown_out_is_denied() -> None:
    kicked = OccupantPresence(US, False, statuses=frozenset({307, 110}))
    assert failure(kicked) is JoinFailure.LOBBY_DENIED


@pytest.mark.parametrize("statuses", [frozenset(), frozenset({332}), frozenset({307, 333})])
def test_who_is_lost_by_a_failure_is_not_denied(statuses: frozenset[int]) -> None:
    lost = OccupantPresence(US, False, statuses=statuses)
    assert failure(lost) is JoinFailure.UNREACHABLE


def test_a_lobby_that_takes_nobody_says_why() -> None:
    assert failure(PresenceRefused(US, refusal(error("auth", "forbidden")))) is JoinFailure.BANNED


def test_what_happens_elsewhere_decides_nothing() -> None:
    knocking = knock()
    for received in (
        OccupantPresence(f"{LOBBY}/other", False, statuses=frozenset({307})),
        OccupantPresence(f"{ROOM}/1a2b3c4d", False, statuses=frozenset({307})),
        PresenceRefused(f"{ROOM}/1a2b3c4d", refusal(error("auth", "forbidden"))),
    ):
        assert knocking.receive(received) is None
    assert not knocking.is_heard
