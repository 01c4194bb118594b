"""Calls that the conference has made: ordered, rung, answered or not, ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self
from xml.etree.ElementTree import Element, fromstring

import pytest

from gateway.calls import outgoing
from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import DialLimits
from gateway.calls.dialler import JOIN_WITHIN, Dialler
from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.media_session import MediaSwitch
from gateway.calls.record import CallRecord, Direction
from gateway.calls.services import Services
from gateway.calls.switchboard import Switchboard
from gateway.calls.trunk import Trunk
from gateway.conference.brewery import BreweryAccount, Dial
from gateway.conference.participant import Participant
from gateway.media import messages as m
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip import events as sip
from gateway.sip.admission import FORBID
from gateway.sip.digest import Credentials
from gateway.sip.flow import Flow
from gateway.sip.liaison import ServiceRoute
from gateway.sip.locate import Destination
from gateway.sip.message import Response, parse_message
from gateway.sip.reason import Reason
from gateway.xmpp.server import Server
from tests.conference.world import INSTALLATION, LOBBY, ROOM, World, error, members_only, settle
from tests.xmpp.virtual_time import in_virtual_time

ANSWER = (
    b"v=0\r\no=- 0 0 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\n"
)
ACCOUNT = BreweryAccount("b", Server("auth.meet.test", None), "b@i", INSTALLATION.name)
THROUGH = DialOut("192.0.2.9", ("+43",), caller="4399", ringing_timeout=20.0)
CREDENTIALS = Credentials("gateway", "secret")
BUSY_TEXT = (
    b"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\n"
    b"From: <sip:4399@192.0.2.9>;tag=1\r\nTo: <sip:+431@192.0.2.9>;tag=2\r\nCall-ID: c\r\n"
    b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
BUSY = parse_message(BUSY_TEXT)
REDIRECTED = BUSY_TEXT.replace(b"486 Busy Here", b"302 Moved").replace(
    b"Content-Length", b"Contact: %s\r\nContent-Length"
)


@dataclass
class Phone:
    """A phone that is called (`gateway.sip.call.Call`)."""

    target: str
    offer: bytes
    headers: dict[str, str]
    caller: str
    credentials: Credentials | None
    done: list[str] = field(default_factory=list)
    call_id: str = "call-id"

    def __post_init__(self) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    @property
    async def events(self) -> AsyncIterator[Any]:
        while True:
            event = await self._events.get()
            if isinstance(event, Exception):
                raise event
            yield event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        if exc_type is not None:
            self.hang_up(Reason("SIP", 500))

    def hang_up(self, reason: Reason | None = None) -> None:
        self.done.append(f"hung up {reason.cause if reason else ''}".strip())

    # What it does

    def rings(self, sdp: bytes | None = None) -> None:
        self._events.put_nowait(sip.Provisional(None, 180, "Ringing", sdp))  # type: ignore[arg-type]

    def answers(self, sdp: bytes | None = ANSWER) -> None:
        assert isinstance(BUSY, Response)
        self._events.put_nowait(sip.Answered(None, BUSY, sdp))  # type: ignore[arg-type]

    def fails(self, status: int, phrase: str = "", reason: str = "") -> None:
        text = BUSY_TEXT.replace(b"486 Busy Here", f"{status} {phrase}".encode())
        if reason:
            text = text.replace(b"Content-Length", f"Reason: {reason}\r\nContent-Length".encode())
        response = parse_message(text)
        assert isinstance(response, Response)
        self._events.put_nowait(sip.Failed(None, status, phrase, response))  # type: ignore[arg-type]

    def is_lost(self, status: int) -> None:
        """Nothing has come back from the trunk; the status stands for that."""
        self._events.put_nowait(sip.Failed(None, status, "Request Timeout"))  # type: ignore[arg-type]

    def redirects(self, *uris: str) -> None:
        response = parse_message(REDIRECTED % ", ".join(f"<{uri}>" for uri in uris).encode())
        assert isinstance(response, Response)
        self._events.put_nowait(sip.Failed(None, 302, "Moved", response))  # type: ignore[arg-type]

    def does_what_nobody_expects(self) -> None:
        self._events.put_nowait(ZeroDivisionError("a mistake of ours"))

    def goes(self) -> None:
        self._events.put_nowait(sip.HungUp(None, ()))  # type: ignore[arg-type]


class Scene:
    """A gateway with one trunk, in a world."""

    def __init__(
        self,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
        through: DialOut,
        limits: DialLimits,
        max_calls: int | None,
        srtp: SrtpPolicy,
    ) -> None:
        monkeypatch.setattr(outgoing, "Participant", partial(Participant, connect=world.connect))
        self.world = world
        self.phones: list[Phone] = []
        self.commands: list[m.Command] = []
        self.records: list[CallRecord] = []
        self.said: list[str] = []  # how what was said to the phone begins
        self.is_draining = False
        self.is_down = False
        self.unreachable = False
        self.service_route: ServiceRoute | None = None
        self.sought: list[Destination] = []
        self._switch = MediaSwitch(self._execute)
        services = Services(
            installations=(INSTALLATION,),
            user_agent=self,  # type: ignore[arg-type]
            switch=self._switch,
            local_host=lambda flow, media_host: "10.0.0.1",
            service_route=lambda trunk: self.service_route,
        )
        trunks = (
            Trunk(
                "trunk",
                (),
                dial_out=through,
                max_calls=max_calls,
                srtp=srtp,
                credentials=CREDENTIALS,
            ),
        )
        self.switchboard = Switchboard(
            trunks, services, strangers=FORBID, max_calls=3, on_end=self.records.append
        )
        self.dialler = Dialler(
            self.switchboard,
            services,
            trunks,
            limits,
            is_draining=lambda: self.is_draining,
            is_down=lambda name: name == "trunk" and self.is_down,
        )

    @property
    def phone(self) -> Phone:
        return self.phones[-1]

    @property
    def status(self) -> str | None:
        """What our participant's status is at the moment."""
        presences = [s for s in self.world.stream.sent if s.kind in ("join", "presence")]
        return presences[-1].stanza.findtext("{jabber:client}status") if presences else None

    def order(
        self, to: str = "+43 1234", room: str = ROOM, headers: str = ""
    ) -> "asyncio.Task[Element]":
        """The focus has us dial."""
        request = fromstring(
            "<iq xmlns='jabber:client' type='set' id='7' from='b@i/focus'>"
            f"<dial xmlns='urn:xmpp:rayo:1' to='{to}'>"
            f"<header name='JvbRoomName' value='{room}'/>{headers}</dial></iq>"
        )
        return asyncio.create_task(self.dialler.dial(ACCOUNT, Dial.parse(request)))

    async def refusal(self, **order: str) -> str:
        """The condition with which an order is refused."""
        answer = await self.order(**order)
        (condition,) = [
            part.tag.rpartition("}")[2]
            for part in answer.findall("{*}error/{*}*")
            if "stanzas" in part.tag
        ]
        return condition

    async def over(self) -> EndReason:
        """Why the call has ended, once nothing of it is left."""
        await self.switchboard.emptied()
        end = self.records[-1].end
        assert end is not None
        assert all(stream.closed_at is not None for stream in self.world.streams)
        return end.reason

    # The user agent

    async def find_flows(self, destination: Destination) -> tuple[Flow, ...]:
        self.sought.append(destination)
        if self.unreachable:
            raise OSError("no route")
        return (Flow("udp", ("10.0.0.1", 5060), ("192.0.2.9", 5060)),)

    async def invite(self, target: str, sdp: bytes, **options: Any) -> Phone:
        caller = str(options["from_"])
        headers, credentials = dict(options["headers"]), options["credentials"]
        self.gone_by = [value for name, value in options["headers"] if name == "Route"]
        self.phones.append(Phone(target, sdp, headers, caller, credentials))
        return self.phones[-1]

    def _execute(self, order: m.Command) -> None:
        self.commands.append(order)
        match order:
            case m.OpenPhone(call):
                self._report(m.PhoneOpened(call, ("10.0.0.1", 20000)))
            case m.Say(call, utterance, parts):
                self.said.append(getattr(parts[0], "name", ""))
                self._report(m.Played(call, utterance, True))
            case m.Close(call):
                self._report(m.Closed(call, m.CallReport()))

    def _report(self, event: m.Event) -> None:
        asyncio.get_running_loop().call_soon(self._switch.receive, event)

    @property
    def call(self) -> str:
        """The id of the only call."""
        (record,) = self.switchboard.calls
        return record.id

    def presses(self, key: str) -> None:
        """The phone presses a key."""
        self._report(m.DigitReceived(self.call, key, 0.1))

    @property
    def agreed(self) -> m.PhoneMedia:
        """What its media has been set up as last."""
        return [order.media for order in self.commands if isinstance(order, m.ConnectPhone)][-1]

    def connected(self) -> int:
        """How often the phone's media has been set up."""
        return sum(isinstance(order, m.ConnectPhone) for order in self.commands)


