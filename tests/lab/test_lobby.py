"""Rule 10: knocking at a room that admits members only, as mod_muc_lobby_rooms has it."""

import json

import pytest

from gateway.lab.muc_stanzas import Removal
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, element
from gateway.xmpp.invitation import Invitation
from gateway.xmpp.jid import bare
from gateway.xmpp.own_presence import unavailable
from gateway.xmpp.presence import parse_presence
from tests.lab.rig import ROOM, Client, Rig, condition, statuses, text_of

LOBBY = "demo@lobby.lab.test"


def with_lobby(**options) -> tuple[Rig, str]:
    """A room with a lobby, and the nick of its moderator."""
    rig = Rig()
    ann = rig.speaker()
    rig.site.lobbies.open(rig.room, ann.nick, rig.now, **options)
    return rig, ann.nick


def knocking(rig: Rig) -> Client:
    """A client that waits in the lobby."""
    client = rig.client()
    client.ask_for_conference()
    assert condition(client.join()) == "registration-required"
    assert statuses(client.say(client.presence.knock(LOBBY))) == ["100", "110"]
    return client


def notices(client: Client, type_: str = "lobby-notify") -> list[dict]:
    """The JSON messages of a type that a client got."""
    found = [child(stanza, ns.JITSI_MEET, "json-message") for stanza in client.received]
    told = [json.loads(message.text) for message in found if message is not None]
    return [content for content in told if content.get("type") == type_]


def test_who_is_no_member_is_sent_to_the_lobby_in_both_forms() -> None:
    rig, _ = with_lobby()
    refused = rig.client().join()
    assert refused.find(f"{{{ns.CLIENT}}}error").get("code") == "407"
    assert refused.findtext(f".//{{{ns.JITSI_MEET}}}lobbyroom") == LOBBY
    assert child_text(refused, ns.CLIENT, "lobbyroom") == LOBBY
    assert refused.find(f".//{{{ns.JITSI_MEET}}}waiting-for-host") is None


def test_a_room_without_a_lobby_names_none() -> None:
    rig = Rig()
    rig.speaker()
    rig.room.set_members_only(True, rig.now)
    refused = rig.client().join()
    assert condition(refused) == "registration-required"
    assert refused.find(f".//{{{ns.JITSI_MEET}}}lobbyroom") is None


def test_who_waits_for_a_host_is_told_so_and_needs_no_name() -> None:
    rig, _ = with_lobby(waits_for_host=True)
    client = rig.client()
    refused = client.say(nameless(client))
    assert condition(refused) == "registration-required"
    assert refused.find(f".//{{{ns.JITSI_MEET}}}waiting-for-host") is not None


def nameless(client: Client):
    presence = client.presence.join()
    presence.remove(child(presence, ns.NICK, "nick"))
    return presence


def test_a_moderator_wants_to_know_who_knocks() -> None:
    rig, _ = with_lobby()
    client = rig.client()
    refused = client.say(nameless(client))
    assert condition(refused) == "not-acceptable"
    assert refused.find(f"{{{ns.CLIENT}}}error").get("code") == "406"
    required = refused.find(f".//{{{ns.JITSI_MEET}}}displayname-required")
    assert required.get("lobby") == "true"


def test_who_knocks_is_seen_by_the_moderator_and_not_by_others_who_knock() -> None:
    rig, _ = with_lobby()
    first, second = knocking(rig), knocking(rig)
    waiting = rig.site.lobbies.waiting(rig.room)
    assert [(each.nick, each.display_name) for each in waiting] == [
        (first.nick, "+49 30 1"),
        (second.nick, "+49 30 1"),
    ]
    assert [s.get("from") for s in first.presences if LOBBY in s.get("from", "")] == [
        f"{LOBBY}/{first.nick}"
    ]


def test_who_is_let_in_is_invited_and_may_join() -> None:
    rig, ann = with_lobby()
    member = rig.member_client()
    client = knocking(rig)
    rig.site.lobbies.admit(rig.room, client.nick, ann, rig.now)
    invitations = [Invitation.parse(s) for s in client.received if s.get("from") == ROOM]
    assert invitations == [Invitation(ROOM, None)]
    assert statuses(client.join()) == ["100", "110"]
    client.send(unavailable(LOBBY, client.nick))
    assert statuses(client.presences[-1]) == ["110"]
    (granted,) = notices(member)[-1:]
    assert (granted["event"], granted["value"]) == ("LOBBY-ACCESS-GRANTED", client.jid)
    assert granted["name"] == "+49 30 1"
    rig.wait(6)
    assert rig.rules == set()


def test_who_is_let_in_needs_no_password_and_is_not_told_it() -> None:
    rig, ann = with_lobby()
    rig.room.policy.password = "4711"
    client = knocking(rig)
    rig.site.lobbies.admit(rig.room, client.nick, ann, rig.now)
    assert Invitation.parse(client.received[-1]) == Invitation(ROOM, None)
    assert statuses(client.join()) == ["100", "110"]


def test_a_wrong_password_is_wrong_for_a_member_too() -> None:
    rig, ann = with_lobby()
    rig.room.policy.password = "4711"
    client = knocking(rig)
    rig.site.lobbies.admit(rig.room, client.nick, ann, rig.now)
    assert condition(client.join("0815")) == "not-authorized"
    assert statuses(client.join()) == ["100", "110"]


