"""The focus' view of rooms that are not the lab's, and its orders there."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

import pytest

from gateway.lab import muc_orders
from gateway.lab.prosody_rooms import ProsodyRooms
from gateway.xmpp import namespaces as ns
from gateway.xmpp.presence import OccupantPresence, parse_presence
from tests.lab.rig import ROOM, Client, Rig


@dataclass
class Watched:
    """A rig whose rooms are looked at and ordered about from outside."""

    rig: Rig
    rooms: ProsodyRooms

    @property
    def nicks(self) -> list[str]:
        return [occupant.nick for occupant in self.rooms.occupants(ROOM)]


@pytest.fixture
def watched() -> Watched:
    rig = Rig()
    focus = rig.site.focus

    def step(who: str, what: str) -> None:
        rig.steps.append((who, what))

    rooms = ProsodyRooms(focus, lambda: rig.now, lambda _: rig.flush(), step)

    def deliver(stanza: Element, now: float) -> None:
        if stanza.tag == f"{{{ns.CLIENT}}}presence":
            rooms.see(stanza)
        focus.receive(stanza, now)
        rig.flush()

    rig.site.host.add_entity(focus.jid, deliver)
    return Watched(rig, rooms)


def removal_of(client: Client) -> OccupantPresence:
    presences = [s for s in client.received if s.get("type") == "unavailable"]
    presence = parse_presence(presences[-1])
    assert isinstance(presence, OccupantPresence)
    return presence


def test_everybody_but_the_focus_is_seen(watched: Watched) -> None:
    assert watched.nicks == []
    first, second = watched.rig.joined(), watched.rig.joined()
    assert watched.nicks == [first.nick, second.nick]
    seen = watched.rooms.occupants(ROOM)[1]
    assert (seen.real_jid, seen.display_name, seen.muted) == (second.jid, "+49 30 1", False)
    assert ns.JITSI_JIGASI in seen.features
    second.update(muted=True)
    assert watched.rooms.occupants(ROOM)[1].muted is True
    first.leave()
    assert watched.nicks == [second.nick]
    second.leave()
    assert watched.nicks == []


def test_a_focus_that_is_not_there_sees_nobody(watched: Watched) -> None:
    client = watched.rig.joined()
    watched.rig.site.focus.abandon(ROOM)
    watched.rig.flush()
    assert watched.nicks == []
    watched.rig.site.focus.open(ROOM, watched.rig.now)
    watched.rig.flush()
    assert watched.nicks == [client.nick]


def test_a_kick_has_the_focus_for_its_actor_and_a_reason(watched: Watched) -> None:
    watched.rig.joined()
    client = watched.rig.joined()
    watched.rooms.kick(ROOM, client.nick, "noise", "somebody")
    removal = removal_of(client)
    assert 307 in removal.statuses
    assert (removal.actor, removal.reason) == ("focus", "noise")
    assert client.nick not in watched.nicks
    assert watched.rooms.pending == 0


def test_an_outcast_is_out(watched: Watched) -> None:
    watched.rig.joined()
    client = watched.rig.joined()
    watched.rooms.set_affiliation(ROOM, client.nick, "outcast", None)
    assert 301 in removal_of(client).statuses


def test_who_is_not_there_cannot_be_ordered_about(watched: Watched) -> None:
    with pytest.raises(KeyError):
        watched.rooms.destroy(ROOM, None, None)
    watched.rig.joined()
    with pytest.raises(KeyError):
        watched.rooms.kick(ROOM, "nobody", None, None)
    with pytest.raises(KeyError):
        watched.rooms.set_affiliation(ROOM, "nobody", "owner", None)


def test_an_order_that_is_refused_is_told_of_and_no_longer_waited_for(watched: Watched) -> None:
    watched.rig.joined()
    watched.rooms.set_password(ROOM, "x")
    assert watched.rig.room.policy.password == "x"
    watched.rig.room.occupants["focus"].affiliation = "member"
    watched.rooms.set_password(ROOM, "y")
    assert watched.rooms.pending == 0
    refusal = "is refused: auth/forbidden: Only owners can configure rooms"
    assert ("focus", refusal) in watched.rig.steps


def test_an_order_that_is_not_answered_is_given_up(watched: Watched) -> None:
    watched.rig.joined()
    watched.rig.site.host.add_component("conference.lab.test", lambda stanza, now: None)
    watched.rooms.destroy(ROOM, None, None)
    assert watched.rooms.pending == 1
    watched.rig.wait(16)
    assert watched.rooms.pending == 0
    assert ("focus", "is not answered by the room") in watched.rig.steps


def test_a_focus_that_has_lost_its_server_forgets_everything(watched: Watched) -> None:
    rig = watched.rig
    rig.speaker()
    client = rig.in_session()
    rig.site.focus.disconnected()
    watched.rooms.forget()
    assert rig.site.focus.conferences == {}
    assert ("expire", client.nick) in rig.bridge.orders
    assert rig.site.focus.take_outgoing() == []
    assert watched.nicks == []
    rig.wait(20)  # what it had asked is not missed
    assert rig.violations == []


def test_the_end_of_a_room_says_why_and_where_to_go() -> None:
    destroy = muc_orders.destroy("over", "other@conference.lab.test")[0]
    assert destroy.tag == "{http://jabber.org/protocol/muc#owner}destroy"
    assert destroy.get("jid") == "other@conference.lab.test"
    assert destroy[0].text == "over"
    assert len(muc_orders.destroy()[0]) == 0


@pytest.mark.parametrize("members_only", [True, False])
def test_members_only_is_a_form_with_nothing_else_in_it(members_only: bool) -> None:
    (form,) = muc_orders.admit_members_only(members_only)
    assert {field.get("var"): field[0].text for field in form} == {
        "FORM_TYPE": "http://jabber.org/protocol/muc#roomconfig",
        "muc#roomconfig_membersonly": "1" if members_only else "0",
    }


@pytest.mark.parametrize(("password", "value"), [("open sesame", "open sesame"), (None, None)])
def test_a_password_is_a_form_with_nothing_else_in_it(
    password: str | None, value: str | None
) -> None:
    (form,) = muc_orders.protect(password)
    assert {field.get("var"): field[0].text or None for field in form} == {
        "FORM_TYPE": "http://jabber.org/protocol/muc#roomconfig",
        "muc#roomconfig_roomsecret": value,
    }
