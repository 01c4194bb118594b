import contextlib
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SipSyntaxError
from gateway.sip.framing import PING, PONG, StreamFramer
from gateway.sip.message import MAX_MESSAGE_SIZE
from tests.helpers.examples import at_most
from tests.sip.wire import OFFER, request

INVITE = request(body=OFFER)
ACK = request("ACK")


def feed(*chunks: bytes) -> list[bytes]:
    framer = StreamFramer()
    return [message for chunk in chunks for message in framer.feed(chunk)]


def test_messages_in_one_chunk_are_cut_apart() -> None:
    assert feed(INVITE + ACK + INVITE) == [INVITE, ACK, INVITE]


@at_most(60)
@given(st.data())
def test_however_a_stream_is_cut_the_messages_are_the_same(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from([INVITE, ACK, b"\r\n\r\n"]), max_size=5))
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert feed(*chunks) == [PING if part == b"\r\n\r\n" else part for part in parts]


def test_octet_by_octet_the_messages_are_the_same() -> None:
    stream = INVITE + b"\r\n\r\n" + ACK
    assert feed(*(stream[i : i + 1] for i in range(len(stream)))) == [INVITE, PING, ACK]


def test_a_ping_is_two_line_ends_and_half_of_one_waits() -> None:
    framer = StreamFramer()
    assert list(framer.feed(b"\r\n")) == []
    assert list(framer.feed(b"\r")) == []
    assert list(framer.feed(b"\n")) == [PING]
    assert list(framer.feed(b"\r\n\r\n" * 3)) == [PING] * 3
    assert not framer.is_amid_message


def test_a_single_line_end_before_a_message_is_ignored() -> None:
    assert feed(b"\r\n" + ACK, b"\r\n", ACK) == [ACK, ACK]


def test_it_tells_whether_a_message_is_half_there() -> None:
    framer = StreamFramer()
    assert not framer.is_amid_message
    list(framer.feed(INVITE[:-1]))
    assert framer.is_amid_message
    list(framer.feed(INVITE[-1:]))
    assert not framer.is_amid_message


@pytest.mark.parametrize(
    "field", ["l: 3", "CONTENT-LENGTH:3", "Content-Length \t:\t3", "Content-Length:\r\n 3", "L:3 "]
)
def test_the_length_is_found_however_it_is_written(field: str) -> None:
    message = f"MESSAGE sip:a SIP/2.0\r\nX: l: 9\r\n{field}\r\nVia: x\r\n\r\nabc".encode()
    assert feed(message + ACK) == [message, ACK]


def test_without_a_length_there_is_no_body() -> None:
    message = b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n"
    assert feed(message + ACK) == [message, ACK]


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: x",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 1 2",
        "Content-Length: " + "9" * 5000,
        "Content-Length: 1\r\nl: 2",
        f"Content-Length: {MAX_MESSAGE_SIZE}",
    ],
)
def test_a_stream_that_cannot_be_cut_is_lost_after_the_header_that_says_so(fields: str) -> None:
    header = f"OPTIONS sip:a SIP/2.0\r\n{fields}\r\n\r\n".encode()
    framer = StreamFramer().feed(ACK + header + ACK)
    assert [next(framer), next(framer)] == [ACK, header]
    with pytest.raises(SipSyntaxError):
        next(framer)


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"m=audio 4000 RTP/AVP 0", b"\0" * 20])
def test_what_is_no_sip_loses_the_stream(line: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        feed(ACK, line + b"\r\nContent-Length: 0\r\n\r\n")


def test_a_header_without_end_is_lost_when_it_is_too_long() -> None:
    framer = StreamFramer()
    with pytest.raises(SipSyntaxError, match="large"):
        for _ in range(MAX_MESSAGE_SIZE // 1000 + 1):
            list(framer.feed(b"a" * 1000))


@at_most(60)
@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_octets_are_cut_or_refused(chunks: list[bytes]) -> None:
    with contextlib.suppress(SipSyntaxError):
        feed(*chunks)


def test_cutting_takes_time_linear_in_the_length() -> None:
    started = time.process_time()
    feed(*[b"OPTIONS sip:a SIP/2.0\r\n", *[b"X: y\r\n"] * 9000])
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("cut", [1, 2, 3, 50])
def test_a_line_end_that_answers_a_ping_is_no_half_of_one(cut: int) -> None:
    framer = StreamFramer()
    for _ in range(3):
        framer.awaits_pong = True
        stream = b"\r\n" + request("ACK")
        assert [*framer.feed(stream[:cut]), *framer.feed(stream[cut:])] == [PONG, request("ACK")]
        assert not framer.awaits_pong
    assert list(framer.feed(b"\r\n\r\n")) == [PING]
