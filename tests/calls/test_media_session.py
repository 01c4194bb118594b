import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.calls.media_session import MediaSession, MediaSwitch
from gateway.errors import MediaError
from gateway.media import messages as m

OPUS = m.Payload(111, "OPUS", 48000, 2)
OFFER = m.BridgeOffer("sid1", "uf", "pw", (), "actpass", (), OPUS, 1, 77)
ANSWER = m.BridgeAnswer("u", "p", m.Fingerprint("sha-256", "AA"), "active", ())
ADDRESS = ("192.0.2.1", 20000)


class Engine:
    """Keeps the orders; answers those for which `answers` has something."""

    def __init__(self, **answers: Callable[[m.Command], m.Event]) -> None:
        self.orders: list[m.Command] = []
        self.switch = MediaSwitch(self.execute)
        self._answers = {"Close": lambda order: m.Closed(order.call, m.CallReport()), **answers}

    def execute(self, order: m.Command) -> None:
        self.orders.append(order)
        answer = self._answers.get(type(order).__name__)
        if answer is not None:
            # An engine never answers inside the order.
            asyncio.get_running_loop().call_soon(self.switch.receive, answer(order))

    def session(self, call: str = "c1") -> MediaSession:
        session = MediaSession(self.switch, call)
        session.enter_room("room@conference.meet.test")
        return session


async def next_event(session: MediaSession) -> m.Event:
    async with asyncio.timeout(1):
        return await anext(session.events())


async def test_orders_carry_the_call_and_the_room() -> None:
    engine = Engine(
        OpenPhone=lambda order: m.PhoneOpened(order.call, ADDRESS),
        OpenBridge=lambda order: m.BridgeOpened(order.call, "sid1", ANSWER),
    )
    media = m.PhoneMedia(None, None, "192.0.2.9", ())
    sources = (m.Source(5, "alice"),)
    candidate = m.IceCandidate("1", 1, "udp", 1, "192.0.2.3", 10000, "host")
    async with engine.session() as session:
        assert await session.open_phone() == ADDRESS
        session.connect_phone(media)
        assert await session.open_bridge(OFFER) == ANSWER
        session.set_sources("sid1", sources)
        session.add_candidates("sid1", (candidate,))
        session.mute(True)
        session.play(m.Tone.WAITING)
        session.silence()
        session.close_bridge("sid1")
        session.enter_room("7c4f@breakout.meet.test")
        assert await session.open_bridge(OFFER) == ANSWER
    assert engine.orders == [
        m.OpenPhone("c1"),
        m.ConnectPhone("c1", media),
        m.OpenBridge("c1", "room@conference.meet.test", OFFER),
        m.SetSources("c1", "sid1", sources),
        m.AddBridgeCandidates("c1", "sid1", (candidate,)),
        m.Mute("c1", True),
        m.Play("c1", m.Tone.WAITING),
        m.Silence("c1"),
        m.CloseBridge("c1", "sid1"),
        m.OpenBridge("c1", "7c4f@breakout.meet.test", OFFER),
        m.Close("c1"),
    ]


async def test_the_end_waits_for_the_engine_and_keeps_its_report() -> None:
    engine = Engine()
    engine._answers.clear()
    report = m.CallReport(from_phone=m.StreamReport(packets=7))
    session = engine.session()
    await session.__aenter__()
    leaving = asyncio.create_task(session.__aexit__(None, None, None))
    await asyncio.sleep(0)
    assert not leaving.done()
    engine.switch.receive(m.Closed("c1", report))
    await leaving
    assert session.report == report


async def test_no_port_for_the_phone_is_an_error() -> None:
    engine = Engine(OpenPhone=lambda order: m.Failed(order.call, "OpenPhone", "no port is free"))
    async with engine.session() as session:
        with pytest.raises(MediaError, match="no port is free"):
            await session.open_phone()


async def test_a_bridge_that_is_lost_while_it_opens_is_an_error() -> None:
    engine = Engine(OpenBridge=lambda order: m.BridgeLost(order.call, "sid1", "no DTLS"))
    async with engine.session() as session:
        with pytest.raises(MediaError, match="no DTLS"):
            await session.open_bridge(OFFER)


async def test_every_call_gets_its_own_events() -> None:
    engine = Engine()
    async with engine.session("a") as first, engine.session("b") as second:
        engine.switch.receive(m.DigitReceived("b", "5", 0.1))
        engine.switch.receive(m.PhoneSilent("a", 30))
        engine.switch.receive(m.PhoneSilent("gone", 30))
        assert await next_event(first) == m.PhoneSilent("a", 30)
        assert await next_event(second) == m.DigitReceived("b", "5", 0.1)


async def test_what_nobody_asked_for_is_an_event() -> None:
    engine = Engine()
    facts: list[m.Event] = [
        m.BridgeConnected("c1", "sid1"),
        m.BridgeLost("c1", "sid1", "no consent"),
        m.PhoneLatched("c1", ADDRESS),
        m.Failed("c1", "tick", "internal error"),
    ]
    async with engine.session() as session:
        for fact in facts:
            engine.switch.receive(fact)
        assert [await next_event(session) for _ in facts] == facts


