import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sdp.formats import DEFAULT_CODECS, Format, offered_formats
from gateway.sdp.offer_answer import (
    Agreement,
    NotAcceptable,
    make_answer,
    make_offer,
    offer_again,
    read_answer,
)
from gateway.sdp.session_description import (
    Attribute,
    Direction,
    MediaDescription,
    Origin,
    SessionDescription,
)
from tests.sdp.descriptions import (
    ALL,
    ASTERISK,
    CISCO,
    FREESWITCH,
    LINPHONE,
    OLD_HOLD,
    SIPP,
    VIDEO_FIRST,
)

LOCAL = ("198.51.100.1", 20000)
ORIGIN = Origin("198.51.100.1", "77", 1)

PCMU, PCMA, G722 = Format(0, "PCMU", 8000), Format(8, "PCMA", 8000), Format(9, "G722", 8000)
WIDE_BAND = "useinbandfec=1;stereo=0;maxplaybackrate=16000"


def opus(payload_type: int, parameters: str = "") -> Format:
    return Format(payload_type, "OPUS", 48000, 2, parameters)


def events(payload_type: int, clock_rate: int = 8000) -> Format:
    return Format(payload_type, "TELEPHONE-EVENT", clock_rate, parameters="0-15")


def noise(payload_type: int = 13) -> Format:
    return Format(payload_type, "CN", 8000)


def answer(body: bytes, *codecs: str) -> tuple[SessionDescription, Agreement]:
    return make_answer(SessionDescription.parse(body), LOCAL, ORIGIN, codecs or DEFAULT_CODECS)


def offer(*attributes: str, m: str = "audio 4000 RTP/AVP 0", c: str = "IN IP4 192.0.2.1") -> bytes:
    text = "".join(f"a={attribute}\r\n" for attribute in attributes)
    return f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc={c}\r\nt=0 0\r\nm={m}\r\n{text}".encode()


# --- what is really offered ----------------------------------------------------------------------


def test_asterisk_is_answered_with_the_codec_that_we_like_best() -> None:
    description, agreed = answer(ASTERISK)
    assert agreed.formats == (opus(107, "useinbandfec=1"), G722, PCMA, PCMU, events(101))
    assert agreed.remote == ("192.0.2.10", 14326)
    assert agreed.remote_rtcp == ("192.0.2.10", 14327)
    assert (agreed.ptime, agreed.direction) == (20, Direction.SENDRECV)
    assert description.serialize() == (
        b"v=0\r\n"
        b"o=- 77 1 IN IP4 198.51.100.1\r\n"
        b"s=-\r\n"
        b"c=IN IP4 198.51.100.1\r\n"
        b"t=0 0\r\n"
        b"m=audio 20000 RTP/AVP 107 101\r\n"
        b"a=rtpmap:107 opus/48000/2\r\n"
        b"a=fmtp:107 " + WIDE_BAND.encode() + b"\r\n"
        b"a=rtpmap:101 telephone-event/8000\r\n"
        b"a=fmtp:101 0-15\r\n"
        b"a=ptime:20\r\n"
        b"a=sendrecv\r\n"
    )


def test_freeswitch_leaves_out_what_static_payload_types_mean() -> None:
    description, agreed = answer(FREESWITCH)
    assert agreed.formats == (PCMA, PCMU, events(101), noise())
    assert description.media[0].formats == ("8", "101", "13")
    assert b"a=rtpmap:13 CN/8000\r\n" in description.serialize()


def test_cisco_has_another_number_for_events_and_another_address_for_media() -> None:
    description, agreed = answer(CISCO)
    assert agreed.formats == (PCMU, events(98), noise(19))
    assert agreed.remote == ("203.0.113.5", 17388)
    assert description.media[0].formats == ("0", "98", "19")


