"""The media engine in one process: carries out commands, reports events, ticks all rooms.

A room has one slot of the 20 ms in which it is decoded and mixed; each of its callers is encoded
for the bridge in that slot or one soon after, so that no tick bursts.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial

import structlog

from gateway.errors import MediaError
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.call_media import CallMedia
from gateway.media.clock import SLOTS, Clock
from gateway.media.load import TOLERABLE_LATE_SHARE, EngineLoad
from gateway.media.messages import (
    AddBridgeCandidates,
    BridgeConnected,
    BridgeLost,
    BridgeOffer,
    BridgeOpened,
    CallReport,
    Close,
    CloseBridge,
    Closed,
    Command,
    ConnectPhone,
    Event,
    Failed,
    Mute,
    OpenBridge,
    OpenPhone,
    PhoneOpened,
    Play,
    SetSources,
    Silence,
    Source,
)
from gateway.media.phone_leg import RATE
from gateway.media.phone_sockets import PhoneSockets, PortRange
from gateway.media.room_bus import RoomBus
from gateway.webrtc.transport import BridgeTransport, TransportError

log = structlog.get_logger(__name__)

_WATCH_TURNS = 25  # rounds of 20 ms: each call is looked after twice a second
_CLOCK_TURNS = 500  # rounds: ten seconds
_ENCODE_WITHIN = 5  # slots after the room's own in which its callers are encoded


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the engine deals with the network and with time.

    `bridge_addresses` are the local addresses ICE uses, all interfaces' if empty. `silent_after`
    and `connect_within` are seconds; `bitrate` is bit/s of Opus towards the bridge.
    """

    phone_host: str = "0.0.0.0"
    first_port: int = 20000
    last_port: int = 29999
    bridge_addresses: tuple[str, ...] = ()
    silent_after: float = 30.0
    connect_within: float = 15.0
    bitrate: int = 24_000
    complexity: int = 5


@dataclass(slots=True, eq=False)
class _Room:
    """A bus and the slot it is ticked in."""

    bus: RoomBus
    slot: int


@dataclass(slots=True, eq=False)
class _Call:
    """A call in the engine: its media once its ports are open, and what is under way for it."""

    name: str
    alone: _Room  # where it is while it has no conference
    media: CallMedia | None = None
    room_key: str | None = None
    opening: asyncio.Task[None] | None = None
    bridge: asyncio.Task[None] | None = None
    sources: dict[str, tuple[Source, ...]] = field(default_factory=dict)  # by session


