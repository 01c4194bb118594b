"""The lab's focus offers, and wants its offer acknowledged (rules 19, 20)."""

from gateway.lab.focus_offer import OfferConfig
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import PARTICIPANT_FEATURES, Capabilities
from gateway.xmpp.element import child, element
from tests.lab.rig import FOCUS, Client, Rig, condition

JSON = "http://jitsi.org/json-encoded-sources"


def test_nobody_alone_is_offered_a_session() -> None:
    rig = Rig()
    client = rig.joined()
    rig.wait(5.0)
    assert client.jingles("session-initiate") == []


def test_the_second_who_comes_brings_sessions_for_both() -> None:
    rig = Rig()
    first = rig.joined()
    second = rig.joined()
    for client in (first, second):
        assert client.offer.initiator == "focus@auth.lab.test/focus"
        assert client.offer.responder is None
        assert client.offer.bridge_session is not None
    assert first.offer.bridge_session != second.offer.bridge_session


def test_an_offer_has_jicofos_peculiarities() -> None:
    rig = Rig(offer=OfferConfig(opus=109, red=63, telephone_event=101, audio_level=3, mid=None))
    rig.speaker()
    features = (*PARTICIPANT_FEATURES, "http://jitsi.org/opus-red", "http://jitsi.org/tcc")
    client = rig.joined(capabilities=Capabilities(features=features))
    description = client.offer.contents[0].description
    assert description is not None
    red, opus, dtmf = description.payload_types
    assert (red.id, red.name, red.parameters) == (63, "red", ((None, "109/109"),))
    assert (opus.id, opus.parameters) == (109, (("minptime", "10"),))
    assert (dtmf.id, dtmf.name, dtmf.clockrate) == (101, "telephone-event", 8000)
    assert [extension.id for extension in description.extensions] == [3, 5]
    raw = next(c for s in client.received if (c := child(s, ns.JINGLE, "jingle")) is not None)
    assert raw.find("{jitsi:opentelemetry}traceparent") is not None
    assert raw.find(".//{urn:xmpp:jingle:apps:rtp:rtcp-fb:0}rtcp-fb") is not None


def test_without_red_in_band_fec_is_signalled() -> None:
    rig = Rig()
    rig.speaker()
    description = rig.joined().offer.contents[0].description
    assert description is not None
    opus = description.payload_types[0]
    assert ("useinbandfec", "1") in opus.parameters


def test_red_is_not_offered_to_a_client_that_does_not_know_it() -> None:
    rig = Rig(offer=OfferConfig(red=112))
    rig.speaker()
    description = rig.joined().offer.contents[0].description
    assert description is not None
    assert [payload.name for payload in description.payload_types] == ["opus", "telephone-event"]


def test_sources_come_in_json_or_in_xml_as_the_client_can_read_them() -> None:
    rig = Rig()
    ann = rig.speaker()
    features = tuple(feature for feature in PARTICIPANT_FEATURES if feature != JSON)
    by_json, by_xml = rig.joined(), rig.joined(capabilities=Capabilities(features=features))
    assert {s.ssrc for s in by_json.offer.compact_sources} == {ann.ssrc, 999}
    assert by_xml.offer.compact_sources == ()
    listed = {(s.owner, s.ssrc) for s in by_xml.offer.sources}
    assert listed == {(ann.nick, ann.ssrc), ("jvb", 999)}


def test_a_data_channel_is_offered_to_those_who_ask_for_one_where_it_is_switched_on() -> None:
    rig = Rig(offer=OfferConfig(sctp=True))
    rig.speaker()
    features = (*PARTICIPANT_FEATURES, "urn:xmpp:jingle:transports:dtls-sctp:1")
    assert [c.name for c in rig.joined().offer.contents] == ["audio"]
    wants = rig.joined(capabilities=Capabilities(features=features))
    assert [c.name for c in wants.offer.contents] == ["audio", "data"]


def invited_and_silent() -> tuple[Rig, Client]:
    """A client has an offer that it has not acknowledged."""
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    client.silent = True
    rig.conference.sessions.invite(rig.member(client), rig.now)
    rig.flush()
    return rig, client


def test_an_offer_must_be_acknowledged_within_fifteen_seconds() -> None:
    rig, _ = invited_and_silent()
    rig.wait(14.5)
    assert rig.rules == set()
    rig.wait(1.0)
    assert rig.rules == {20}


def test_accepting_does_not_replace_acknowledging() -> None:
    rig, client = invited_and_silent()
    assert client.accept().get("type") == "result"
    assert rig.rules == {20}


def test_an_offer_that_is_answered_with_an_error_ends_the_session() -> None:
    rig, client = invited_and_silent()
    offered = client.received[-1]
    error = element(ns.CLIENT, "iq", {"type": "error", "id": offered.get("id"), "to": FOCUS})
    client.send(error)
    assert rig.rules == {20}
    assert condition(client.accept()) == "gone"