def test_linphone_gets_feedback_events_at_the_rate_of_the_audio_and_no_video() -> None:
    description, agreed = answer(LINPHONE)
    assert agreed.formats == (opus(96, "useinbandfec=1"), PCMA, PCMU, events(101, 48000))
    assert description.media[0].formats == ("96", "101")
    assert agreed.remote == ("2001:db8::5", 7078)
    assert agreed.remote_rtcp == ("2001:db8::6", 7079)
    audio, video = description.media
    assert (audio.protocol, audio.port) == ("RTP/AVPF", 20000)
    assert b"m=video 0 RTP/AVPF 96\r\n" in description.serialize()
    assert video.attributes == ()


def test_sipp_gets_no_events_it_has_not_offered() -> None:
    description, agreed = answer(SIPP)
    assert agreed.formats == (PCMU,)
    assert description.media[0].formats == ("0",)


def test_the_first_audio_we_can_serve_is_taken_and_everything_else_is_refused_in_its_place() -> (
    None
):
    description, agreed = answer(VIDEO_FIRST)
    assert agreed.remote == ("203.0.113.3", 49130)
    assert agreed.direction is Direction.RECVONLY
    assert [line for line in description.serialize().split(b"\r\n") if line[:2] == b"m="] == [
        b"m=video 0 RTP/AVP 31 99",
        b"m=application 0 TCP/TLS/BFCP *",
        b"m=audio 0 RTP/SAVP 0",
        b"m=audio 20000 RTP/AVP 8",
        b"m=audio 0 RTP/AVP 8",
        b"m=image 0 udptl t38",
    ]
    assert description.times == ("2873397496 2873404696",)  # RFC 3264 section 6


def test_an_address_of_zeros_is_hold_and_nothing_is_sent_to_it() -> None:
    description, agreed = answer(OLD_HOLD)
    assert agreed.remote is None and agreed.remote_rtcp is None
    assert agreed.direction is Direction.RECVONLY
    assert b"a=recvonly\r\n" in description.serialize()


# --- which codec ---------------------------------------------------------------------------------


LIMITED = "maxaveragebitrate=20000; useinbandfec=1"
EVERYTHING = (
    "rtpmap:96 OPUS/48000/2",
    f"fmtp:96 {LIMITED}",
    "rtpmap:9 g722/8000",
    "rtpmap:101 telephone-event/8000",
    "rtpmap:102 telephone-event/48000",
    "rtpmap:13 cn/8000",
)
ALL_OF_IT = "audio 4000 RTP/AVP 0 8 13 9 101 96 102"


@pytest.mark.parametrize(
    ("codecs", "formats", "answered"),
    [
        (
            DEFAULT_CODECS,
            (
                opus(96, LIMITED),
                G722,
                PCMA,
                PCMU,
                events(102, 48000),
            ),
            ("96", "102"),
        ),
        (
            ("G722", "OPUS"),
            (G722, opus(96, LIMITED), events(101)),
            ("9", "101"),
        ),
        (("PCMU", "PCMA"), (PCMU, PCMA, events(101), noise()), ("0", "101", "13")),
        (("PCMA",), (PCMA, events(101), noise()), ("8", "101", "13")),
    ],
)
def test_our_order_decides_and_the_rest_goes_by_the_clock_of_what_is_taken(
    codecs: tuple[str, ...], formats: tuple[Format, ...], answered: tuple[str, ...]
) -> None:
    description, agreed = answer(offer(*EVERYTHING, m=ALL_OF_IT), *codecs)
    assert agreed.formats == formats
    assert description.media[0].formats == answered


def test_what_a_phone_wants_to_be_sent_is_not_what_we_do() -> None:
    description, agreed = answer(offer(*EVERYTHING, m=ALL_OF_IT))
    assert agreed.formats[0].parameters == LIMITED
    assert description.media[0].fmtps[96] == WIDE_BAND


def test_opus_may_be_written_without_its_channels() -> None:
    description, agreed = answer(offer("rtpmap:96 opus/48000", m="audio 4000 RTP/AVP 0 96"))
    assert agreed.formats == (Format(96, "OPUS", 48000), PCMU)
    assert b"a=rtpmap:96 opus/48000\r\n" in description.serialize()


