"""One trial: a scenario's calls are set up, run for a while, and measured in a window of it."""

import gc
import multiprocessing
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

from gateway import system_limits
from gateway.bench import subject
from gateway.bench.call import PHONE_CODECS, LoadCall, Stage
from gateway.bench.endpoint import LoadEndpoint
from gateway.bench.floor import FloorWork, UnitCosts
from gateway.bench.keys import EventKeys
from gateway.bench.machine import two_cores
from gateway.bench.measurement import (
    Measurement,
    Reading,
    Readings,
    Snapshot,
    Traffic,
    measured,
)
from gateway.bench.menu_call import LoadMenuCall
from gateway.bench.pacing import PERIOD, Pacing
from gateway.bench.phone import FRAME, LoadPhone
from gateway.bench.room import LoadRoom, Talker
from gateway.bench.scenario import Scenario
from gateway.bench.voices import (
    RATE,
    VOICES,
    caller_payloads,
    caller_speech,
    key_payloads,
    talker_packets,
)
from gateway.xmpp.sources import SignalledSource

_HOST = "127.0.0.1"
_AT_A_TIME = 8  # calls that are being set up together
_CALL_WITHIN = 10.0  # seconds until it is connected
_WARM_UP = 3.0
_STOPS_WITHIN = 5.0
_MOST_STREAMS = 100


class TrialError(Exception):
    """A trial has come to nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial has shown: `floor_ms` are milliseconds a call and second, at the same time.

    `profile` is empty unless it was asked for.
    """

    measurement: Measurement
    floor_ms: float
    profile: str = ""


def run_trial(
    scenario: Scenario, seconds: float, *, engine: str = "engine", profile: bool = False
) -> Outcome:
    """Run a scenario and measure `seconds` of it. TrialError: its calls do not come up."""
    system_limits.allow_many_files()
    core, load_core = two_cores()
    config = subject.SubjectConfig(engine, _HOST, scenario.complexity, core)
    with _undisturbed(load_core), _subject(config) as pipe:
        trial = _Trial(scenario, pipe)
        try:
            return trial.run(seconds, profile=profile)
        finally:
            trial.close()


