"""One Jingle session: from the focus' offer until its media is gone.

`BridgeSession.run` is its story. It ends by returning the fault that ended it, or by being
cancelled when the focus ends it or we leave. What becomes of its audio then is up to `Audio`: where
only the XMPP connection is lost, or another session follows, it goes on as a rule.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from gateway.conference.audio import FOREVER, Audio, BridgeMedia, Emit
from gateway.conference.bridge_channel import OpenChannel
from gateway.conference.bridge_offer import (
    bridge_offer,
    channel_url,
    choose_ssrc,
    engine_sources,
    ice_restart_answer,
    offered_candidates,
    offered_ice_restart,
    session_accept,
)
from gateway.conference.recovery import MediaRecovery
from gateway.conference.relays import Relays
from gateway.conference.room import Room
from gateway.errors import JingleError, MediaError
from gateway.media import messages
from gateway.xmpp.connection import Connection
from gateway.xmpp.jingle import Action, BridgeSessionId, Jingle, Reason
from gateway.xmpp.sources import SignalledSource, SourceRegistry
from gateway.xmpp.stanza import NoReply, StanzaError, iq

log = structlog.get_logger(__name__)

ICE_RESTART_PATIENCE = 5.0
"""Seconds the focus has for bringing the bridge's new credentials: many times what a bridge that
lives takes. A Jicofo older than ICE restarts (August 2026) says yes to them and does nothing. It
is not asked for another session sooner, since Prosody keeps a bridge that has died for 15 s more
(smacks): until then Jicofo asks that one, and waits for 15 s itself."""


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


@dataclass(frozen=True, slots=True)
class _Connected:
    """The engine says that media flows."""


@dataclass(frozen=True, slots=True)
class _Interrupted:
    """The engine says that no path leads to the bridge any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Lost:
    """The engine says that the connection broke, or could not be made."""

    reason: str


@dataclass(frozen=True, slots=True)
class _IceOffered:
    """The focus says that the bridge has another ICE agent."""

    remote: messages.IceParameters


@dataclass(frozen=True, slots=True)
class _IceRestarted:
    """The engine has another one as well."""

    local: messages.IceParameters


_Fact = _Connected | _Interrupted | _Lost | _IceOffered | _IceRestarted


