"""A stream that outlives its transport, if the server lets it (XEP-0198 section 5).

A `Link` is one transport with a login; when it is cut off, another takes up the stream where the
last one left it. Whoever uses the stream notices nothing but a delay: what is sent meanwhile is
kept, and what had not arrived is sent again.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Protocol
from xml.etree.ElementTree import Element

import structlog

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.connection import ConnectionFailed, FailureCause, Sink
from gateway.xmpp.element import local_name
from gateway.xmpp.stream_management import Enabled, StreamManagement, enable

log = structlog.get_logger(__name__)

ATTEMPT_TIMEOUT = 10.0  # seconds for one attempt, login included
LEAVE_PATIENCE = 3.0  # seconds in which a stream may be resumed for the sake of a proper end
PAUSES = ((0.2, 1.0), (1.5, 3.0))  # seconds before each attempt; the last again and again

_RESUMABLE = (FailureCause.CUT, FailureCause.SILENT)  # losses that the server may not know of
_FINAL = (FailureCause.LOGIN, FailureCause.TLS)  # failures that another attempt will not mend


class Link(Protocol):
    """One transport. `open` it once; `close` it or `break_off` always.

    Nothing more is told to the sink once that has begun.
    """

    @property
    def offers_management(self) -> bool:
        """Whether the server has XEP-0198."""

    async def open(self, sink: Sink) -> str:
        """Connect, log in and, unless a stream is to be resumed, bind; the bound JID or "".

        From then on `sink` is given stanzas and the elements of XEP-0198. ConnectionFailed if
        there is no login.
        """

    def send(self, part: Element) -> None:
        """Send a child of the stream, or drop it if the transport is lost."""

    async def close(self) -> None:
        """End the stream, if it still can be, and free everything, in a bounded time."""

    async def break_off(self) -> None:
        """Free everything in a bounded time, and leave the stream to be resumed."""


Links = Callable[[str | None], Link]
"""Makes a link: to begin a stream (None), or to resume the one of that id."""


class ManagedStream:
    """A stream (`gateway.xmpp.connection.Stream`) over one link after the other.

    With `resumes` the server is asked to keep it when its transport is lost. Without, or if the
    server declines, it ends with its first link.
    """

    def __init__(self, links: Links, *, resumes: bool) -> None:
        self._links = links
        self._resumes = resumes
        self._sink: Sink | None = None
        self._link: Link | None = None
        self._up = asyncio.Event()  # stanzas may be sent over the link
        self._counts_received = False
        self._management: StreamManagement | None = None
        self._enabled = Enabled("", 0)
        self._cut: asyncio.Future[ConnectionFailed] | None = None  # the link's end
        self._answer: asyncio.Future[bool] | None = None  # to <enable/>, or to <resume/>
        self._keeping: asyncio.Task[None] | None = None

    async def open(self, sink: Sink) -> str:
        """Connect, log in and bind; the bound JID. ConnectionFailed if that is not possible."""
        self._sink = sink
        link = self._new_link(None)
        self._up.set()
        jid = await link.open(self)
        if link.offers_management:
            self._management = StreamManagement()
            await self._ask(link, enable(resume=self._resumes))
        self._keeping = asyncio.create_task(self._keep(), name="xmpp stream")
        return jid

    def send(self, stanza: Element) -> None:
        """Send a stanza, now or when the stream is resumed."""
        request = self._management.sent(stanza) if self._management is not None else None
        if self._up.is_set() and self._link is not None:
            self._link.send(stanza)
            if request is not None:
                self._link.send(request)

    def suspect(self, failure: ConnectionFailed) -> None:
        """The server does not answer: as if the transport were lost, if it is not already."""
        if self._up.is_set():
            self.lost(failure)

    @property
    def is_up(self) -> bool:
        """Whether there is a link, as far as we know."""
        return self._up.is_set()

    async def until_up(self) -> None:
        """Wait for one."""
        await self._up.wait()

    async def close(self) -> None:
        """End the stream and free everything it has, in a bounded time.

        If it is being resumed that is waited for a little: the server would take us for a client
        that will come back.
        """
        try:
            if self._keeping is not None:
                await self._stop(self._keeping)
        finally:
            if self._link is not None:
                await self._link.close()

    async def _stop(self, keeping: asyncio.Task[None]) -> None:
        up = asyncio.create_task(self._up.wait())
        try:
            await asyncio.wait(
                (up, keeping), timeout=LEAVE_PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (up, keeping):
                task.cancel()
            await asyncio.gather(up, keeping, return_exceptions=True)

    # The link's side

    def received(self, part: Element) -> None:
        """A child of the stream has come."""
        if part.tag.startswith(f"{{{ns.SM}}}"):
            try:
                self._manage(part)
            except JingleError as error:
                self.lost(ConnectionFailed(FailureCause.STREAM, str(error)))
            return
        if self._counts_received and self._management is not None:
            self._management.count_received()
        assert self._sink is not None
        self._sink.received(part)

    def lost(self, failure: ConnectionFailed) -> None:
        """The link has ended; only the first word about it counts."""
        self._up.clear()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
        if self._cut is not None and not self._cut.done():
            self._cut.set_result(failure)

    # The story

    async def _keep(self) -> None:
        """Each time the link is lost another takes its place, as long as that is possible."""
        assert self._cut is not None and self._sink is not None
        try:
            while True:
                failure = await self._cut
                if failure.cause not in _RESUMABLE or not await self._resume(failure):
                    break
        except Exception:
            log.exception("xmpp stream not kept")
            failure = ConnectionFailed(FailureCause.STREAM, "a mistake of ours")
        self._sink.lost(failure)

    async def _resume(self, failure: ConnectionFailed) -> bool:
        """Whether another link has taken up the stream, while the server still keeps it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._enabled.hibernation
        management = self._management
        if not self._enabled.id or management is None:
            return False
        log.warning("xmpp connection lost, resuming", reason=str(failure))
        for pause in _pauses():
            if not management.is_resumable or loop.time() + pause >= until:
                break
            if self._link is not None:
                await self._link.break_off()
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(min(ATTEMPT_TIMEOUT, until - loop.time())):
                    link = self._new_link(self._enabled.id)
                    await link.open(self)
                    is_resumed = await self._ask(link, management.resume(self._enabled.id))
            except (ConnectionFailed, TimeoutError) as error:
                log.info("xmpp stream not resumed yet", reason=str(error) or "no answer in time")
                if isinstance(error, ConnectionFailed) and error.cause in _FINAL:
                    break
                continue
            if is_resumed:
                log.info("xmpp stream resumed")
                return True
            break
        log.warning("xmpp stream not resumed")
        return False

    def _new_link(self, resumes: str | None) -> Link:
        self._cut = asyncio.get_running_loop().create_future()
        self._link = self._links(resumes)
        return self._link

    async def _ask(self, link: Link, question: Element) -> bool:
        """Whether the server agrees: all that follows from its answer is done as it comes."""
        if self._cut is not None and self._cut.done():
            raise self._cut.result()
        self._answer = asyncio.get_running_loop().create_future()
        link.send(question)
        return await self._answer

    def _manage(self, part: Element) -> None:
        management, link = self._management, self._link
        if management is None or link is None:
            return
        match local_name(part):
            case "enabled":
                self._enabled = Enabled.parse(part)
                self._counts_received = True
                self._answered(True)
            case "resumed":
                again = management.resumed(part)
                self._up.set()
                for each in again:
                    link.send(each)
                self._answered(True)
            case "failed":
                if not self._counts_received:
                    self._management = None
                self._answered(False)
            case "r":
                link.send(management.acknowledgement())
            case "a":
                management.acknowledged(part)

    def _answered(self, agrees: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(agrees)


def _pauses() -> Iterator[float]:
    for low, high in chain(PAUSES, repeat(PAUSES[-1])):
        yield random.uniform(low, high)
