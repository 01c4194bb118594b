"""A browser as the lab meets it, without WebRTC: it says what page.js says, and answers offers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from gateway.sdp.session_description import SessionDescription

FINGERPRINT = ":".join(["ab"] * 32)


_SESSION = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
_TRANSPORT = f"""\
a=ice-ufrag:abcd\r
a=ice-pwd:{"w" * 24}\r
a=fingerprint:sha-256 {FINGERPRINT}\r
a=setup:active\r
a=rtcp-mux\r
"""
_OPPOSITE = {"recvonly": "sendonly", "sendonly": "recvonly", "inactive": "inactive"}


def answer_to(offer: str, *, ssrc: int) -> str:
    """The answer of a browser that takes everything it is offered."""
    description = SessionDescription.parse(offer.encode())
    answer = _SESSION
    for number, media in enumerate(description.media):
        direction = _OPPOSITE[description.direction_of(media)]
        answer += f"m=audio 9 UDP/TLS/RTP/SAVPF {' '.join(media.formats)}\r\n"
        answer += f"c=IN IP4 0.0.0.0\r\na=mid:{number}\r\na={direction}\r\n{_TRANSPORT}"
        answer += f"a=ssrc:{ssrc} cname:me\r\n" if number == 0 else ""
    return answer


class Browser:
    """One open page. `room` is the latest view of the room."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.room: dict[str, Any] = {"occupants": [], "levels": {}}

    async def say(self, type_: str, **content: object) -> None:
        await self.socket.send_str(json.dumps({"type": type_, **content}))

    async def until(self, type_: str) -> dict[str, Any]:
        """The next message of a type."""
        while True:
            message = await self._next()
            if message["type"] == type_:
                return message

    async def room_with(self, *names: str) -> dict[str, dict[str, Any]]:
        """Return when exactly these are in the room; its occupants by name."""
        while True:
            message = await self._next()
            occupants = {each["name"]: each for each in self.room["occupants"]}
            if message["type"] == "room" and set(occupants) == set(names):
                return occupants

    async def join(self, name: str, *, ssrc: int, muted: bool = False) -> str:
        """Into the room, as far as signalling goes; its nick."""
        await self.say("join", name=name, muted=muted)
        offer = await self.until("offer")
        await self.answer(offer, ssrc=ssrc)
        return offer["you"]

    async def answer(self, offer: dict[str, Any], *, ssrc: int) -> None:
        await self.say("answer", id=offer["id"], sdp=answer_to(offer["sdp"], ssrc=ssrc))

    async def _next(self) -> dict[str, Any]:
        message = await self.socket.receive_json(timeout=10)
        if message["type"] == "room":
            self.room = message
        return message


@asynccontextmanager
async def browsing(url: str) -> AsyncIterator[Browser]:
    """A page that has just been opened."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}socket", headers={"Origin": url.rstrip("/")}) as socket,
    ):
        yield Browser(socket)