class BridgeSession:
    """The session that `initiate` offers to us in a room; visitors only listen.

    `relays` are given where the bridge could not be reached without.
    """

    def __init__(
        self,
        initiate: Jingle,
        *,
        room: Room,
        connection: Connection,
        media: BridgeMedia,
        emit: Emit,
        open_channel: OpenChannel | None = None,
        relays: Relays | None = None,
        audio: Audio,
        recovery: MediaRecovery,
    ) -> None:
        self.sid = initiate.sid
        self._initiate = initiate
        self._told = initiate.bridge_session  # what the focus calls it now
        self._focus = room.focus
        self._nick = room.nick
        self._company = room.company
        self._connection = connection
        self._media = media
        self._emit = emit
        self._open_channel = open_channel
        self._relays = relays
        self._audio = audio
        self._recovery = recovery
        self._listening = room.is_visitor
        self._sources = SourceRegistry(initiate.sources)
        self._encrypting = room.company.endpoints_encrypting
        self._candidates: tuple[messages.IceCandidate, ...] = ()  # came while opening
        self._answer: messages.BridgeAnswer | None = None  # once the engine has opened it
        self._open = False
        self._ice_generation = 0
        self._facts: asyncio.Queue[_Fact] = asyncio.Queue()
        self._ended_by: str | None = None  # None: not on purpose
        self._linger = 0.0

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
            # Without a connection nobody can tell us of the session, and it may be well.
            is_cut_off = self._ended_by is None and self._connection.is_lost
            self._audio.leave(
                self.sid,
                self._ended_by or "left the conference",
                linger=FOREVER if is_cut_off else self._linger,
            )

    async def _connect(self) -> None:
        relays = await self._relays.servers() if self._relays is not None else ()
        offer = bridge_offer(self._initiate, choose_ssrc(self._sources.ssrcs), relays)
        self._audio.opening(self.sid)
        answer = self._answer = await self._media.open_bridge(offer)
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
        while not isinstance(fact := await self._facts.get(), _Connected):
            if isinstance(fact, _Lost):
                raise MediaError(fact.reason)

    async def _until_lost(self) -> str:
        """Why it is lost. An interruption is repaired in place if the focus and the bridge can."""
        async with self._channel():
            while True:
                match await self._facts.get():
                    case _Lost(reason):
                        return reason
                    case _Interrupted(reason):
                        if not await self._is_repaired():
                            return reason
                    case fact:
                        self._restart_ice(fact)

    def _channel(self) -> AbstractAsyncContextManager[None]:
        """The bridge channel, if it is wanted and offered."""
        url = channel_url(self._initiate)
        if self._open_channel is None or url is None:
            return nullcontext()
        return self._open_channel(url, self._emit)

    async def _is_repaired(self) -> bool:
        """Ask the focus for an ICE restart, and see whether the bridge is reached again."""
        told = self._told
        if told is None or not self._recovery.may_restart_ice(asyncio.get_running_loop().time()):
            return False
        log.info("asking for an ICE restart", sid=self.sid)
        wanted = BridgeSessionId(told.id, ice_restart=True)
        request = Jingle(Action.SESSION_INFO, self.sid, bridge_session=wanted)
        is_granted = False
        try:
            async with asyncio.timeout(ICE_RESTART_PATIENCE) as patience:
                await self._connection.request(self._focus, request.to_element())
                is_granted = True
                while True:
                    match await self._facts.get():
                        case _Connected():
                            return True
                        case _Lost():
                            return False
                        case _IceOffered() as offered:
                            patience.reschedule(None)  # for the rest the engine sets the limit
                            self._restart_ice(offered)
                        case fact:
                            self._restart_ice(fact)
        except StanzaError as error:
            log.info("ICE restart refused", error=str(error))
            if error.condition == "feature-not-implemented":
                self._recovery.ice_restarts_unknown()
        except (NoReply, TimeoutError):
            log.info("ICE restart not granted in time", said_yes=is_granted)
            if is_granted:
                self._recovery.ice_restarts_unknown()
        return False

    def _restart_ice(self, fact: _Fact) -> None:
        """A step of an ICE restart, if that is what the fact is."""
        match fact:
            case _IceOffered(remote):
                self._media.restart_ice(self.sid, remote)
            case _IceRestarted(local) if self._answer is not None:
                answer = ice_restart_answer(self._initiate, self._answer, local)
                self._connection.send(iq("set", self._focus, answer.to_element()))

    def ended_by(self, reason: str, *, linger: float = 0.0) -> None:
        """Say why, and how long audio may go on, before cancelling `run`."""
        self._ended_by, self._linger = reason, linger

    def connected(self) -> None:
        """The engine says that media flows."""
        self._facts.put_nowait(_Connected())

    def interrupted(self, reason: str) -> None:
        """The engine says that no path leads to the bridge any more."""
        self._facts.put_nowait(_Interrupted(reason))

    def ice_restarted(self, local: messages.IceParameters) -> None:
        """The engine has new ICE credentials."""
        self._facts.put_nowait(_IceRestarted(local))

    def lost(self, reason: str) -> None:
        """The engine says that the connection broke, or could not be made."""
        self._facts.put_nowait(_Lost(reason))

    def transport_told(self, info: Jingle) -> None:
        """A transport-info: the videobridge has more addresses, or another ICE agent."""
        remote = offered_ice_restart(info)
        if remote is None:
            self._add_candidates(offered_candidates(info))
        elif remote.generation > self._ice_generation:  # else it has been overtaken
            self._ice_generation = remote.generation
            self._facts.put_nowait(_IceOffered(remote))

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

    def look(self) -> None:
        """Somebody in the room encrypts end to end, perhaps, or no longer."""
        encrypting = self._company.endpoints_encrypting
        if encrypting != self._encrypting:
            self._encrypting = encrypting
            self._tell_sources()

    def _add_candidates(self, candidates: tuple[messages.IceCandidate, ...]) -> None:
        if self._open:
            self._media.add_candidates(self.sid, candidates)
        else:
            self._candidates += candidates

    def terminate(self, reason: Reason, *, restart: bool = False) -> Jingle:
        """The session-terminate; without the bridge session's id the focus would refuse it."""
        told = self._told
        return Jingle(
            action=Action.SESSION_TERMINATE,
            sid=self.sid,
            reason=reason,
            bridge_session=BridgeSessionId(told.id, restart) if told is not None else None,
        )

    def reject_transport(self, replace: Jingle) -> Jingle:
        """The answer to a transport-replace: we keep what we have (XEP-0166 section 6.8).

        For the focus we are on the other bridge from now on: once our own is gone we ask for that.
        """
        self._told = replace.bridge_session or self._told
        return Jingle(action=Action.TRANSPORT_REJECT, sid=self.sid, contents=replace.contents)

    def _tell_sources(self) -> None:
        if self._open:
            sources = engine_sources(self._sources, self._nick, self._encrypting)
            self._media.set_sources(self.sid, sources)
