"""What the lab's focus wants of an answer (rules 21, 25)."""

import pytest

from gateway.lab.focus_offer import OfferConfig
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import PARTICIPANT_FEATURES, Capabilities
from gateway.xmpp.element import child, element
from gateway.xmpp.jingle import Jingle
from gateway.xmpp.sources import SignalledSource
from tests.lab.client_jingle import info, source
from tests.lab.rig import FINGERPRINT, Client, Rig, condition, text_of


def test_what_a_right_answer_says_reaches_the_bridge() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert rig.bridge.connected[client.nick] == {
        "ufrag": "ufrg",
        "pwd": "p" * 22,
        "fingerprint": ("sha-256", FINGERPRINT),
        "setup": "active",
    }
    assert ("sources", client.nick, frozenset({1234})) in rig.bridge.orders
    assert rig.rules == set()


def too_many(client: Client) -> tuple[SignalledSource, ...]:
    return tuple(source(client, number + 1) for number in range(21))


@pytest.mark.parametrize(
    ("sources", "text"),
    [
        (lambda c: (source(c, 0),), "Invalid SSRC: 0."),
        (lambda c: (source(c, 1 << 32),), "Invalid SSRC: 4294967296."),
        (lambda c: (source(c, 999),), "SSRC is already used: 999."),
        (lambda c: (source(c, 5), source(c, 5, "a b")), "SSRC is already used: 5."),
        (lambda c: (source(c, 5, "a b"), source(c, 6, "a b")), "MSID is already used: a b."),
        (too_many, "SSRC limit (20) exceeded."),
    ],
)
def test_impossible_sources_are_refused_and_the_session_is_over(sources, text: str) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    refused = client.accept(sources=sources(client))
    assert (condition(refused), text_of(refused)) == ("bad-request", text)
    assert child(refused, ns.JINGLE, "jingle") is not None  # which Jicofo echoes
    assert rig.rules == {21}
    assert ("expire", client.nick) in rig.bridge.orders
    again = client.accept()
    assert condition(again) == "gone"
    assert text_of(again) == "session ended"
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1  # it is left without one for good


def test_the_ssrc_of_another_participant_is_taken() -> None:
    rig = Rig()
    first, second = rig.joined(), rig.joined()
    first.accept(ssrc=7)
    assert text_of(second.accept(ssrc=7)) == "SSRC is already used: 7."


def fingerprint_of(jingle):
    return next(jingle.iter(f"{{{ns.JINGLE_DTLS}}}fingerprint"))


def in_lower_case(jingle) -> None:
    fingerprint_of(jingle).text = FINGERPRINT.lower()


def hash_in_upper_case(jingle) -> None:
    fingerprint_of(jingle).set("hash", "SHA-256")


def without_setup(jingle) -> None:
    del fingerprint_of(jingle).attrib["setup"]


def with_actpass(jingle) -> None:
    fingerprint_of(jingle).set("setup", "actpass")


def without_fingerprint(jingle) -> None:
    transport = next(jingle.iter(f"{{{ns.JINGLE_ICE_UDP}}}transport"))
    transport.remove(fingerprint_of(jingle))


def with_a_short_password(jingle) -> None:
    next(jingle.iter(f"{{{ns.JINGLE_ICE_UDP}}}transport")).set("pwd", "short")


@pytest.mark.parametrize(
    "change",
    [
        in_lower_case,
        hash_in_upper_case,
        without_setup,
        with_actpass,
        without_fingerprint,
        with_a_short_password,
    ],
)
def test_a_transport_the_bridge_cannot_use_is_noted_and_never_connects(change) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    assert client.accept(change=change).get("type") == "result"
    assert rig.rules == {21}
    assert rig.bridge.connected == {}


def test_a_passive_client_is_right() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    client.accept(setup="passive")
    assert rig.bridge.connected[client.nick]["setup"] == "passive"
    assert rig.rules == set()


