from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.bridge_offer import (
    bridge_offer,
    channel_url,
    choose_ssrc,
    engine_sources,
    offered_candidates,
    session_accept,
)
from gateway.errors import JingleError
from gateway.media.messages import (
    BridgeAnswer,
    Fingerprint,
    IceCandidate,
    Payload,
    SetSources,
    Source,
)
from gateway.media.wire import LONGEST
from gateway.media.worker_messages import TO_WORKER
from gateway.xmpp.jingle import Action, Jingle
from gateway.xmpp.jingle_rtp import AUDIO_LEVEL, TRANSPORT_CC
from gateway.xmpp.sources import (
    MAX_OWNER,
    MAX_SOURCES,
    MAX_SSRC,
    SignalledSource,
    SourceRegistry,
)
from tests.conference.world import CANDIDATE, FINGERPRINT, offer, transport
from tests.xmpp.traces import NAMES, trace

OURS = SignalledSource("me", 77, "me-a0", "me-audio-0-77 me-track-77")
ANSWER = BridgeAnswer(
    ufrag="uf",
    pwd="pw",
    fingerprint=Fingerprint("SHA-256", "AA:BB"),
    setup="active",
    candidates=(
        IceCandidate("1", 1, "udp", 99, "192.0.2.7", 5000, "srflx", ("10.0.0.7", 5001)),
        IceCandidate("2", 1, "udp", 98, "2001:db8::7", 5000, "host"),
    ),
)


def jingle(xml: str) -> Jingle:
    return Jingle.parse(fromstring(xml))


def accept(xml: str) -> Jingle:
    made = session_accept(jingle(xml), ANSWER, responder="me@meet.test/res", source=OURS)
    return Jingle.parse(made.to_element())  # as the focus will read it


def test_an_offer_is_what_the_focus_has_said() -> None:
    made = bridge_offer(jingle(offer("s1")), ssrc=77)
    assert (made.session, made.ufrag, made.pwd, made.setup) == ("s1", "uf1", "pw1", "actpass")
    assert made.fingerprints == (Fingerprint("sha-256", FINGERPRINT),)
    assert made.candidates == (IceCandidate("1", 1, "udp", 2130706431, "10.99.0.1", 10000, "host"),)
    assert made.opus == Payload(111, "OPUS", 48000, 2, "minptime=10")
    assert made.telephone_event == Payload(126, "TELEPHONE-EVENT", 8000)
    assert (made.audio_level_id, made.ssrc, made.bridge_ssrc) == (1, 77, 1000)


@given(
    opus=st.integers(0, 127),
    event=st.one_of(st.none(), st.integers(0, 127)),
    level=st.one_of(st.none(), st.integers(1, 255)),
    in_xml=st.booleans(),
)
def test_numbers_are_those_of_the_offer(
    opus: int, event: int | None, level: int | None, in_xml: bool
) -> None:
    xml = offer("s1", opus=opus, event=event, level=level, in_xml=in_xml)
    made = bridge_offer(jingle(xml), ssrc=77)
    assert made.opus.payload_type == opus
    assert (made.telephone_event and made.telephone_event.payload_type) == event
    assert made.audio_level_id == level
    assert made.bridge_ssrc == 1000
    (content,) = accept(xml).contents
    assert content.description is not None
    assert [part.id for part in content.description.payload_types] == [
        number for number in (opus, event) if number is not None
    ]
    assert [part.id for part in content.description.extensions] == ([level] if level else [])


def with_payload(payload: str) -> str:
    return offer("s1").replace("<payload-type id='111'", f"{payload}<payload-type id='111'")


def red(listed: str) -> str:
    return (
        "<payload-type id='63' name='red' clockrate='48000' channels='2'>"
        f"<parameter value='{listed}'/></payload-type>"
    )


def test_redundancy_of_the_offered_opus_is_used() -> None:
    xml = with_payload(red("111/111"))
    made = bridge_offer(jingle(xml), ssrc=77)
    assert made.opus.payload_type == 111
    assert made.red == Payload(63, "RED", 48000, 2, "111/111")
    (content,) = accept(xml).contents
    assert content.description is not None
    names = [part.name for part in content.description.payload_types]
    assert names == ["red", "opus", "telephone-event"]


