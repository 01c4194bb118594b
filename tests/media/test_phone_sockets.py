"""One phone's ports, on one IP version or on two."""

import asyncio
import resource
import socket

import pytest

from gateway.errors import MediaError
from gateway.media.messages import Address
from gateway.media.phone_sockets import PhoneSockets, PortRange

BOTH = ("127.0.0.1", "::1")


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def test_a_phone_is_served_at_the_same_ports_over_both_ip_versions() -> None:
    came: asyncio.Queue[tuple[str, bytes, Address]] = asyncio.Queue()
    sockets = await PhoneSockets.open(
        BOTH,
        PortRange(27000, 27399),
        lambda data, source, _: came.put_nowait(("rtp", data, source)),
        lambda data, source, _: came.put_nowait(("rtcp", data, source)),
    )
    host, port = sockets.address
    assert host == BOTH[0]
    for own in BOTH:
        family = socket.AF_INET6 if ":" in own else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as phone:
            phone.bind((own, 0))
            phone.settimeout(5)
            at = phone.getsockname()[:2]
            for kind, ours, send in (
                ("rtp", port, sockets.send_rtp),
                ("rtcp", port + 1, sockets.send_rtcp),
            ):
                phone.sendto(b"in", (own, ours))
                sockets.read()
                assert await came.get() == (kind, b"in", at)
                send(b"out", at)
                data, source = phone.recvfrom(100)
                assert (data, source[:2]) == (b"out", (own, ours))
    sockets.close()
    sockets.close()
    sockets.send_rtp(b"late", at)
    await asyncio.sleep(0)
    assert sockets.unsendable == 0
    assert all(is_free(own, number) for own in BOTH for number in (port, port + 1))


async def test_a_port_that_only_one_ip_version_has_free_is_passed_over() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        for first in range(27400, 27800, 4):
            if is_free("::1", first):
                other.bind(("::1", first))
                break
        sockets = await PhoneSockets.open(
            BOTH, PortRange(first, first + 3), lambda *_: None, lambda *_: None
        )
        assert sockets.address[1] == first + 2
        assert is_free("127.0.0.1", first)
        sockets.close()


async def test_where_no_port_is_to_be_had_the_hosts_are_named() -> None:
    with pytest.raises(MediaError, match=r"on 127\.0\.0\.1 and 2001:db8::1"):
        await PhoneSockets.open(
            ("127.0.0.1", "2001:db8::1"), PortRange(27800, 27801), lambda *_: None, lambda *_: None
        )
    assert is_free("127.0.0.1", 27800)


async def test_ports_that_another_program_has_are_told_as_that() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1] & ~1
        ports = PortRange(port, port + 1)
        for _ in range(2):  # they rest the second time
            with pytest.raises(MediaError, match="another program"):
                await PhoneSockets.open(("127.0.0.1",), ports, lambda *_: None, lambda *_: None)


async def test_a_call_for_which_no_file_may_be_opened_uses_up_no_ports() -> None:
    ports = PortRange(28000, 28399)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(MediaError, match="Too many open files"):
            await PhoneSockets.open(("127.0.0.1",), ports, lambda *_: None, lambda *_: None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    (await PhoneSockets.open(("127.0.0.1",), ports, lambda *_: None, lambda *_: None)).close()


async def test_what_cannot_be_reached_is_counted() -> None:
    sockets = await PhoneSockets.open(
        ("127.0.0.1",), PortRange(27802, 27999), lambda *_: None, lambda *_: None
    )
    sockets.send_rtp(b"x", ("::1", 9))
    assert sockets.unsendable == 1
    sockets.send_rtp(b"x", ("localhost", 9))  # which is not to be looked up
    assert sockets.unsendable == 2
    sockets.close()
