"""Rules 4, 8, 9, 11 and 14: the lab's rooms, as Prosody with Jitsi's plugins keeps them."""

import pytest

from gateway.lab.muc_stanzas import Removal
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element, local_name
from gateway.xmpp.presence import parse_presence
from tests.lab.rig import FOCUS, ROOM, Rig, condition, statuses, text_of


def test_a_room_cannot_be_joined_before_the_focus_is_in_it() -> None:
    rig = Rig()
    refused = rig.client().join()
    assert refused.get("type") == "error"
    assert condition(refused) == "not-allowed"
    assert text_of(refused) == "Room creation is restricted"
    assert rig.rules == {4}


@pytest.mark.parametrize("nick", ["with space", "a-b", "_under", "d\u00f6ner", "."])
def test_a_nick_of_other_characters_is_refused(nick: str) -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    presence = client.presence.join()
    presence.set("to", f"{ROOM}/{nick}")
    refused = client.say(presence)
    assert (condition(refused), text_of(refused)) == ("not-allowed", "Invalid resource")
    assert rig.rules == {8}


def test_a_nick_that_is_not_the_start_of_the_user_name_is_refused() -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    presence = client.presence.join()
    presence.set("to", f"{ROOM}/abcdef01")
    assert text_of(client.say(presence)) == "Invalid anonymous user ID"
    assert rig.rules == {8}


def test_any_legal_nick_will_do_where_the_server_is_not_strict() -> None:
    rig = Rig(strict_nick=False)
    rig.speaker()
    client = rig.client()
    presence = client.presence.join()
    presence.set("to", f"{ROOM}/Phone_1")
    assert statuses(client.say(presence)) == ["100", "110"]


def test_an_account_may_have_any_legal_nick() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.client(username="jigasi", domain="auth.lab.test")
    presence = client.presence.join()
    presence.set("to", f"{ROOM}/1a2b3c4d")
    assert statuses(client.say(presence)) == ["100", "110"]
    rig.site.lobbies.open(rig.room, ann.nick, rig.now)
    knock = client.presence.knock("demo@lobby.lab.test")
    knock.set("to", "demo@lobby.lab.test/1a2b3c4d")
    client.say(knock)
    assert 8 not in rig.rules


def test_a_nick_cannot_be_changed() -> None:
    rig = Rig(strict_nick=False)
    rig.speaker()
    client = rig.joined()
    presence = client.presence.update()
    presence.set("to", f"{ROOM}/another")
    refused = client.say(presence)
    assert (condition(refused), text_of(refused)) == ("not-allowed", "Nick changes are not allowed")
    assert rig.rules == {8}


def test_a_taken_nick_is_a_conflict() -> None:
    rig = Rig()
    first = rig.joined()
    second = rig.client(username=first.nick + "-another")
    assert condition(second.join()) == "conflict"


def test_joining_again_in_a_later_presence_breaks_a_rule_and_brings_everything_again() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    before = len(client.presences)
    client.say(client.presence.join())
    assert len(client.presences) == before + 3  # the focus, the speaker, itself
    assert rig.rules == {9}


def test_a_presence_without_joining_is_refused() -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    assert condition(client.say(client.presence.update())) == "not-acceptable"


def test_what_arrives_on_joining_comes_in_prosodys_order() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    came = [(local_name(s), s.get("from")) for s in client.received if local_name(s) != "iq"][:6]
    assert came == [
        ("presence", FOCUS),
        ("presence", f"{ROOM}/{ann.nick}"),
        ("message", "metadata.lab.test"),
        ("presence", f"{ROOM}/{client.nick}"),
        ("message", "conferenceduration.lab.test"),
        ("message", ROOM),
    ]
    own = next(s for s in client.presences if s.get("from") == f"{ROOM}/{client.nick}")
    assert statuses(own) == ["100", "110"]
    subject = next(s for s in client.received if s.get("from") == ROOM)
    assert child(subject, ns.CLIENT, "subject") is not None


