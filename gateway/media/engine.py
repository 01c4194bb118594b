"""The media engine in one process: carries out commands, reports events, ticks all rooms.

A room has one slot of the 20 ms in which it is decoded and mixed; each of its callers is encoded
for the bridge in that slot or one soon after, so that no tick bursts.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

import structlog

from gateway.errors import MediaError
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.bridges import CallBridges
from gateway.media.call_media import CallMedia
from gateway.media.clock import Clock
from gateway.media.effort import Effort
from gateway.media.engine_config import EngineConfig
from gateway.media.load import TOLERABLE_LATE_SHARE, EngineLoad, LateShare
from gateway.media.messages import (
    AddBridgeCandidates,
    Address,
    CallReport,
    Close,
    CloseBridge,
    Closed,
    Command,
    ConnectPhone,
    Event,
    Failed,
    Fingerprint,
    Hush,
    Mute,
    OpenBridge,
    OpenPhone,
    PhoneOpened,
    Play,
    RecordVoice,
    RestartIce,
    Say,
    Seclude,
    SendDigit,
    SetSources,
    Silence,
    Source,
    StopRecording,
)
from gateway.media.phone_sockets import PhoneSockets, PortRange
from gateway.media.recordings import RecordingFiles
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Arrival, Slot
from gateway.media.slots import Slots
from gateway.webrtc.dtls import DailyIdentity

__all__ = ["EngineConfig", "MediaEngine"]

log = structlog.get_logger(__name__)

_WATCH_TURNS = 25  # rounds of 20 ms: each call is looked after twice a second
_EFFORT_TURNS = 50  # rounds: a second
_CLOCK_TURNS = 500  # rounds: ten seconds

_TOO_BUSY = (
    "this machine has too much else to do, or too many calls: let media come first "
    "(LimitRTPRIO=1 of systemd, ulimit -r), or lower max_calls in [sip]"
)


@dataclass(slots=True, eq=False)
class _Room:
    """A bus and the slot it is ticked in."""

    bus: RoomBus
    slot: int
    calls: int = 0


@dataclass(slots=True, eq=False)
class _Call:
    """A call in the engine: its media once its ports are open, and what is under way for it."""

    name: str
    alone: _Room  # where it is while it has no conference
    slot: Slot  # in which its sockets are read: that of its room
    media: CallMedia | None = None
    bridges: CallBridges | None = None
    room_key: str | None = None
    opening: asyncio.Task[None] | None = None

    def read(self) -> list[Arrival]:
        """Take what its phone has sent since the last time; what its bridge has sent."""
        media, bridges = self.media, self.bridges
        if media is None or bridges is None:
            return []
        media.read()
        return [(arrival, media, data) for data, _, arrival in bridges.read()]


@dataclass(slots=True, eq=False)
class _InConference:
    """A call's way in and out of rooms (`gateway.media.bridges.Conference`)."""

    engine: "MediaEngine"
    call: _Call
    media: CallMedia

    def enter(self, room: str, leg: BridgeLeg, sources: tuple[Source, ...]) -> None:
        self.engine._enter_room(self.call, self.media, room, leg)
        self.media.bus.set_sources(self.media, sources, time.monotonic())

    def leave(self) -> None:
        self.engine._leave_room(self.call, self.media)


