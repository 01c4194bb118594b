"""Rules 19 to 30: Jingle sessions with the lab's focus, rightly and wrongly conducted."""

from dataclasses import replace

import pytest

from gateway.lab.focus_offer import OfferConfig
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import PARTICIPANT_FEATURES, Capabilities
from gateway.xmpp.element import child, element
from gateway.xmpp.jingle import Content, Jingle
from gateway.xmpp.presence import parse_presence
from gateway.xmpp.sources import SignalledSource
from tests.lab.rig import FINGERPRINT, FOCUS, Client, Rig, condition, text_of

JSON = "http://jitsi.org/json-encoded-sources"


def source(client: Client, ssrc: int, msid: str | None = None) -> SignalledSource:
    return SignalledSource(client.nick, ssrc, f"{client.nick}-a0", msid or f"s t{ssrc}")


def info(client: Client, *parts) -> Jingle:
    attributes = {"action": "session-info", "sid": client.offer.sid}
    return element(ns.JINGLE, "jingle", attributes, *parts)


def bridge_session(id_: str, **attributes: str):
    return element(ns.JITSI_FOCUS, "bridge-session", {"id": id_, **attributes})


# Offers (19).


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


# The offer's acknowledgement (20).


def test_an_offer_must_be_acknowledged_within_fifteen_seconds() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    client.silent = True
    rig.conference.sessions.invite(rig.member(client), rig.now)
    rig.flush()
    rig.wait(14.5)
    assert rig.rules == set()
    rig.wait(1.0)
    assert rig.rules == {20}


def test_accepting_does_not_replace_acknowledging() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    client.silent = True
    rig.conference.sessions.invite(rig.member(client), rig.now)
    rig.flush()
    assert client.accept().get("type") == "result"
    assert rig.rules == {20}


def test_an_offer_that_is_answered_with_an_error_ends_the_session() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    client.silent = True
    rig.conference.sessions.invite(rig.member(client), rig.now)
    rig.flush()
    offered = client.received[-1]
    error = element(ns.CLIENT, "iq", {"type": "error", "id": offered.get("id"), "to": FOCUS})
    client.send(error)
    assert rig.rules == {20}
    assert condition(client.accept()) == "gone"


# Accepting (21, 25).


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


# Sources of clients (22, 23, 24).


def test_a_source_add_in_json_has_no_effect() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    text = '{"sources":{"x":[[],[],[{"s":5,"n":"x-a0"}]]}}'
    added = element(
        ns.JINGLE,
        "jingle",
        {"action": "source-add", "sid": client.offer.sid},
        element(ns.JITSI_MEET, "json-message", text=text),
    )
    before = list(rig.bridge.orders)
    assert client.jingle(added).get("type") == "result"
    assert rig.bridge.orders == before
    assert rig.rules == {22}


