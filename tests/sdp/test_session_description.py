import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SdpError
from gateway.sdp.session_description import (
    MAX_LINES,
    MAX_MEDIA,
    MAX_SIZE,
    Attribute,
    Direction,
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
)
from tests.helpers.examples import at_most
from tests.sdp import descriptions
from tests.sdp.descriptions import ASTERISK, CISCO, LINPHONE, VIDEO_FIRST, lines

parse = SessionDescription.parse

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"


def media(*attributes: str, m: str = "audio 4000 RTP/AVP 0") -> MediaDescription:
    """The medium of a description that has these attributes."""
    body = f"{HEAD}m={m}\r\n" + "".join(f"a={attribute}\r\n" for attribute in attributes)
    (only,) = parse(body.encode()).media
    return only


# --- inverse -------------------------------------------------------------------------------------

tokens = st.text(
    string.ascii_letters + string.digits + "!#$%&'*+.^_`{|}~-", min_size=1, max_size=12
)
texts = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40)
hosts = st.one_of(
    st.ip_addresses().map(str), st.just("pbx.example.org"), st.just("0.0.0.0"), st.just("::")
)
attributes = st.builds(
    Attribute,
    tokens.filter(lambda name: ":" not in name),
    st.one_of(st.none(), texts),
)
media_descriptions = st.builds(
    MediaDescription,
    kind=tokens.map(str.lower),
    port=st.integers(0, 65535),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "udptl", "TCP/MSRP"]),
    formats=st.lists(tokens, max_size=9).map(tuple),
    connection=st.one_of(st.none(), hosts),
    attributes=st.lists(attributes, max_size=6).map(tuple),
)
origins = st.builds(
    Origin,
    host=hosts,
    session_id=tokens,
    version=st.integers(0, 10**19 - 1),
    username=tokens,
)
session_descriptions = st.builds(
    SessionDescription,
    origin=origins,
    media=st.lists(media_descriptions, max_size=5).map(tuple),
    connection=st.one_of(st.none(), hosts),
    attributes=st.lists(attributes, max_size=4).map(tuple),
    name=texts.map(str.strip).filter(bool),
    times=st.lists(st.sampled_from(["0 0", "2873397496 2873404696"]), min_size=1, max_size=2).map(
        tuple
    ),
)


@at_most(50)
@given(session_descriptions)
def test_what_is_serialized_is_parsed_as_what_it_was(description: SessionDescription) -> None:
    assert parse(description.serialize()) == description


@pytest.mark.parametrize("name", descriptions.ALL)
def test_what_is_parsed_is_serialized_to_the_same_meaning(name: str) -> None:
    parsed = parse(descriptions.ALL[name])
    assert parse(parsed.serialize()) == parsed


@pytest.mark.parametrize("name", descriptions.ALL)
def test_the_lines_of_media_are_kept_as_they_are(name: str) -> None:
    body = descriptions.ALL[name]
    wanted = [line for line in body.split(b"\r\n") if line.startswith(b"m=")]
    got = [line for line in parse(body).serialize().split(b"\r\n") if line.startswith(b"m=")]
    assert got == wanted


@given(st.binary(max_size=300))
def test_no_octets_do_anything_but_parse_or_raise_an_sdp_error(data: bytes) -> None:
    for body in (data, HEAD.encode() + data, HEAD.encode() + b"m=audio 9 RTP/AVP 0\r\na=" + data):
        try:
            parsed = parse(body)
        except SdpError:
            continue
        assert parse(parsed.serialize()).media == parsed.media
        for part in parsed.media:
            assert isinstance(parsed.direction_of(part), Direction)
            _ = part.rtpmaps, part.fmtps, part.ptime, part.maxptime, part.rtcp


# --- reading -------------------------------------------------------------------------------------


