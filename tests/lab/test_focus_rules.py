"""Rules 12, 13, 15, 17 and 31: what a client says about itself, and how it takes being muted."""

import json
from dataclasses import replace

import pytest

from gateway.lab.focus_rules import verification
from gateway.lab.stanza_rate import StanzaRate
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import PARTICIPANT_FEATURES, Capabilities
from gateway.xmpp.element import child, element
from gateway.xmpp.presence import parse_presence
from gateway.xmpp.stanza import iq
from tests.lab.rig import FOCUS, ROOM, Rig, condition
from tests.xmpp.traces import NAMES, trace


def test_a_right_client_breaks_no_rule() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    client.update(muted=True)
    client.terminate()
    client.leave()
    rig.wait(20.0)
    assert rig.violations == []


# Capabilities.


@pytest.mark.parametrize("name", NAMES)
def test_the_hash_is_computed_as_the_real_ones_are(name: str) -> None:
    answers = {
        entry.stanza.get("from"): child(entry.stanza, ns.DISCO_INFO, "query")
        for entry in trace(name)
        if entry.incoming and entry.stanza.get("type") == "result"
    }
    for query in answers.values():
        # Jicofo's own features are fewer than those it has hashed (extensions of its forms).
        if query is not None and "jitsi-meet" in query.get("node", ""):
            assert verification(query) == query.get("node", "").partition("#")[2]


def test_capabilities_are_asked_for_by_node_and_hash() -> None:
    rig = Rig()
    client = rig.joined()
    queries = [child(s, ns.DISCO_INFO, "query") for s in client.received]
    (query,) = [query for query in queries if query is not None]
    assert query.get("node") == f"{client.capabilities.node}#{client.capabilities.verification}"
    assert rig.member(client).features == frozenset(PARTICIPANT_FEATURES)
    assert rig.rules == set()


def with_features(*features: str) -> Capabilities:
    return Capabilities(features=features)


@pytest.mark.parametrize(
    "capabilities",
    [
        with_features(*PARTICIPANT_FEATURES, "urn:xmpp:jingle:apps:rtp:video"),
        with_features(*PARTICIPANT_FEATURES, "http://jitsi.org/ssrc-rewriting-1"),
        with_features(*(f for f in PARTICIPANT_FEATURES if not f.endswith("rtp:audio"))),
        with_features(*PARTICIPANT_FEATURES, PARTICIPANT_FEATURES[0]),  # ill-formed
    ],
)
def test_features_a_phone_must_or_must_not_have_are_noted(capabilities: Capabilities) -> None:
    rig = Rig()
    rig.joined(capabilities=capabilities)
    assert rig.rules == {12}


