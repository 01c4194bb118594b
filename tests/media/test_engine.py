"""The engine, a bridge and phones, without any signalling: audio goes in and comes out."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.opus import OpusEncoder
from audiocodecs.tones import pulsed
from gateway.lab.bridge_endpoint import BridgeTimers
from gateway.lab.calm import in_calm
from gateway.lab.listening import listen_for
from gateway.lab.pace import Pace
from gateway.lab.phone_media import PhoneMedia as RtpPhone
from gateway.lab.speaker import Speaker
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.voice import Voice
from gateway.media import messages as m
from gateway.media.call_media import CallMedia
from gateway.media.engine import EngineConfig, MediaEngine
from gateway.media.phone_sockets import PhoneSockets
from gateway.rtp.packet import RtpPacket, is_rtcp
from tests.helpers.listening import sounds_in

pytestmark = pytest.mark.behaviour  # real time passes in every one of them

PCMU_PAYLOADS = (m.Payload(0, "PCMU", 8000), m.Payload(101, "TELEPHONE-EVENT", 8000))
OPUS = m.Payload(111, "OPUS", 48000, 2)
TONES = {"phone": 700.0, "ann": 440.0, "bob": 1130.0, "cec": 1710.0, "second phone": 2350.0}


@dataclass
class Stage:
    """An engine and a bridge, and the events the engine has reported."""

    engine: MediaEngine
    bridge: LabVideobridge
    events: list[m.Event] = field(default_factory=list)
    violations: list[tuple[int, str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    speakers: list[Speaker] = field(default_factory=list)
    phones: list[RtpPhone] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, event: m.Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def event(self, kind: type, call: str = "call") -> m.Event:
        """Wait for an event of a call, and take it."""
        async with asyncio.timeout(10):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and event.call == call:
                        self.events.remove(event)
                        return event
                self.changed.clear()
                await self.changed.wait()

    def speaker(self, name: str, room: str = "room") -> Speaker:
        voice = Voice.of_tone(TONES[name])
        speaker = Speaker(name, voice, payload_type=111, level_id=1, event_type=126)
        loop = asyncio.get_running_loop()
        speaker.send = self.bridge.add_speaker(
            room, name, lambda packet: speaker.hear(packet, loop.time())
        )
        self.speakers.append(speaker)
        return speaker

    async def phone(self, call: str, speech: Samples, room: str = "room") -> "Caller":
        self.engine.execute(m.OpenPhone(call))
        opened = await self.event(m.PhoneOpened, call)
        phone = RtpPhone(speech, *PCMU_PAYLOADS)
        self.phones.append(phone)
        address = await phone.open("127.0.0.1")
        media = m.PhoneMedia(address, None, "127.0.0.1", PCMU_PAYLOADS)
        self.engine.execute(m.ConnectPhone(call, media))
        phone.connect(opened.address)
        return Caller(self, call, phone, room)

    def tick(self, now: float) -> None:
        for speaker in self.speakers:
            speaker.tick(now)


@dataclass
class Caller:
    stage: Stage
    call: str
    phone: RtpPhone
    room: str
    ssrc: int = 0

    async def join(self, ssrc: int, sources: tuple[m.Source, ...] = (), session: str = "s1"):
        """What the focus and the participant do, in short."""
        bridge, endpoint = self.stage.bridge, self.call
        transport = bridge.allocate(self.room, endpoint)
        bridge.set_sources(self.room, endpoint, frozenset({ssrc}))
        offer = m.BridgeOffer(
            session=session,
            ufrag=transport.ufrag,
            pwd=transport.pwd,
            fingerprints=(m.Fingerprint("sha-256", transport.fingerprint),),
            setup="actpass",
            candidates=transport.candidates,
            opus=OPUS,
            audio_level_id=1,
            ssrc=ssrc,
            telephone_event=m.Payload(126, "TELEPHONE-EVENT", 8000),
            bridge_ssrc=bridge.feedback_ssrc(self.room),
        )
        self.ssrc = ssrc
        self.stage.engine.execute(m.OpenBridge(self.call, self.room, offer))
        self.stage.engine.execute(m.SetSources(self.call, session, sources))
        opened = await self.stage.event(m.BridgeOpened, self.call)
        answer = opened.answer
        bridge.connect(
            self.room,
            endpoint,
            ufrag=answer.ufrag,
            pwd=answer.pwd,
            fingerprint=(answer.fingerprint.hash, answer.fingerprint.value),
            setup=answer.setup,
        )
        await self.stage.event(m.BridgeConnected, self.call)

    async def leave(self) -> m.Closed:
        self.stage.engine.execute(m.Close(self.call))
        closed = await self.stage.event(m.Closed, self.call)
        await self.phone.close()
        return closed


@asynccontextmanager
async def stage(**bridge_options) -> AsyncIterator[Stage]:
    config = EngineConfig(
        phone_hosts=("127.0.0.1",),
        first_port=24000,
        last_port=24100,
        bridge_addresses=("127.0.0.1",),
        silent_after=1.0,
    )
    made: Stage
    engine = MediaEngine(config, lambda event: made.emit(event))  # noqa: PLW0108 - made later
    bridge = LabVideobridge(
        lambda rule, who, what: made.violations.append((rule, who, what)),
        lambda conference, endpoint: made.failed.append(endpoint),
        **bridge_options,
    )
    made = Stage(engine, bridge)
    await bridge.start("127.0.0.1")
    pace = Pace(made.tick)
    pace.start()
    try:
        yield made
    finally:
        await pace.stop()
        await engine.close()
        await bridge.close()
        for phone in made.phones:  # uvloop does not close while a datagram socket is open
            await phone.close()
    assert engine.calls == 0
    assert bridge.clients == 0


def sources(*speakers: Speaker) -> tuple[m.Source, ...]:
    return tuple(m.Source(speaker.ssrc, speaker.name) for speaker in speakers)


def voice_of(name: str) -> Samples:
    return pulsed(TONES[name], rate=8000)


def tones_in(samples: Samples) -> set[str]:
    return {name for name, hz in TONES.items() if listen_for(hz, samples, 8000).is_present}


async def test_a_phone_and_three_speakers_hear_exactly_each_other() -> None:
    async with stage() as scene:
        speakers = [scene.speaker(name) for name in ("ann", "bob", "cec")]
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77, sources(*speakers))
        await asyncio.sleep(1)

        async def listen() -> None:
            caller.phone.frames.clear()
            for speaker in speakers:
                speaker.forget()
            await asyncio.sleep(2)
            heard = caller.phone.recording()
            assert tones_in(heard) == {"ann", "bob", "cec"}
            for name in ("ann", "bob", "cec"):
                assert listen_for(TONES[name], heard, 8000).longest_absence <= 0.14
            for speaker in speakers:
                got = speaker.recording(77)
                assert tones_in(got) == {"phone"}
                assert listen_for(TONES["phone"], got, 8000).longest_absence <= 0.14

        await in_calm(scene.engine.clock, listen)
        closed = await caller.leave()
        assert closed.report.from_phone.lost == 0
        assert closed.report.to_bridge.packets > 100
        assert scene.violations == []


async def test_two_phones_of_a_room_hear_each_other_once() -> None:
    async with stage() as scene:
        ann = scene.speaker("ann")
        first = await scene.phone("first", voice_of("phone"))
        second = await scene.phone("second", voice_of("second phone"))
        await first.join(77, sources(ann))
        await second.join(78, (*sources(ann), m.Source(77, "first")))
        scene.engine.execute(m.SetSources("first", "s1", (*sources(ann), m.Source(78, "second"))))
        expected = listen_for(TONES["phone"], np.tile(voice_of("phone"), 5), 8000)
        await asyncio.sleep(1)

        async def both() -> None:
            for caller in (first, second):
                caller.phone.frames.clear()
            await asyncio.sleep(2)
            assert tones_in(first.phone.recording()) == {"ann", "second phone"}
            heard = second.phone.recording()
            assert tones_in(heard) == {"ann", "phone"}
            found = listen_for(TONES["phone"], heard, 8000)
            assert found.amplitude == pytest.approx(expected.amplitude, rel=0.1)
            assert found.share == pytest.approx(expected.share, abs=0.1)
            assert listen_for(TONES["ann"], heard, 8000).longest_absence <= 0.15

        async def one() -> None:
            second.phone.frames.clear()
            await asyncio.sleep(1.5)
            assert tones_in(second.phone.recording()[4000:]) == {"ann"}
            absence = listen_for(TONES["ann"], second.phone.recording(), 8000).longest_absence
            assert absence <= 0.15

        await in_calm(scene.engine.clock, both)
        await first.leave()
        await in_calm(scene.engine.clock, one)
        await second.leave()


async def test_a_muted_phone_is_not_heard_but_hears_and_stays_alive() -> None:
    async with stage(timers=BridgeTimers(inactive=3.0)) as scene:
        ann = scene.speaker("ann")
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77, sources(ann))
        scene.engine.execute(m.Mute("call", True))
        await asyncio.sleep(0.3)
        ann.forget()
        await asyncio.sleep(5)
        assert tones_in(ann.recording(77)[4000:]) == set()
        assert tones_in(caller.phone.recording()[8000:]) == {"ann"}
        assert scene.bridge.client("room", "call").inactive == 0
        scene.engine.execute(m.Mute("call", False))
        ann.forget()
        await asyncio.sleep(1.5)
        assert tones_in(ann.recording(77)[4000:]) == {"phone"}
        await caller.leave()


async def test_a_key_press_becomes_one_digit() -> None:
    async with stage() as scene:
        caller = await scene.phone("call", voice_of("phone"))
        await asyncio.sleep(0.2)
        caller.phone.press("1#5")
        digits = [(await scene.event(m.DigitReceived)).digit for _ in range(3)]
        assert digits == ["1", "#", "5"]
        await caller.leave()


async def test_a_silent_phone_is_reported_once() -> None:
    async with stage() as scene:
        caller = await scene.phone("call", voice_of("phone"))
        await scene.event(m.PhoneLatched)
        await caller.phone.close()
        silent = await scene.event(m.PhoneSilent)
        assert silent.seconds >= 1.0
        await asyncio.sleep(1.0)
        assert not any(isinstance(event, m.PhoneSilent) for event in scene.events)


async def test_a_bridge_that_stops_answering_is_reported_lost_and_the_phone_stays() -> None:
    async with stage() as scene:
        ann = scene.speaker("ann")
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77, sources(ann))
        scene.bridge.expire("room", "call")
        lost = await scene.event(m.BridgeLost)
        assert "DTLS" in lost.reason
        scene.engine.execute(m.Play("call", m.Tone.WAITING))
        await asyncio.sleep(1.0)
        assert listen_for(425.0, caller.phone.recording()[-8000:], 8000).is_present
        await caller.join(79, sources(ann), session="s2")
        scene.engine.execute(m.Silence("call"))
        await asyncio.sleep(1.5)
        assert tones_in(caller.phone.recording()[-8000:]) == {"ann"}
        assert tones_in(ann.recording(79)[4000:]) == {"phone"}
        await caller.leave()


async def test_a_short_tone_is_over_soon_and_the_one_that_repeats_goes_on() -> None:
    async with stage() as scene:
        caller = await scene.phone("call", voice_of("phone"))
        await scene.event(m.PhoneLatched)
        scene.engine.execute(m.Play("call", m.Tone.WAITING))
        scene.engine.execute(m.Play("call", m.Tone.HAND))
        await asyncio.sleep(1.5)
        recording = caller.phone.recording()[-12000:]
        assert sounds_in(880.0, recording, 8000)
        assert sounds_in(425.0, recording, 8000)
        await asyncio.sleep(0.5)
        assert not sounds_in(880.0, caller.phone.recording()[-4000:], 8000)
        scene.engine.execute(m.Silence("call"))
        await asyncio.sleep(4.5)
        assert not sounds_in(425.0, caller.phone.recording()[-32000:], 8000)
        await caller.leave()


async def test_a_source_that_speaks_before_it_is_signalled_is_heard() -> None:
    async with stage() as scene:
        scene.speaker("ann")
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77)
        await asyncio.sleep(1.5)
        assert tones_in(caller.phone.recording()[-8000:]) == {"ann"}
        await caller.leave()


async def test_no_port_left_is_a_failure_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.media.phone_sockets.REST", 0.0)
    async with stage() as scene:
        for number in range(51):
            scene.engine.execute(m.OpenPhone(f"c{number}"))
        for number in range(51):
            scene.engine.execute(m.Close(f"c{number}"))
        for number in range(51):
            await scene.event(m.Closed, f"c{number}")
        failures = [event for event in scene.events if isinstance(event, m.Failed)]
        assert failures
        assert all("port" in event.reason for event in failures)
        scene.engine.execute(m.OpenPhone("again"))
        await scene.event(m.PhoneOpened, "again")


async def test_closing_in_the_middle_of_anything_leaves_nothing() -> None:
    async with stage() as scene:
        before = len(asyncio.all_tasks())
        for delay in (0.0, 0.001, 0.02, 0.05, 0.1, 0.3):
            caller = await scene.phone("call", voice_of("phone"))
            joining = asyncio.ensure_future(caller.join(77))
            await asyncio.sleep(delay)
            await caller.leave()
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            scene.bridge.expire("room", "call")
            scene.events.clear()
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == before


async def test_without_calls_the_clock_rests_and_runs_again_for_the_next() -> None:
    async with stage() as scene:
        assert not scene.engine.clock.is_running
        for _ in range(2):
            caller = await scene.phone("call", voice_of("phone"))
            assert scene.engine.clock.is_running
            await caller.leave()
            async with asyncio.timeout(5):
                while scene.engine.clock.is_running:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)


async def test_a_mistake_of_ours_in_looking_after_a_call_ends_that_one_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = CallMedia.watch

    def mistaken(media: CallMedia, now: float) -> None:
        if media.call == "mistaken":
            raise ValueError
        watch(media, now)

    monkeypatch.setattr(CallMedia, "watch", mistaken)
    async with stage() as scene:
        other = await scene.phone("call", voice_of("phone"))
        caller = await scene.phone("mistaken", voice_of("phone"))
        failed = await scene.event(m.Failed, "mistaken")
        assert failed.reason == "internal error"
        rounds = scene.engine.clock.rounds
        await asyncio.sleep(0.1)
        assert scene.engine.clock.rounds > rounds
        assert not any(
            isinstance(event, m.Failed) for event in scene.events if event.call == "call"
        )
        await other.leave()
        await caller.leave()


async def test_after_a_stall_nothing_is_older_than_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came: list[tuple[float, RtpPacket]] = []
    take = RtpPhone.datagram_received

    def note(phone: RtpPhone, data: bytes, addr: tuple[str, int]) -> None:
        if not is_rtcp(data):
            came.append((time.monotonic(), RtpPacket.parse(data)))
        take(phone, data, addr)

    def age() -> float:
        (first, begun), *later = came
        return min(
            at - first - ((packet.timestamp - begun.timestamp) & 0xFFFFFFFF) / 8000
            for at, packet in later[-20:]
        )

    monkeypatch.setattr(RtpPhone, "datagram_received", note)
    async with stage() as scene:
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77, sources(scene.speaker("ann")))
        await asyncio.sleep(0.5)
        before = age()
        time.sleep(0.7)  # noqa: ASYNC251 - the stall
        await asyncio.sleep(1.0)
        assert age() == pytest.approx(before, abs=0.2)
        await caller.leave()


async def test_reports_are_not_late_without_end_where_the_machine_stands_still_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost, reports, clock = 0.0, 0, time.monotonic

    def count(sockets: PhoneSockets, packet: bytes, destination: m.Address) -> None:
        nonlocal reports
        reports += 1

    monkeypatch.setattr(PhoneSockets, "send_rtcp", count)
    monkeypatch.setattr(time, "monotonic", lambda: clock() + lost)
    async with stage() as scene:
        caller = await scene.phone("call", voice_of("phone"))
        begun = scene.engine.clock.rounds
        while lost < 4.0:
            rounds = scene.engine.clock.rounds
            lost += 0.25  # more than is made up for
            while scene.engine.clock.rounds == rounds:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.002)
        assert scene.engine.clock.rounds - begun < 4.0 / 0.020 / 2
        assert reports >= 2
        await caller.leave()


async def test_less_is_spent_on_each_frame_while_ticks_are_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spent: list[int] = []
    monkeypatch.setattr(OpusEncoder, "set_complexity", lambda _, value: spent.append(value))
    async with stage() as scene:
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77, sources(scene.speaker("ann")))
        assert spent == [EngineConfig().complexity]
        scene.engine.clock.late += 400
        await asyncio.sleep(1.2)
        assert spent[1] < spent[0]
        await caller.leave()
