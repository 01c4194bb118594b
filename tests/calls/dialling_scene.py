"""A conference that has telephones called, and the telephones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from xml.etree.ElementTree import Element, fromstring

import pytest

from gateway.calls import outgoing
from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import DialLimits
from gateway.calls.dialler import Dialler
from gateway.calls.end_reason import EndReason
from gateway.calls.media_session import MediaSwitch
from gateway.calls.record import CallRecord
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
from tests.conference.world import INSTALLATION, ROOM, World

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
