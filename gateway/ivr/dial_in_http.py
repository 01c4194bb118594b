"""The conference mapper and the list of phone numbers, for web pages and for PBXs: a public server.

`/conferenceMapper` and `/phoneNumberList` are what Jitsi's web client asks (dialInConfCodeUrl,
dialInNumbersUrl). Whoever knows a room may have its PIN; which room a PIN is of is told only to
those who are configured: everybody else could guess here.
"""

import asyncio
import math
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.errors import RemoteProtocolError
from gateway.http_server import HttpServer, has_token, tell_errors
from gateway.ivr.client_address import Client, IpNetwork, client_of
from gateway.ivr.conference_mapping import ConferenceMapping
from gateway.ivr.dial_in_request import MapperRequest, RequestLimits
from gateway.ivr.hops import Hops, read_via
from gateway.ivr.meeting import NoMeeting
from gateway.ivr.phone_numbers import PhoneNumber, as_list, by_country
from gateway.ivr.pin_database import PinsUnavailable
from gateway.ivr.pin_desk import Clocks, PinDesk
from gateway.ivr.pin_directory import PinDirectory
from gateway.ivr.pin_guard import Wait
from gateway.ivr.pin_policy import NoPinLeft
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)

MAX_BODY = 8 * 1024  # octets
MOST_CONNECTIONS = 500
LIFETIME = 20.0  # seconds of a connection: for one request, a slow mapper and its answer
MOST_TOLD = 20  # mistakes of other people's that are in the log
TRUNK = "http:lookups"  # what those of PBXs are counted under
_CLIENT = web.RequestKey("client", Client)


@dataclass(frozen=True, slots=True)
class DialInHttpConfig:
    """`listen` is a literal address and a port, 0 for any that is free.

    Pages of `origins` may ask ("*": of all). `proxies` are believed about whom they ask for.
    Which room a PIN is of is told to `lookups_from`, and to who sends `lookup_token`.
    `requests_a_minute` may come from one address.
    """

    listen: tuple[str, int]
    origins: frozenset[str] = frozenset()
    proxies: tuple[IpNetwork, ...] = ()
    lookups_from: tuple[IpNetwork, ...] = ()
    lookup_token: str | None = field(default=None, repr=False)
    requests_a_minute: int = 120


