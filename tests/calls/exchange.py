"""A whole gateway in virtual time, but for its edges: fake phones, a fake engine, scripted worlds.

Every call has a world of its own: the installation as its participant sees it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from gateway.calls import incoming, outgoing
from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import DialLimits
from gateway.calls.dialler import Dialler
from gateway.calls.limits import Limits
from gateway.calls.reception import Reception
from gateway.calls.record import CallRecord
from gateway.calls.services import Services
from gateway.calls.switchboard import Switchboard
from gateway.calls.trunk import Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.brewery import BreweryAccount, Dial
from gateway.conference.installation import Installation
from gateway.conference.participant import Participant
from gateway.sip.admission import FORBID, Verdict
from gateway.sip.call import Call
from gateway.sip.flow import Flow
from gateway.sip.locate import Destination
from gateway.xmpp.client import Server
from tests.calls.fake_engine import CallMedia, FakeEngine
from tests.calls.fake_phone import FLOW, FakePhone
from tests.conference.world import INSTALLATION, ROOM, World

_NETWORK = ip_network("192.0.2.0/24")
_ACCOUNT = BreweryAccount("b", Server("auth.meet.test", None), "b@i", INSTALLATION.name)
_THROUGH = DialOut("192.0.2.9", ("+43",), caller="4399", ringing_timeout=20.0)


TRUNK = Trunk("trunk", (_NETWORK,), dial_out=_THROUGH, chat=True)
CONFIRMING = replace(TRUNK, dial_out=replace(_THROUGH, confirm=True))


@dataclass
class Party:
    """One call, and everybody it has to do with. `phone` is None while nobody is called yet."""

    record: CallRecord
    media: CallMedia
    worlds: dict[str, World]
    phone: FakePhone | None = None

    @property
    def world(self) -> World | None:
        """Its participant's, once it has one."""
        return self.worlds.get(self.call)

    @property
    def call(self) -> str:
        """Its id."""
        return self.record.id

    @property
    def is_over(self) -> bool:
        return self.record.end is not None


class Exchange:
    """Make it with `exchange`. `make_world` gives each call its world; `parties` are by call id."""

    def __init__(
        self,
        make_world: Callable[[], World],
        limits: Limits,
        trunk: Trunk,
        reception: Reception | None,
    ) -> None:
        self.parties: dict[str, Party] = {}
        self._worlds: dict[str, World] = {}
        self.ended: list[CallRecord] = []
        self.engine = FakeEngine()
        self._make_world = make_world
        services = Services(
            installations=(INSTALLATION,),
            user_agent=self,  # type: ignore[arg-type]
            switch=self.engine.switch,
            local_host=lambda flow, media_host: "10.0.0.1",
            limits=limits,
            reception=reception,
        )
        self.switchboard = Switchboard(
            (trunk,), services, strangers=FORBID, max_calls=1000, on_end=self._ended
        )
        self.dialler = Dialler(
            self.switchboard, services, (trunk,), DialLimits(), is_draining=lambda: False
        )

    async def call_in(self, phone: FakePhone) -> Party:
        """A phone calls."""
        assert self.switchboard.admit(FLOW, phone.call.request) is Verdict.ACCEPT
        await self.switchboard.take(_only(phone.call))
        party = self._newest()
        party.phone = phone
        return party

    async def replace(self, phone: FakePhone) -> None:
        """A phone wants to take the place of another."""
        assert self.switchboard.admit(FLOW, phone.call.request) is Verdict.ACCEPT
        await self.switchboard.take(_only(phone.call))

    async def dial(self, room: str = ROOM) -> tuple[Party, "asyncio.Task[Element]"]:
        """The focus has us call a phone; what it is answered comes later."""
        request = fromstring(
            "<iq xmlns='jabber:client' type='set' id='7' from='b@i/focus'>"
            "<dial xmlns='urn:xmpp:rayo:1' to='+43 1234'>"
            f"<header name='JvbRoomName' value='{room}'/></dial></iq>"
        )
        answer = asyncio.create_task(self.dialler.dial(_ACCOUNT, Dial.parse(request)))
        await asyncio.sleep(0)
        return self._newest(), answer

    def forget(self) -> None:
        """Calls that are over are remembered no longer."""
        self.parties.clear()
        self._worlds.clear()
        self.engine.forget()

    def join(
        self, installation: Installation, room: RoomAddress, *, media: Any, **options: Any
    ) -> Participant:
        """Take the place of `Participant`: one that is in a world of ours."""
        world = self._worlds[media.call] = self._make_world()
        world.room = room.jid
        return Participant(installation, room, media=media, connect=world.connect, **options)

    # The user agent

    def label(self, call: Call, label: str) -> None:
        """Logs are not looked at."""

    def advertised_host(self, flow: Flow) -> str:
        return flow.listener[0]

    async def find_flows(self, destination: Destination) -> tuple[Flow, ...]:
        return (FLOW,)

    async def invite(self, target: str, sdp: bytes, *, label: str, **_: Any) -> Call:
        phone = FakePhone(target, number=len(self.parties), is_called=True)
        self._party_of(label).phone = phone
        return phone.call

    def _newest(self) -> Party:
        return self._party_of(self.switchboard.calls[-1].id)

    def _party_of(self, call: str) -> Party:
        if call not in self.parties:
            (record,) = [each for each in self.switchboard.calls if each.id == call]
            self.parties[call] = Party(record, self.engine.media_of(call), self._worlds)
        return self.parties[call]

    def _ended(self, record: CallRecord) -> None:
        self.ended.append(record)


@asynccontextmanager
async def exchange(
    monkeypatch: pytest.MonkeyPatch,
    make_world: Callable[[], World] = World,
    limits: Limits = Limits(),  # noqa: B008 -- frozen
    trunk: Trunk | None = None,
    reception: Reception | None = None,
) -> AsyncIterator[Exchange]:
    """Calls that are left at the end are ended as by a gateway that goes down."""
    made = Exchange(make_world, limits, trunk or TRUNK, reception)
    for module in (incoming, outgoing):
        monkeypatch.setattr(module, "Participant", made.join)
    async with made.switchboard:
        yield made


async def _only(call: Call) -> AsyncIterator[Call]:
    yield call
