"""One browser's WebSocket: what it asks for is done, what happens is told to it.

A browser watches from the moment it is here; it takes part between its `join` and its `leave`.
Whatever it sends that makes no sense is answered with an error.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import WSMsgType, web

from gateway.errors import RemoteProtocolError
from gateway.lab.web_messages import Answer, BadMessage, Join, Leave, Mute, Order, parse_message
from gateway.lab.web_negotiation import Offered
from gateway.lab.web_participant import Muted, Removed, Told, WebParticipant

_UNSENT = 2000
"""Messages kept for a browser that is slow; the heartbeat finds out about one that is gone."""

LetIn = Callable[[str, bool, Callable[[Told], None]], Awaitable[WebParticipant]]
"""Lets a browser in: its name, whether it is muted, and whom to tell."""

CarryOut = Callable[[Order], None]
"""Does what a moderator orders. BadMessage: it cannot be done."""


class WebClient:
    """Serves one open socket until it closes; `let_in` is the way into the room.

    Who watches may give orders as well: the lab belongs to whoever has its page.
    """

    def __init__(self, socket: web.WebSocketResponse, let_in: LetIn, carry_out: CarryOut) -> None:
        self._socket = socket
        self._let_in = let_in
        self._carry_out = carry_out
        self._participant: WebParticipant | None = None
        self._unsent: asyncio.Queue[str] = asyncio.Queue(_UNSENT)

    def tell(self, type_: str, **content: object) -> None:
        """Send a message to the browser, in its turn."""
        with suppress(asyncio.QueueFull):  # it has not read for minutes: the heartbeat ends it
            self._unsent.put_nowait(json.dumps({"type": type_, **content}))

    async def serve(self) -> None:
        """Until the browser has gone; then it is out of the room as well."""
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write())
                await self._read()
                writing.cancel()
        finally:
            self._leave()

    async def close(self) -> None:
        """The lab ends."""
        await self._socket.close()

    @property
    def nick(self) -> str | None:
        """Who it is in the room, if it is there."""
        return self._participant.nick if self._participant is not None else None

    async def _write(self) -> None:
        with suppress(ConnectionError):  # reading ends as well
            while True:
                await self._socket.send_str(await self._unsent.get())

    async def _read(self) -> None:
        async for frame in self._socket:
            try:
                if frame.type is not WSMsgType.TEXT:
                    raise BadMessage("only text can be read")
                await self._receive(frame.data)
            except RemoteProtocolError as error:
                self.tell("error", message=str(error))

    async def _receive(self, text: str) -> None:
        participant = self._participant
        match parse_message(text):
            case Leave():
                self._leave()
            case Order() as order:
                self._carry_out(order)
            case Join() if participant is not None:
                raise BadMessage("you are in the room already")
            case Join(name, muted):
                self._participant = await self._let_in(name, muted, self._told)
            case _ if participant is None:
                raise BadMessage("you are not in the room")
            case Answer(id_, sdp):
                participant.answer(id_, sdp, time.monotonic())
            case Mute(muted):
                participant.mute(muted)

    def _leave(self) -> None:
        if self._participant is not None:
            self._participant.leave()

    def _told(self, event: Told) -> None:
        match event:
            case Offered(id_, sdp, owners):
                assert self._participant is not None
                you = self._participant.nick
                self.tell("offer", id=id_, sdp=sdp, owners=owners, you=you)
            case Muted():
                self.tell("muted")
            case Removed(reason):
                self._participant = None
                self.tell("removed", reason=reason)