@pytest.mark.parametrize("listed", ["110/110", "111/0", ""])
def test_redundancy_of_something_else_is_left_out(listed: str) -> None:
    xml = with_payload(red(listed))
    assert bridge_offer(jingle(xml), ssrc=77).red is None
    (content,) = accept(xml).contents
    assert content.description is not None
    assert [part.name for part in content.description.payload_types] == ["opus", "telephone-event"]


def test_transport_wide_feedback_is_used_as_it_is_numbered() -> None:
    assert bridge_offer(jingle(offer("s1")), ssrc=77).transport_cc_id is None
    extension = (
        "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='7' "
        f"uri='{TRANSPORT_CC}'/><payload-type id='111'"
    )
    xml = offer("s1").replace("<payload-type id='111'", extension)
    assert bridge_offer(jingle(xml), ssrc=77).transport_cc_id == 7
    (content,) = accept(xml).contents
    assert content.description is not None
    assert TRANSPORT_CC in [part.uri for part in content.description.extensions]


def test_a_bridge_channel_is_found_where_one_is_offered() -> None:
    assert channel_url(jingle(offer("s1"))) is None
    url = "wss://host/colibri-ws/jvb1/conf/me?pwd=secret"
    inside = f"<web-socket xmlns='http://jitsi.org/protocol/colibri' url='{url}'/>"
    assert channel_url(jingle(offer("s1", transport=transport(inside)))) == url


def test_a_data_channel_that_is_offered_as_well_is_not_answered() -> None:
    data = (
        "<content name='data' creator='initiator'>"
        "<description xmlns='http://talky.io/ns/datachannel' media='application'/>"
        f"{transport()}</content>"
    )
    xml = offer("s1").replace("<content name='audio' c", f"{data}<content name='audio' c", 1)
    assert bridge_offer(jingle(xml), ssrc=77).ufrag == "uf1"
    assert [content.name for content in accept(xml).contents] == ["audio"]


def test_candidates_of_every_kind_are_passed_on() -> None:
    more = (
        CANDIDATE.replace("10.99.0.1", "2001:db8::1")
        + CANDIDATE.replace("'host'", "'srflx' rel-addr='10.99.0.1' rel-port='10000'").replace(
            "ip='10.99.0.1'", "ip='192.0.2.8'"
        )
        + CANDIDATE.replace("10.99.0.1", "host.local").replace("udp", "SSLTCP")
    )
    made = bridge_offer(jingle(offer("s1", transport=transport(more))), ssrc=77)
    assert [(part.host, part.type, part.related) for part in made.candidates] == [
        ("2001:db8::1", "host", None),
        ("192.0.2.8", "srflx", ("10.99.0.1", 10000)),
        ("host.local", "host", None),
    ]
    assert made.candidates[2].protocol == "ssltcp"


def test_an_offer_without_candidates_waits_for_them() -> None:
    assert bridge_offer(jingle(offer("s1", transport=transport())), ssrc=77).candidates == ()
    info = (
        "<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s1'>"
        "<content name='audio'>{}</content></jingle>"
    )
    (candidate,) = offered_candidates(jingle(info.format(transport(CANDIDATE))))
    assert candidate.host == "10.99.0.1"
    assert offered_candidates(jingle(info.format(""))) == ()


@pytest.mark.parametrize(
    ("xml", "missing"),
    [
        (offer("s1", transport=transport(ufrag="")), "ICE credentials"),
        (offer("s1", transport=transport(fingerprint="")), "fingerprint"),
        (offer("s1", transport=""), "no transport"),
        (offer("s1").replace("name='opus'", "name='PCMU'"), "Opus"),
        (offer("s1").replace("media='audio'", "media='video'"), "no audio"),
        ("<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1'/>", "no audio"),
    ],
)
def test_an_offer_that_lacks_what_we_need_says_what(xml: str, missing: str) -> None:
    with pytest.raises(JingleError, match=missing):
        bridge_offer(jingle(xml), ssrc=77)