def test_key_presses_of_no_fitting_clock_are_left_out() -> None:
    _, agreed = answer(offer("rtpmap:101 telephone-event/16000", m="audio 4000 RTP/AVP 9 101"))
    assert agreed.formats == (G722,)
    _, agreed = answer(offer("rtpmap:101 telephone-event/48000", m="audio 4000 RTP/AVP 9 101"))
    assert agreed.formats == (G722,)


def test_comfort_noise_is_no_audio() -> None:
    with pytest.raises(NotAcceptable):
        answer(offer(m="audio 4000 RTP/AVP 13"))


# --- directions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "ours", "with_zeros"),
    [
        ("sendrecv", "sendrecv", "recvonly"),
        ("sendonly", "recvonly", "recvonly"),
        ("recvonly", "sendonly", "inactive"),
        ("inactive", "inactive", "inactive"),
    ],
)
def test_a_direction_is_answered_with_its_reverse(offered: str, ours: str, with_zeros: str) -> None:
    for connection, direction in (
        ("IN IP4 192.0.2.1", ours),
        ("IN IP4 0.0.0.0", with_zeros),
        ("IN IP6 ::", with_zeros),
    ):
        description, agreed = answer(offer(offered, c=connection))
        assert agreed.direction.value == direction
        assert description.direction_of(description.media[0]) is agreed.direction


# --- packet times --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [
        ((), 20),
        (("ptime:10",), 10),
        (("ptime:30",), 30),
        (("ptime:60",), 60),
        (("ptime:25",), 20),
        (("ptime:5",), 10),
        (("ptime:200",), 60),
        (("ptime:30", "maxptime:20"), 20),
        (("maxptime:10",), 10),
        (("maxptime:150",), 20),
        (("ptime:40", "maxptime:40"), 40),
        (("ptime:0",), 20),
    ],
)
def test_packets_are_as_long_as_the_peer_wants_within_what_we_make(
    attributes: tuple[str, ...], ptime: int
) -> None:
    description, agreed = answer(offer(*attributes))
    assert agreed.ptime == ptime
    assert description.media[0].ptime == ptime


@pytest.mark.parametrize(("wanted", "ptime"), [(10, 10), (30, 20), (40, 40), (50, 40), (60, 60)])
def test_opus_has_no_frames_of_30_or_50_milliseconds(wanted: int, ptime: int) -> None:
    lines = ("rtpmap:96 opus/48000/2", f"ptime:{wanted}")
    description, agreed = answer(offer(*lines, m="audio 4000 RTP/AVP 96"))
    assert agreed.ptime == description.media[0].ptime == ptime


# --- what cannot be served -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        offer(m="audio 4000 RTP/AVP 18"),
        offer(m="audio 4000 RTP/AVP 96"),  # 96 of what?
        offer(m="audio 0 RTP/AVP 0"),
        offer(m="audio 4000 RTP/SAVP 0"),
        offer(m="audio 4000 UDP/TLS/RTP/SAVPF 0"),
        offer(m="video 4000 RTP/AVP 0"),
        offer(m="audio 4000 RTP/AVP"),
        offer("rtpmap:101 telephone-event/8000", m="audio 4000 RTP/AVP 101"),  # no audio
        offer("rtpmap:0 L16/44100", m="audio 4000 RTP/AVP 0"),
        offer("rtpmap:96 PCMU/16000", m="audio 4000 RTP/AVP 96"),
        offer("rtpmap:96 PCMU/8000/2", m="audio 4000 RTP/AVP 96"),
        offer("rtpmap:128 PCMU/8000", m="audio 4000 RTP/AVP 128"),
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n",
    ],
)
def test_an_offer_of_nothing_we_have_is_not_acceptable(body: bytes) -> None:
    with pytest.raises(NotAcceptable):
        answer(body)