class DialInServer:
    """Answers between `async with` and its end. CannotListen: that address is not to be had."""

    def __init__(
        self,
        config: DialInHttpConfig,
        numbers: tuple[PhoneNumber, ...],
        directory: PinDirectory,
        desk: PinDesk,
        clocks: Clocks,
    ) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        """How often each service has answered with each status."""
        self._config = config
        self._numbers = numbers
        self._directory = directory
        self._desk = desk
        self._clocks = clocks
        self._limits = RequestLimits(config.requests_a_minute)
        self._told: set[str] = set()  # what is in the log already
        self._failures = SparseLines.one_a_second()
        self._server = HttpServer(self._app(), config.listen, self._accept)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        log.info("dial-in services listening", on=self.url)
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
        app = web.Application(
            middlewares=[self._finish, tell_errors(_refuse, RemoteProtocolError), self._limit],
            client_max_size=MAX_BODY,
        )
        app.add_routes(
            [
                web.get("/conferenceMapper", self._get_mapping),
                web.post("/conferenceMapper", self._post_mapping),
                web.get("/phoneNumberList", self._list_numbers),
                web.options("/conferenceMapper", _preflight),
                web.options("/phoneNumberList", _preflight),
            ]
        )
        return app

    def _accept(self, server: web.Server) -> asyncio.Protocol:
        """A connection that is over after a while, whatever was sent: who sends a request letter by
        letter holds nothing for long."""
        if len(server.connections) >= MOST_CONNECTIONS:
            return _Refused()
        connection = server()

        def end() -> None:
            if connection.transport is not None:
                connection.transport.abort()

        asyncio.get_running_loop().call_later(LIFETIME, end)
        return connection

    # The services

    async def _list_numbers(self, request: web.Request) -> web.Response:
        if request.query.get("form") == "countries":
            return web.json_response(by_country(self._numbers))
        return web.json_response(as_list(self._numbers))

    async def _get_mapping(self, request: web.Request) -> web.Response:
        return await self._map(MapperRequest.of_query(request.query), request)

    async def _post_mapping(self, request: web.Request) -> web.Response:
        return await self._map(MapperRequest.of_body(await request.read()), request)

    async def _map(self, asked: MapperRequest, request: web.Request) -> web.Response:
        hops = read_via(request.headers.getall("Via", []))
        if asked.conference is not None:
            return await self._pin_of(asked.conference, request[_CLIENT], hops)
        assert asked.id is not None
        if not self._may_look_up(request):
            text = "which room a PIN is of is told to those in dial_in.lookups_from only"
            raise web.HTTPForbidden(text=text)
        return await self._room_of(asked.id, asked.caller, hops)

    async def _pin_of(self, conference: str, client: Client, hops: Hops) -> web.Response:
        room = self._directory.served(conference)
        if room is None:
            domain = conference.rpartition("@")[2]
            self._tell(
                f"rooms of {domain[:100]!r}",
                "a page asks for the PIN of a room that is not served",
                domain=domain[:100],
                remedy="if it is yours: see muc_domains in [jitsi], and hosts.muc in config.js",
            )
            raise web.HTTPNotFound(text="this conference has no PIN here")
        now = self._clocks.utc()
        try:
            pin = await self._directory.known_pin(room, now)
            if pin is None:
                if not self._limits.take_new_room(client.household, self._clocks.steady()):
                    return _later(HTTPStatus.TOO_MANY_REQUESTS, 60.0, "too many new rooms")
                pin = await self._directory.give_pin(room, now, hops)
        except (PinsUnavailable, NoPinLeft) as error:
            if (times := self._failures.count(self._clocks.steady())) is not None:
                log.error("a room gets no PIN", reason=str(error), times=times)
            return _later(HTTPStatus.SERVICE_UNAVAILABLE, 60.0, "there is no PIN to be had now")
        return web.json_response(
            ConferenceMapping(room, pin, "the conference has this PIN").as_json()
        )

    async def _room_of(self, pin: str, caller: str | None, hops: Hops) -> web.Response:
        found = await self._desk.present(pin, caller, TRUNK, hops=hops)
        if isinstance(found, Wait):
            return _later(HTTPStatus.TOO_MANY_REQUESTS, found.seconds, "too many wrong PINs")
        if found is NoMeeting.UNAVAILABLE:
            return _later(HTTPStatus.SERVICE_UNAVAILABLE, 5.0, "PINs cannot be looked up now")
        if isinstance(found, NoMeeting):
            return web.json_response(ConferenceMapping(None, pin, found.value).as_json())
        mapping = ConferenceMapping(
            found.room, pin, "the PIN is of this conference", found.display_name, found.moderator
        )
        return web.json_response(mapping.as_json())

    def _may_look_up(self, request: web.Request) -> bool:
        if request[_CLIENT].is_of(self._config.lookups_from):
            return True
        token = self._config.lookup_token
        return token is not None and has_token(request, token)

    # What holds for all of them

    @web.middleware
    async def _finish(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the answer, say which pages may read it, and end the connection after it."""
        response = await handler(request)
        service = request.path if request.path in _SERVICES else "other"
        self.answers[service, response.status] += 1
        origin = request.headers.get("Origin")
        allowed = self._config.origins
        if "*" in allowed or origin in allowed:
            response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else str(origin)
        elif origin is not None:
            self._tell(
                f"pages of {origin[:100]!r}",
                "a page of another origin asks, and cannot read the answer",
                origin=origin[:100],
                remedy="if it is yours: add it to origins in [dial_in]",
            )
        response.headers["Vary"] = "Origin"
        response.headers["Cache-Control"] = "no-store"
        response.force_close()
        return response

    def _tell(self, key: str, event: str, **fields: str) -> None:
        """A line of the log for each thing there is to tell; of strangers' a few at most."""
        if key not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(key)
            log.warning(event, **fields)

    @web.middleware
    async def _limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        client = client_of(
            request.remote or "::",
            request.headers.getall("X-Forwarded-For", []),
            self._config.proxies,
        )
        request[_CLIENT] = client
        # A PBX asks for all its callers; PINs are guarded by themselves.
        is_exempt = client.is_of(self._config.lookups_from)
        if not is_exempt and not self._limits.take(client.household, self._clocks.steady()):
            return _later(HTTPStatus.TOO_MANY_REQUESTS, 10.0, "too many requests")
        return await handler(request)


_SERVICES = frozenset({"/conferenceMapper", "/phoneNumberList"})


class _Refused(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def _preflight(request: web.Request) -> web.Response:
    """What a page may send (Fetch standard, CORS-preflight)."""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "86400",
    }
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)


def _refuse(status: HTTPStatus, reason: str) -> web.Response:
    """The web client shows `message`, and looks at `status`."""
    told = {"message": reason, "conference": False, "status": status.value}
    return web.json_response(told, status=status)


def _later(status: HTTPStatus, seconds: float, reason: str) -> web.Response:
    response = _refuse(status, reason)
    response.headers["Retry-After"] = str(math.ceil(seconds))
    return response
