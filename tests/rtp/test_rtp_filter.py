"""What the kernel lets come to a socket whose RTP nobody wants."""

import socket
import sys
from collections.abc import Iterator

import pytest

from gateway.rtp.rtp_filter import PASSED, drop_rtp, take_rtp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")

OTHERS = {
    "STUN": b"\x00\x01\x00\x08",
    "DTLS": b"\x16\xfe\xfd",
    "RTCP": b"\x80\xc8\x00\x06",
    "the last kind of RTCP": b"\x81\xdf\x00\x06",
    "one octet that is none": b"\x40",
}
RTP = {
    "RTP": b"\x80\x6f\x00\x01",
    "RTP with a marker": b"\x90\xef\x00\x01",
    "RTP of type 0": b"\x80\x00\x00\x01",
    "RTP of type 63": b"\xbf\x3f\x00\x01",
    "RTP of type 96 with a marker": b"\x80\xe0\x00\x01",
}


@pytest.fixture(params=["127.0.0.1", "::1"])
def ways(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    ours, theirs = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    with ours, theirs:
        ours.bind((request.param, 0))
        ours.setblocking(False)
        theirs.connect(ours.getsockname())
        yield ours, theirs


def received(ways: tuple[socket.socket, socket.socket], datagram: bytes, times: int) -> int:
    ours, theirs = ways
    came = 0
    for _ in range(times):
        theirs.send(datagram)
        try:
            came += ours.recv(100) == datagram
        except BlockingIOError:
            continue
    return came


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_rtp_comes_as_before(
    ways: tuple[socket.socket, socket.socket], kind: str
) -> None:
    drop_rtp(ways[0])
    assert received(ways, OTHERS[kind], 20) == 20


@pytest.mark.parametrize("kind", RTP)
def test_of_rtp_hardly_any_comes_and_all_when_it_is_wanted_again(
    ways: tuple[socket.socket, socket.socket], kind: str
) -> None:
    drop_rtp(ways[0])
    drop_rtp(ways[0])
    count = 40 * PASSED
    assert 10 <= received(ways, RTP[kind], count) <= 90
    take_rtp(ways[0])
    take_rtp(ways[0])
    assert received(ways, RTP[kind], 20) == 20