def test_a_hash_of_something_else_is_noted() -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    presence = client.presence.join()
    child(presence, ns.CAPS, "c").set("ver", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    client.say(presence)
    assert rig.rules == {12}


def test_a_presence_without_capabilities_is_noted() -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    presence = client.presence.join()
    presence.remove(child(presence, ns.CAPS, "c"))
    client.say(presence)
    assert rig.rules == {12}


def test_who_does_not_tell_its_features_is_taken_for_a_browser_with_video() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined(silent=True)
    assert client.jingles("session-initiate") == []
    rig.wait(14.0)
    assert rig.rules == set()
    rig.wait(2.0)
    assert rig.rules == {12}
    assert "urn:xmpp:jingle:apps:rtp:video" in rig.member(client).features
    assert len(client.jingles("session-initiate")) == 1


# Presence.


def spoiled(rig: Rig, spoil) -> None:
    client = rig.client()
    client.ask_for_conference()
    presence = client.presence.join()
    spoil(client, presence)
    client.say(presence)


def without_jigasi(client, presence) -> None:
    presence.remove(child(presence, ns.CLIENT, "features"))


def without_name(client, presence) -> None:
    presence.remove(child(presence, ns.NICK, "nick"))


def without_source_info(client, presence) -> None:
    presence.remove(child(presence, ns.CLIENT, "SourceInfo"))


def with_foreign_source(client, presence) -> None:
    child(presence, ns.CLIENT, "SourceInfo").text = json.dumps({"other-a0": {"muted": False}})


def with_another_source_as_well(client, presence) -> None:
    sources = {f"{client.nick}-a0": {"muted": False}, "other-a0": {"muted": False}}
    child(presence, ns.CLIENT, "SourceInfo").text = json.dumps(sources)


def with_broken_source_info(client, presence) -> None:
    child(presence, ns.CLIENT, "SourceInfo").text = "{"


def with_bottomless_source_info(client, presence) -> None:
    child(presence, ns.CLIENT, "SourceInfo").text = "[" * 100_000


def with_two_opinions(client, presence) -> None:
    child(presence, ns.CLIENT, "audiomuted").text = "true"


@pytest.mark.parametrize(
    "spoil",
    [
        without_jigasi,
        without_name,
        without_source_info,
        with_foreign_source,
        with_another_source_as_well,
        with_broken_source_info,
        with_bottomless_source_info,
        with_two_opinions,
    ],
)
def test_a_first_presence_that_lacks_something_is_noted(spoil) -> None:
    rig = Rig()
    spoiled(rig, spoil)
    assert rig.rules == {13}


def test_later_presences_are_looked_at_as_well() -> None:
    rig = Rig()
    client = rig.joined()
    presence = client.presence.update()
    without_source_info(client, presence)
    client.say(presence)
    assert rig.rules == {13}


def test_a_focus_that_has_died_blames_nobody_for_what_it_had_asked() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.client(silent=True)
    client.ask_for_conference()
    client.join()
    rig.site.focus.abandon(ROOM)
    rig.flush()
    rig.wait(20)
    assert rig.violations == []
    assert client.jingles("session-initiate") == []


# Muting.


def mute(rig: Rig, client, actor: str | None = None) -> None:
    rig.conference.mutes.order(rig.member(client), actor, rig.now)
    rig.flush()


def mute_orders(client):
    found = [child(s, ns.JITSI_MUTE_AUDIO, "mute") for s in client.received]
    return [order for order in found if order is not None]


@pytest.mark.parametrize("actor", [None, f"{ROOM}/mod"])
def test_who_is_muted_answers_says_so_and_is_silent(actor: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    mute(rig, client, actor)
    (order,) = mute_orders(client)
    assert (order.text, order.get("actor"), order.get("jid")) == ("true", actor, None)
    assert ("mute", client.nick, True) in rig.bridge.orders
    client.update(muted=True)
    rig.wait(5.0)
    assert rig.rules == set()


def test_an_order_to_mute_must_be_answered_within_a_second() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    client.silent = True
    mute(rig, client)
    client.update(muted=True)
    rig.wait(0.9)
    assert rig.rules == set()
    rig.wait(0.3)
    assert rig.rules == {15}


def test_the_muted_must_say_so() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    mute(rig, client)
    rig.wait(3.0)
    assert [violation.rule for violation in rig.violations] == [15]


def test_the_muted_must_stop_sending() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    mute(rig, client)
    client.update(muted=True)
    for _ in range(30):
        rig.bridge.packets[client.nick] = rig.bridge.packets.get(client.nick, 0) + 5
        rig.wait(0.1)
    assert [violation.rule for violation in rig.violations] == [15]


def ask_to_mute(client, muted: str, whom: str):
    order = element(ns.JITSI_MUTE_AUDIO, "mute", {"jid": whom}, text=muted)
    return client.request(FOCUS, order)


def test_a_client_may_unmute_itself_and_moderators_may_mute_others() -> None:
    rig = Rig()
    moderator = rig.joined()
    client = rig.in_session()
    assert ask_to_mute(client, "false", f"{ROOM}/{client.nick}").get("type") == "result"
    assert ("mute", client.nick, False) in rig.bridge.orders
    other = f"{ROOM}/{moderator.nick}"
    assert condition(ask_to_mute(client, "true", other)) == "not-allowed"
    assert condition(ask_to_mute(moderator, "false", f"{ROOM}/{client.nick}")) == "not-allowed"
    assert condition(ask_to_mute(client, "perhaps", other)) == "bad-request"
    assert condition(ask_to_mute(client, "true", "")) == "bad-request"
    assert condition(ask_to_mute(client, "true", f"{ROOM}/nobody")) == "item-not-found"
    assert ask_to_mute(moderator, "true", f"{ROOM}/{client.nick}").get("type") == "result"
    assert mute_orders(client)[0].get("actor") == other


def test_a_lab_speaker_can_be_muted_as_well() -> None:
    rig = Rig()
    ann = rig.speaker()
    watcher = rig.joined()
    mute(rig, ann)
    assert ann.audio.muted
    assert parse_presence(watcher.presences[-1]).audio_muted


def test_nobody_can_answer_for_another() -> None:
    rig = Rig()
    rig.speaker()
    client, other = rig.in_session(), rig.joined()
    client.silent = True
    mute(rig, client)
    client.update(muted=True)
    order = next(s for s in client.received if child(s, ns.JITSI_MUTE_AUDIO, "mute") is not None)
    forged = element(ns.CLIENT, "iq", {"type": "result", "id": order.get("id"), "to": FOCUS})
    other.send(forged)
    rig.wait(2.5)
    assert rig.rules == {15}


def test_who_is_to_start_muted_must_be() -> None:
    rig = Rig()
    rig.speaker()
    rig.conference.sessions.start_muted = True
    client = rig.in_session()
    assert client.offer.start_muted
    rig.wait(3.0)
    assert rig.rules == {31}


def test_starting_muted_is_right() -> None:
    rig = Rig()
    rig.speaker()
    rig.conference.sessions.start_muted = True
    client = rig.joined()
    client.update(muted=True)
    client.accept(sources=())
    rig.wait(3.0)
    assert rig.rules == set()


# Rates.


@pytest.mark.parametrize(("kind", "most"), [("presence", 4), ("iq", 10)])
def test_too_many_stanzas_in_a_second_are_noted_once(kind: str, most: int) -> None:
    rate = StanzaRate()
    allowed = [rate.count(kind, 10.0 + number / 100) for number in range(most)]
    assert set(allowed) == {None}
    assert rate.count(kind, 10.5) is not None
    assert rate.count(kind, 10.6) is None
    assert rate.count(kind, 12.0) is None
    assert rate.count("message", 12.0) is None


def test_a_request_nobody_knows_is_answered_all_the_same() -> None:
    rig = Rig()
    client = rig.joined()
    unknown = iq("get", FOCUS, element("urn:lab:unknown", "query"))
    client.send(unknown)
    assert condition(client.answer_to(unknown.get("id"))) == "service-unavailable"


def test_display_names_are_shown_as_they_are() -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    client.presence = replace(client.presence, display_name="<Ann & 'Bob'>")
    own = client.join()
    assert own.findtext(f"{{{ns.NICK}}}nick") == "<Ann & 'Bob'>"
