"""The lab's web page: a person joins the conference from a browser, and sees what happens.

    async with WebPage(lab, steps, WebConfig(port=8088, room="demo")) as page:
        print(page.url)

Beyond this machine it is HTTPS, with a certificate of its own: browsers give no microphone to a
page that came by plain HTTP, unless from localhost.
"""

import ipaddress
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

from aiohttp import web

from gateway.lab.certificate import Certificate
from gateway.lab.lab import Lab
from gateway.lab.pace import Pace
from gateway.lab.steps import Steps, StepTaken
from gateway.lab.web_client import WebClient
from gateway.lab.web_guard import guard
from gateway.lab.web_levels import RoomLevels
from gateway.lab.web_messages import MAX_MESSAGE, Order
from gateway.lab.web_orders import carry_out, listed_troubles
from gateway.lab.web_participant import Told, WebParticipant
from gateway.lab.web_phones import phones_of
from gateway.lab.web_view import levels_of, occupants_of, state_of
from gateway.sip.header_values import format_host

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_EVERY = 5  # ticks of 20 ms from one view of the room to the next
_HEARTBEAT = 10.0  # seconds
_LISTENER = "web page"  # the bridge's name for whoever measures the levels


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Where the page is, and for which room; `dial` is the SIP address a phone can call.

    Port 0 is any free one.
    """

    room: str
    host: str = "127.0.0.1"
    port: int = 0
    dial: str | None = None

    @property
    def is_local(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


class WebPage:
    """The page, from `async with` to its end. CannotListen: that address is not to be had."""

    def __init__(self, lab: Lab, steps: Steps, config: WebConfig) -> None:
        self._lab = lab
        self._steps = steps
        self._config = config
        self._room = lab.room_jid(config.room)
        self._levels = RoomLevels(lab.config.offer.audio_level)
        self._clients: set[WebClient] = set()
        self._files = page_files()
        self._open = AsyncExitStack()
        self._port = 0
        self._ticks = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            context = None
            if not self._config.is_local:
                certificate = Certificate(("localhost",), self._config.host)
                opened.callback(certificate.close)
                context = certificate.context
            runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            opened.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, self._config.host, self._config.port, ssl_context=context)
            await site.start()
            self._port = runner.addresses[0][1]
            opened.callback(self._steps.watch(self._show_step))
            bridge = self._lab.bridge
            bridge.add_speaker(self._room, _LISTENER, self._levels.hear)
            opened.callback(bridge.remove_speaker, self._room, _LISTENER)
            pace = Pace(self._tick)
            pace.start()
            opened.push_async_callback(pace.stop)
            opened.push_async_callback(self._close_clients)
            self._open = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @property
    def url(self) -> str:
        """Where the page is."""
        config = self._config
        scheme = "http" if config.is_local else "https"
        return f"{scheme}://{format_host(config.host)}:{self._port}/"

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[guard])
        app.router.add_get("/socket", self._serve)
        app.router.add_get("/{name:[a-z]*[.]?[a-z]*}", self._file)
        return app

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"] or "index.html"
        if name not in self._files:
            raise web.HTTPNotFound
        content_type = _TYPES[Path(name).suffix]
        return web.Response(body=self._files[name], content_type=content_type, charset="utf-8")

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=MAX_MESSAGE)
        await socket.prepare(request)
        client = WebClient(socket, self._let_in, self._carry_out)
        client.tell(
            "welcome",
            room=self._config.room,
            dial=self._config.dial,
            steps=[_told(step) for step in self._steps.past],
            own=self._lab.is_at_home,
            troubles=listed_troubles(self._lab),
        )
        self._clients.add(client)
        try:
            await client.serve()
        finally:
            self._clients.discard(client)
        return socket

    async def _let_in(self, name: str, muted: bool, tell: Callable[[Told], None]) -> WebParticipant:
        return await self._lab.browsers.add(self._room, name, tell, muted=muted)

    def _carry_out(self, order: Order) -> None:
        carry_out(self._lab, self._room, order)

    def _show_step(self, step: StepTaken) -> None:
        for client in self._clients:
            client.tell("step", **_told(step))

    def _tick(self, now: float) -> None:
        """Show everybody the room as it is now."""
        self._ticks += 1
        if self._ticks % _EVERY:
            return
        levels = levels_of(self._lab, self._room, self._levels.take())
        occupants = occupants_of(self._lab, self._room)
        state = state_of(self._lab, self._room) | {"phones": phones_of(self._lab, self._room)}
        for client in self._clients:
            client.tell("room", occupants=occupants, levels=levels, state=state)

    async def _close_clients(self) -> None:
        for client in list(self._clients):
            await client.close()


def page_files() -> dict[str, bytes]:
    """What the page consists of: nothing comes from elsewhere."""
    folder = resources.files("gateway.lab") / "page"
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if Path(file.name).suffix in _TYPES
    }


def _told(step: StepTaken) -> dict[str, object]:
    return {"at": round(step.at, 3), "who": step.who, "what": step.what}