def test_an_accept_has_what_the_focus_reads() -> None:
    made = accept(offer("s1"))
    assert (made.action, made.sid) == (Action.SESSION_ACCEPT, "s1")
    assert made.initiator == "focus@auth.meet.test/focus"
    assert made.responder == "me@meet.test/res"
    (content,) = made.contents
    assert (content.name, content.creator) == ("audio", "initiator")
    assert content.description is not None and content.transport is not None
    assert content.description.sources == (replace(OURS, owner="me"),)
    assert [part.uri for part in content.description.extensions] == [AUDIO_LEVEL]
    (fingerprint,) = content.transport.fingerprints
    assert (fingerprint.hash, fingerprint.value, fingerprint.setup) == (
        "sha-256",
        "AA:BB",
        "active",
    )
    assert (content.transport.ufrag, content.transport.pwd) == ("uf", "pw")
    assert [
        (part.host, part.port, part.related_host, part.related_port)
        for part in content.transport.candidates
    ] == [("192.0.2.7", 5000, "10.0.0.7", 5001), ("2001:db8::7", 5000, None, None)]


def offers_of(name: str) -> list[Jingle]:
    found = [
        Jingle.parse(part)
        for entry in trace(name)
        if entry.incoming
        for part in entry.stanza.iter("{urn:xmpp:jingle:1}jingle")
    ]
    return [each for each in found if each.action == Action.SESSION_INITIATE]


@pytest.mark.parametrize("name", NAMES)
def test_real_offers_can_be_taken_up(name: str) -> None:
    for offered in offers_of(name):
        ssrc = choose_ssrc(SourceRegistry(offered.sources).ssrcs)
        made = bridge_offer(offered, ssrc)
        assert (made.opus.payload_type, made.audio_level_id) == (111, 1)
        assert made.telephone_event is not None and made.telephone_event.payload_type == 126
        assert made.bridge_ssrc is not None
        assert [(part.host, part.port) for part in made.candidates] == [("10.99.0.1", 10000)]


def test_a_real_accept_and_ours_say_the_same() -> None:
    (sent,) = [
        Jingle.parse(part)
        for entry in trace("join-and-leave")
        if not entry.incoming
        for part in entry.stanza.iter("{urn:xmpp:jingle:1}jingle")
        if part.get("action") == "session-accept"
    ]
    (offered,) = offers_of("join-and-leave")
    assert sent.responder is not None
    (content,) = sent.contents
    assert content.transport is not None and content.description is not None
    (fingerprint,) = content.transport.fingerprints
    answer = BridgeAnswer(
        content.transport.ufrag or "",
        content.transport.pwd or "",
        Fingerprint(fingerprint.hash, fingerprint.value),
        fingerprint.setup,
        (),
    )
    (source,) = content.description.sources
    ours = session_accept(offered, answer, responder=sent.responder, source=source)
    assert ours.sid == sent.sid and ours.initiator == sent.initiator
    (made,) = ours.contents
    assert made.description is not None
    assert made.transport == content.transport
    assert made.description.sources == content.description.sources
    assert made.description.extensions == content.description.extensions
    assert made.description.payload_types[0].id == content.description.payload_types[0].id


def test_the_engine_hears_of_everybody_but_the_bridge_and_ourselves() -> None:
    registry = SourceRegistry(
        [
            SignalledSource("jvb", 1),
            SignalledSource("me", 2),
            SignalledSource("alice", 3),
            SignalledSource("bob", 4, media="video"),
        ]
    )
    assert engine_sources(registry, own="me") == (Source(3, "alice"),)


def test_an_ssrc_is_random_and_nobody_elses() -> None:
    taken = {choose_ssrc(()) for _ in range(200)}
    assert len(taken) == 200 and all(0 < ssrc <= MAX_SSRC for ssrc in taken)


def test_an_ssrc_that_is_taken_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([4, 4, 0, 8])
    monkeypatch.setattr("secrets.randbelow", lambda limit: next(drawn))
    assert choose_ssrc({5, 1}) == 9


@pytest.mark.parametrize("character", ["a", "\u00e9", "\u20ac", "\U0001f600"])
def test_as_many_sources_as_there_may_be_can_be_told_to_a_worker_whoever_owns_them(
    character: str,
) -> None:
    owner = character * (MAX_OWNER // len(character.encode()))
    registry = SourceRegistry(
        SignalledSource(owner, MAX_SSRC - number) for number in range(MAX_SOURCES)
    )
    order = SetSources("a" * 8, "b" * 32, engine_sources(registry, own="me", encrypting=[owner]))
    assert len(TO_WORKER.serialize(order)) < LONGEST
    assert not SourceRegistry([SignalledSource(owner + character, 1)]).audio
