"""Rule 14, as far as somebody is sent to another room: breakout rooms and back."""

import pytest

from gateway.lab.muc_stanzas import Removal
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.own_presence import OwnPresence, unavailable
from gateway.xmpp.presence import parse_presence
from tests.lab.rig import ROOM, Client, Rig, condition, statuses
from tests.lab.test_lobby import notices

COMPONENT = "breakout.lab.test"
MOVE, UPDATE = "features/breakout-rooms/move-to-room", "features/breakout-rooms/update"


def with_breakout() -> tuple[Rig, Client, str]:
    """A room with a client, and a breakout room beside it."""
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    return rig, client, rig.site.breakouts.add(rig.room, "Group 1", rig.now).jid


def events(client: Client, event: str) -> list[dict]:
    return [told for told in notices(client, "breakout_rooms") if told["event"] == event]


def go(client: Client, room: str, *, status: str | None = "switch_room"):
    """Follow an order: leave, ask for the other conference, join there."""
    client.send(unavailable(client.presence.room, client.nick, status))
    client.ask_for_conference(room)
    client.presence = OwnPresence(room, client.nick, "+49 30 1", client.capabilities)
    return client.join()


def test_everybody_is_told_of_a_new_room() -> None:
    rig, client, breakout = with_breakout()
    (update,) = events(client, UPDATE)
    assert update["roomCounter"] == 1
    assert update["rooms"][breakout.partition("@")[0]]["name"] == "Group 1"
    main = update["rooms"]["demo"]
    assert main["isMainRoom"]
    assert main["participants"][f"{ROOM}/{client.nick}"]["displayName"] == "+49 30 1"
    assert rig.rules == set()


def test_who_is_sent_there_goes_there_and_comes_back() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    assert events(client, MOVE)[-1]["roomJid"] == breakout
    assert statuses(go(client, breakout)) == ["110"]  # made its owner, as the first who comes
    there = rig.site.room(breakout)
    assert client.nick in there.occupants
    assert client.nick not in rig.room.occupants
    rig.site.breakouts.send_to(there, client.nick, ROOM, rig.now)
    assert statuses(go(client, ROOM)) == ["100", "110"]
    rig.wait(11)
    assert rig.rules == set()


def test_who_is_alone_finds_the_conference_it_came_from() -> None:
    rig = Rig()
    client = rig.joined()
    breakout = rig.site.breakouts.add(rig.room, "Group 1", rig.now).jid
    conference = rig.conference
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    go(client, breakout)
    assert rig.conference is conference
    rig.wait(5)
    assert rig.site.focus.conferences[ROOM] is conference
    rig.wait(15)  # but not for ever
    assert ROOM not in rig.site.focus.conferences


def test_who_does_not_go_breaks_the_rule() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    rig.wait(11)
    assert rig.rules == {14}


def test_who_goes_without_saying_that_it_goes_elsewhere_breaks_the_rule() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    go(client, breakout, status=None)
    assert rig.rules == {14}


def test_who_leaves_for_good_meanwhile_may_do_that() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    client.leave()
    rig.wait(11)
    assert rig.rules == set()


def test_who_says_that_it_goes_and_never_arrives_breaks_the_rule() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    client.send(unavailable(ROOM, client.nick, "switch_room"))
    rig.wait(11)
    assert rig.rules == {14}


def test_a_breakout_room_that_ends_sends_everybody_back() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    go(client, breakout)
    rig.site.breakouts.remove(breakout, rig.now)
    destroyed = parse_presence(client.presences[-1]).destroyed
    assert (destroyed.reason, destroyed.alternate) == ("Breakout room removed.", ROOM)
    client.presence = OwnPresence(ROOM, client.nick, "+49 30 1", client.capabilities)
    assert statuses(client.join()) == ["100", "110"]
    rig.wait(11)
    assert rig.rules == set()


def test_with_the_meeting_end_its_breakout_rooms() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    go(client, breakout)
    rig.site.end(rig.room, Removal(reason="over", destroyed=True), rig.now)
    destroyed = parse_presence(client.presences[-1]).destroyed
    assert (destroyed.reason, destroyed.alternate) == ("over", ROOM)
    assert not rig.site.breakouts.exists(breakout)


def test_a_room_that_nobody_has_made_cannot_be_entered() -> None:
    _, client, _ = with_breakout()
    unknown = f"11111111-2222-3333-4444-555555555555@{COMPONENT}"
    assert condition(client.ask_for_conference(unknown)) == "service-unavailable"
    client.presence = OwnPresence(unknown, client.nick, "+49 30 1", client.capabilities)
    assert condition(client.join()) == "not-allowed"


def test_a_room_that_ends_while_somebody_is_on_the_way_is_no_fault_of_that_one() -> None:
    rig, client, breakout = with_breakout()
    rig.site.breakouts.send_to(rig.room, client.nick, breakout, rig.now)
    client.send(unavailable(ROOM, client.nick, "switch_room"))
    client.ask_for_conference(breakout)
    rig.site.breakouts.remove(breakout, rig.now)
    client.presence = OwnPresence(breakout, client.nick, "+49 30 1", client.capabilities)
    assert condition(client.join()) == "not-allowed"
    rig.wait(11)
    assert rig.rules == set()


def test_a_breakout_room_needs_no_host() -> None:
    rig, client, breakout = with_breakout()
    rig.site.focus.allocations.needs_host = True
    assert client.ask_for_conference(breakout).get("type") == "result"


@pytest.mark.parametrize("is_moderator", [False, True])
def test_orders_are_taken_from_moderators_only(is_moderator: bool) -> None:
    rig = Rig()
    client = rig.joined() if is_moderator else (rig.speaker(), rig.joined())[1]

    def order(type_: str, **attributes: str) -> None:
        content = {"type": f"features/breakout-rooms/{type_}", **attributes}
        told = element(ns.CLIENT, "breakout_rooms", content)
        client.send(element(ns.CLIENT, "message", {"to": COMPONENT}, told))

    order("add", subject="Group 1")
    made = rig.site.breakouts.of(ROOM)
    assert [room.name for room in made] == (["Group 1"] if is_moderator else [])
    if is_moderator:
        order("move-to-room", participantJid=client.jid, roomJid=made[0].jid)
        assert events(client, MOVE)[-1]["roomJid"] == made[0].jid
        order("remove", breakoutRoomJid=made[0].jid)
        assert rig.site.breakouts.of(ROOM) == []
