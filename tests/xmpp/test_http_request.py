"""Asking for a conference by HTTP, of a server that answers this and that."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.conference.allocation import allocate
from gateway.conference.login import log_in
from gateway.errors import JingleError
from gateway.lab.certificate import Certificate
from gateway.xmpp.conference_request import ConferenceRequest, ConferenceResult
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.http_request import ask_by_http
from gateway.xmpp.stanza import NoReply, StanzaError
from gateway.xmpp.tls import tls_context
from tests.conference.world import ADDRESS, INSTALLATION, World

REQUEST = ConferenceRequest("r@m", "uid")
Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def server(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Where such a server takes conference requests."""
    application = web.Application()
    application.router.add_post("/conference-request/v1", handler)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        scheme = "https" if tls is not None else "http"
        yield f"{scheme}://127.0.0.1:{port}/conference-request/v1"
    finally:
        await runner.cleanup()


def answering(*bodies: dict[str, Any] | tuple[int, str], asked: list[Any] | None = None) -> Handler:
    """One answer after the other, the last for good; `asked` takes headers and JSON."""
    left = list(bodies)

    async def handle(request: web.Request) -> web.Response:
        if asked is not None:
            asked.append((request.headers, json.loads(await request.read())))
        body = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(body, tuple):
            return web.Response(status=body[0], text=body[1])
        return web.json_response(body)

    return handle


READY = {"ready": True, "focusJid": "focus@auth.d"}


async def test_the_focus_is_asked_with_a_token_if_there_is_one() -> None:
    asked: list[Any] = []
    async with server(answering(READY, asked=asked)) as url:
        assert await ask_by_http(url, REQUEST, tls=None) == ConferenceResult(True, "focus@auth.d")
        await ask_by_http(url, REQUEST, tls=None, token="a.b.c")
    (first, body), (second, _) = asked
    assert body == {"room": "r@m", "machineUid": "uid", "properties": {}}
    assert first["Content-Type"] == "application/json"
    assert "Authorization" not in first
    assert second["Authorization"] == "Bearer a.b.c"


async def test_refusals_and_nonsense_are_told_apart() -> None:
    async with server(answering((403, "no"), (200, "<html>"), (200, "x" * 100_000))) as url:
        with pytest.raises(StanzaError, match="HTTP 403: no"):
            await ask_by_http(url, REQUEST, tls=None)
        for _ in range(2):
            with pytest.raises(JingleError):
                await ask_by_http(url, REQUEST, tls=None)


async def test_nobody_is_followed_elsewhere() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/")

    async with server(elsewhere) as url:
        with pytest.raises(StanzaError, match="HTTP 307"):
            await ask_by_http(url, REQUEST, tls=None, token="a.b.c")


async def test_who_does_not_answer_is_not_waited_for_for_ever() -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        raise AssertionError

    async with server(never) as url:
        with pytest.raises(NoReply, match="did not answer"):
            await ask_by_http(url, REQUEST, tls=None, timeout=0.05)


async def test_where_nobody_listens_nobody_replies() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(NoReply):
            await ask_by_http(f"http://127.0.0.1:{bound.getsockname()[1]}/", REQUEST, tls=None)


async def test_a_server_is_asked_only_if_its_certificate_is_good() -> None:
    certificate = Certificate(["meet.test"], "127.0.0.1")
    try:
        trusting = tls_context(ca_file=certificate.ca_file)
        async with server(answering(READY), certificate.context) as url:
            assert (await ask_by_http(url, REQUEST, tls=trusting)).ready
            with pytest.raises(ConnectionFailed) as failed:
                await ask_by_http(url, REQUEST, tls=tls_context())
    finally:
        certificate.close()
    assert failed.value.cause is FailureCause.TLS


async def test_a_server_s_own_certificate_is_believed_anew_once_its_file_is_renewed(
    tmp_path: Path,
) -> None:
    former, renewed = (Certificate(["meet.test"], "127.0.0.1") for _ in range(2))
    named = tmp_path / "prosody.crt"
    named.write_bytes(former.ca_file.read_bytes())
    trusting = tls_context(ca_file=named)
    whole = renewed.ca_file.read_bytes()
    try:
        async with server(answering(READY), renewed.context) as url:
            for written in (former.ca_file.read_bytes(), whole[:99], b""):
                named.write_bytes(written)
                with pytest.raises(ConnectionFailed):
                    await ask_by_http(url, REQUEST, tls=trusting)
            named.write_bytes(whole)
            assert (await ask_by_http(url, REQUEST, tls=trusting)).ready
    finally:
        former.close()
        renewed.close()


async def test_a_login_asks_by_http_and_with_its_token_where_that_is_configured() -> None:
    asked: list[Any] = []
    world = World()
    async with server(answering(READY, asked=asked)) as url:
        by_web = replace(INSTALLATION.server, web_socket="wss://meet.test/ws")
        site = replace(INSTALLATION, server=by_web, conference_request_url=url, tenants=True)
        login = await log_in(site, ADDRESS, world.connect, token="a.b.c")
        await allocate(
            login.ask,
            room="room@conference.acme.meet.test",
            machine_uid="uid",
            timeout=30,
            visitor=True,
        )
        await login.connection.close()
    assert world.stream.of("conference") == []
    ((headers, body),) = asked
    assert headers["Authorization"] == "Bearer a.b.c"
    assert body["room"] == "[acme]room@conference.meet.test"
    assert body["properties"] == {"visitors-version": "1", "visitor": "true"}


@pytest.mark.parametrize(
    ("status", "body", "names_the_key"),
    [(301, "", True), (404, "", True), (200, "<html>", True), (403, "no", False)],
)
async def test_an_address_that_is_not_the_focus_s_is_told_by_its_key(
    status: int, body: str, names_the_key: bool
) -> None:
    world = World()
    with capture_logs() as logged:
        async with server(answering((status, body))) as url:
            site = replace(INSTALLATION, conference_request_url=url)
            login = await log_in(site, ADDRESS, world.connect)
            with pytest.raises((StanzaError, JingleError)):
                await login.ask(REQUEST)
            await login.connection.close()
    told = [each["remedy"] for each in logged if "HTTP" in each["event"]]
    assert ["conference_request_url" in remedy for remedy in told] == [True] * names_the_key