class _Trial:
    """The load of one scenario: phones, rooms, talkers, and the pipe to the subject."""

    def __init__(self, scenario: Scenario, pipe: Connection) -> None:
        self._scenario = scenario
        self._pipe = pipe
        self._dice = random.Random(1)
        self._pacing = Pacing()
        self._pacing.read(pipe.fileno(), self._receive)
        self._snapshots: list[Snapshot] = []
        self._costs: UnitCosts | None = None
        self._profile: str | None = None
        self._calls: dict[str, LoadCall | LoadMenuCall] = {}
        self._ssrcs = [secrets.randbits(31) | 1 for _ in range(scenario.calls)]
        self._bridge_ssrc = secrets.randbits(31) | 1
        self._rooms = [LoadRoom() for _ in range(scenario.rooms)]
        self._talkers = [self._make_talkers() for _ in range(scenario.rooms)]

    def run(self, seconds: float, *, profile: bool) -> Outcome:
        """Set up, warm up, measure, hang up."""
        idle = self._snapshot()
        self._set_up()
        set_up = self._snapshot()
        self._speak()
        self._pacing.run_for(_WARM_UP)
        self._pipe.send(subject.Profile(on=profile))
        begin = self._reading()
        self._pacing.run_for(seconds)
        end = self._reading()
        self._pipe.send(subject.Profile(on=False))
        self._check()
        self._check_menu()
        floor = self._floor()
        readings = Readings(idle, set_up, begin, end)
        return Outcome(measured(self._scenario, readings), floor, self._stop())

    def close(self) -> None:
        """Give everything back."""
        for call in self._calls.values():
            call.close()
        self._pacing.close()

    # Setting up.

    def _set_up(self) -> None:
        for number in range(self._scenario.calls):
            self._await(lambda: self._underway() < _AT_A_TIME, "calls do not come up")
            self._call(number)
        self._await(lambda: self._underway() == 0, "calls do not come up")

    def _underway(self) -> int:
        return sum(call.stage is not Stage.CONNECTED for call in self._calls.values())

    def _call(self, number: int) -> None:
        if self._scenario.in_menu:
            self._call_menu(number)
        else:
            self._call_room(number)

    def _phone(self, number: int) -> LoadPhone:
        scenario = self._scenario
        voice = number % VOICES if scenario.caller_speaks(number) else None
        payloads = caller_payloads(scenario.codec, voice)
        if scenario.tones:
            payloads = key_payloads(scenario.codec)
        payload_type, _ = PHONE_CODECS[scenario.codec]
        at = self._dice.randrange(len(payloads))
        keys = EventKeys(FRAME) if scenario.in_menu and not scenario.tones else None
        return LoadPhone(_HOST, payloads, payload_type=payload_type, at=at, keys=keys)

    def _call_menu(self, number: int) -> None:
        name = f"call{number}"
        self._calls[name] = LoadMenuCall(
            name,
            number,
            self._phone(number),
            codec=self._scenario.codec,
            tones=self._scenario.tones,
            execute=self._pipe.send,
            pacing=self._pacing,
        )

    def _call_room(self, number: int) -> None:
        scenario = self._scenario
        room_number = scenario.room_of(number)
        room = self._rooms[room_number]
        phone = self._phone(number)
        endpoint = LoadEndpoint(_HOST, self._bridge_ssrc, room.forward)
        room.endpoints.append(endpoint)
        self._pacing.read(endpoint.socket.fileno(), endpoint.receive)
        self._pacing.watch(endpoint.watch)
        name = f"call{number}"
        self._calls[name] = LoadCall(
            name,
            f"room{room_number}",
            phone,
            endpoint,
            codec=scenario.codec,
            ssrc=self._ssrcs[number],
            sources=self._sources(number, room_number),
            execute=self._pipe.send,
            pacing=self._pacing,
        )

    def _sources(self, number: int, room: int) -> tuple[SignalledSource, ...]:
        talkers = [
            SignalledSource(f"talker{each}", talker.ssrc, f"talker{each}-a0")
            for each, talker in enumerate(self._talkers[room])
        ]
        callers = [
            SignalledSource(f"call{other}", ssrc, f"call{other}-a0")
            for other, ssrc in enumerate(self._ssrcs)
            if other != number and self._scenario.room_of(other) == room
        ]
        bridge = SignalledSource("jvb", self._bridge_ssrc, "jvb-a0")
        return (bridge, *talkers, *callers)

    def _make_talkers(self) -> list[Talker]:
        talkers = []
        for number in range(self._scenario.talkers):
            speaks = self._scenario.talker_speaks(number)
            packets = talker_packets(number % VOICES if speaks else None)
            ssrc = secrets.randbits(31) | 1
            talkers.append(Talker(ssrc, packets, at=self._dice.randrange(len(packets))))
        return talkers

    def _speak(self) -> None:
        for call in self._calls.values():
            self._pacing.every_20_ms(self._dice.randrange(PERIOD), call.phone.speak)
        for room, talkers in zip(self._rooms, self._talkers, strict=True):
            for number, talker in enumerate(talkers):
                if self._scenario.sends(number):
                    slot = self._dice.randrange(PERIOD)
                    self._pacing.every_20_ms(slot, partial(room.say, talker))

    # The subject.

    def _receive(self) -> None:
        try:
            answer: subject.Answer = self._pipe.recv()
        except EOFError as error:
            raise TrialError("the process under test has died") from error
        match answer:
            case Snapshot():
                self._snapshots.append(answer)
            case UnitCosts():
                self._costs = answer
            case subject.Stopped():
                self._profile = answer.profile
            case _:
                call = self._calls.get(answer.call)
                if call is not None:
                    call.receive(answer)

    def _stop(self) -> str:
        """End the subject, without any more load; its profile."""
        self._pipe.send(subject.Stop())
        while self._profile is None:
            if not self._pipe.poll(_CALL_WITHIN):
                raise TrialError("the process under test does not end")
            self._receive()
        return self._profile

    def _snapshot(self) -> Snapshot:
        self._pipe.send(subject.Measure())
        self._await(lambda: bool(self._snapshots), "the subject does not answer")
        return self._snapshots.pop()

    def _reading(self) -> Reading:
        return Reading(self._snapshot(), self._traffic())

    def _floor(self) -> float:
        """Milliseconds a call and second, while the load goes on."""
        scenario = self._scenario
        self._pipe.send(
            subject.MeasureFloor(
                tuple(caller_speech(voice) for voice in range(VOICES)),
                tuple(tuple(payload for payload, _ in talker_packets(voice)) for voice in range(3)),
                rate=RATE,
                complexity=scenario.complexity,
                streams=min(scenario.calls, _MOST_STREAMS),
            )
        )
        self._await(lambda: self._costs is not None, "the subject does not answer")
        assert self._costs is not None
        return self._costs.of(FloorWork.of(scenario), scenario.calls)

    def _traffic(self) -> Traffic:
        calls = self._calls.values()
        return Traffic(
            to_phones=sum(call.phone.received for call in calls),
            late_to_phones=sum(call.phone.punctuality.late for call in calls),
            to_bridge=sum(call.to_bridge for call in calls),
            sent=sum(call.sent for call in calls),
            slots=self._pacing.slots,
            sent_late=self._pacing.late,
            cpu=time.process_time(),
        )

    def _await(self, done: Callable[[], bool], problem: str) -> None:
        if not self._pacing.run_until(done, _CALL_WITHIN):
            raise TrialError(f"{self._scenario.name} with {self._scenario.calls} calls: {problem}")
        self._check()

    def _check(self) -> None:
        for call in self._calls.values():
            if call.failure is not None:
                raise TrialError(call.failure)

    def _check_menu(self) -> None:
        """Nobody in the menu has typed or been spoken to in vain."""
        for call in self._calls.values():
            if isinstance(call, LoadMenuCall) and not (call.pressed and call.said):
                raise TrialError(f"{call.name}: {call.pressed} keys, {call.said} prompts")


@contextmanager
def _subject(config: subject.SubjectConfig) -> Iterator[Connection]:
    """A process of its own with what is measured; it is gone afterwards, whatever happens."""
    context = multiprocessing.get_context("spawn")
    pipe, its_end = context.Pipe()
    process = context.Process(target=subject.main, args=(its_end, config), daemon=True)
    process.start()
    its_end.close()
    try:
        yield pipe
        process.join(_STOPS_WITHIN)
    finally:
        pipe.close()
        process.kill()
        process.join()


@contextmanager
def _undisturbed(core: int | None) -> Iterator[None]:
    """Keep this process on a core for a while, and let nothing stall it."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        os.sched_setaffinity(0, before)
