"""What our HTTP servers have in common: a listener, refusals as JSON, tokens."""

import asyncio
import hmac
import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import CannotListen

log = structlog.get_logger(__name__)

Accept = Callable[[web.Server], asyncio.BaseProtocol]
"""Makes what a connection is served by."""

Refuse = Callable[[HTTPStatus, str], web.Response]
"""The answer that tells a client why."""

_TOLD = ("Allow", "WWW-Authenticate")  # headers that belong to a refusal


def _is_mistake_of_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


# What is no HTTP is answered by aiohttp, which would log it with a traceback.
_aiohttp_log = logging.getLogger(__name__)
_aiohttp_log.addFilter(_is_mistake_of_ours)


class HttpServer:
    """Serves an application on a literal address and a port (0: any that is free), between `async
    with` and its end. CannotListen: that address is not to be had."""

    def __init__(
        self,
        app: web.Application,
        listen: tuple[str, int],
        accept: Accept = lambda server: server(),
    ) -> None:
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, logger=_aiohttp_log
        )
        self._listen = listen
        self._accept = accept
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        assert self._runner.server is not None
        accept = partial(self._accept, self._runner.server)
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(accept, *self._listen, backlog=128)
        except OSError as error:
            await self._runner.cleanup()
            raise CannotListen(_written(*self._listen), error) from error
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{_written(host, port)}"


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def putting_out_the_oldest(most: int) -> Accept:
    """Serve as many connections at a time, and end the oldest when there is one more.

    So those that say nothing use up no files, and keep nobody out.
    """

    def accept(server: web.Server) -> asyncio.BaseProtocol:
        transports = [each.transport for each in server.connections]
        alive = [each for each in transports if each is not None and not each.is_closing()]
        if len(alive) >= most:
            alive[0].abort()
        return server()

    return accept


def tell_errors(refuse: Refuse, bad_request: type[Exception]) -> Middleware:
    """Every refusal as `refuse` has it, among them `bad_request`, which is the client's fault; a
    mistake of ours as 500, with the log."""

    @web.middleware
    async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except bad_request as error:
            return refuse(HTTPStatus.BAD_REQUEST, str(error))
        except web.HTTPException as refusal:
            response = refuse(HTTPStatus(refusal.status), refusal.text or refusal.reason)
            for name in _TOLD:
                if name in refusal.headers:
                    response.headers[name] = refusal.headers[name]
            return response
        except web.RequestPayloadError:
            return refuse(HTTPStatus.BAD_REQUEST, "the body cannot be read")
        except ConnectionResetError:
            return refuse(HTTPStatus.BAD_REQUEST, "the body has not come")  # to nobody
        except Exception:
            log.exception("request failed", path=request.path)
            return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

    return tell


def has_token(request: web.Request, token: str) -> bool:
    """Whether a request carries a bearer token (RFC 6750); takes as long whatever it carries."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode(errors="surrogateescape"), token.encode()
    )
