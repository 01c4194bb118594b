"""XMPP over BOSH as an asyncio transport, for a stream made for TCP; `bosh.py` has the rules."""

import asyncio
import secrets
import ssl
from typing import Any

import aiohttp

from gateway.errors import JingleError
from gateway.xmpp.bosh import WAIT, BoshSession, NoBosh, Request
from gateway.xmpp.web import connector
from gateway.xmpp.websocket import StreamProtocol

MAX_RESPONSE = 1 << 22  # octets; all that a room of a thousand has to say of itself at once
_REQUESTS = 2  # at a time
_ANSWER_WITHIN = WAIT + 10.0  # seconds
_HEADERS = {"Content-Type": "text/xml; charset=utf-8"}


class BoshTransport(asyncio.Transport):
    """What is written goes out in requests, what responses hold goes to `protocol`.

    `protocol` is told of the loss of the connection, once, as by any transport.
    """

    def __init__(self, protocol: StreamProtocol, domain: str) -> None:
        super().__init__()
        self._protocol = protocol
        self._session = BoshSession(domain, 1 + secrets.randbits(50))
        self._url = ""
        self._early: list[str] = []  # what the first response has said
        self._is_closing = False
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life: asyncio.Task[None] | None = None

    async def connect(self, url: str, tls: ssl.SSLContext | None) -> None:
        """Make the session.

        OSError or aiohttp.ClientError if nobody answers there, NoBosh if it is something else that
        does, JingleError if the answer is no.
        """
        self._url = url
        http = aiohttp.ClientSession(
            connector=connector(tls, limit=_REQUESTS),
            timeout=aiohttp.ClientTimeout(total=_ANSWER_WITHIN),
        )
        try:
            (first,) = self._session.requests(_now())
            answer = await self._post(http, first)
            self._early = self._session.receive(first.rid, answer, _now())
        except BaseException:
            await http.close()
            raise
        self._life = asyncio.create_task(self._live(http), name="xmpp bosh")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send one piece of the stream."""
        if not self._is_closing:
            self._session.write(bytes(data).decode())
            self._wake()

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """Give up what is under way: who wants to part in peace writes the footer and waits."""
        self._is_closing = True
        self._wake()

    def abort(self) -> None:
        self.close()

    async def closed(self) -> None:
        """Return when nothing of the connection is left."""
        if self._life is not None:
            await asyncio.wait((self._life,))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    async def _live(self, http: aiohttp.ClientSession) -> None:
        failure: Exception | None = None
        posts: dict[asyncio.Task[str], int] = {}
        try:
            self._feed(self._early)
            while not self._is_closing and not self._session.is_over:
                for request in self._session.requests(_now()):
                    posts[asyncio.create_task(self._post(http, request))] = request.rid
                happening: list[asyncio.Future[Any]] = [*posts, self._news]
                await asyncio.wait(
                    happening,
                    timeout=self._session.wait(_now()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for post in [each for each in posts if each.done()]:
                    self._feed(self._answered(posts.pop(post), post))
                if self._news.done():
                    self._news = asyncio.get_running_loop().create_future()
        except Exception as error:
            failure = error
        finally:
            self._is_closing = True
            for post in posts:
                post.cancel()
            await asyncio.gather(*posts, return_exceptions=True)
            await http.close()
            self._protocol.connection_lost(failure)

    def _answered(self, rid: int, post: asyncio.Task[str]) -> list[str]:
        try:
            answer = post.result()
        except (aiohttp.ClientError, OSError):  # TimeoutError is one
            self._session.broken(rid, _now())
            return []
        return self._session.receive(rid, answer, _now())

    def _feed(self, pieces: list[str]) -> None:
        for piece in pieces:
            self._protocol.data_received(piece.encode())

    def _wake(self) -> None:
        if not self._news.done():
            self._news.set_result(None)

    async def _post(self, http: aiohttp.ClientSession, request: Request) -> str:
        body = request.body.encode()
        async with http.post(
            self._url, data=body, headers=_HEADERS, allow_redirects=False
        ) as response:
            if response.status >= 500:  # a web server whose Prosody is away for now
                raise aiohttp.ClientConnectionError(f"HTTP status {response.status}")
            if response.status != 200:  # section 17.1
                raise NoBosh(f"HTTP status {response.status}")
            answer = bytearray()
            async for part in response.content.iter_any():
                answer += part
                if len(answer) > MAX_RESPONSE:
                    raise JingleError(f"a response of more than {MAX_RESPONSE} octets")
        return answer.decode(errors="replace")


def _now() -> float:
    return asyncio.get_running_loop().time()
