"""One Jingle session: from the focus' offer until its media is gone.

`BridgeSession.run` is its story. It ends by returning the fault that ended it, or by being
cancelled when the focus ends it or we leave; either way the engine's connection is closed. But
where only the XMPP connection is lost, audio goes on as a rule: the session lingers, until there is
another or `release`.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from gateway.conference.bridge_offer import (
    bridge_offer,
    choose_ssrc,
    engine_sources,
    session_accept,
)
from gateway.conference.events import Event, MediaDown, MediaUp
from gateway.errors import JingleError, MediaError
from gateway.media import messages
from gateway.xmpp.connection import Connection
from gateway.xmpp.jingle import Action, BridgeSessionId, Jingle, Reason
from gateway.xmpp.sources import SignalledSource, SourceRegistry
from gateway.xmpp.stanza import NoReply, StanzaError

Emit = Callable[[Event], None]


class BridgeMedia(Protocol):
    """The media engine, as one call reaches it. `session` is a Jingle sid."""

    async def open_bridge(self, offer: messages.BridgeOffer) -> messages.BridgeAnswer:
        """Prepare the connection that is offered and start connecting; may raise MediaError."""

    def set_sources(self, session: str, sources: tuple[messages.Source, ...]) -> None:
        """All remote sources of a session, each time they change."""

    def add_candidates(self, session: str, candidates: tuple[messages.IceCandidate, ...]) -> None:
        """More candidates of the videobridge."""

    def enter_room(self, room: str) -> None:
        """The sessions that follow belong to this room."""

    def close_bridge(self, session: str) -> None:
        """Drop a connection, or what there is of it."""

    def mute(self, muted: bool) -> None:
        """Stop or resume sending the phone's audio, in this session and those that follow."""


class FaultKind(Enum):
    """How a session fails."""

    UNUSABLE = auto()  # the offer lacks what we need
    REJECTED = auto()  # the focus has refused our answer, and with it the session
    NEVER_CONNECTED = auto()
    LOST = auto()  # media was there


@dataclass(frozen=True, slots=True)
class Fault:
    """The end of a session that nobody wanted."""

    kind: FaultKind
    text: str


class BridgeSession:
    """The session that `initiate` offers to our endpoint `nick`; visitors are only `listening`."""

    def __init__(
        self,
        initiate: Jingle,
        *,
        focus: str,
        nick: str,
        connection: Connection,
        media: BridgeMedia,
        emit: Emit,
        listening: bool = False,
    ) -> None:
        self.sid = initiate.sid
        self._initiate = initiate
        self._focus = focus
        self._nick = nick
        self._connection = connection
        self._media = media
        self._emit = emit
        self._listening = listening
        self._sources = SourceRegistry(initiate.sources)
        self._candidates: tuple[messages.IceCandidate, ...] = ()  # came while opening
        self._open = False
        self._is_up = False
        self._is_ended = False  # by the focus, or by us
        self._facts: asyncio.Queue[str | None] = asyncio.Queue()  # None: connected; else: lost
        self._ended_by = "left the conference"

    async def run(self, timeout: float) -> Fault:
        """Bring media up within `timeout` seconds and return when it fails."""
        try:
            try:
                async with asyncio.timeout(timeout):
                    await self._connect()
            except JingleError as error:
                return Fault(FaultKind.UNUSABLE, str(error))
            except StanzaError as error:
                return Fault(FaultKind.REJECTED, str(error))
            except (MediaError, NoReply) as error:
                return Fault(FaultKind.NEVER_CONNECTED, str(error))
            except TimeoutError:
                return Fault(FaultKind.NEVER_CONNECTED, f"no media within {timeout:g} s")
            return Fault(FaultKind.LOST, await self._until_lost())
        finally:
            self._open = False
            if not self.lingers:
                self._media.close_bridge(self.sid)

    @property
    def lingers(self) -> bool:
        """Whether audio goes on though nobody can tell us about the session any more."""
        return self._is_up and not self._is_ended and self._connection.is_lost

    def release(self, reason: str) -> None:
        """End what lingers, if it does."""
        if self.lingers:
            self._media.close_bridge(self.sid)
            self._go_down(reason)

    async def _connect(self) -> None:
        offer = bridge_offer(self._initiate, choose_ssrc(self._sources.ssrcs))
        answer = await self._media.open_bridge(offer)
        self._open = True
        self._tell_sources()
        if self._candidates:
            self._media.add_candidates(self.sid, self._candidates)
        source = SignalledSource(
            owner=self._nick,
            ssrc=offer.ssrc,
            name=f"{self._nick}-a0",
            # Must be unique in the conference, also among our own sessions.
            msid=f"{self._nick}-audio-0-{offer.ssrc} {self._nick}-track-{offer.ssrc}",
        )
        accept = session_accept(
            self._initiate,
            answer,
            responder=self._connection.jid,
            source=source if not self._listening else None,
        )
        await self._connection.request(self._focus, accept.to_element())
        lost = await self._facts.get()
        if lost is not None:
            raise MediaError(lost)

    async def _until_lost(self) -> str:
        self._is_up = True
        self._emit(MediaUp())
        try:
            while (lost := await self._facts.get()) is None:
                pass
            self.ended_by(lost)
            return lost
        finally:
            if not self.lingers:
                self._go_down(self._ended_by)

    def _go_down(self, reason: str) -> None:
        if self._is_up:
            self._is_up = False
            self._emit(MediaDown(reason))

    def ended_by(self, reason: str) -> None:
        """Say why, before cancelling `run`."""
        self._is_ended, self._ended_by = True, reason

    def connected(self) -> None:
        """The engine says that media flows."""
        self._facts.put_nowait(None)

    def lost(self, reason: str) -> None:
        """The engine says that the connection broke, or could not be made."""
        self._facts.put_nowait(reason)

    def add_sources(self, sources: Iterable[SignalledSource]) -> None:
        """The focus signals more sources, perhaps some that are known."""
        if self._sources.add(sources):
            self._tell_sources()

    def remove_sources(self, sources: Iterable[SignalledSource]) -> None:
        """The focus takes sources back."""
        if self._sources.remove(sources):
            self._tell_sources()

    def drop_owner(self, endpoint: str) -> None:
        """An endpoint has left the room."""
        if self._sources.drop_owner(endpoint):
            self._tell_sources()

    def add_candidates(self, candidates: tuple[messages.IceCandidate, ...]) -> None:
        """The videobridge has more addresses."""
        if self._open:
            self._media.add_candidates(self.sid, candidates)
        else:
            self._candidates += candidates

    def terminate(self, reason: Reason, *, restart: bool = False) -> Jingle:
        """The session-terminate; without the bridge session's id the focus would refuse it."""
        told = self._initiate.bridge_session
        return Jingle(
            action=Action.SESSION_TERMINATE,
            sid=self.sid,
            reason=reason,
            bridge_session=BridgeSessionId(told.id, restart) if told is not None else None,
        )

    def reject_transport(self, replace: Jingle) -> Jingle:
        """The answer to a transport-replace: we keep what we have (XEP-0166 section 6.8)."""
        return Jingle(action=Action.TRANSPORT_REJECT, sid=self.sid, contents=replace.contents)

    def _tell_sources(self) -> None:
        if self._open:
            self._media.set_sources(self.sid, engine_sources(self._sources, self._nick))