@asynccontextmanager
async def scene(
    monkeypatch: pytest.MonkeyPatch,
    world: World | None = None,
    through: DialOut = THROUGH,
    limits: DialLimits = DialLimits(),  # noqa: B008 -- frozen
    max_calls: int | None = None,
    srtp: SrtpPolicy = SrtpPolicy.OFFERED,
) -> AsyncIterator[Scene]:
    there = world or World(occupants={"alice": "Alice"})
    made = Scene(there, monkeypatch, through, limits, max_calls, srtp)
    async with made.switchboard:
        yield made


@in_virtual_time
async def test_whoever_is_called_does_not_learn_a_caller_that_is_withheld(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = replace(THROUGH, caller="+4399", assert_identity=True, withhold_caller=True)
    async with scene(monkeypatch, through=through) as it:
        await it.order()
        await settle(1)
        assert it.phone.caller == '"Anonymous" <sip:anonymous@anonymous.invalid>'
        assert it.phone.headers["P-Asserted-Identity"] == "<sip:+4399@192.0.2.9>"
        assert it.phone.headers["Privacy"] == "id"
        it.phone.fails(486)
        await it.over()


@in_virtual_time
async def test_a_call_joins_rings_is_answered_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        answer = await it.order(headers="<header name='X-Who' value='ann&#10;x'/>")
        reference = answer.find("{urn:xmpp:rayo:1}ref")
        assert reference is not None
        assert reference.get("uri") == f"xmpp:{ROOM}/{it.world.stream.nick}"
        join = it.world.stream.of("join")[0].stanza
        shown = join.findall(".//{urn:xmpp:rayo:1}header")
        headers = {header.get("name"): header.get("value") for header in shown}
        assert headers["JigasiCallDirection"] == "out"
        assert "X-Who" in headers
        await settle(1)
        assert it.phone.target == "sip:+431234@192.0.2.9"
        assert it.phone.headers == {"Jitsi-Conference-Room": ROOM, "X-Who": "ann x"}
        assert it.phone.credentials == CREDENTIALS
        assert it.status == "Initializing Call"
        it.phone.rings()
        await settle(1)
        assert it.status == "Ringing"
        assert it.connected() == 0
        it.phone.answers()
        await settle(1)
        assert it.status == "Connected"
        assert it.connected() == 1
        (record,) = it.switchboard.calls
        assert (record.direction, record.called) == (Direction.OUT, "+431234")
        it.phone.goes()
        assert await it.over() is EndReason.CALLER_HUNG_UP
        assert it.phone.done == []


@in_virtual_time
async def test_a_trunk_that_we_have_registered_at_is_called_by_the_service_route_it_has_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        edge = Destination("tcp", "edge.test", 5070)
        it.service_route = ServiceRoute(edge, ("<sip:edge.test;lr>", "<sip:core.test;lr>"))
        await it.order()
        await settle(1)
        assert it.sought == [edge]
        assert it.gone_by == ["<sip:edge.test;lr>", "<sip:core.test;lr>"]
        assert it.phone.target == "sip:+431234@192.0.2.9"
        it.phone.fails(486)
        await it.over()


@pytest.mark.parametrize(
    ("status", "cause", "reason", "shown"),
    [
        (486, "", EndReason.BUSY, "Busy"),
        (600, "", EndReason.BUSY, "Busy"),
        (603, "", EndReason.DECLINED, "Declined"),
        (608, "", EndReason.DECLINED, "Declined"),
        (480, "", EndReason.NO_ANSWER, "No answer"),
        (408, "", EndReason.NO_ANSWER, "No answer"),
        (404, "", EndReason.NO_SUCH_NUMBER, "No such number"),
        (503, "", EndReason.CALL_FAILED, "Call failed"),
        (407, "", EndReason.CALL_FAILED, "Call failed"),
        (403, "Q.850;cause=21", EndReason.DECLINED, "Declined"),
        (603, "q.850;cause=19", EndReason.NO_ANSWER, "No answer"),
        (500, "Q.850;cause=17", EndReason.BUSY, "Busy"),
        (403, "Q.850;cause=28", EndReason.NO_SUCH_NUMBER, "No such number"),
        (603, "Q.850;cause=16", EndReason.DECLINED, "Declined"),
        (503, "SIP;cause=21", EndReason.CALL_FAILED, "Call failed"),
    ],
)
def test_what_became_of_the_call_is_shown_for_a_moment(
    status: int, cause: str, reason: EndReason, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.rings()
            it.phone.fails(status, reason=cause)
            await settle(1)
            assert it.status == shown
            assert len(it.switchboard.calls) == 1
            assert await it.over() is reason

    run()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('Q.850;cause=127;text="INTERWORKING"', EndReason.CALL_FAILED),
        ('Q.850;cause=50;text="FACILITY_NOT_SUBSCRIBED"', EndReason.CALL_FAILED),
        ('Q.850;cause=20;text="SUBSCRIBER_ABSENT"', EndReason.NO_ANSWER),
        ("SIP;cause=480", EndReason.NO_ANSWER),
    ],
)
def test_trouble_of_the_network_is_no_callee_that_does_not_answer(
    said: str, reason: EndReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.fails(480, "Temporarily Unavailable", said)
            assert await it.over() is reason

    run()


@pytest.mark.parametrize("status", [401, 403, 407])
def test_the_operator_is_told_where_to_look_when_a_trunk_refuses_us(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.fails(status, "Forbidden")
            assert await it.over() is EndReason.CALL_FAILED
            end = it.records[-1].end
            assert end is not None
            assert end.text.startswith(f"{status} Forbidden: ")

    run()


@in_virtual_time
async def test_a_mistake_of_ours_leaves_no_phone_on_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.answers()
        await settle(1)
        it.phone.does_what_nobody_expects()
        assert await it.over() is EndReason.INTERNAL_ERROR
        assert it.phone.done == ["hung up 500"]


@in_virtual_time
async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings()
        await settle(THROUGH.ringing_timeout)
        assert it.status == "No answer"
        assert it.phone.done == ["hung up 480"]
        assert await it.over() is EndReason.NO_ANSWER


@in_virtual_time
async def test_who_is_kicked_while_it_rings_rings_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings()
        await settle(1)
        it.world.removes_us("<status code='307'/>")
        await settle(0.1)
        assert it.phone.done == ["hung up 403"]
        assert await it.over() is EndReason.KICKED


@in_virtual_time
async def test_a_moderator_hangs_the_phone_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(occupants={"alice": "Alice"})
    async with scene(monkeypatch, world) as it:
        await it.order()
        await settle(1)
        it.phone.answers()
        await settle(1)
        asked = world.request("<hangup xmlns='urn:xmpp:rayo:1'/>", sender=f"{ROOM}/alice")
        await settle(0.1)
        refused = [s.stanza for s in world.stream.sent if s.stanza.get("id") == asked][-1]
        assert refused.find(".//{*}forbidden") is not None  # she is no moderator
        asked = world.request("<hangup xmlns='urn:xmpp:rayo:1'/>")
        await settle(0.1)
        granted = [s.stanza for s in world.stream.sent if s.stanza.get("id") == asked][-1]
        assert granted.get("type") == "result"
        assert it.phone.done == ["hung up 200"]
        assert await it.over() is EndReason.HUNG_UP


@in_virtual_time
async def test_early_media_is_for_the_conference_only_if_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for wanted in (False, True):
        through = DialOut("192.0.2.9", ("+43",), early_media=wanted)
        async with scene(monkeypatch, through=through) as it:
            await it.order()
            await settle(1)
            it.phone.rings(ANSWER)
            await settle(1)
            assert it.connected() == int(wanted)
            assert not wanted or it.agreed.is_early
            it.phone.answers(None)  # what the early answer said holds
            await settle(1)
            assert it.status == "Connected"
            assert it.connected() == 1 + int(wanted)
            assert not it.agreed.is_early


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (ANSWER.replace(b"4000", b"0"), EndReason.NO_COMMON_CODEC),
        (b"hello", EndReason.BAD_DESCRIPTION),
        (None, EndReason.BAD_DESCRIPTION),
    ],
)
@in_virtual_time
async def test_a_phone_that_says_only_early_what_cannot_be_served_is_hung_up_for_that(
    monkeypatch: pytest.MonkeyPatch, said: bytes | None, reason: EndReason
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings(said)
        it.phone.answers(None)
        assert await it.over() is reason


@in_virtual_time
async def test_a_trunk_that_is_not_reached_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        it.unreachable = True
        await it.order()
        await settle(1)
        assert it.status == "Call failed"
        assert await it.over() is EndReason.CALL_FAILED


@pytest.mark.parametrize(
    ("status", "text"), [(408, "the trunk does not answer"), (503, "the trunk is not reached")]
)
def test_a_trunk_that_says_nothing_is_no_callee_that_does_not_answer(
    status: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.is_lost(status)
            await settle(1)
            assert it.status == "Call failed"
            assert await it.over() is EndReason.CALL_FAILED
            assert it.records[-1].end == CallEnd(EndReason.CALL_FAILED, text)

    run()


@in_virtual_time
async def test_who_has_to_wait_in_the_lobby_is_named_there(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(occupants={"alice": "Alice"}, joins=[members_only()])
    async with scene(monkeypatch, world) as it:
        answer = await it.order()
        reference = answer.find("{urn:xmpp:rayo:1}ref")
        assert reference is not None
        assert reference.get("uri") == f"xmpp:{LOBBY}/{world.stream.nick}"
        assert it.phones == []
        world.invites_us()
        await settle(1)
        assert len(it.phones) == 1


@in_virtual_time
async def test_redirected_calls_follow_to_numbers_that_may_be_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        # The host is the trunk's whatever is named; other countries are not called.
        it.phone.redirects("sip:+4911@evil.test", "sip:0043-5678@evil.test", "tel:+439999")
        await settle(1)
        assert [phone.target for phone in it.phones[1:]] == ["sip:+435678@192.0.2.9"]
        it.phone.fails(480)
        await settle(1)
        assert it.phone.target == "sip:+439999@192.0.2.9"
        it.phone.answers()
        await settle(1)
        assert it.status == "Connected"
        it.phone.goes()
        assert await it.over() is EndReason.CALLER_HUNG_UP


@pytest.mark.parametrize("status", [488, 606])
def test_a_trunk_that_refuses_keys_beside_a_plain_profile_is_called_without(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """As FreeSWITCH does: "a=crypto in RTP/AVP, refer to rfc3711"."""

    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.fails(status, "Not Acceptable Here")
            await settle(1)
            assert [b"a=crypto" in phone.offer for phone in it.phones] == [True, False]
            assert [phone.target for phone in it.phones] == ["sip:+431234@192.0.2.9"] * 2
            it.phone.answers()
            await settle(1)
            assert it.status == "Connected"
            it.phone.goes()
            assert await it.over() is EndReason.CALLER_HUNG_UP

    run()


def test_a_phone_that_takes_encrypted_calls_only_is_offered_a_secure_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As pjsua and Linphone do where encryption is mandatory."""

    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            for _ in range(2):
                await settle(1)
                it.phone.fails(488, "Not Acceptable Here")
            await settle(1)
            assert [b"RTP/SAVP " in phone.offer for phone in it.phones] == [False, False, True]
            assert b"a=crypto" in it.phone.offer
            it.phone.fails(488, "Not Acceptable Here")
            assert await it.over() is EndReason.CALL_FAILED
            assert len(it.phones) == 3

    run()


@pytest.mark.parametrize("srtp", [SrtpPolicy.OFF, SrtpPolicy.REQUIRED])
def test_a_trunk_that_refuses_what_is_settled_is_called_once(
    monkeypatch: pytest.MonkeyPatch, srtp: SrtpPolicy
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch, srtp=srtp) as it:
            await it.order()
            await settle(1)
            it.phone.fails(488, "Not Acceptable Here")
            assert await it.over() is EndReason.CALL_FAILED
            assert len(it.phones) == 1

    run()


@pytest.mark.parametrize("uris", [["sip:+491@192.0.2.9"], ["sip:bob@192.0.2.9"], []])
def test_a_call_redirected_to_nobody_who_may_be_called_has_failed(
    monkeypatch: pytest.MonkeyPatch, uris: list[str]
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            await it.order()
            await settle(1)
            it.phone.redirects(*uris)
            assert await it.over() is EndReason.CALL_FAILED
            assert len(it.phones) == 1

    run()


@pytest.mark.parametrize(
    ("order", "condition"),
    [
        ({"to": "alice"}, "bad-request"),
        ({"to": "+491"}, "forbidden"),
        ({"to": "jitsi_meet_transcribe"}, "feature-not-implemented"),
        ({"room": "r@conference.evil.test"}, "item-not-found"),
    ],
)
def test_what_may_not_be_dialled_is_not(
    order: dict[str, str], condition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with scene(monkeypatch) as it:
            assert await it.refusal(**order) == condition
            assert it.world.streams == []
            assert it.switchboard.calls == ()

    run()


@in_virtual_time
async def test_there_are_no_more_calls_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, limits=DialLimits(per_room=1)) as it:
        await it.order()
        assert await it.refusal() == "resource-constraint"
        await settle(1)
        it.phone.fails(486)
        await it.switchboard.emptied()
        await it.order()
        it.is_draining = True
        assert await it.refusal(room="other@conference.meet.test") == "service-unavailable"
    async with scene(monkeypatch) as it:
        for _ in range(3):
            await it.order()
        assert await it.refusal() == "service-unavailable"


@in_virtual_time
async def test_a_room_that_does_not_let_us_in_in_time_is_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for world in (
        World(joins=[None] * 9),
        World(conference=[error("auth", "not-authorized")] * 99),
    ):
        async with scene(monkeypatch, world) as it:
            began = asyncio.get_running_loop().time()
            assert await it.refusal() == "internal-server-error"
            assert asyncio.get_running_loop().time() - began <= JOIN_WITHIN + 0.1
            assert await it.over() is EndReason.CONFERENCE_TIMEOUT
            assert it.phones == []


@in_virtual_time
async def test_a_room_that_refuses_us_is_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, World(joins=[error("auth", "forbidden")])) as it:
        assert await it.refusal() == "internal-server-error"
        assert await it.over() is EndReason.BANNED


@in_virtual_time
async def test_a_gateway_that_goes_down_lets_nothing_ring_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.order()
        await settle(1)
        it.phone.rings()
        await settle(1)
    assert it.phone.done == ["hung up 503"]
    assert await it.over() is EndReason.SHUTDOWN


@in_virtual_time
async def test_nobody_is_dialled_through_a_trunk_that_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        it.is_down = True
        assert await it.refusal() == "service-unavailable"
        assert it.switchboard.calls == ()


@in_virtual_time
async def test_a_trunks_limit_is_for_calls_that_go_out_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch, max_calls=1) as it:
        await it.order()
        assert await it.refusal() == "service-unavailable"
        assert len(it.switchboard.calls) == 1


@in_virtual_time
async def test_a_trunks_own_headers_are_added_and_nobody_else_sets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    through = replace(THROUGH, headers=(("X-Account", "4711"), ("Privacy", "none")))
    async with scene(monkeypatch, through=through) as it:
        await it.order(headers="<header name='x-account' value='mine'/>")
        await settle(1)
        own = {"X-Account": "4711", "Privacy": "none"}
        assert it.phone.headers == {"Jitsi-Conference-Room": ROOM, **own}
