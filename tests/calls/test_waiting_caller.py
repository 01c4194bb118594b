"""A call whose conference depends on people: answered at once, told by tones, ended in time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from gateway.calls import incoming
from gateway.calls.digit_entry import FIRST_WITHIN
from gateway.calls.end_reason import EndReason
from gateway.calls.incoming import IncomingCall
from gateway.calls.limits import Limits
from gateway.calls.media_session import MediaSwitch
from gateway.calls.reception import Reception
from gateway.calls.record import CallRecord
from gateway.calls.services import Services
from gateway.calls.trunk import Trunk
from gateway.conference.participant import Participant
from gateway.media import messages as m
from gateway.sip import events as sip
from gateway.sip.flow import Flow
from gateway.sip.message import Request, parse_message
from gateway.sip.reason import Reason
from tests.calls.fake_engine import ANSWER
from tests.conference.world import (
    INSTALLATION,
    LOBBY,
    World,
    error,
    members_only,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

PASSWORD = ".//{http://jabber.org/protocol/muc}password"
INVITE = (
    b"INVITE sip:room@gateway.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n"
    b"From: CALLER;tag=1\r\nTo: <sip:room@gateway.test>\r\nCall-ID: c\r\n"
    b"CSeq: 1 INVITE\r\nHEADERSContent-Length: 0\r\n\r\n"
)
OFFER = (
    b"v=0\r\no=- 0 0 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
)


@dataclass
class Phone:
    """A phone that calls (`gateway.sip.call.Call`), and what becomes of its call."""

    done: list[str] = field(default_factory=list)
    offer: bytes = OFFER
    wants_early_offer: bool = False
    caller: str = "<sip:erika@192.0.2.9>"
    headers: str = ""
    source: Flow = field(
        default_factory=lambda: Flow("udp", ("10.0.0.1", 5060), ("192.0.2.9", 5060))
    )

    def __post_init__(self) -> None:
        invite = INVITE.replace(b"CALLER", self.caller.encode())
        request = parse_message(invite.replace(b"HEADERS", self.headers.encode()))
        assert isinstance(request, Request)
        self.request = request
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    async def events(self) -> AsyncIterator[Any]:
        while True:
            yield await self._events.get()

    def ring(self) -> None:
        self.done.append("180")

    async def answer(self, description: bytes) -> None:
        self.done.append("200")
        await asyncio.sleep(0.05)  # until its ACK comes

    async def accept_reoffer(self, description: bytes) -> None:
        self.done.append("200 again")

    def report_referral(self, status: int) -> None:
        """It has not wanted to be elsewhere."""

    def hang_up(self, reason: Reason | None = None) -> None:
        self.done.append(f"BYE {reason.cause if reason else ''}")

    def reject(self, status: int, **_: object) -> None:
        self.done.append(str(status))

    def offers(self, direction: str) -> None:
        """The phone makes another offer."""
        offer = self.offer + f"a={direction}\r\n".encode()
        self._events.put_nowait(sip.Reoffered(None, self.request, offer))  # type: ignore[arg-type]

    def informs(self, media_type: str, body: bytes) -> None:
        """The phone sends an INFO."""
        self._events.put_nowait(sip.InfoReceived(None, media_type, body))  # type: ignore[arg-type]

    def goes(self) -> None:
        """The caller hangs up."""
        self._events.put_nowait(sip.HungUp(None, ()))  # type: ignore[arg-type]


class Scene:
    """A call in a world. `line_lasts` so many seconds, whatever is said. Where the trunk speaks,
    others in the room are heard at once, so that nothing has to be said of that."""

    line_lasts = 0.0

    def __init__(
        self,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
        *,
        limits: Limits = Limits(),  # noqa: B008 -- frozen
        callers: int = 1,
        phone: Phone | None = None,
        trunk: Trunk = Trunk("trunk", (), default_room="room"),  # noqa: B008 -- frozen
        reception: Reception | None = None,
    ) -> None:
        monkeypatch.setattr(incoming, "Participant", partial(Participant, connect=world.connect))
        self.phone = phone or Phone()
        self.tones: list[m.Tone | None] = []
        self.said: list[str] = []  # how what was said begins
        self.sent: list[str] = []  # keys that were sent to the phone
        self._switch = MediaSwitch(self._execute)
        services = Services(
            installations=(INSTALLATION,),
            switch=self._switch,
            local_host=lambda flow, media_host: "10.0.0.1",
            user_agent=None,  # type: ignore[arg-type]
            callers_in=lambda room: callers,
            limits=limits,
            reception=reception,
        )
        self.record = CallRecord("c1", "c", "trunk", "Erika", "room")
        if trunk.speaks:
            world.on_join = partial(self._offered, world)
        call = IncomingCall(self.phone, trunk, services, self.record)  # type: ignore[arg-type]
        self.running = asyncio.create_task(call.run())

    def _offered(self, world: World) -> None:
        if world.occupants:
            session = offer(f"s{len(world.streams)}")
            asyncio.get_running_loop().call_later(0.01, world.request, session)

    def _execute(self, order: m.Command) -> None:
        match order:
            case m.OpenBridge(call, _, offered):
                self._report(m.BridgeOpened(call, offered.session, ANSWER))
                self._report(m.BridgeConnected(call, offered.session), after=0.1)
            case m.OpenPhone():
                self._report(m.PhoneOpened("c1", ("10.0.0.1", 20000)))
            case m.Close():
                self._report(m.Closed("c1", m.CallReport()))
            case m.Say(call, utterance, parts):
                self.said.append(getattr(parts[0], "name", ""))
                self._report(m.Played(call, utterance, True), after=self.line_lasts)
            case m.SendDigit(digit=digit):
                self.sent.append(digit)
            case m.Play(tone=tone):
                self.tones.append(tone)
            case m.Silence():
                self.tones.append(None)

    def _report(self, event: m.Event, after: float = 0.0) -> None:
        asyncio.get_running_loop().call_later(after, self._switch.receive, event)

    def types(self, keys: str, *, in_band: bool = False) -> None:
        """The caller presses keys."""
        for key in keys:
            self._switch.receive(m.DigitReceived("c1", key, 0.1, in_band=in_band))

    def conference_presses(self, keys: str) -> None:
        """Alice presses keys for the phone."""
        for key in keys:
            self._switch.receive(m.ConferenceDigit("c1", "alice", key, 0.1))

    async def over(self) -> EndReason:
        await self.running
        assert self.record.end is not None
        return self.record.end.reason


WRONG = error("auth", "not-authorized")


def with_lobby() -> World:
    return with_alice(joins=[members_only()])


@in_virtual_time
async def test_who_waits_in_a_lobby_is_answered_once_and_hears_that_it_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    scene = Scene(world, monkeypatch)
    await settle(5)
    assert scene.phone.done == ["180", "200"]
    assert scene.tones == [m.Tone.MUSIC]
    assert scene.record.endpoint == ""
    world.invites_us()
    await settle(1)
    assert scene.phone.done == ["180", "200"]  # once
    assert scene.tones == [m.Tone.MUSIC, None]
    assert scene.record.endpoint == world.stream.nick
    scene.phone.goes()
    assert await scene.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_is_not_let_in_is_told_so_and_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_lobby()
    scene = Scene(world, monkeypatch)
    await settle(5)
    world.removes_us("<status code='307'/>", room=LOBBY)
    await settle(1)
    assert scene.tones[-1] is m.Tone.CONGESTION
    assert await scene.over() is EndReason.LOBBY_DENIED
    assert scene.phone.done == ["180", "200", "BYE 403"]


@in_virtual_time
async def test_who_waits_for_a_host_is_answered_and_hung_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(conference=[error("auth", "not-authorized")] * 200)
    scene = Scene(world, monkeypatch)
    await settle(INSTALLATION.lobby_timeout - 10)
    assert scene.phone.done == ["180", "200"]
    assert await scene.over() is EndReason.WAITING_FOR_HOST
    assert scene.phone.done == ["180", "200", "BYE 480"]


@in_virtual_time
async def test_who_hangs_up_while_it_waits_is_gone_from_the_lobby(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    scene = Scene(world, monkeypatch)
    await settle(5)
    scene.phone.goes()
    assert await scene.over() is EndReason.CALLER_HUNG_UP
    assert world.stream.closed_at is not None


@in_virtual_time
async def test_who_need_not_wait_is_refused_without_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(World(joins=[error("auth", "forbidden")]), monkeypatch)
    assert await scene.over() is EndReason.BANNED
    assert scene.phone.done == ["180", "403"]


# --- passwords -----------------------------------------------------------------------------------


@in_virtual_time
async def test_who_calls_a_room_with_a_password_is_answered_and_types_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice(joins=[WRONG, WRONG])
    scene = Scene(world, monkeypatch)
    await settle(1)
    assert scene.phone.done == ["180", "200"]
    assert scene.tones == [m.Tone.PASSWORD]
    scene.types("4*0815#")
    await settle(1)
    assert scene.tones[-2:] == [m.Tone.REFUSED, m.Tone.PASSWORD]
    scene.types("4711")  # ended by a pause
    await settle(6)
    assert scene.record.endpoint == world.stream.nick
    assert scene.tones[-1] is None
    given = [join.stanza.findtext(PASSWORD) for join in world.stream.of("join")]
    assert given == [None, "0815", "4711"]
    assert scene.phone.done == ["180", "200"]  # once
    scene.phone.goes()
    assert await scene.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_does_not_know_the_password_is_told_so_and_hung_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(with_alice(joins=[WRONG] * 9), monkeypatch)
    await settle(1)
    for _ in range(3):
        scene.types("1#")
        await settle(0.5)
    assert scene.tones[-1] is m.Tone.CONGESTION
    assert await scene.over() is EndReason.PASSWORD_WRONG
    assert scene.phone.done == ["180", "200", "BYE 403"]


@in_virtual_time
async def test_who_is_asked_for_a_password_is_let_in_when_the_room_is_unlocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice(joins=[WRONG])
    scene = Scene(world, monkeypatch)
    await settle(FIRST_WITHIN + 1)
    assert scene.record.endpoint == world.stream.nick
    assert scene.tones[-1] is not m.Tone.PASSWORD
    scene.phone.goes()
    assert await scene.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_types_nothing_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(with_alice(joins=[WRONG] * 9), monkeypatch)
    assert await scene.over() is EndReason.PASSWORD_WRONG
    assert scene.phone.done == ["180", "200", "BYE 403"]


@in_virtual_time
async def test_a_password_typed_in_the_lobby_opens_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice(joins=[members_only()] * 2)
    scene = Scene(world, monkeypatch)
    await settle(5)
    scene.types("1#")
    await settle(1)
    assert scene.tones[-1] is m.Tone.REFUSED
    assert scene.record.endpoint == ""
    scene.types("#47#")
    await settle(1)
    assert scene.record.endpoint == world.stream.nick
    assert world.stream.of("join")[-1].stanza.findtext(PASSWORD) == "47"
    scene.types("1#*6")  # commands now
    await settle(1)
    assert scene.tones[-1] is m.Tone.MUTED
    scene.phone.goes()
    assert await scene.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_a_room_takes_no_more_callers_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(callers_per_room=2)
    full = Scene(World(), monkeypatch, limits=limits, callers=3)
    assert await full.over() is EndReason.ROOM_FULL
    assert full.phone.done == ["486"]
    last = Scene(World(), monkeypatch, limits=limits, callers=2)
    await settle(1)
    last.phone.goes()
    assert await last.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_is_alone_for_too_long_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(World(), monkeypatch, limits=Limits(alone=60.0))
    await settle(59)
    assert scene.phone.done == ["180", "200"]
    assert await scene.over() is EndReason.ALONE
    assert scene.phone.done == ["180", "200", "BYE 480"]


@in_virtual_time
async def test_who_has_nobody_but_phones_for_company_for_too_long_is_hung_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = "<features><feature var='http://jitsi.org/protocol/jigasi'/></features>"
    world = World(on_join=lambda: world.presence("phone", "+49 1", extra=phone))
    scene = Scene(world, monkeypatch, limits=Limits(alone=10.0, only_phones=20.0))
    await settle(19)
    assert scene.phone.done == ["180", "200"]
    assert await scene.over() is EndReason.ONLY_PHONES
    assert scene.phone.done == ["180", "200", "BYE 480"]