def test_a_description_is_read() -> None:
    asterisk = parse(ASTERISK)
    assert asterisk.origin == Origin("192.0.2.10", "1718963712", 1718963712, "-")
    assert asterisk.name == "Asterisk"
    assert asterisk.connection == "192.0.2.10"
    (audio,) = asterisk.media
    assert (audio.kind, audio.port, audio.protocol) == ("audio", 14326, "RTP/AVP")
    assert audio.formats == ("107", "0", "8", "9", "101")
    assert audio.rtpmaps[107] == RtpMap("OPUS", 48000, 2)
    assert audio.rtpmaps[101] == RtpMap("TELEPHONE-EVENT", 8000)
    assert audio.fmtps == {107: "useinbandfec=1", 101: "0-16"}
    assert (audio.ptime, audio.maxptime, audio.rtcp) == (20, 140, None)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\r\n", "\n\n", "\r\n\r\n"])
def test_any_line_end_will_do(end: str) -> None:
    text = ASTERISK.decode().replace("\r\n", "\n")
    assert parse(lines(text, end)) == parse(ASTERISK)


def test_the_last_line_needs_no_end() -> None:
    assert parse(ASTERISK.rstrip()) == parse(ASTERISK)


def test_spaces_at_the_end_of_a_line_change_nothing() -> None:
    spaced = CISCO.replace(b"\r\n", b" \r\n")
    (audio,) = parse(spaced).media
    assert audio.formats == ("18", "0", "98", "19")
    assert audio.rtpmaps == parse(CISCO).media[0].rtpmaps
    assert parse(spaced).direction_of(audio) is Direction.SENDRECV
    assert parse(spaced).connection_of(audio) == "203.0.113.5"


def test_a_medium_has_its_own_address_or_that_of_the_session() -> None:
    first, *_ = parse(VIDEO_FIRST).media
    assert parse(VIDEO_FIRST).connection_of(first) == "203.0.113.2"
    (asterisk,) = parse(ASTERISK).media
    assert parse(ASTERISK).connection_of(asterisk) == "192.0.2.10"


def test_ipv6_is_read_and_written() -> None:
    linphone = parse(LINPHONE)
    assert linphone.connection == "2001:db8::5"
    assert linphone.media[0].rtcp == (7079, "2001:db8::6")
    assert b"c=IN IP6 2001:db8::5\r\n" in linphone.serialize()
    assert b"o=alice 3405 1527 IN IP6 2001:db8::5\r\n" in linphone.serialize()


def test_the_scope_of_a_multicast_address_is_left_out() -> None:
    assert parse(f"{HEAD}m=audio 9 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127\r\n".encode()).media[
        0
    ].connection == ("233.252.0.1")


@pytest.mark.parametrize(
    ("at_session", "at_media", "direction"),
    [
        ((), (), Direction.SENDRECV),
        (("sendonly",), (), Direction.SENDONLY),
        (("sendonly",), ("inactive",), Direction.INACTIVE),
        ((), ("recvonly",), Direction.RECVONLY),
        ((), ("recvonly", "sendrecv"), Direction.RECVONLY),  # the first counts
        ((), ("sendonly:yes",), Direction.SENDRECV),  # not the attribute of that name
        ((), ("SendOnly",), Direction.SENDRECV),
    ],
)
def test_the_direction_of_a_medium_goes_before_that_of_the_session(
    at_session: tuple[str, ...], at_media: tuple[str, ...], direction: Direction
) -> None:
    session = "".join(f"a={name}\r\n" for name in at_session)
    medium = "".join(f"a={name}\r\n" for name in at_media)
    parsed = parse(f"{HEAD}{session}m=audio 9 RTP/AVP 0\r\n{medium}".encode())
    assert parsed.direction_of(parsed.media[0]) is direction


@pytest.mark.parametrize(
    ("attribute", "milliseconds"),
    [
        ("ptime:20", 20),
        ("ptime: 30 ", 30),
        ("ptime:20.0", 20),
        ("ptime:0", None),
        ("ptime:", None),
        ("ptime", None),
        ("ptime:-20", None),
        ("ptime:٢٠", None),
        ("ptime:99999", None),
        ("ptime:twenty", None),
    ],
)
def test_a_packet_time_is_a_number_of_milliseconds(
    attribute: str, milliseconds: int | None
) -> None:
    assert media(attribute).ptime == milliseconds
    assert media(f"max{attribute}").maxptime == milliseconds