def test_an_owner_needs_the_password_too() -> None:
    rig, _ = with_lobby()
    rig.room.policy.password = "4711"
    client = rig.client()
    rig.room.affiliations[bare(client.jid)] = "owner"
    assert condition(client.join()) == "not-authorized"
    assert statuses(client.join("4711")) == ["100", "110"]


def test_a_password_bypasses_the_lobby_and_makes_a_member() -> None:
    rig, _ = with_lobby()
    rig.room.policy.password = "4711"
    client = rig.client()
    assert condition(client.join("wrong")) == "registration-required"
    assert statuses(client.join("4711")) == ["100", "110"]
    client.leave()
    assert statuses(client.join()) == ["100", "110"]


def test_knocking_again_breaks_a_rule_and_is_answered_again() -> None:
    rig, _ = with_lobby()
    client = knocking(rig)
    before = len(client.presences)
    client.say(client.presence.knock(LOBBY))
    (again,) = client.presences[before:]
    assert (again.get("from"), statuses(again)) == (f"{LOBBY}/{client.nick}", ["100", "110"])
    assert rig.rules == {9}


def test_who_stays_in_the_lobby_after_it_was_let_in_breaks_a_rule() -> None:
    rig, ann = with_lobby()
    client = knocking(rig)
    rig.site.lobbies.admit(rig.room, client.nick, ann, rig.now)
    client.join()
    rig.wait(6)
    assert rig.rules == {10}


def test_who_is_not_let_in_is_thrown_out_and_may_not_knock_again() -> None:
    rig, ann = with_lobby()
    client = knocking(rig)
    rig.site.lobbies.deny(rig.room, client.nick, ann, rig.now)
    denied = parse_presence(client.presences[-1])
    assert (denied.statuses, denied.actor, denied.reason) == (
        {307, 110},
        ann,
        "You have been kicked.",
    )
    assert rig.rules == set()
    client.say(client.presence.knock(LOBBY))
    assert rig.rules == {10}


def test_when_the_lobby_is_switched_off_who_waits_is_sent_to_the_room() -> None:
    rig, ann = with_lobby()
    client = knocking(rig)
    rig.site.lobbies.close(rig.room, ann, rig.now)
    destroyed = parse_presence(client.presences[-1]).destroyed
    assert (destroyed.reason, destroyed.alternate) == ("Lobby room closed.", ROOM)
    assert statuses(client.join()) == ["100", "110"]


def test_when_the_meeting_ends_who_waits_is_sent_nowhere() -> None:
    rig, _ = with_lobby()
    client = knocking(rig)
    rig.site.end(rig.room, Removal(destroyed=True), rig.now)
    destroyed = parse_presence(client.presences[-1]).destroyed
    assert (destroyed.reason, destroyed.alternate) == ("Lobby room closed.", None)


def test_who_is_in_the_room_stays_and_hears_of_the_lobby() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    rig.site.lobbies.open(rig.room, ann.nick, rig.now)
    assert client.nick in rig.room.occupants
    assert notices(client) == [{"type": "lobby-notify", "event": "LOBBY-ENABLED", "value": True}]
    assert notices(client, "room_metadata")[-1]["metadata"] == {"lobbyEnabled": True}
    assert "104" in {s for stanza in client.received for s in statuses(stanza)}
    rig.site.lobbies.close(rig.room, ann.nick, rig.now)
    assert notices(client)[-1]["value"] is False


def test_a_lobby_that_is_not_there_cannot_be_entered() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.client()
    refused = client.say(client.presence.knock(LOBBY))
    assert (condition(refused), text_of(refused)) == ("not-allowed", "Room creation is restricted")


def test_to_knock_is_to_join_and_under_ones_own_nick() -> None:
    rig, _ = with_lobby()
    client = rig.client()
    presence = client.presence.knock(LOBBY)
    presence.remove(child(presence, ns.MUC, "x"))
    assert condition(client.say(presence)) == "not-acceptable"
    presence = client.presence.knock(LOBBY)
    presence.set("to", f"{LOBBY}/somebody")
    client.say(presence)
    assert rig.rules == {8}


@pytest.mark.parametrize("type_", ["get", "set"])
def test_a_lobby_answers_no_questions(type_: str) -> None:
    rig, _ = with_lobby()
    client = knocking(rig)
    query = element(ns.DISCO_INFO, "query")
    assert condition(client.request(LOBBY, query, type_=type_)) == "service-unavailable"


def test_a_conference_is_not_asked_for_in_a_lobby() -> None:
    rig, _ = with_lobby()
    assert condition(rig.client().ask_for_conference(LOBBY)) == "service-unavailable"
    assert rig.rules == {10}


def test_the_recorder_is_let_in_by_its_domain() -> None:
    rig, _ = with_lobby()
    rig.room.policy.password = "4711"
    recorder = Client(rig, domain="hidden.lab.test")
    assert statuses(recorder.join()) == ["100", "110"]
    assert bare(recorder.jid) not in rig.room.affiliations
