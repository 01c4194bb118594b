"""Ten thousand broken datagrams of each kind during a call: nothing is logged, nobody is harmed."""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway import logs
from gateway.lab.phone import PhoneCall
from tests.behaviour.stage import HOST, Stage, eventually, names_in, stage
from tests.helpers.captured_log import log_at_once

pytestmark = [pytest.mark.behaviour, pytest.mark.timeout(180)]

COUNT = 10_000
BATCH = 50  # datagrams that fit into a socket's buffer, at least
PAUSE = 0.020  # seconds in which they are read

INVITE = (
    b"INVITE sip:999@%(host)b SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP %(host)b:%(port)d;branch=z9hG4bK%(number)d;rport\r\n"
    b'From: "Mallory" <sip:mallory@%(host)b>;tag=%(number)d\r\n'
    b"To: <sip:999@%(host)b>\r\nCall-ID: garbage-%(number)d\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:mallory@%(host)b:%(port)d>\r\nMax-Forwards: 70\r\n"
    b"Record-Route: <sip:%(host)b;lr>\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: 96\r\n\r\n"
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0 8 101\r\n"
)
ONLY = {"rule": [{"called": "conference", "room": "room1"}]}  # no mutation makes that of "999"
METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"INFO", b"REGISTER", b"SIP/2.0 200")


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A datagram with some octets changed, left out, doubled or added."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(changed)) if changed else 0
        match dice.randrange(5):
            case 0 if changed:
                changed[at] = dice.randrange(256)
            case 1:
                del changed[at : at + dice.randint(1, 40)]
            case 2:
                changed[at:at] = changed[at : at + dice.randint(1, 40)]
            case 3:
                changed[at:at] = dice.choice((b"\r\n", b"\x00", b'"', b"<", b";", b",", b"\xff"))
            case _:
                changed[at:at] = dice.randbytes(dice.randint(1, 8))
    return bytes(changed)


@contextmanager
def nothing_logged() -> Iterator[None]:
    """No error and no exception is logged meanwhile."""
    errors: list[Any] = []

    def watch(entry: Any) -> None:
        if entry["level"] in ("error", "critical") or "exc_info" in entry:
            errors.append(dict(entry))

    logs.configure("info", watcher=watch)
    try:
        yield
    finally:
        log_at_once()
    assert errors == []


async def still_talks(scene: Stage, call: PhoneCall) -> None:
    """The call goes on, and everybody is heard; nothing is left of what was no call."""
    switchboard = scene.gateway.switchboard
    await eventually(lambda: len(switchboard.calls) == 1, "the last of them is answered")
    (record,) = switchboard.calls
    assert record.end is None
    call.media.frames.clear()
    (speaker,) = scene.lab.speakers("room1")
    speaker.forget()
    await asyncio.sleep(2)
    assert names_in(call.media.recording()) == {"ann"}
    assert names_in(speaker.mix()) == {"phone"}


async def test_mutated_sip_datagrams_harm_nobody() -> None:
    dice = random.Random(20261124)
    with nothing_logged():
        async with stage(trunk=ONLY) as scene:
            await scene.speakers("room1", "ann")
            call = await scene.dial("conference")
            await scene.media_up(call)
            target = next(a for a in scene.gateway.sip_addresses if a.transport == "udp")
            before = scene.gateway.user_agent.counters.requests
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((HOST, 0))
                stranger.setblocking(False)
                fields = {b"host": HOST.encode(), b"port": stranger.getsockname()[1]}
                for number in range(COUNT):
                    method = METHODS[number % len(METHODS)]
                    message = (INVITE % {**fields, b"number": number}).replace(b"INVITE", method)
                    stranger.sendto(mutated(message, dice), (target.host, target.port))
                    if number % BATCH == 0:
                        await asyncio.sleep(PAUSE)
                await asyncio.sleep(PAUSE)  # in which the last are answered
            counters = scene.gateway.user_agent.counters
            assert counters.requests > before + COUNT / 4  # many were read, and answered
            assert counters.unparsable > 0
            await still_talks(scene, call)
            call.hang_up()
            await scene.over()


async def test_mutated_rtp_packets_harm_nobody() -> None:
    dice = random.Random(20261125)
    with nothing_logged():
        async with stage() as scene:
            await scene.speakers("room1", "ann")
            call = await scene.dial("71")
            await scene.media_up(call)
            ours: list[bytes] = []
            media, send = call.media, call.media._send

            def remember(packet: bytes) -> None:
                ours.append(packet)
                send(packet)

            media._send = remember  # type: ignore[method-assign]
            await asyncio.sleep(1)
            media._send = send  # type: ignore[method-assign]
            target = media._remote
            assert target is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((HOST, 0))
                stranger.setblocking(False)
                for number in range(COUNT):
                    garbage = mutated(dice.choice(ours), dice)
                    at = (target[0], target[1] + number % 2)  # RTP, RTCP
                    if number % 4 < 2:
                        stranger.sendto(garbage, at)
                    else:
                        assert media._transport is not None
                        media._transport.sendto(garbage, at)
                    if number % BATCH == 0:
                        await asyncio.sleep(PAUSE)
            await asyncio.sleep(1)
            await still_talks(scene, call)
            call.hang_up()
            record = await scene.over()
            assert record.report.from_phone.discarded > 0