def rename_source(jingle) -> None:
    next(jingle.iter(f"{{{ns.JINGLE_SOURCES}}}source")).set("name", "other-a0")


def renumber_extension(jingle) -> None:
    extensions = f"{{{ns.JINGLE_RTP_HEADER_EXTENSIONS}}}rtp-hdrext"
    next(jingle.iter(extensions)).set("id", "9")


def give_an_extension_another_meaning(jingle) -> None:
    extensions = f"{{{ns.JINGLE_RTP_HEADER_EXTENSIONS}}}rtp-hdrext"
    next(jingle.iter(extensions)).set("uri", "urn:ietf:params:rtp-hdrext:csrc-audio-level")


def accept_transport_feedback(jingle) -> None:
    transport_cc = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    extension = {"id": "5", "uri": transport_cc}
    made = element(ns.JINGLE_RTP_HEADER_EXTENSIONS, "rtp-hdrext", extension)
    next(jingle.iter(f"{{{ns.JINGLE_RTP}}}description")).append(made)


def accept_redundancy(jingle) -> None:
    payload = {"id": "63", "name": "red", "clockrate": "48000", "channels": "2"}
    made = element(ns.JINGLE_RTP, "payload-type", payload)
    next(jingle.iter(f"{{{ns.JINGLE_RTP}}}description")).append(made)


def for_somebody_else(jingle) -> None:
    jingle.set("responder", "somebody@lab.test/else")


@pytest.mark.parametrize(
    "change",
    [
        rename_source,
        renumber_extension,
        give_an_extension_another_meaning,
        accept_transport_feedback,
        accept_redundancy,
        for_somebody_else,
    ],
)
def test_an_answer_that_does_not_fit_the_offer_is_noted(change) -> None:
    rig = Rig(offer=OfferConfig(red=63))
    rig.speaker()
    rig.joined().accept(change=change)
    assert rig.rules == {21}


@pytest.mark.parametrize("change", [accept_transport_feedback, accept_redundancy])
def test_what_was_offered_for_a_feature_may_be_accepted(change) -> None:
    rig = Rig(offer=OfferConfig(red=63))
    rig.speaker()
    features = (*PARTICIPANT_FEATURES, "http://jitsi.org/opus-red", "http://jitsi.org/tcc")
    rig.joined(capabilities=Capabilities(features=features)).accept(change=change)
    assert rig.rules == set()


def test_payload_types_cannot_be_renumbered() -> None:
    rig = Rig()
    rig.speaker()
    rig.joined().accept(opus=96)
    assert rig.rules == {21}


def test_a_session_is_accepted_once() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    refused = client.accept()
    assert (condition(refused), text_of(refused)) == ("bad-request", "SSRC is already used: 1234.")
    assert rig.rules == {21}
    again = client.jingle(info(client))
    assert (condition(again), text_of(again)) == ("gone", "session ended")


@pytest.mark.parametrize("action", ["description-info", "content-add", "session-initiate"])
def test_what_jicofo_cannot_do_it_says(action: str) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    payload = element(ns.JINGLE, "jingle", {"action": action, "sid": client.offer.sid})
    refused = client.jingle(payload)
    assert condition(refused) == "feature-not-implemented"
    assert rig.rules == {24}


def test_sources_and_transport_may_follow_the_answer() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    assert client.accept(sources=(), transport=False).get("type") == "result"
    assert rig.bridge.connected == {}
    transport = client.answer().contents[0]
    told = Jingle("transport-info", client.offer.sid, contents=(transport,))
    assert client.jingle(told).get("type") == "result"
    assert client.nick in rig.bridge.connected
    assert client.source_change("source-add", source(client, 5)).get("type") == "result"
    assert ("sources", client.nick, frozenset({5})) in rig.bridge.orders
    assert rig.rules == set()


def test_an_empty_transport_info_is_refused() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    told = element(ns.JINGLE, "jingle", {"action": "transport-info", "sid": client.offer.sid})
    assert text_of(client.jingle(told)) == "missing transport"