def test_a_codec_may_have_any_number_and_any_case() -> None:
    description, agreed = answer(
        offer("rtpmap:111 pcma/8000/1", "rtpmap:0 speex/8000", m="audio 4000 RTP/AVP 0 111")
    )
    assert agreed.formats == (Format(111, "PCMA", 8000),)
    assert description.media[0].formats == ("111",)


def test_the_case_of_a_profile_does_not_matter_and_is_given_back() -> None:
    description, _ = answer(offer(m="audio 4000 rtp/avp 0"))
    assert description.media[0].protocol == "rtp/avp"


@pytest.mark.parametrize(
    ("connection", "remote"),
    [
        ("IN IP4 192.0.2.1", ("192.0.2.1", 4000)),
        ("IN IP6 2001:DB8:0::1", ("2001:db8::1", 4000)),
        ("IN IP6 ::ffff:192.0.2.1", ("192.0.2.1", 4000)),  # RFC 5118 section 4.9
        ("IN IP4 phone.example.org", None),  # the phone's own packets will show the way
        ("IN IP4 224.2.1.1/127/3", None),
        ("IN IP6 FF02::1", None),
        ("IN IP6 ::ffff:239.1.1.1", None),
    ],
)
def test_only_a_literal_address_can_be_sent_to(
    connection: str, remote: tuple[str, int] | None
) -> None:
    _, agreed = answer(offer(c=connection))
    assert agreed.remote == remote
    assert (agreed.remote_rtcp is None) == (remote is None)
    assert agreed.direction is Direction.SENDRECV