def test_the_first_who_comes_is_made_owner_in_a_second_presence_of_its_own() -> None:
    rig = Rig()
    client = rig.joined()
    first, second = [s for s in client.presences if s.get("from") == f"{ROOM}/{client.nick}"]
    assert parse_presence(first).role == "participant"
    upgrade = parse_presence(second)
    assert (upgrade.role, upgrade.affiliation, upgrade.actor) == ("moderator", "owner", "focus")
    assert child(second, ns.JITSI_MEET, "permissions") is not None
    subject = next(s for s in client.received if child(s, ns.CLIENT, "subject") is not None)
    assert client.received.index(subject) < client.received.index(second)


def test_whoever_comes_later_stays_a_participant() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    own = [s for s in client.presences if s.get("from") == f"{ROOM}/{client.nick}"]
    assert [parse_presence(s).role for s in own] == ["participant"]


def test_when_the_owner_leaves_another_is_made_owner() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    ann.leave()
    assert rig.room.occupants[client.nick].affiliation == "owner"


def test_whose_token_it_is_nobody_but_the_server_says() -> None:
    rig = Rig()
    other, client = rig.joined(), rig.joined()
    presence = client.presence.update()
    user = element(ns.CLIENT, "user", None, element(ns.CLIENT, "id", text="the-boss"))
    presence.append(element(ns.CLIENT, "identity", None, user))
    client.say(presence)
    assert child(other.presences[-1], ns.CLIENT, "identity") is None
    assert rig.rules == {13}


def test_others_see_newcomers_changes_and_leavers() -> None:
    rig = Rig()
    first = rig.joined()
    second = rig.joined()
    second.update(muted=True)
    second.leave()
    seen = [parse_presence(s) for s in first.presences if s.get("from") == f"{ROOM}/{second.nick}"]
    assert [(s.available, s.audio_muted) for s in seen] == [
        (True, False),
        (True, True),
        (False, None),
    ]
    assert seen[0].real_jid == second.jid


def test_a_broken_connection_leaves_the_room() -> None:
    rig = Rig()
    first = rig.joined()
    second = rig.joined()
    second.disconnect()
    assert first.presences[-1].get("type") == "unavailable"
    assert second.nick not in rig.room.occupants


def test_leaving_is_confirmed() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    client.leave()
    own = client.presences[-1]
    assert (own.get("type"), statuses(own)) == ("unavailable", ["110"])


def test_a_room_goes_with_its_last_occupant() -> None:
    rig = Rig()
    client = rig.joined()
    client.leave()
    assert rig.site.muc.rooms == {}
    assert rig.site.focus.conferences == {}


def test_a_room_with_a_password_wants_it() -> None:
    rig = Rig()
    rig.speaker()
    rig.room.policy.password = "4711"
    client = rig.client()
    assert condition(client.join()) == "not-authorized"
    assert condition(client.join("wrong")) == "not-authorized"
    assert statuses(client.join("4711")) == ["100", "110"]
    assert rig.rules == set()


def test_the_focus_needs_no_password() -> None:
    rig = Rig()
    rig.speaker()
    rig.room.policy.password = "4711"
    rig.site.focus.abandon(ROOM)
    rig.flush()
    assert "focus" not in rig.room.occupants
    rig.client().ask_for_conference()
    assert "focus" in rig.room.occupants


def test_the_kicked_are_told_by_whom_and_why() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    removal = Removal((307,), ann.nick, "noise")
    rig.room.remove(rig.room.occupants[client.nick], removal, rig.now)
    gone = parse_presence(client.presences[-1])
    assert (gone.statuses, gone.actor, gone.reason) == ({307, 110}, ann.nick, "noise")


def test_moderators_kick_by_request_and_nobody_else_does() -> None:
    rig = Rig()
    moderator = rig.joined()
    victim = rig.joined()
    admin = "http://jabber.org/protocol/muc#admin"

    def kick(by, whom):
        item = element(admin, "item", {"nick": whom.nick, "role": "none"})
        return by.request(ROOM, element(admin, "query", None, item))

    assert condition(kick(victim, moderator)) == "forbidden"
    assert kick(moderator, victim).get("type") == "result"
    assert parse_presence(victim.presences[-1]).statuses == {307, 110}


def test_the_banned_cannot_come_back() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.room.set_affiliation(client.jid.partition("/")[0], "outcast", None, rig.now)
    assert parse_presence(client.presences[-1]).statuses == {301, 110}
    assert condition(client.join()) == "forbidden"


