"""Calls over TLS: who is known by a certificate talks, also while ours is renewed."""

import asyncio
import os
import signal
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.calls.end_reason import EndReason
from gateway.config.configuration import parse
from gateway.lab.phone import TestPhone
from gateway.serving import live
from tests.behaviour.stage import HOST, eventually, names_in, stage, voice_of
from tests.sip.authority import Authority

pytestmark = pytest.mark.behaviour


async def test_a_trunk_is_known_by_its_certificate_and_talks_while_ours_is_renewed(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    ours = authority.config(HOST)
    tls = {
        "certificate": ours.certificate,
        "key": ours.key,
        "ca_file": authority.file,
        "client_certificates": "optional",
    }
    async with (
        stage(
            sip={"listen": [f"tls:{HOST}:0"], "tls": tls},
            trunk={"from": [], "certificate_names": ["pbx.example.org"]},
        ) as scene,
        TestPhone(HOST, tls=authority.config("pbx.example.org", file="pbx")) as pbx,
        TestPhone(HOST, tls=authority.config("other.example.org", file="other")) as other,
    ):
        await scene.speakers("room1", "ann")
        speaks = voice_of("phone")
        stranger = await other.dial(scene.uri("71", "tls"), speaks=speaks)
        counters = scene.gateway.user_agent.counters
        await eventually(lambda: counters.dropped_strangers > 0, "the stranger's call")
        assert stranger.statuses == []
        call = await pbx.dial(scene.uri("71", "tls"), speaks=speaks)
        await call.answered()
        await scene.media_up(call)
        authority.sign(HOST)
        scene.gateway.user_agent.reload_certificates()
        await asyncio.sleep(2)
        call.media.frames.clear()
        await asyncio.sleep(2)
        assert names_in(call.media.recording()) == {"ann"}
        call.hang_up()
        record = await scene.over()
    assert record.end is not None
    assert record.end.reason is EndReason.CALLER_HUNG_UP


async def certificate_at(port: int, context: ssl.SSLContext) -> bytes:
    """The certificate that is shown there; empty while nobody listens."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection(HOST, port, ssl=context)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return bytes(shown)
    return b""


async def test_sighup_has_a_renewed_certificate_taken_up(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.config(HOST)
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    config = parse(
        {
            "sip": {
                "listen": [f"tls:{HOST}:{port}"],
                "tls": {"certificate": ours.certificate, "key": ours.key},
            },
            "media": {"workers": 0},
            "jitsi": {"domain": "meet.example.org"},
            "trunk": [{"name": "pbx", "from": ["127.0.0.1"]}],
            "control": {"listen": ""},
        }
    )
    context = authority.client()
    serving = asyncio.create_task(live(config, None))
    try:
        async with asyncio.timeout(30):
            while not (first := await certificate_at(port, context)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            authority.sign(HOST)
            os.kill(os.getpid(), signal.SIGHUP)
            while await certificate_at(port, context) in (b"", first):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            os.kill(os.getpid(), signal.SIGTERM)  # there are no calls, so it ends
            await serving
    finally:
        serving.cancel()
        for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(each)
