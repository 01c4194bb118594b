"""The gateway's own participant, with the real media engine, in the lab's conference."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from audiocodecs.tones import pulsed
from gateway.calls.media_session import MediaSession, MediaSwitch
from gateway.conference.address import RoomAddress
from gateway.conference.events import (
    Alone,
    Ended,
    Event,
    LeaveCause,
    MediaDown,
    MediaUp,
    Rejoined,
)
from gateway.conference.installation import Installation
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError, JoinFailure
from gateway.lab.bridge_endpoint import BridgeEndpoint
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.focus_port import Allocation
from gateway.lab.lab import Lab, LabConfig
from gateway.lab.listening import listen_for
from gateway.lab.phone_media import PhoneMedia as RtpPhone
from gateway.lab.speaker import Speaker
from gateway.lab.voice import Voice
from gateway.media import messages as m
from gateway.media.engine import EngineConfig, MediaEngine
from gateway.xmpp.server import Server
from gateway.xmpp.tls import tls_context

pytestmark = pytest.mark.behaviour

HOST = "127.0.0.1"
ANN, PHONE = 1060.0, 500.0
LAW_TYPES = (m.Payload(0, "PCMU", 8000), m.Payload(101, "TELEPHONE-EVENT", 8000))


@dataclass
class Call:
    """A participant with its media, and what it has told."""

    lab: Lab
    participant: Participant
    phone: RtpPhone
    events: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def nick(self) -> str:
        return self.participant.endpoint

    async def event(self, kind: type[Event], *, after: int = 0) -> Event:
        """The first event of a kind, of those from number `after` on."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events[after:]:
                    if isinstance(event, kind):
                        return event
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def calling(lab: Lab, password: str | None = None) -> AsyncIterator[Call]:
    """A call in the room "demo" of a lab, until the block ends."""
    switch: MediaSwitch
    config = EngineConfig(phone_hosts=(HOST,), bridge_addresses=(HOST,))
    engine = MediaEngine(config, lambda event: switch.receive(event))  # noqa: PLW0108
    switch = MediaSwitch(engine.execute)
    try:
        async with MediaSession(switch, "call") as media:
            phone = RtpPhone(pulsed(PHONE, rate=8000), *LAW_TYPES)
            own = await phone.open(HOST)
            phone.connect(await media.open_phone())
            media.connect_phone(m.PhoneMedia(own, None, HOST, LAW_TYPES))
            try:
                async with taking_part(lab, media, phone, password) as call:
                    yield call
            finally:
                await phone.close()
    finally:
        await engine.close()


@asynccontextmanager
async def taking_part(
    lab: Lab, media: MediaSession, phone: RtpPhone, password: str | None
) -> AsyncIterator[Call]:
    host, port = lab.xmpp_address
    tls = tls_context(ca_file=lab.ca_file) if lab.ca_file is not None else None
    server = Server(lab.domain, tls, host, port)
    installation = Installation(server, (lab.muc_domain,), lab.focus_jid, "machine", None, 5.0)
    room = RoomAddress.parse("demo", (lab.muc_domain,))
    participant = Participant(
        installation, room, display_name="+49 30 1", media=media, password=password
    )
    call = Call(lab, participant, phone)

    async def watch_media() -> None:
        async for event in media.events():
            if isinstance(event, m.BridgeConnected):
                participant.bridge_connected(event.session)
            elif isinstance(event, m.BridgeInterrupted):
                participant.bridge_interrupted(event.session, event.reason)
            elif isinstance(event, m.IceRestarted):
                participant.ice_restarted(event.session, event.local)
            elif isinstance(event, m.BridgeLost):
                participant.bridge_lost(event.session, event.reason)

    async def watch_conference() -> None:
        async for event in participant.events():
            call.events.append(event)
            call.changed.set()

    async with participant:
        await participant.join()
        watching = [asyncio.create_task(watch_media()), asyncio.create_task(watch_conference())]
        try:
            yield call
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


@asynccontextmanager
async def conference(config: LabConfig | None = None) -> AsyncIterator[tuple[Lab, Speaker]]:
    """A lab with Ann in the room "demo"; afterwards no rule has been broken."""
    before = asyncio.all_tasks()
    async with Lab(config) as lab:
        ann = await lab.add_speaker("demo", "Ann", Voice.of_tone(ANN))
        yield lab, ann
        violations = list(lab.violations)
        assert lab.bridge.clients == 0
    assert violations == []
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def heard(samples, frequency: float) -> None:
    """Return when a tone is in what `samples` records; fail if it never is."""
    async with asyncio.timeout(10):
        while not listen_for(frequency, samples()[-8000:], 8000).is_present:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def connected_anew(lab: Lab, nick: str, old: BridgeEndpoint) -> None:
    """Return when an endpoint that has taken the place of `old` is connected, and alone."""
    async with asyncio.timeout(10):
        while lab.bridge.clients != 1 or (  # noqa: ASYNC110 - nobody tells
            (found := lab.endpoint("demo", nick)) is old or not found.connected
        ):
            await asyncio.sleep(0.02)