@pytest.mark.parametrize("alternate", [None, "other@conference.lab.test"])
def test_the_end_of_a_room_says_why_and_where_to_go(alternate: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.site.end(rig.room, Removal((), None, "over", True, alternate), rig.now)
    destroyed = parse_presence(client.presences[-1]).destroyed
    assert destroyed is not None
    assert (destroyed.reason, destroyed.alternate) == ("over", alternate)


def test_a_server_that_restarts_says_so() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.room.close(Removal((332,)), rig.now)
    assert parse_presence(client.presences[-1]).statuses == {332, 110}
    assert rig.site.focus.conferences == {}


def test_who_is_no_member_is_thrown_out_of_a_members_only_room_and_sent_to_the_lobby() -> None:
    rig = Rig()
    ann = rig.speaker()
    rig.room.affiliations[ann.jid.partition("/")[0]] = "member"
    client = rig.joined()
    rig.site.lobbies.open(rig.room, ann.nick, rig.now)
    rig.room.expel_strangers(rig.now)
    assert parse_presence(client.presences[-1]).statuses == {322, 110}
    assert ann.present
    refused = client.join()
    assert condition(refused) == "registration-required"
    assert refused.find(f".//{{{ns.JITSI_MEET}}}lobbyroom").text == "demo@lobby.lab.test"
    assert refused.find(f"{{{ns.CLIENT}}}lobbyroom").text == "demo@lobby.lab.test"


def test_a_password_opens_a_members_only_room() -> None:
    rig = Rig()
    rig.speaker()
    rig.room.policy.password = "4711"
    rig.room.policy.members_only = True
    assert statuses(rig.client().join("4711")) == ["100", "110"]


def test_a_full_room_is_refused() -> None:
    rig = Rig()
    rig.joined()
    rig.room.policy.max_occupants = 1
    assert condition(rig.client().join()) == "service-unavailable"


def test_changes_of_the_room_are_announced() -> None:
    rig = Rig()
    client = rig.joined()
    rig.room.tell_config_changed(rig.now)
    assert statuses(client.received[-1]) == ["104"]


def test_requests_pass_between_occupants_under_their_room_addresses() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    query = element(ns.DISCO_INFO, "query")
    answer = client.request(f"{ROOM}/{ann.nick}", query, type_="get")
    assert answer.get("from") == f"{ROOM}/{ann.nick}"
    assert answer.get("type") == "result"


def test_a_room_that_is_not_there_is_not_found() -> None:
    stranger = Rig().client()
    query = element(ns.DISCO_INFO, "query")
    assert condition(stranger.request(ROOM, query, type_="get")) == "item-not-found"
    answer = stranger.request("conference.lab.test", query, type_="get")
    assert answer.get("type") == "result"


def test_a_stranger_cannot_ask_occupants() -> None:
    rig = Rig()
    ann = rig.speaker()
    ping = element(ns.PING, "ping")
    stranger = rig.client()
    assert condition(stranger.request(f"{ROOM}/{ann.nick}", ping)) == "not-acceptable"
    assert condition(stranger.request(ROOM, element(ns.DISCO_INFO, "query"), type_="get")) == (
        "forbidden"
    )


def test_chat_reaches_everybody() -> None:
    rig = Rig()
    first, second = rig.joined(), rig.joined()
    body = element(ns.CLIENT, "body", text="hello")
    first.send(element(ns.CLIENT, "message", {"to": ROOM, "type": "groupchat"}, body))
    for client in (first, second):
        assert client.received[-1].get("from") == f"{ROOM}/{first.nick}"
        assert child(client.received[-1], ns.CLIENT, "body") is not None


def test_the_focus_leaves_and_comes_back() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.site.focus.abandon(ROOM)
    rig.flush()
    assert (client.presences[-1].get("from"), client.presences[-1].get("type")) == (
        FOCUS,
        "unavailable",
    )
    rig.site.focus.open(ROOM, rig.now)
    rig.flush()
    back = [s for s in client.presences if s.get("from") == FOCUS]
    assert back[-1].get("type") is None
    assert len(client.jingles("session-initiate")) == 2
    assert client.jingles("session-terminate") == []
