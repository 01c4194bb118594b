"""One of the lab's own, focus or speaker, as an ordinary XMPP client of a real server."""

import asyncio
import time
from collections.abc import Callable
from xml.etree.ElementTree import Element

import structlog

from gateway.errors import RemoteProtocolError
from gateway.lab.xmpp_host import Deliver
from gateway.xmpp.client import stream_to
from gateway.xmpp.connection import LOGIN_TIMEOUT, ConnectionFailed, FailureCause, Stream
from gateway.xmpp.server import Server

log = structlog.get_logger(__name__)


class ProsodySeat:
    """A session (`gateway.lab.venue.Seat`). Make it with `log_in`; `close` and `closed` it always.

    What comes before it is told where to is kept.
    """

    def __init__(self, stream: Stream) -> None:
        self.jid = ""
        self._stream = stream
        self._early: list[Element] = []
        self._deliver: Deliver | None = None
        self._lost: Callable[[], None] = _ignore
        self._failure: ConnectionFailed | None = None
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def log_in(cls, server: Server, timeout: float = LOGIN_TIMEOUT) -> "ProsodySeat":
        """Log in; ConnectionFailed, with nothing left open, if that is not possible."""
        stream = stream_to(server, resumes=False)
        seat = cls(stream)
        try:
            async with asyncio.timeout(timeout):
                seat.jid = await stream.open(seat)
        except TimeoutError:
            await stream.close()
            text = f"no login within {timeout:g} s"
            raise ConnectionFailed(FailureCause.TIMEOUT, text) from None
        except BaseException:
            await stream.close()
            raise
        return seat

    def listen(self, deliver: Deliver, lost: Callable[[], None]) -> None:
        """From now on `deliver` takes stanzas; `lost` is called if the session has ended."""
        self._deliver, self._lost = deliver, lost
        early, self._early = self._early, []
        for stanza in early:
            self.received(stanza)
        if self._failure is not None:
            lost()

    def send(self, stanza: Element) -> None:
        """Send a stanza; nothing happens if the session has ended."""
        if self._failure is None and self._closing is None:
            self._stream.send(stanza)

    def close(self) -> None:
        """Begin to log out; what was sent is delivered first if the server is well."""
        if self._closing is None:
            self._deliver, self._lost = _nowhere, _ignore
            self._closing = asyncio.create_task(self._stream.close(), name=f"close {self.jid}")

    async def closed(self) -> None:
        """Log out, and return when nothing is left."""
        self.close()
        assert self._closing is not None
        await self._closing

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left of it."""
        return self._closing is not None and self._closing.done()

    @property
    def failure(self) -> ConnectionFailed | None:
        """Why the session has ended, if it has and nobody wanted that."""
        return self._failure

    # The stream's side

    def received(self, stanza: Element) -> None:
        """A stanza has come."""
        if self._deliver is None:
            self._early.append(stanza)
            return
        try:
            self._deliver(stanza, time.monotonic())
        except RemoteProtocolError as error:
            log.debug("stanza not understood", jid=self.jid, error=str(error))

    def lost(self, failure: ConnectionFailed) -> None:
        """The session has ended; only the first word about it counts."""
        if self._failure is None and self._closing is None:
            self._failure = failure
            self._lost()


def _nowhere(_: Element, __: float) -> None:
    """Where stanzas go that nobody waits for."""


def _ignore() -> None:
    """Nobody wants to know."""