VARIED = OfferConfig(opus=109, red=63, telephone_event=101, audio_level=7, mid=None)


@pytest.mark.parametrize(
    "config",
    [
        LabConfig(),
        LabConfig(starttls=False, offer=VARIED, early_sources=True, nuisances=True),
        LabConfig(offer=OfferConfig(sctp=True, web_socket="wss://127.0.0.1:1/colibri-ws/a/b")),
    ],
    ids=["as usual", "varied", "with channels"],
)
async def test_a_participant_joins_hears_is_heard_and_leaves(config: LabConfig) -> None:
    async with conference(config) as (lab, ann):
        async with calling(lab) as call:
            await call.event(MediaUp)
            assert lab.endpoint("demo", call.nick).connected
            await heard(ann.mix, PHONE)
            await heard(call.phone.recording, ANN)
            own = next(o for o in lab.occupants("demo") if o.nick == call.nick)
            assert (own.display_name, own.muted, own.role) == ("+49 30 1", False, "participant")
        assert [o.display_name for o in lab.occupants("demo")] == ["Ann"]


async def test_alone_it_loses_its_session_and_gets_another_with_company() -> None:
    async with conference(LabConfig(alone_timeout=0.2)) as (lab, ann), calling(lab) as call:
        await call.event(MediaUp)
        lab.remove_speaker(ann)
        await call.event(Alone)
        await call.event(MediaDown)
        after = len(call.events)
        await lab.add_speaker("demo", "Bob", Voice.of_tone(ANN))
        await call.event(MediaUp, after=after)


@pytest.mark.parametrize("order", [Lab.move, Lab.replace])
async def test_it_takes_another_session(order) -> None:
    async with conference() as (lab, ann), calling(lab) as call:
        await call.event(MediaUp)
        old = lab.endpoint("demo", call.nick)
        order(lab, "demo", call.nick)
        await connected_anew(lab, call.nick, old)
        ann.forget()
        await heard(ann.mix, PHONE)


async def test_it_survives_a_change_of_the_focus() -> None:
    async with conference() as (lab, _), calling(lab) as call:
        await call.event(MediaUp)
        old = lab.endpoint("demo", call.nick)
        lab.focus_leaves("demo")
        lab.focus_returns("demo")
        await connected_anew(lab, call.nick, old)


async def test_it_waits_for_a_bridge() -> None:
    async with conference() as (lab, _), calling(lab) as call:
        await call.event(MediaUp)
        lab.set_bridge_available("demo", False)
        await call.event(MediaDown)
        after = len(call.events)
        lab.set_bridge_available("demo", True)
        await call.event(MediaUp, after=after)


async def test_it_comes_back_after_its_connection_broke() -> None:
    async with conference() as (lab, _), calling(lab) as call:
        await call.event(MediaUp)
        lab.drop_connection(call.nick)
        await call.event(Rejoined)
        after = call.events.index(Rejoined())
        await call.event(MediaUp, after=after)


async def test_kicked_it_is_told_by_whom() -> None:
    async with conference() as (lab, ann), calling(lab) as call:
        lab.kick("demo", call.nick, "noise", actor=lab.nick_of(ann))
        assert await call.event(Ended) == Ended(LeaveCause.KICKED, "noise", "Ann")


async def test_banned_it_does_not_come_back() -> None:
    async with conference() as (lab, _), calling(lab) as call:
        lab.ban("demo", call.nick)
        ended = await call.event(Ended)
        assert isinstance(ended, Ended)
        assert ended.cause is LeaveCause.BANNED


async def test_a_password_is_needed_and_helps() -> None:
    async with conference() as (lab, _):
        lab.set_password("demo", "4711")
        with pytest.raises(ConferenceError) as refused:
            async with calling(lab):
                pass
        assert refused.value.cause is JoinFailure.PASSWORD
        async with calling(lab, password="4711") as call:
            await call.event(MediaUp)


async def test_members_only_puts_it_out() -> None:
    async with conference() as (lab, _), calling(lab) as call:
        lab.set_members_only("demo")
        ended = await call.event(Ended)
        assert isinstance(ended, Ended)
        assert ended.cause is LeaveCause.MEMBERS_ONLY


async def test_a_conference_that_is_not_ready_is_asked_for_again() -> None:
    config = LabConfig(allocations=(Allocation.NOT_READY, Allocation.SESSION_INVALID))
    async with conference(config) as (lab, _), calling(lab) as call:
        await call.event(MediaUp)
