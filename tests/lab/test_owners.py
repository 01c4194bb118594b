"""Rule 42: what an owner may order by itself, as a client: lock, let in, record, mute, end."""

from xml.etree.ElementTree import Element

import pytest

from gateway.lab.focus_recording import JIBRI
from gateway.xmpp import namespaces as ns
from gateway.xmpp import room_orders
from gateway.xmpp.element import child, element
from gateway.xmpp.invitation import Invitation
from gateway.xmpp.jid import bare
from gateway.xmpp.mute import mute_request
from gateway.xmpp.own_presence import unavailable
from gateway.xmpp.presence import parse_presence
from gateway.xmpp.recording import start_recording, stop_recording
from gateway.xmpp.room_entrance import RoomEntrance
from tests.lab.rig import FOCUS, ROOM, Client, Rig, condition, statuses
from tests.lab.test_lobby import LOBBY, knocking

ORDERS = {
    "lock": room_orders.lock("4711"),
    "members only": room_orders.admit_members_only(),
    "unlock": room_orders.unlock(),
    "end": room_orders.destroy("over"),
}


def meeting(**options: object) -> tuple[Rig, Client, Client]:
    """A room with its owner and somebody else."""
    rig = Rig(**options)
    return rig, rig.joined(), rig.joined()


def entrance(client: Client) -> RoomEntrance:
    answer = client.request(ROOM, element(ns.DISCO_INFO, "query"), type_="get")
    assert answer is not None
    return RoomEntrance.parse(answer)


@pytest.mark.parametrize("order", ORDERS)
def test_nobody_but_an_owner_changes_who_comes_in_or_ends_the_room(order: str) -> None:
    rig, _, other = meeting()
    assert condition(other.request(ROOM, ORDERS[order])) == "forbidden"
    assert condition(rig.client().request(ROOM, ORDERS[order])) == "forbidden"
    assert ROOM in rig.site.muc.rooms
    assert entrance(other) == RoomEntrance()
    assert rig.rules == {42}


def test_a_password_is_set_and_taken_away_and_all_are_told_that_something_has_changed() -> None:
    rig, owner, other = meeting()
    assert condition(owner.request(ROOM, room_orders.lock("4711"))) == ""
    assert entrance(other) == RoomEntrance(has_password=True)
    assert statuses(other.received[-2]) == ["104"]
    assert condition(rig.client().join()) == "not-authorized"
    assert condition(owner.request(ROOM, room_orders.unlock())) == ""
    assert entrance(other) == RoomEntrance()


@pytest.mark.parametrize(
    "broken",
    [
        element(ns.MUC_OWNER, "query"),
        element(ns.MUC_OWNER, "query", None, element(ns.DATA_FORMS, "x", {"type": "submit"})),
        element(ns.MUC_OWNER, "query", None, element(ns.DATA_FORMS, "x", {"type": "cancel"})),
    ],
)
def test_a_form_that_is_none_is_a_bad_request(broken: Element) -> None:
    rig, owner, _ = meeting()
    assert condition(owner.request(ROOM, broken)) == "bad-request"
    assert rig.rules == {42}


def test_an_owner_is_shown_the_form() -> None:
    _, owner, _ = meeting()
    answer = owner.request(ROOM, element(ns.MUC_OWNER, "query"), type_="get")
    assert answer is not None
    fields = {each.get("var") for each in answer.iter(f"{{{ns.DATA_FORMS}}}field")}
    assert "muc#roomconfig_roomsecret" in fields


def test_who_is_no_member_when_the_lobby_opens_is_put_out() -> None:
    rig, owner, other = meeting()
    third = rig.joined()
    assert condition(owner.request(ROOM, room_orders.make_members([bare(other.jid)]))) == ""
    assert condition(owner.request(ROOM, room_orders.admit_members_only())) == ""
    assert statuses(third.presences[-1]) == ["322", "110"]
    assert {owner.nick, other.nick} < set(rig.room.occupants)
    assert entrance(other) == RoomEntrance(members_only=True, lobby=LOBBY)
    assert rig.rules == {42}


def test_a_form_that_does_not_speak_of_members_closes_the_lobby() -> None:
    rig, owner, other = meeting()
    owner.request(ROOM, room_orders.make_members([bare(other.jid)]))
    owner.request(ROOM, room_orders.admit_members_only())
    order = room_orders.lock("4711")
    form = order[0]
    form.remove(next(field for field in form if field.get("var", "").endswith("membersonly")))
    owner.request(ROOM, order)
    assert entrance(other) == RoomEntrance(has_password=True)
    assert not rig.site.lobbies.is_open(rig.room)


