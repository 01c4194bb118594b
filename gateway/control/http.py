"""The HTTP server: thin, JSON, on loopback unless configured otherwise.

What changes something needs the token, and without a token in the configuration nothing can be
changed. Pages of other origins are not invited (no CORS headers).
"""

import asyncio
import ipaddress
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.control import health
from gateway.control.call_control import BadBody, CallControlMucs, read_account
from gateway.control.debug import debug
from gateway.control.metrics import Metrics
from gateway.control.snapshot import Controlled, Snapshot
from gateway.control.stats import stats
from gateway.errors import ConfigError
from gateway.http_server import HttpServer, has_token, putting_out_the_oldest, tell_errors
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)

MAX_BODY = 64 * 1024  # octets
BODY_PATIENCE = 10.0  # seconds
MOST_CONNECTIONS = 100
_MUCS = "/configure/call-control-muc"


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """`listen` is a literal address and a port, 0 for any that is free."""

    listen: tuple[str, int]
    token: str | None = field(default=None, repr=False)
    enable_shutdown: bool = True


class ControlServer:
    """Answers between `async with` and its end. CannotListen: that address is not to be had."""

    def __init__(
        self,
        config: ControlConfig,
        controlled: Controlled,
        metrics: Metrics,
        mucs: CallControlMucs | None = None,
    ) -> None:
        self._config = config
        self._controlled = controlled
        self._metrics = metrics
        self._mucs = mucs
        self._wrong_tokens = SparseLines.one_a_second()
        accept = putting_out_the_oldest(MOST_CONNECTIONS)
        self._server = HttpServer(self._app(), config.listen, accept)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        log.info("control listening", on=self.url)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(exc_type, exc, traceback)

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return self._server.url

    def _app(self) -> web.Application:
        middlewares = [tell_errors(_refuse, BadBody)]
        if ipaddress.ip_address(self._config.listen[0]).is_loopback:
            middlewares.append(_know_the_name)
        app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY)
        app.add_routes(
            [
                web.get("/about/health", self._health),
                web.get("/health", self._answer(health.verbose_health)),
                web.get("/live", self._answer(health.liveness)),
                web.get("/ready", self._answer(health.readiness)),
                web.get("/about/version", self._version),
                web.get("/about/stats", self._object(stats)),
                web.get("/debug", self._object(debug)),
                web.get("/metrics", self._read_metrics),
                web.post("/about/shutdown", self._shutdown),
                web.get(f"{_MUCS}/list", self._list_mucs),
                web.post(f"{_MUCS}/add", self._add_muc),
                web.post(f"{_MUCS}/remove", self._remove_muc),
            ]
        )
        return app

    # What is told

    def _answer(self, tell: Callable[[Snapshot], health.Answer]) -> Handler:
        async def handle(_: web.Request) -> web.Response:
            status, told = tell(self._controlled.snapshot())
            return web.json_response(told, status=status)

        return handle

    def _object(self, tell: Callable[[Snapshot], dict[str, object]]) -> Handler:
        async def handle(_: web.Request) -> web.Response:
            return web.json_response(tell(self._controlled.snapshot()))

        return handle

    async def _health(self, request: web.Request) -> web.StreamResponse:
        verbose = "verbose" in request.query
        return await self._answer(health.verbose_health if verbose else health.health)(request)

    async def _version(self, _: web.Request) -> web.Response:
        version = self._controlled.snapshot().version
        told = {"name": "sip-gateway", "version": version, "os": platform.system()}
        return web.json_response(told)

    async def _read_metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", []))
        body, content_type = self._metrics.exposition(accept)
        return web.Response(body=body, headers={"Content-Type": content_type})

    # What is changed

    async def _shutdown(self, request: web.Request) -> web.Response:
        self._authorize(request)
        if not self._config.enable_shutdown:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "control.enable_shutdown is false")
        log.info("told to shut down", by=request.remote)
        self._controlled.drain()
        return web.json_response({})

    async def _list_mucs(self, _: web.Request) -> web.Response:
        return web.json_response(list(self._call_control_mucs().list()))

    async def _add_muc(self, request: web.Request) -> web.Response:
        self._authorize(request)
        mucs = self._call_control_mucs()
        id_, properties = read_account(await _json_body(request))
        try:
            mucs.add(id_, properties)
        except ConfigError as error:
            return web.json_response(
                {"reason": str(error), "problems": error.problems}, status=HTTPStatus.BAD_REQUEST
            )
        log.info("call control MUC added", id=id_, by=request.remote)
        return web.json_response({})

    async def _remove_muc(self, request: web.Request) -> web.Response:
        self._authorize(request)
        mucs = self._call_control_mucs()
        id_, _ = read_account(await _json_body(request))
        if not await mucs.remove(id_):
            return _refuse(HTTPStatus.BAD_REQUEST, "there is none with this id")
        log.info("call control MUC removed", id=id_, by=request.remote)
        return web.json_response({})

    def _call_control_mucs(self) -> CallControlMucs:
        if self._mucs is None:
            raise web.HTTPNotFound(text="this gateway takes no orders from call control MUCs")
        return self._mucs

    def _authorize(self, request: web.Request) -> None:
        """Let only who has the token change something (RFC 6750)."""
        token = self._config.token
        if token is None:
            raise web.HTTPForbidden(text="set control.token to allow changes, and send it")
        if not has_token(request, token):
            times = self._wrong_tokens.count(asyncio.get_running_loop().time())
            if times is not None:
                log.warning("wrong token", path=request.path, by=request.remote, times=times)
            raise web.HTTPUnauthorized(
                text="send Authorization: Bearer with control.token",
                headers={"WWW-Authenticate": "Bearer"},
            )


async def _json_body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="the body has to be application/json")
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not come") from None


@web.middleware
async def _know_the_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse who came by a foreign name: a page can give its own the address 127.0.0.1 and read
    in a browser of this machine what is only for this machine (DNS rebinding)."""
    try:
        name = urlsplit(f"//{request.host}").hostname or ""
        is_known = name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        is_known = False
    if not is_known:
        raise web.HTTPForbidden(text="come by the address of this machine")
    return await handler(request)


def _refuse(status: HTTPStatus, reason: str) -> web.Response:
    return web.json_response({"reason": reason}, status=status)