async def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    engine = Engine()
    async with engine.session() as session:
        for opening in (session.open_phone(), session.open_bridge(OFFER)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await opening
        engine.switch.receive(m.PhoneOpened("c1", ADDRESS))
        engine.switch.receive(m.BridgeOpened("c1", "sid1", ANSWER))
        engine.switch.receive(m.BridgeOpened("c1", "never asked for", ANSWER))


async def test_two_bridges_may_be_opening_and_each_gets_its_answer() -> None:
    engine = Engine()
    other = m.BridgeOffer("sid2", "uf", "pw", (), "actpass", (), OPUS, 1, 78)
    answer = m.BridgeAnswer("u2", "p2", m.Fingerprint("sha-256", "BB"), "active", ())
    async with engine.session() as session:
        first = asyncio.create_task(session.open_bridge(OFFER))
        second = asyncio.create_task(session.open_bridge(other))
        await asyncio.sleep(0)
        engine.switch.receive(m.BridgeOpened("c1", "sid2", answer))
        engine.switch.receive(m.BridgeOpened("c1", "sid1", ANSWER))
        assert (await first, await second) == (ANSWER, answer)


@pytest.mark.parametrize(
    "last",
    [
        m.BridgeLost("c1", "sid1", "no ICE"),
        m.BridgeConnected("c1", "sid1"),
    ],
)
async def test_facts_that_follow_the_answer_at_once_are_not_lost(last: m.Event) -> None:
    engine = Engine()
    async with engine.session() as session:
        opening = asyncio.create_task(session.open_bridge(OFFER))
        await asyncio.sleep(0)
        engine.switch.receive(m.BridgeOpened("c1", "sid1", ANSWER))
        engine.switch.receive(last)
        assert await opening == ANSWER
        assert await next_event(session) == last


async def test_a_bridge_that_is_lost_after_nobody_waits_for_it_is_no_mistake() -> None:
    engine = Engine()
    async with engine.session() as session:
        opening = asyncio.create_task(session.open_bridge(OFFER))
        await asyncio.sleep(0)
        opening.cancel()
        engine.switch.receive(m.BridgeLost("c1", "sid1", "no ICE"))
        with pytest.raises(asyncio.CancelledError):
            await opening


async def test_what_the_trunk_wants_done_to_voices_goes_with_every_connection() -> None:
    engine, sound = Engine(), m.PhoneSound(gain_control=True)
    media = m.PhoneMedia(None, None, "192.0.2.9", ())
    session = MediaSession(engine.switch, "c1", sound)
    session.connect_phone(media)
    assert engine.orders == [m.ConnectPhone("c1", replace(media, sound=sound))]


async def test_who_waits_for_an_engine_that_is_gone_waits_no_longer() -> None:
    engine = Engine()
    lost = m.EngineLost("c1", "media worker 0 died")
    async with engine.session() as session:
        for opening in (session.open_phone("room@x"), session.open_bridge(OFFER)):
            waiting = asyncio.create_task(opening)
            await asyncio.sleep(0)
            engine.switch.receive(lost)
            with pytest.raises(MediaError, match="media worker 0 died"):
                await waiting
            assert await next_event(session) == lost
    assert engine.orders[0] == m.OpenPhone("c1", "room@x")


WORDS = (m.Recorded("en", "hello"), m.Sampled(b"\0\0"))


async def test_what_is_said_is_waited_for() -> None:
    engine = Engine(Say=lambda order: m.Played(order.call, order.utterance, True))
    async with engine.session() as session:
        assert await session.say(WORDS)
        assert await session.say(WORDS)
    assert engine.orders[:2] == [m.Say("c1", 1, WORDS), m.Say("c1", 2, WORDS)]


async def test_what_another_line_breaks_off_is_told_as_such() -> None:
    engine = Engine()
    async with engine.session() as session, asyncio.timeout(1):
        first = asyncio.ensure_future(session.say(WORDS))
        second = asyncio.ensure_future(session.say(WORDS))
        await asyncio.sleep(0)
        engine.switch.receive(m.Played("c1", 1, False))
        assert await first is False
        assert not second.done()
        session.receive(m.EngineLost("c1", "killed"))  # after that nothing is played any more
        assert await second is False


async def test_who_no_longer_wants_something_said_hushes_it() -> None:
    engine = Engine()
    async with engine.session() as session:
        saying = asyncio.ensure_future(session.say(WORDS))
        await asyncio.sleep(0)
        saying.cancel()
        await asyncio.wait((saying,))
        session.receive(m.Played("c1", 1, False))  # nobody waits for it any more
    assert engine.orders == [m.Say("c1", 1, WORDS), m.Hush("c1"), m.Close("c1")]


async def test_what_the_phone_says_is_recorded_after_a_tone() -> None:
    spoken = m.Spoken(b"a name")
    engine = Engine(RecordVoice=lambda order: m.VoiceRecorded(order.call, spoken))
    async with engine.session() as session:
        assert await session.record_voice(4.0) == spoken
        session.stop_recording()
        engine.switch.receive(m.VoiceRecorded("c1", spoken))  # nobody waits for it
    assert engine.orders[:3] == [
        m.Play("c1", m.Tone.SPEAK),
        m.RecordVoice("c1", 4.0),
        m.StopRecording("c1"),
    ]


async def test_an_engine_that_is_lost_has_recorded_nothing() -> None:
    engine = Engine(RecordVoice=lambda order: m.EngineLost(order.call, "killed"))
    async with engine.session() as session:
        assert await session.record_voice(4.0) == m.Spoken(b"")