def watched() -> tuple[Rig, Client]:
    """A room with a lobby, which its owner watches."""
    rig, owner, other = meeting()
    owner.request(ROOM, room_orders.make_members([bare(other.jid)]))
    owner.request(ROOM, room_orders.admit_members_only())
    shown = owner.say(owner.presence.knock(LOBBY))
    assert statuses(shown) == ["100", "110"]
    return rig, owner


def seen(client: Client) -> list[tuple[str, bool]]:
    """Who has come to the lobby and gone, as a client was told."""
    told = [parse_presence(stanza) for stanza in client.presences]
    return [
        (presence.nick, presence.available)
        for presence in told
        if bare(presence.occupant) == LOBBY and presence.nick != client.nick
    ]


def test_an_owner_sees_who_waits_and_is_not_seen() -> None:
    rig, owner = watched()
    guest = knocking(rig)
    assert seen(owner) == [(guest.nick, True)]
    assert seen(guest) == []
    told = [parse_presence(each) for each in owner.presences if guest.nick in each.get("from", "")]
    assert told[-1].real_jid == guest.jid
    late = knocking(rig)
    guest.send(unavailable(LOBBY, guest.nick))
    assert seen(owner)[1:] == [(late.nick, True), (guest.nick, False)]
    owner.send(unavailable(LOBBY, owner.nick))
    knocking(rig)
    assert len(seen(owner)) == 3


def test_several_are_let_in_by_one_message() -> None:
    rig, owner = watched()
    guests = [knocking(rig), knocking(rig)]
    owner.send(room_orders.invitation(ROOM, [guest.jid for guest in guests]))
    for guest in guests:
        invitations = [
            Invitation.parse(each) for each in guest.received if each.get("from") == ROOM
        ]
        assert invitations == [Invitation(ROOM, None)]
        assert statuses(guest.join()) == ["100", "110"]
        guest.send(unavailable(LOBBY, guest.nick))
    rig.wait(6)
    assert rig.rules == set()


def test_who_is_no_owner_lets_nobody_in() -> None:
    rig, _ = watched()
    other = rig.member_client()
    guest = knocking(rig)
    other.send(room_orders.invitation(ROOM, [guest.jid]))
    assert condition(other.received[-1]) == "forbidden"
    assert condition(guest.join()) == "registration-required"
    assert rig.rules == {42}


def test_an_owner_ends_the_room() -> None:
    rig, owner, other = meeting()
    answer = owner.request(ROOM, room_orders.destroy("over"))
    assert condition(answer) == ""
    destroyed = parse_presence(other.presences[-1]).destroyed
    assert destroyed is not None and destroyed.reason == "over" and destroyed.alternate is None
    assert ROOM not in rig.site.muc.rooms
    assert rig.rules == set()


def test_an_owner_mutes_somebody_and_nobody_else_does() -> None:
    rig, owner, other = meeting()
    assert condition(other.request(FOCUS, mute_request(f"{ROOM}/{owner.nick}"))) == "not-allowed"
    assert condition(owner.request(FOCUS, mute_request(f"{ROOM}/{other.nick}"))) == ""
    found = (child(each, ns.JITSI_MUTE_AUDIO, "mute") for each in other.received)
    assert [each.get("actor") for each in found if each is not None] == [f"{ROOM}/{owner.nick}"]
    assert rig.rules == {42}


def test_an_owner_has_the_meeting_recorded_and_stops_that() -> None:
    rig, owner, other = meeting()
    assert condition(other.request(FOCUS, start_recording())) == "not-allowed"
    answer = owner.request(FOCUS, start_recording())
    assert answer is not None
    jibri = child(answer, JIBRI, "jibri")
    assert jibri is not None and jibri.get("status") == "pending"
    assert condition(owner.request(FOCUS, start_recording())) == "unexpected-request"
    assert condition(owner.request(FOCUS, stop_recording("another"))) == "item-not-found"
    rig.wait(1.5)
    assert condition(owner.request(FOCUS, stop_recording(jibri.get("session_id", "")))) == ""
    assert rig.conference.recordings.current.status == "off"


@pytest.mark.parametrize(
    ("recorder", "refusal"),
    [
        ("none", "service-unavailable"),
        ("busy", "resource-constraint"),
        ("unknown", "item-not-found"),
    ],
)
def test_there_may_be_no_recorder(recorder: str, refusal: str) -> None:
    _, owner, _ = meeting(recorder=recorder)
    assert condition(owner.request(FOCUS, start_recording())) == refusal
