import pytest

from gateway.conference.company import MAX_OCCUPANTS
from gateway.conference.departure import Departure
from gateway.conference.events import Alone, LeaveCause, OccupantJoined, OccupantLeft
from gateway.conference.room import Entered, FocusJoined, FocusLeft, MachineLeft, Room
from gateway.xmpp.presence import OccupantPresence

JID = "room@conference.meet.test"


def presence(
    nick: str, name: str | None = None, *statuses: int, **rest: object
) -> OccupantPresence:
    return OccupantPresence(
        f"{JID}/{nick}",
        **{"available": True, "display_name": name, "statuses": frozenset(statuses), **rest},  # type: ignore[arg-type]
    )


def left(nick: str, *statuses: int, **rest: object) -> OccupantPresence:
    return presence(nick, None, *statuses, available=False, **rest)


def entered_room(*occupants: str) -> Room:
    room = Room(JID, "me")
    for nick in ("focus", *occupants):
        room.receive(presence(nick))
    assert room.receive(presence("me", None, 110)) == [Entered()]
    return room


def test_our_own_presence_comes_last_and_lets_us_in() -> None:
    room = Room(JID, "me")
    assert room.receive(presence("focus")) == [FocusJoined()]
    assert room.receive(presence("alice", "Alice")) == []  # was there before us
    assert not room.entered and room.alone is False
    assert room.receive(presence("me", None, 100, 110, role="participant")) == [Entered()]
    assert (room.entered, room.role, room.focus_present) == (True, "participant", True)


def test_a_presence_of_our_nick_that_is_not_ours_does_not_let_us_in() -> None:
    room = Room(JID, "me")
    assert room.receive(presence("me")) == []
    assert not room.entered


def test_the_role_follows_every_presence_of_our_own() -> None:
    room = entered_room()
    assert room.receive(presence("me", None, 110, role="moderator")) == []
    assert room.role == "moderator"


def test_who_comes_and_goes_is_told_by_name() -> None:
    room = entered_room("bob")
    assert room.receive(presence("alice", "Alice")) == [OccupantJoined("alice", "Alice")]
    assert room.receive(presence("alice", "Alicia")) == []
    assert room.name_of("alice") == "Alicia"
    assert room.receive(left("alice")) == [OccupantLeft("alice", "Alicia")]
    assert room.receive(left("alice")) == []


def test_who_has_no_name_is_called_by_its_nick() -> None:
    room = entered_room()
    assert room.receive(presence("alice")) == [OccupantJoined("alice", "alice")]
    assert room.name_of("alice") == "alice" and room.name_of("stranger") == "stranger"


def test_the_last_to_leave_leaves_us_alone_and_the_focus_is_no_company() -> None:
    room = entered_room("alice", "bob")
    assert room.receive(left("alice")) == [OccupantLeft("alice", "alice")]
    assert room.receive(left("bob")) == [OccupantLeft("bob", "bob"), Alone()]
    assert room.alone and room.focus_present


def test_who_leaves_before_we_are_in_makes_nobody_alone() -> None:
    room = Room(JID, "me")
    room.receive(presence("alice"))
    assert room.receive(left("alice")) == [OccupantLeft("alice", "alice")]


def test_the_focus_comes_and_goes_and_tells_of_the_bridge() -> None:
    room = entered_room()
    assert room.receive(presence("focus", bridge_available=False)) == []
    assert not room.bridge_available
    assert room.receive(left("focus")) == [FocusLeft()]
    assert room.receive(left("focus")) == []
    assert room.receive(presence("focus")) == [FocusJoined()]
    assert room.bridge_available


def test_machines_come_unseen_and_leave_nobody_alone() -> None:
    room = Room(JID, "me", ("hidden.meet.test",))
    room.receive(presence("me", None, 110))
    recorder = {"real_jid": "recorder@hidden.meet.test/1"}
    assert room.receive(presence("jibri", "Recorder", **recorder)) == []
    assert room.alone and not room.only_phones
    assert room.name_of("jibri") == "Recorder"
    assert room.receive(left("jibri")) == [MachineLeft("jibri")]


def test_a_room_of_phones_has_only_phones_until_somebody_else_comes() -> None:
    room = entered_room()
    room.receive(presence("p", features=frozenset({"http://jitsi.org/protocol/jigasi"})))
    assert room.only_phones and not room.alone
    room.receive(presence("alice"))
    assert not room.only_phones


def test_only_who_is_here_is_another() -> None:
    room = entered_room("alice")
    assert room.is_other(f"{JID}/alice")
    for occupant in (f"{JID}/me", f"{JID}/focus", f"{JID}/bob", JID, "other@d/alice"):
        assert not room.is_other(occupant)


def test_presences_of_other_rooms_change_nothing() -> None:
    room = entered_room()
    for occupant in ("other@conference.meet.test/alice", "meet.test", "room@evil.test/me"):
        assert room.receive(OccupantPresence(occupant, False)) == []
    assert room.entered and room.alone


@pytest.mark.parametrize("statuses", [(307, 110), (307,)])
def test_being_removed_ends_the_stay_and_names_who_did_it(statuses: tuple[int, ...]) -> None:
    room = entered_room()
    room.receive(presence("alice", "Alice"))
    (event,) = room.receive(left("me", *statuses, actor="alice", reason="bye"))
    assert event == Departure(LeaveCause.KICKED, "bye", "Alice")
    assert not room.entered


def test_a_flood_of_occupants_is_not_kept() -> None:
    room = entered_room()
    for number in range(MAX_OCCUPANTS):
        room.receive(presence(f"n{number}"))
    assert room.receive(left(f"n{MAX_OCCUPANTS + 1}")) == []
    room.receive(presence("one-too-many", "Name"))
    assert room.name_of("one-too-many") == "one-too-many"


def test_all_but_the_focus_are_occupants() -> None:
    room = Room(JID, "me")
    room.receive(presence("focus"))
    room.receive(presence("alice"))
    assert room.occupants == 1
    room.receive(presence("me", None, 110))
    assert room.occupants == 2
    room.receive(left("alice"))
    assert room.occupants == 1