@pytest.mark.parametrize(
    ("attribute", "rtcp"),
    [
        ("rtcp:4005", (4005, None)),
        ("rtcp:4005 IN IP4 192.0.2.9", (4005, "192.0.2.9")),
        ("rtcp:0", None),
        ("rtcp:70000", None),
        ("rtcp:4005 IN IP5 x", None),
        ("rtcp", None),
    ],
)
def test_rtcp_may_be_elsewhere(attribute: str, rtcp: tuple[int, str | None] | None) -> None:
    assert media(attribute).rtcp == rtcp


def test_of_two_maps_of_a_payload_type_the_first_counts() -> None:
    maps = media("rtpmap:96 opus/48000/2", "rtpmap:96 PCMU/8000").rtpmaps
    assert maps == {96: RtpMap("OPUS", 48000, 2)}


def test_maps_that_make_no_sense_are_left_out() -> None:
    wrong = ("rtpmap:x PCMU/8000", "rtpmap:96 PCMU", "rtpmap:96 /8000", "rtpmap", "rtpmap:")
    assert media(*wrong).rtpmaps == {}


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("o=- 1 1 IN IP4 192.0.2.1", "192.0.2.1"),
        ("o=John Doe 1 1 IN IP4 192.0.2.1", "0.0.0.0"),
        ("o=", "0.0.0.0"),
        ("", "0.0.0.0"),
    ],
)
def test_an_odd_origin_is_no_reason_to_refuse_a_call(line: str, host: str) -> None:
    body = f"v=0\r\n{line}\r\nc=IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0\r\n"
    assert parse(body.encode()).origin.host == host


def test_a_version_that_is_no_number_is_none_at_all() -> None:
    for version in ("x", "-1", "1" * 20, "٣"):
        assert parse(f"v=0\r\no=- 1 {version} IN IP4 a\r\n".encode()).origin.version == 0


def test_lines_that_are_missing_have_their_defaults() -> None:
    bare = parse(b"v=0\r\nm=audio 9 RTP/AVP 0\r\n")
    assert (bare.name, bare.times, bare.connection) == ("-", ("0 0",), None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        b"o=- 1 1 IN IP4 a\r\nv=0\r\n",
        HEAD.encode() + b"m=audio\r\n",
        HEAD.encode() + b"m=audio x RTP/AVP 0\r\n",
        HEAD.encode() + b"m=audio -1 RTP/AVP 0\r\n",
        HEAD.encode() + b"m=audio 65536 RTP/AVP 0\r\n",
        HEAD.encode() + b"m=audio 123456 RTP/AVP 0\r\n",
        HEAD.encode() + b"m=\r\n",
        b"v=0\r\nc=IN IP4\r\nm=audio 9 RTP/AVP 0\r\n",
        b"v=0\r\nc=ATM NSAP 47.0\r\nm=audio 9 RTP/AVP 0\r\n",
        HEAD.encode() + b"m=audio 9 RTP/AVP 0\r\n" * MAX_MEDIA,
        HEAD.encode() + b"a=x\r\n" * MAX_LINES,
        HEAD.encode() + b"a=" + b"x" * MAX_SIZE,
    ],
)
def test_what_no_call_can_be_made_from_is_an_error(body: bytes) -> None:
    with pytest.raises(SdpError):
        parse(body)


def test_a_port_with_a_count_is_that_port() -> None:
    assert media(m="audio 49170/2 RTP/AVP 31").port == 49170


def test_the_formats_of_a_line_are_what_stands_there() -> None:
    assert media(m="audio 4000 RTP/AVP 0").formats == ("0",)
    assert media(m="audio 4000 RTP/AVP").formats == ()
    assert media(m="application 9 TCP/TLS/BFCP *").formats == ("*",)


def test_a_medium_is_lower_case_and_its_protocol_is_as_written() -> None:
    fax = media(m="Image 4000 udptl t38")
    assert (fax.kind, fax.protocol) == ("image", "udptl")


def test_the_next_description_of_a_session_has_the_next_version() -> None:
    assert Origin("a", "7", 41).raised() == Origin("a", "7", 42)