@pytest.mark.parametrize("action", ["content-modify", None])
def test_what_jicofo_ignores_is_not_answered(action: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    payload = element(ns.JINGLE, "jingle", {"action": action, "sid": client.offer.sid})
    assert client.jingle(payload) is None
    assert rig.rules == {23}


@pytest.mark.parametrize("ssrc", ["", "--5", "1e3", "9" * 5000])
def test_an_ssrc_that_is_no_number_is_refused(ssrc: str) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()

    def change(jingle) -> None:
        for listed in jingle.iter(f"{{{ns.JINGLE_SOURCES}}}source"):
            listed.set("ssrc", ssrc)

    assert condition(client.accept(change=change)) == "bad-request"
    assert rig.rules == {21}


def test_media_of_an_unknown_kind_are_not_answered() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()

    def change(jingle) -> None:
        next(jingle.iter(f"{{{ns.JINGLE_RTP}}}description")).set("media", "smell")

    assert client.accept(change=change) is None
    assert rig.rules == {23}


def test_an_unknown_session_is_a_bad_request() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    refused = client.accept(sid="nonsense")
    assert condition(refused) == "bad-request"
    assert rig.rules == {24}


def test_the_session_of_another_is_unknown() -> None:
    rig = Rig()
    first, second = rig.joined(), rig.joined()
    refused = second.accept(sid=first.offer.sid)
    assert condition(refused) == "bad-request"


def test_sources_cannot_be_added_before_the_session_is_accepted() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    refused = client.source_change("source-add", source(client, 5))
    assert text_of(refused) == "jingle session no longer active"


def test_only_an_own_source_can_be_removed() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.in_session()
    refused = client.source_change("source-remove", source(client, ann.ssrc))
    assert text_of(refused) == (
        f"Source does not exist or is not owned by endpoint (ssrc={ann.ssrc})."
    )
    assert client.source_change("source-remove", source(client, 1234)).get("type") == "result"
    assert ("sources", client.nick, frozenset()) in rig.bridge.orders


# Ending and restarting (26, 27, 28).


@pytest.mark.parametrize("named", [None, "wrong"])
def test_a_terminate_must_name_the_bridge_session(named: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    refused = client.terminate(bridge_session=named)
    assert text_of(refused) == f"{named or 'null'} is not a currently active session"
    assert rig.rules == {26}
    assert condition(refused) == "item-not-found"
    assert text_of(client.terminate()) == "session ended"  # it has ended all the same


def test_a_terminate_ends_the_session_and_no_other_follows() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert client.terminate().get("type") == "result"
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1


def test_a_restart_brings_another_session_and_tells_the_others() -> None:
    rig = Rig()
    other = rig.joined()
    client = rig.in_session(username="11111111-client")
    other.accept(ssrc=77)
    first = client.offer
    assert client.terminate(restart=True).get("type") == "result"
    assert client.offer.sid != first.sid
    assert client.offer.bridge_session != first.bridge_session
    client.accept(ssrc=4321)
    assert [s.ssrc for s in other.jingles("source-remove")[-1].sources] == [1234]
    assert [s.ssrc for s in other.jingles("source-add")[-1].sources] == [4321]
    assert rig.rules == set()


def test_a_second_restart_within_five_seconds_is_refused_and_nothing_more_comes() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    client.terminate(restart=True)
    rig.wait(4.0)
    client.accept()
    refused = client.terminate(restart=True)
    assert text_of(refused) == "rate-limited"
    assert condition(refused) == "resource-constraint"
    assert rig.rules == {27}
    rig.joined()
    assert len(client.jingles("session-initiate")) == 2


def test_the_sixth_restart_in_a_minute_is_refused() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    for _ in range(5):
        assert client.terminate(restart=True).get("type") == "result"
        client.accept()
        rig.wait(5.1)
    assert text_of(client.terminate(restart=True)) == "rate-limited"
    assert rig.rules == {27}


def test_after_a_minute_restarts_are_granted_again() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    for _ in range(7):
        assert client.terminate(restart=True).get("type") == "result"
        client.accept()
        rig.wait(13.0)
    assert rig.rules == set()


@pytest.mark.parametrize("named", ["wrong", None])
def test_telling_of_failed_ice_is_wrong_whichever_session_it_names(named: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    told = [bridge_session(named)] if named is not None else []
    failed = element(ns.JITSI_FOCUS, "ice-state", text="failed")
    assert client.jingle(info(client, failed, *told)).get("type") == "result"
    assert client.jingles("session-terminate") == []
    assert rig.rules == {28}


def test_telling_of_failed_ice_leads_nowhere() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    state = element(ns.JITSI_FOCUS, "ice-state", text="failed")
    right = bridge_session(client.offer.bridge_session.id)
    assert client.jingle(info(client, state, right)).get("type") == "result"
    (ended,) = client.jingles("session-terminate")
    assert str(ended.reason) == "success (moving)"
    assert rig.rules == {28}
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1


def test_other_session_infos_are_acknowledged_and_an_ice_restart_may_be_unknown() -> None:
    rig = Rig(ice_restart=False)
    rig.speaker()
    client = rig.in_session()
    assert client.jingle(info(client, element("urn:lab:any", "thing"))).get("type") == "result"
    restart = bridge_session(client.offer.bridge_session.id, **{"ice-restart": "true"})
    refused = client.jingle(info(client, restart))
    assert (condition(refused), text_of(refused)) == ("feature-not-implemented", "no ICE restart")
    assert rig.rules == set()


# ICE restarts within a session (4.7).


def ask_for_a_path(client, id_: str | None = None):
    named = id_ or client.offer.bridge_session.id
    return client.jingle(info(client, bridge_session(named, **{"ice-restart": "true"})))


def renewed(client, generation: int, ufrag: str) -> Jingle:
    """What a right client answers to an ICE restart."""
    transport = client.answer().contents[0].transport
    transport = replace(transport, ufrag=ufrag, ice_generation=generation)
    return Jingle("transport-info", client.offer.sid, contents=(Content("audio", None, transport),))


def test_an_ice_restart_is_passed_on_and_its_answer_as_well() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert ask_for_a_path(client).get("type") == "result"
    (told,) = client.jingles("transport-info")
    transport = told.contents[0].transport
    assert (transport.ice_generation, transport.ufrag) == (1, "ufrag01")
    assert transport.candidates and transport.fingerprints
    assert client.jingle(renewed(client, 1, "renewed")).get("type") == "result"
    assert ("continue ice", client.nick, 1, "renewed", "p" * 22) in rig.bridge.orders
    rig.conference.sessions.restart_ice(rig.member(client), rig.now)  # of the bridge's own accord
    rig.flush()
    assert client.jingles("transport-info")[-1].contents[0].transport.ice_generation == 2
    assert rig.rules == set()


def test_where_ice_has_never_connected_nothing_is_passed_on_though_it_was_granted() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.bridge.connected.clear()
    assert ask_for_a_path(client).get("type") == "result"
    assert client.jingles("transport-info") == []


def test_ice_restarts_have_a_budget_of_their_own_that_wrong_requests_take_of_too() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert condition(ask_for_a_path(client, "wrong")) == "item-not-found"
    assert rig.rules == {26}
    assert condition(ask_for_a_path(client)) == "resource-constraint"
    assert rig.rules == {26, 27}
    rig.wait(5.5)
    for _ in range(4):
        assert ask_for_a_path(client).get("type") == "result"
        rig.wait(5.5)
    assert condition(ask_for_a_path(client)) == "resource-constraint"
    assert client.terminate(restart=True).get("type") == "result"


@pytest.mark.parametrize(("generation", "ufrag"), [(2, "renewed"), (1, "ufrg")])
def test_an_answer_to_another_ice_restart_or_without_new_credentials_is_noted(
    generation: int, ufrag: str
) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    ask_for_a_path(client)
    client.jingle(renewed(client, generation, ufrag))
    assert rig.rules == {27}
    assert [order for order in rig.bridge.orders if order[0] == "continue ice"] == []


# Sources of others (29).


def test_a_new_source_is_signalled_once_the_session_is_accepted() -> None:
    rig = Rig()
    first, second = rig.joined(), rig.joined()
    second.accept(ssrc=2)
    assert first.jingles("source-add") == []
    first.accept(ssrc=1)
    assert [s.ssrc for s in first.jingles("source-add")[0].sources] == [2]
    assert [s.ssrc for s in second.jingles("source-add")[0].sources] == [1]


def test_who_leaves_is_not_removed_by_a_source_remove() -> None:
    rig = Rig()
    rig.speaker()
    first, second = rig.in_session(), rig.joined()
    second.accept(ssrc=2)
    second.terminate()
    second.leave()
    assert first.jingles("source-remove") == []
    third = rig.joined()
    assert 2 not in {s.ssrc for s in third.offer.sources}


def test_a_speaker_that_comes_later_is_signalled() -> None:
    rig = Rig()
    rig.speaker("Ann")
    client = rig.in_session()
    bob = rig.speaker("Bob")
    (added,) = client.jingles("source-add")
    assert [(s.owner, s.ssrc) for s in added.sources] == [(bob.nick, bob.ssrc)]


def test_sources_may_come_early_twice_and_of_strangers() -> None:
    rig = Rig(early_sources=True)
    ann = rig.speaker()
    client = rig.joined()
    (early,) = client.jingles("source-add")
    assert {s.owner for s in early.sources} == {ann.nick, "jvb", "ffffffff"}
    client.accept()
    (removed,) = client.jingles("source-remove")
    assert {s.owner for s in removed.sources} == {"ffffffff"}
    assert rig.rules == set()


# Alone, moving, replaced (30).


def test_who_stays_alone_for_twenty_seconds_loses_the_session_and_gets_another_with_company() -> (
    None
):
    rig = Rig()
    ann = rig.speaker()
    client = rig.in_session()
    ann.leave()
    rig.wait(19.5)
    assert client.jingles("session-terminate") == []
    rig.wait(1.0)
    (ended,) = client.jingles("session-terminate")
    assert str(ended.reason) == "expired (Idle session timeout)"
    assert ("expire", client.nick) in rig.bridge.orders
    assert client.nick in rig.room.occupants
    rig.speaker("Bob")
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=99).get("type") == "result"
    assert rig.rules == set()


def test_company_in_time_keeps_the_session() -> None:
    rig = Rig(alone_timeout=5.0)
    ann = rig.speaker()
    client = rig.in_session()
    ann.leave()
    rig.wait(4.0)
    rig.speaker("Bob")
    rig.wait(10.0)
    assert client.jingles("session-terminate") == []


def test_moving_ends_the_session_and_offers_another() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.move(rig.member(client), rig.now)
    rig.flush()
    (ended,) = client.jingles("session-terminate")
    assert str(ended.reason) == "success (moving)"
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=4321).get("type") == "result"


def test_a_session_can_be_replaced_without_a_word() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    old = client.offer.sid
    rig.conference.sessions.invite(rig.member(client), rig.now)
    rig.flush()
    assert client.jingles("session-terminate") == []
    assert client.offer.sid != old
    assert text_of(client.accept(sid=old)) == "session ended"
    assert client.accept().get("type") == "result"
    assert rig.rules == set()


def test_the_bridge_forgets_an_endpoint_a_little_after_its_session_has_ended() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.terminate(rig.member(client), "expired", "", rig.now)
    rig.flush()
    assert ("expire", client.nick) not in rig.bridge.orders
    rig.wait(0.1)
    assert ("expire", client.nick) in rig.bridge.orders


def test_an_endpoint_that_was_replaced_works_until_the_bridge_is_told() -> None:
    rig = Rig(bridge_keeps=3.0)
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.move(rig.member(client), rig.now)
    rig.flush()
    rig.wait(2.9)
    assert ("forget former", client.nick) not in rig.bridge.orders
    rig.wait(0.2)
    assert ("forget former", client.nick) in rig.bridge.orders
    assert ("expire", client.nick) not in rig.bridge.orders


def test_who_leaves_in_between_is_forgotten_at_once() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.terminate(rig.member(client), "expired", "", rig.now)
    client.leave()
    assert rig.bridge.orders.count(("expire", client.nick)) == 1


def test_without_a_bridge_sessions_end_and_the_focus_says_so_until_there_is_one() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.set_bridge_available(False, rig.now)
    rig.flush()
    told = parse_presence(client.presences[-1])
    assert (told.nick, told.bridge_available) == ("focus", False)
    assert str(client.jingles("session-terminate")[0].reason) == "success (moving)"
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1
    rig.conference.set_bridge_available(True, rig.now)
    rig.flush()
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=7).get("type") == "result"
    assert rig.rules == set()


def test_an_endpoint_the_bridge_has_lost_is_invited_anew() -> None:
    rig = Rig(reinvite_after=2.0)
    rig.speaker()
    client = rig.in_session()
    rig.site.focus.bridge_lost("demo@conference.lab.test", client.nick, rig.now)
    rig.wait(1.5)
    assert len(client.jingles("session-initiate")) == 1
    rig.wait(1.0)
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=5).get("type") == "result"


def test_a_client_that_asks_first_is_not_invited_twice() -> None:
    rig = Rig(reinvite_after=2.0)
    rig.speaker()
    client = rig.in_session()
    rig.site.focus.bridge_lost("demo@conference.lab.test", client.nick, rig.now)
    client.terminate(restart=True)
    rig.wait(5.0)
    assert len(client.jingles("session-initiate")) == 2


def test_the_focus_sends_its_presence_again_when_it_uses_a_bridge() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    properties = [
        {part.get("key") for part in s.iter(f"{{{ns.JITSI_FOCUS}}}property")}
        for s in client.presences
        if s.get("from") == FOCUS
    ]
    assert "bridge-count" not in properties[0]
    assert "bridge-count" in properties[-1]