class MediaEngine:
    """`execute` commands, `close` it in the end; `emit` is called with every event.

    It ticks while there are calls.
    """

    def __init__(self, config: EngineConfig, emit: Callable[[Event], None]) -> None:
        self.clock = Clock(self._tick)
        self._config = config
        self._emit = emit
        self._ports = PortRange(config.first_port, config.last_port)
        self._calls: dict[str, _Call] = {}
        self._rooms: dict[str, _Room] = {}
        self._by_slot: list[dict[_Room, None]] = [{} for _ in range(SLOTS)]
        self._encoding: list[list[CallMedia]] = [[] for _ in range(SLOTS)]
        self._turns: list[dict[_Call, None]] = [{} for _ in range(_WATCH_TURNS)]
        self._closing: set[asyncio.Task[None]] = set()
        self._round = 0
        self._late_before = 0
        self._late_share = 0.0

    async def close(self) -> None:
        """Close every call and stop."""
        for name in list(self._calls):
            self._close_call(name)
        if self._closing:  # cancelled ones among them: that is no reason to be cancelled oneself
            await asyncio.wait(self._closing)
        self.clock.stop()

    @property
    def calls(self) -> int:
        """How many calls have something here."""
        return len(self._calls)

    @property
    def load(self) -> EngineLoad:
        """How well it keeps its time."""
        return self.clock.load(self._late_share)

    def report(self, call: str) -> CallReport:
        """What has been measured for a call so far."""
        known = self._calls.get(call)
        return known.media.report() if known and known.media else CallReport()

    def execute(self, command: Command) -> None:
        """Carry out a command; what it leads to comes as events. Unknown calls are no error:
        a command may cross the event that ended its call."""
        if isinstance(command, OpenPhone):
            self._open_phone(command.call)
            return
        if isinstance(command, Close):
            self._close_call(command.call)
            return
        call = self._calls.get(command.call)
        if call is None or call.media is None:
            log.debug("command for a call that is gone", command=type(command).__name__)
            return
        self._execute_for(call, call.media, command)

    def _execute_for(self, call: _Call, media: CallMedia, command: Command) -> None:
        match command:
            case ConnectPhone():
                media.connect_phone(command.media, time.monotonic())
            case OpenBridge():
                self._open_bridge(call, media, command.room, command.offer)
            case CloseBridge():
                if media.session == command.session:
                    self._drop_bridge(call)
            case AddBridgeCandidates():
                if media.session == command.session and media.transport is not None:
                    adding = media.transport.add_candidates(command.candidates)
                    self._spawn(adding)
            case SetSources():
                call.sources = {command.session: command.sources}
                if media.leg is not None and media.leg.session == command.session:
                    media.bus.set_sources(media, command.sources, time.monotonic())
            case Mute():
                media.muted = command.muted
            case Play():
                media.play(command.tone, rate=RATE)
            case Silence():
                media.silence()
            case OpenPhone() | Close():
                raise AssertionError("handled before")

    # Phones.

    def _open_phone(self, name: str) -> None:
        if name in self._calls:
            raise ValueError(f"call {name} is open already")
        if not self.clock.is_running:
            self.clock.start()
        call = self._calls[name] = _Call(name, alone=self._new_room())
        min(self._turns, key=len)[call] = None
        call.opening = self._spawn(self._open_sockets(call))

    async def _open_sockets(self, call: _Call) -> None:
        def rtp(data: bytes, source: tuple[str, int]) -> None:
            if call.media is not None:
                call.media.receive_rtp(data, source, time.monotonic())

        def rtcp(data: bytes, source: tuple[str, int]) -> None:
            if call.media is not None:
                call.media.receive_rtcp(data, source, time.monotonic())

        try:
            sockets = await PhoneSockets.open(self._config.phone_host, self._ports, rtp, rtcp)
        except MediaError as error:
            self._forget(call)
            self._free_room(call.alone)
            self._emit(Failed(call.name, OpenPhone.__name__, str(error)))
            return
        call.media = CallMedia(
            call.name, sockets, call.alone.bus, self._emit, silent_after=self._config.silent_after
        )
        self._emit(PhoneOpened(call.name, sockets.address))

    # The bridge.

    def _open_bridge(self, call: _Call, media: CallMedia, room: str, offer: BridgeOffer) -> None:
        previous = call.bridge
        self._drop_bridge(call)
        media.session = offer.session
        call.bridge = self._spawn(self._run_bridge(call, media, room, offer, previous))

    async def _run_bridge(
        self,
        call: _Call,
        media: CallMedia,
        room: str,
        offer: BridgeOffer,
        previous: asyncio.Task[None] | None,
    ) -> None:
        """The life of one connection to the bridge, from our sockets to its loss."""
        if previous is not None:
            await asyncio.wait((previous,))
        receive = partial(self._receive_from_bridge, media, offer.session)
        transport = BridgeTransport(self._config.bridge_addresses, receive)
        media.transport = transport
        try:
            answer = await transport.open(offer)
            self._emit(BridgeOpened(call.name, offer.session, answer))
            async with asyncio.timeout(self._config.connect_within):
                await transport.connect(offer)
            self._enter_room(call, media, room, offer, transport)
            self._emit(BridgeConnected(call.name, offer.session))
            reason = await transport.lost()
        except TransportError as error:
            reason = str(error)
        except TimeoutError:
            reason = f"not connected within {self._config.connect_within:g} s"
        except Exception:
            log.exception("bridge connection failed")
            reason = "internal error"
        finally:
            if media.transport is transport:
                media.transport = None
                self._leave_room(call, media)
            await transport.close()
        self._emit(BridgeLost(call.name, offer.session, reason))

    def _drop_bridge(self, call: _Call) -> None:
        """Leave the room at once; the connection is closed in its own time."""
        if call.bridge is not None:
            call.bridge.cancel()
            call.bridge = None
        if call.media is not None:
            call.media.session = None
            call.media.transport = None
            self._leave_room(call, call.media)

    def _receive_from_bridge(self, media: CallMedia, session: str, data: bytes) -> None:
        if media.leg is not None and media.leg.session == session:
            media.receive_from_bridge(data, time.monotonic())

    def _enter_room(
        self,
        call: _Call,
        media: CallMedia,
        key: str,
        offer: BridgeOffer,
        transport: BridgeTransport,
    ) -> None:
        assert transport.keys is not None
        now = time.monotonic()
        leg = BridgeLeg(
            offer,
            transport,
            transport.keys.receiver,
            now,
            rate=RATE,
            bitrate=self._config.bitrate,
            complexity=self._config.complexity,
        )
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = self._new_room()
        self._free_room(call.alone)
        call.room_key = key
        media.move(room.bus, leg, now)
        room.bus.set_sources(media, call.sources.get(offer.session, ()), now)
        self._encoding[self._encoding_slot(room.slot)].append(media)

    def _leave_room(self, call: _Call, media: CallMedia) -> None:
        if call.room_key is None:
            return
        for encoding in self._encoding:
            if media in encoding:
                encoding.remove(media)
        room = self._rooms[call.room_key]
        call.alone = self._new_room()
        media.move(call.alone.bus, None, time.monotonic())
        if not room.bus.members:
            self._free_room(room)
            del self._rooms[call.room_key]
        call.room_key = None

    # Slots.

    def _new_room(self) -> _Room:
        slot = min(range(SLOTS), key=self._load)
        room = _Room(RoomBus(), slot)
        self._by_slot[slot][room] = None
        return room

    def _free_room(self, room: _Room) -> None:
        self._by_slot[room.slot].pop(room, None)

    def _encoding_slot(self, room_slot: int) -> int:
        """The emptiest of the slots that follow the room's; the earlier the better."""
        following = [(room_slot + step) % SLOTS for step in range(_ENCODE_WITHIN)]
        return min(following, key=self._load)

    def _load(self, slot: int) -> int:
        return len(self._by_slot[slot]) + 2 * len(self._encoding[slot])

    def _tick(self, slot: int, now: float) -> None:
        for room in list(self._by_slot[slot]):
            try:
                room.bus.tick(now)
            except Exception:  # a mistake of ours ends the calls of one room, not of all
                log.exception("room failed")
                self._fail(room)
        for media in self._encoding[slot]:
            media.send_to_bridge()
        if slot == 0:
            self._round += 1
            self._watch_clock()
            for call in self._turns[self._round % _WATCH_TURNS]:
                if call.media is not None:
                    call.media.watch(now)
            if self._round % _WATCH_TURNS == 0:
                for room in self._rooms.values():
                    room.bus.expire(now)

    def _watch_clock(self) -> None:
        """Tell the operator if the machine is too slow for its calls; rest if there are none."""
        if self._round % _CLOCK_TURNS == 0:
            late, self._late_before = self.clock.late - self._late_before, self.clock.late
            self._late_share = late / (_CLOCK_TURNS * SLOTS)
            if self._late_share > TOLERABLE_LATE_SHARE:
                log.warning("media is late", ticks=late, calls=len(self._calls))
        if not self._calls and not self._closing:
            self.clock.stop()
            self._late_share = 0.0

    def _fail(self, room: _Room) -> None:
        self._free_room(room)
        for call in self._calls.values():
            if call.media is not None and call.media.bus is room.bus:
                self._emit(Failed(call.name, "tick", "internal error"))

    # Ends.

    def _close_call(self, name: str) -> None:
        call = self._calls.get(name)
        if call is None:
            self._emit(Closed(name, CallReport()))
            return
        self._forget(call)
        self._spawn(self._finish(call))

    async def _finish(self, call: _Call) -> None:
        report = call.media.report() if call.media is not None else CallReport()
        under_way = [task for task in (call.opening, call.bridge) if task is not None]
        if call.opening is not None:
            await asyncio.wait((call.opening,))
        self._drop_bridge(call)
        if under_way:
            await asyncio.wait(under_way)
        if call.media is not None:
            call.media.close()
        self._free_room(call.alone)
        self._emit(Closed(call.name, report))

    def _forget(self, call: _Call) -> None:
        """The call is known no more; its room is freed as it finishes."""
        self._calls.pop(call.name, None)
        for turn in self._turns:
            turn.pop(call, None)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a piece of a call's life; the engine owns it until it is done."""
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("media task failed", exc_info=task.exception())