def test_without_an_address_nothing_is_sent_until_the_phone_is_heard() -> None:
    _, agreed = answer(b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert agreed.remote is None


def test_a_peer_that_repeats_our_own_address_is_sent_nothing_until_it_is_heard() -> None:
    _, agreed = answer(offer(m="audio 20000 RTP/AVP 0", c="IN IP4 198.51.100.1"))
    assert (agreed.remote, agreed.remote_rtcp) == (None, None)
    ours = make_offer(LOCAL, ORIGIN)
    agreed = read_answer(ours, ours)
    assert (agreed.remote, agreed.remote_rtcp) == (None, None)


def test_the_port_of_another_call_of_ours_is_a_peer_like_others() -> None:
    _, agreed = answer(offer(m="audio 20002 RTP/AVP 0", c="IN IP4 198.51.100.1"))
    assert agreed.remote == ("198.51.100.1", 20002)


def test_rtcp_has_the_next_port_if_there_is_one() -> None:
    assert answer(offer(m="audio 65535 RTP/AVP 0"))[1].remote_rtcp is None
    assert answer(offer("rtcp:5000"))[1].remote_rtcp == ("192.0.2.1", 5000)
    assert answer(offer("rtcp:5000 IN IP4 192.0.2.7"))[1].remote_rtcp == ("192.0.2.7", 5000)


def test_rtcp_shares_the_port_of_rtp_where_both_sides_want_that() -> None:
    description, agreed = answer(offer("rtcp-mux", "rtcp:5000"))
    assert description.media[0].has("rtcp-mux")
    assert (agreed.rtcp_mux, agreed.remote_rtcp) == (True, ("192.0.2.1", 4000))
    description, agreed = answer(offer())
    assert not (description.media[0].has("rtcp-mux") or agreed.rtcp_mux)
    assert read_answer(
        make_offer(LOCAL, ORIGIN), SessionDescription.parse(offer("rtcp-mux"))
    ).rtcp_mux
    assert not read_answer(make_offer(LOCAL, ORIGIN), SessionDescription.parse(offer())).rtcp_mux


def test_rtcp_keeps_its_port_where_a_payload_type_looks_like_it() -> None:
    lines = ("rtpmap:72 PCMU/8000", "rtcp-mux")
    description, agreed = answer(offer(*lines, m="audio 4000 RTP/AVP 72"))
    assert not (description.media[0].has("rtcp-mux") or agreed.rtcp_mux)


def test_multiplexing_that_was_not_offered_does_not_hold() -> None:
    ours = make_answer(SessionDescription.parse(offer()), LOCAL, ORIGIN)[0]
    again = offer_again(ours, ORIGIN.raised())
    assert not read_answer(again, SessionDescription.parse(offer("rtcp-mux"))).rtcp_mux


# --- any offer -----------------------------------------------------------------------------------

rtpmaps = st.builds(
    "rtpmap:{} {}".format,
    st.sampled_from([0, 8, 9, 13, 96, 97, 98, 130]),
    st.sampled_from(
        [
            "PCMU/8000",
            "pcma/8000",
            "g722/8000",
            "telephone-event/8000",
            "Telephone-Event/48000",
            "opus/48000/2",
            "OPUS/48000",
            "CN/8000",
            "PCMU/16000",
            "x",
        ]
    ),
)
attributes = st.one_of(
    rtpmaps,
    st.sampled_from(
        ["rtcp-mux", "sendonly", "recvonly", "inactive", "sendrecv", "rtcp:9 IN IP4 192.0.2.3"]
    ),
    st.builds("ptime:{}".format, st.integers(0, 300)),
    st.builds("maxptime:{}".format, st.integers(0, 300)),
).map(lambda text: Attribute(text.partition(":")[0], text.partition(":")[2] or None))
offered_media = st.builds(
    MediaDescription,
    kind=st.sampled_from(["audio", "audio", "video", "image"]),
    port=st.sampled_from([0, 9, 4000, 65535]),
    protocol=st.sampled_from(["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "udptl"]),
    formats=st.lists(
        st.sampled_from(["0", "8", "9", "13", "18", "96", "97", "98", "130", "*"]), max_size=6
    ).map(tuple),
    connection=st.sampled_from([None, "192.0.2.2", "0.0.0.0", "::", "host.example"]),
    attributes=st.lists(attributes, max_size=6).map(tuple),
)
offers = st.builds(
    SessionDescription,
    origin=st.just(Origin("192.0.2.1")),
    media=st.lists(offered_media, max_size=5).map(tuple),
    connection=st.sampled_from([None, "192.0.2.1"]),
    attributes=st.sampled_from([(), (Attribute("sendonly"),)]),
)


our_codecs = st.permutations(DEFAULT_CODECS).flatmap(
    lambda codecs: st.integers(1, len(codecs)).map(lambda count: tuple(codecs[:count]))
)


@given(offers, our_codecs)
def test_every_answer_fits_its_offer(offered: SessionDescription, codecs: tuple[str, ...]) -> None:
    try:
        made, agreed = make_answer(offered, LOCAL, ORIGIN, codecs)
    except NotAcceptable:
        return
    description = SessionDescription.parse(made.serialize())
    assert description == made  # what goes out is what was meant
    assert len(description.media) == len(offered.media)
    taken = [
        (ours, theirs)
        for ours, theirs in zip(description.media, offered.media, strict=True)
        if ours.port != 0
    ]
    assert len(taken) == 1
    for ours, theirs in zip(description.media, offered.media, strict=True):
        assert (ours.kind, ours.protocol) == (theirs.kind, theirs.protocol)
        assert set(ours.formats) <= set(theirs.formats)
    ((ours, theirs),) = taken
    assert theirs.has("rtcp-mux") or not ours.has("rtcp-mux")
    assert ours.has("rtcp-mux") is agreed.rtcp_mux
    assert ours.kind == "audio" and theirs.port != 0
    assert 10 <= agreed.ptime <= 60 and agreed.ptime % 10 == 0
    audio = [part for part in agreed.formats if part.is_audio]
    rest = agreed.formats[len(audio) :]
    assert not any(part.is_audio for part in rest)
    places = [codecs.index(part.encoding) for part in audio]
    assert places == sorted(places)
    assert ours.formats == tuple(str(part.payload_type) for part in (audio[0], *rest))
    assert all(part.clock_rate in (8000, audio[0].clock_rate) for part in rest)
    assert len({part.encoding for part in rest}) == len(rest)
    allowed = {
        Direction.SENDRECV: {Direction.SENDRECV, Direction.RECVONLY},
        Direction.SENDONLY: {Direction.RECVONLY},
        Direction.RECVONLY: {Direction.SENDONLY, Direction.INACTIVE},
        Direction.INACTIVE: {Direction.INACTIVE},
    }
    assert agreed.direction in allowed[offered.direction_of(theirs)]
    assert description.direction_of(ours) is agreed.direction


@pytest.mark.parametrize("name", ALL)
def test_our_answer_to_a_real_offer_is_one_we_would_accept_ourselves(name: str) -> None:
    offered = SessionDescription.parse(ALL[name])
    description, agreed = make_answer(offered, LOCAL, ORIGIN)
    (ours,) = [part for part in description.media if part.port]
    read = read_answer(
        SessionDescription(offered.origin, (ours,), "192.0.2.1"),
        SessionDescription(description.origin, (ours,), description.connection),
    )
    assert read.formats[0].is_like(agreed.formats[0])
    assert read.formats[0].payload_type == agreed.formats[0].payload_type


# --- our own offers ------------------------------------------------------------------------------


def test_what_we_offer() -> None:
    assert make_offer(LOCAL, ORIGIN).serialize() == (
        b"v=0\r\n"
        b"o=- 77 1 IN IP4 198.51.100.1\r\n"
        b"s=-\r\n"
        b"c=IN IP4 198.51.100.1\r\n"
        b"t=0 0\r\n"
        b"m=audio 20000 RTP/AVP 111 9 8 0 110 101\r\n"
        b"a=rtpmap:111 opus/48000/2\r\n"
        b"a=fmtp:111 " + WIDE_BAND.encode() + b"\r\n"
        b"a=rtpmap:9 G722/8000\r\n"
        b"a=rtpmap:8 PCMA/8000\r\n"
        b"a=rtpmap:0 PCMU/8000\r\n"
        b"a=rtpmap:110 telephone-event/48000\r\n"
        b"a=fmtp:110 0-15\r\n"
        b"a=rtpmap:101 telephone-event/8000\r\n"
        b"a=fmtp:101 0-15\r\n"
        b"a=ptime:20\r\n"
        b"a=rtcp-xr:voip-metrics rcvr-rtt=all\r\n"
        b"a=rtcp-mux\r\n"
        b"a=sendrecv\r\n"
    )


def test_we_offer_no_more_than_is_configured() -> None:
    offered = make_offer(LOCAL, ORIGIN, formats=offered_formats(("PCMU", "G722")))
    assert offered.media[0].formats == ("0", "9", "101")


@pytest.mark.parametrize(
    ("lines", "numbers", "formats"),
    [
        ((), "111 110", (opus(111), events(110, 48000))),
        ((), "111 101 110", (opus(111), events(110, 48000), events(101))),
        ((), "111 101", (opus(111), events(101))),
        ((), "9 110 101", (G722, events(101))),
        ((), "0 111 101", (PCMU, opus(111), events(101))),
        (("rtpmap:13 CN/8000",), "0 101 13", (PCMU, events(101))),
    ],
)
def test_the_order_of_an_answer_is_the_peers(
    lines: tuple[str, ...], numbers: str, formats: tuple[Format, ...]
) -> None:
    maps = ("opus/48000/2", "telephone-event/48000", "telephone-event/8000")
    named = [f"rtpmap:{number} {name}" for number, name in zip((111, 110, 101), maps, strict=True)]
    body = offer(*named, *lines, m=f"audio 4000 RTP/AVP {numbers}")
    agreed = read_answer(make_offer(LOCAL, ORIGIN), SessionDescription.parse(body))
    assert agreed.formats == formats


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        ("rtcp-xr:voip-metrics", "voip-metrics"),
        ("rtcp-xr:pkt-loss-rle=400 VoIP-Metrics rcvr-rtt=all:10000", "voip-metrics rcvr-rtt=all"),
        ("rtcp-xr:rcvr-rtt=sender stat-summary=loss", None),
        ("rtcp-xr", None),
    ],
)
def test_extended_reports_are_those_both_have(wanted: str, agreed: str | None) -> None:
    description, holds = answer(offer(wanted))
    assert description.media[0].value("rtcp-xr") == agreed
    assert holds.extended_reports == frozenset((agreed or "").split())


def test_extended_reports_may_be_wanted_of_the_whole_session() -> None:
    body = offer().replace(b"t=0 0\r\n", b"t=0 0\r\na=rtcp-xr:voip-metrics\r\n")
    _, holds = answer(body)
    assert holds.extended_reports == {"voip-metrics"}


def test_an_answer_to_our_offer_is_read_with_the_numbers_it_has_and_ours_may_come() -> None:
    agreed = read_answer(
        make_offer(LOCAL, ORIGIN),
        SessionDescription.parse(
            offer(
                "rtpmap:96 telephone-event/8000", "sendonly", "ptime:30", m="audio 9 RTP/AVP 8 96"
            )
        ),
    )
    assert agreed.formats == (PCMA, events(96), events(101))
    assert (agreed.direction, agreed.ptime) == (Direction.RECVONLY, 30)
    assert agreed.remote == ("192.0.2.1", 9)


def test_of_our_numbers_those_may_come_that_the_peer_has_not_taken_for_something_else() -> None:
    names = ("rtpmap:96 opus/48000/2", "rtpmap:111 telephone-event/8000")
    body = offer(*names, m="audio 4000 RTP/AVP 96 111")
    agreed = read_answer(make_offer(LOCAL, ORIGIN), SessionDescription.parse(body))
    assert [(part.payload_type, part.encoding) for part in agreed.formats] == [
        (96, "OPUS"),
        (111, "TELEPHONE-EVENT"),
        (101, "TELEPHONE-EVENT"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        offer(m="audio 0 RTP/AVP 0"),
        offer(m="audio 4000 RTP/AVP 18"),
        offer(m="video 4000 RTP/AVP 0"),
        b"v=0\r\n",
    ],
)
def test_an_answer_that_refuses_our_audio_is_not_acceptable(body: bytes) -> None:
    with pytest.raises(NotAcceptable):
        read_answer(make_offer(LOCAL, ORIGIN), SessionDescription.parse(body))


def test_an_answer_cannot_take_what_was_not_offered() -> None:
    offered = make_offer(LOCAL, ORIGIN, formats=offered_formats(("PCMU",)))
    with pytest.raises(NotAcceptable):
        read_answer(offered, SessionDescription.parse(offer(m="audio 4000 RTP/AVP 8")))


@given(
    st.sampled_from(Direction),
    st.sampled_from([10, 20, 40, 60]),
    our_codecs,
    st.permutations(DEFAULT_CODECS),
)
def test_two_of_us_agree(
    direction: Direction, ptime: int, codecs: tuple[str, ...], others: list[str]
) -> None:
    formats = offered_formats(codecs)
    offered = make_offer(LOCAL, ORIGIN, formats=formats, direction=direction, ptime=ptime)
    answered, theirs = make_answer(offered, ("192.0.2.9", 5000), Origin("192.0.2.9"), others)
    ours = read_answer(offered, answered)
    assert ours.ptime == theirs.ptime == ptime
    assert theirs.remote == LOCAL and ours.remote == ("192.0.2.9", 5000)
    best = next(name for name in others if name in codecs)
    assert ours.formats[0] == theirs.formats[0]
    assert ours.formats[0].encoding == best
    assert ours.formats[1].clock_rate == theirs.formats[-1].clock_rate == ours.formats[0].clock_rate
    assert ours.direction is direction
