"""The bridge channels of the lab's videobridge: a WebSocket for each client that wants one.

The URL is in the offer and holds a password. A client may send what the bridge knows (rule 38);
what it is told is the test's choice.
"""

import json
import ssl
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from aiohttp import WSMsgType, web

from gateway.lab.violation import Blame
from gateway.sip.header_values import format_host

_PING_EVERY = 15.0
_MAX_MESSAGE = 1 << 16
_KNOWN = {
    "ClientHello",
    "EndpointMessage",
    "EndpointStats",
    "LastNChangedEvent",
    "ReceiverAudioSubscription",
    "ReceiverVideoConstraints",
    "SourceVideoTypeMessage",
}

Password = Callable[[str, str], str | None]
"""What an endpoint (the second) of a conference has to know; None if there is no such one."""


class ColibriSocket:
    """`start` and `close` belong together. `refused` and `opened` count attempts by endpoint."""

    def __init__(self, password: Password, blame: Blame) -> None:
        self.received: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.opened: dict[str, int] = defaultdict(int)
        self.refused: dict[str, int] = defaultdict(int)
        self.accepts = True  # a test's doing: whatever the password, it is the wrong one
        self._password = password
        self._blame = blame
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._runner: web.AppRunner | None = None
        self._base = ""

    async def start(self, host: str, tls: ssl.SSLContext | None) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/colibri-ws/lab/{conference}/{endpoint}", self._serve)
        runner = self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, host, 0, ssl_context=tls).start()
        scheme = "wss" if tls is not None else "ws"
        self._base = f"{scheme}://{format_host(host)}:{runner.addresses[0][1]}/colibri-ws/lab"

    async def close(self) -> None:
        """Say that the bridge goes away, and stop listening."""
        for endpoint in list(self._sockets):
            await self.hang_up(endpoint, 1001)
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def open(self) -> frozenset[str]:
        """The endpoints whose channels are open."""
        return frozenset(self._sockets)

    def url(self, conference: str, endpoint: str, password: str) -> str:
        """Where a client finds its channel."""
        return f"{self._base}/{quote(conference)}/{quote(endpoint)}?pwd={quote(password)}"

    async def tell(self, endpoint: str, colibri_class: str, **content: Any) -> None:
        """Send a message. KeyError if the endpoint has no channel."""
        await self._sockets[endpoint].send_json({"colibriClass": colibri_class, **content})

    async def tell_text(self, endpoint: str, text: str) -> None:
        """Send what may be no message at all."""
        await self._sockets[endpoint].send_str(text)

    async def hang_up(self, endpoint: str, code: int) -> None:
        """Close a channel."""
        await self._sockets[endpoint].close(code=code)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        conference, endpoint = request.match_info["conference"], request.match_info["endpoint"]
        password = self._password(conference, endpoint)
        if not self.accepts or password is None or request.query.get("pwd") != password:
            self.refused[endpoint] += 1
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(heartbeat=_PING_EVERY, max_msg_size=_MAX_MESSAGE)
        await socket.prepare(request)
        self.opened[endpoint] += 1
        self._sockets[endpoint] = socket
        try:
            await self.tell(endpoint, "ServerHello", version="lab")
            await self.tell(endpoint, "SomethingNew", anything=[1, {}])
            async for message in socket:
                self._receive(endpoint, message.data if message.type is WSMsgType.TEXT else "")
        except ConnectionError:
            pass  # it has gone while it was being greeted
        finally:
            if self._sockets.get(endpoint) is socket:
                del self._sockets[endpoint]
        return socket

    def _receive(self, endpoint: str, text: str) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or message.get("colibriClass") not in _KNOWN:
            self._blame(38, endpoint, "sends something that is no colibri message")
            return
        self.received[endpoint].append(message)