class MediaEngine:
    """`execute` commands, `close` it in the end; `emit` is called with every event.

    It is a `gateway.media.engine_port.Engine`. It ticks while there are calls.
    """

    def __init__(self, config: EngineConfig, emit: Callable[[Event], None]) -> None:
        self.clock = Clock(self._tick, lambda slot: self._slots[slot].work > 0, self._lose_time)
        self._config = config
        self._emit = emit
        self._recordings = RecordingFiles(config.recordings)
        self._identity = DailyIdentity()
        self._ports = PortRange(config.first_port, config.last_port)
        self._calls: dict[str, _Call] = {}
        self._rooms: dict[str, _Room] = {}
        self._slots = Slots(self._fail)
        self._turns: list[dict[_Call, None]] = [{} for _ in range(_WATCH_TURNS)]
        self._closing: set[asyncio.Task[None]] = set()
        self._lately, self._last_second = LateShare(), LateShare()
        self._late_share = 0.0
        self._effort = Effort(config.complexity)

    async def start(self) -> None:
        """Be ready for calls: it always is."""

    async def close(self) -> None:
        """Close every call and stop."""
        for name in list(self._calls):
            self._close_call(name)
        if self._closing:  # cancelled ones among them: that is no reason to be cancelled oneself
            await asyncio.wait(self._closing)
        self.clock.stop()
        self._recordings.close()

    @property
    def calls(self) -> int:
        """How many calls have something here."""
        return len(self._calls)

    @property
    def load(self) -> EngineLoad:
        """How well it keeps its time, and for how many calls."""
        return replace(self.clock.load(self._late_share), calls=len(self._calls))

    @property
    def loads(self) -> tuple[EngineLoad, ...]:
        """The same, as that of the one process there is."""
        return (self.load,)

    def report(self, call: str) -> CallReport:
        """What has been measured for a call so far."""
        known = self._calls.get(call)
        return known.media.report() if known and known.media else CallReport()

    def set_log_level(self, level: str) -> None:
        """Nothing is left to do: what this process logs is not the engine's to say."""

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
        if call is None or call.media is None or call.bridges is None:
            log.debug("command for a call that is gone", command=type(command).__name__)
            return
        self._execute_for(call.media, call.bridges, command)

    def _execute_for(self, media: CallMedia, bridges: CallBridges, command: Command) -> None:
        match command:
            case ConnectPhone():
                media.connect_phone(command.media, time.monotonic())
            case OpenBridge():
                bridges.open(command.room, command.offer)
            case CloseBridge():
                bridges.leave(command.session, command.linger)
            case AddBridgeCandidates():
                bridges.add_candidates(command.session, command.candidates)
            case RestartIce():
                bridges.restart_ice(command.session, command.remote)
            case SetSources():
                bridges.set_sources(command.session, command.sources)
            case Mute():
                media.muted = command.muted
            case Seclude():
                media.secluded = command.secluded
            case Play() | Silence() | Say() | Hush() | SendDigit():
                media.let_hear(command)
            case RecordVoice():
                media.record(command.seconds)
            case StopRecording():
                media.stop_recording()
            case OpenPhone() | Close():
                raise AssertionError("handled before")

    # Phones.

    def _open_phone(self, name: str) -> None:
        if name in self._calls:
            raise ValueError(f"call {name} is open already")
        if not self.clock.is_running:
            self.clock.start()
        room = self._new_room()
        call = self._calls[name] = _Call(name, room, self._slots[room.slot])
        call.slot.inlets[call] = None
        min(self._turns, key=len)[call] = None
        call.opening = self._spawn(self._open_sockets(call))

    async def _open_sockets(self, call: _Call) -> None:
        def rtp(data: bytes, source: Address, arrival: float) -> None:
            if call.media is not None:
                call.media.receive_rtp(data, source, arrival)

        def rtcp(data: bytes, source: Address, arrival: float) -> None:
            if call.media is not None:
                call.media.receive_rtcp(data, source, arrival)

        try:
            sockets = await PhoneSockets.open(self._config.phone_hosts, self._ports, rtp, rtcp)
        except MediaError as error:
            self._forget(call)
            self._free_room(call.alone)
            self._emit(Failed(call.name, OpenPhone.__name__, str(error)))
            return
        identity = self._identity.at(time.monotonic())
        media = call.media = CallMedia(
            call.name,
            sockets,
            call.alone.bus,
            self._emit,
            silent_after=self._config.silent_after,
            recordings=self._recordings,
            identity=identity,
        )
        conference = _InConference(self, call, media)
        call.bridges = CallBridges(call.name, self._config, conference, self._emit, self._spawn)
        fingerprint = Fingerprint("sha-256", identity.fingerprint())
        self._emit(PhoneOpened(call.name, sockets.address, fingerprint))

    # Rooms.

    def _enter_room(self, call: _Call, media: CallMedia, key: str, leg: BridgeLeg) -> None:
        leg.set_complexity(self._effort.complexity)
        if call.room_key == key:
            media.switch(leg)
            return
        self._leave_room(call, media)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = self._new_room()
        self._free_room(call.alone)
        self._seat(call, room)
        call.room_key = key
        room.calls += 1
        media.move(room.bus, leg, time.monotonic())
        self._slots.for_encoding(room.slot, room.calls).encoding.append(media)

    def _leave_room(self, call: _Call, media: CallMedia) -> None:
        if call.room_key is None:
            return
        self._slots.no_longer_encode(media)
        room = self._rooms[call.room_key]
        call.alone = self._new_room()
        self._seat(call, call.alone)
        media.move(call.alone.bus, None, time.monotonic())
        room.calls -= 1
        if room.calls == 0:  # a phone that still rings is no member of the bus, and will be
            self._free_room(room)
            del self._rooms[call.room_key]
        call.room_key = None

    # Slots.

    def _new_room(self) -> _Room:
        room = _Room(RoomBus(), self._slots.for_room())
        self._slots[room.slot].rooms[room.bus] = None
        return room

    def _seat(self, call: _Call, room: _Room) -> None:
        """Read a call's sockets when its room is ticked."""
        before, call.slot = call.slot, self._slots[room.slot]
        if call in before.inlets:  # else it is being closed
            del before.inlets[call]
            call.slot.inlets[call] = None

    def _free_room(self, room: _Room) -> None:
        self._slots.remove(room.bus)

    def _tick(self, slot: int, now: float) -> None:
        self._slots[slot].tick(now)
        if slot == 0:
            self._watch_clock()
            self._choose_effort()
            for call in self._turns[self.clock.rounds % _WATCH_TURNS]:
                if call.media is not None:
                    self._watch(call.media, now)
            if self.clock.rounds % _WATCH_TURNS == 0:
                for room in self._rooms.values():
                    room.bus.expire(now)

    def _watch(self, media: CallMedia, now: float) -> None:
        try:
            media.watch(now)
        except Exception:  # it ends the calls of one room, not of all
            log.exception("call failed", call=media.call)
            self._fail(media.bus)

    def _watch_clock(self) -> None:
        """Tell the operator if the machine is too slow for its calls; rest if there are none."""
        if self.clock.rounds % _CLOCK_TURNS == 0:
            self._late_share = self._lately.since_then(self.clock.late, self.clock.ticks)
            if self._late_share > TOLERABLE_LATE_SHARE:
                share, calls = round(self._late_share, 3), len(self._calls)
                log.warning("media is late", share=share, calls=calls, remedy=_TOO_BUSY)
        if not self._calls and not self._closing:
            self.clock.stop()
            self._late_share = 0.0

    def _lose_time(self, seconds: float) -> None:
        """The machine has stood still: nobody was sent anything meanwhile.

        Calls are looked after by rounds, and those that were skipped do not count: where the
        machine stands still again and again, reports would be late without end.
        """
        now = time.monotonic()
        for call in self._calls.values():
            if call.media is not None:
                call.media.absent(seconds)
                self._watch(call.media, now)

    def _choose_effort(self) -> None:
        """Once a second: spend less on each frame if there is not enough time."""
        if self.clock.rounds % _EFFORT_TURNS:
            return
        share = self._last_second.since_then(self.clock.late, self.clock.ticks)
        if self._effort.observe(share):
            log.info("opus complexity", complexity=self._effort.complexity, calls=len(self._calls))
            for call in self._calls.values():
                if call.media is not None and call.media.leg is not None:
                    call.media.leg.set_complexity(self._effort.complexity)

    def _fail(self, bus: RoomBus) -> None:
        """A room cannot go on: that ends its calls."""
        self._slots.remove(bus)
        for call in self._calls.values():
            if call.media is not None and call.media.bus is bus:
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
        if call.opening is not None:
            await asyncio.wait((call.opening,))
        if call.bridges is not None:
            await call.bridges.close()
        if call.media is not None:
            call.media.close()
        self._free_room(call.alone)
        self._emit(Closed(call.name, report))

    def _forget(self, call: _Call) -> None:
        """The call is known no more; its room is freed as it finishes."""
        self._calls.pop(call.name, None)
        call.slot.inlets.pop(call, None)
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
