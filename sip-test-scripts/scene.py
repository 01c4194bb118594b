"""Where scenarios are played: a lab conference and a gateway, and for each scenario its callers.

Whatever should be gone after a scenario is looked for: calls, participants, XMPP sessions; and
when all are over, SIP transactions.
"""

import asyncio
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from media_agent import Caller, find_faults, longest_hole
from sipp import HOST, HOSTS, Report, ScenarioFailed, Sipp, host_port

from audiocodecs.frames import Samples
from gateway.app import Gateway
from gateway.calls.end_reason import EndReason
from gateway.calls.record import CallRecord
from gateway.config.configuration import parse
from gateway.lab.calm import in_calm
from gateway.lab.focus_port import Allocation
from gateway.lab.lab import Lab, LabConfig
from gateway.lab.speaker import Speaker
from gateway.lab.voice import Voice

T1 = 0.1  # seconds: 64 of them are waited for where nobody answers
TRANSPORTS = ("udp", "tcp")
_SETTLING = 0.5  # seconds until what was said before has been heard
LISTENING = 3.0  # seconds of media time
_HOLE = 0.150  # seconds of media time: more than a busy machine's hiccups make
_PATIENCE = 30.0  # seconds until something that has to come about is missed

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One caller of a scenario: what it dials, the room it should end up in, how it sounds."""

    name: str
    room: str
    tone: float
    called: str = "conference"
    codec: str = "PCMU"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario: `story` conducts the calls of `file` and looks at what only we can see.

    `speakers` are the tones of the lab's own participants by room. `ends` are the reasons of the
    call records afterwards. `tcp_file` is for what differs over TCP, `played` names the scenario
    whose file is used if it has none of its own. `gateway` is laid over the gateway's
    configuration; `hosts` are where SIPp can be, and so in which families of addresses it signals.
    Media are there too, if there is no `media_host`.
    """

    name: str
    proves: str
    rfc: str
    story: "Callable[[Scene], Awaitable[None]]"
    callers: tuple[Plan, ...]
    ends: Mapping[EndReason, int]
    speakers: Mapping[str, float]
    tcp_file: str | None = None
    played: str | None = None
    rate: int = 10
    options: tuple[str, ...] = ()
    gateway: Sections | None = None
    hosts: tuple[str, ...] = HOSTS
    media_host: str | None = None

    def file(self, transport: str) -> str:
        """The SIPp scenario for a transport."""
        own = f"{self.played or self.name}.xml"
        return self.tcp_file if transport == "tcp" and self.tcp_file else own


class Site:
    """A lab and a gateway for it; leaving it closes both and looks for what they left."""

    def __init__(self, sections: Sections | None = None) -> None:
        self.lab = Lab(LabConfig())
        self.records: list[CallRecord] = []
        self.gateway: Gateway
        self._sections = sections or {}
        self._parts = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as parts:
            await parts.enter_async_context(self.lab)
            self.gateway = await parts.enter_async_context(
                Gateway(parse(self._configuration()), on_end=self.records.append)
            )
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._parts.aclose()

    def address(self, transport: str, host: str = HOST) -> tuple[str, int]:
        """Where the gateway is called by who is at `host`."""
        at = next(
            each
            for each in self.gateway.sip_addresses
            if (each.transport, each.host) == (transport, host)
        )
        return at.host, at.port

    async def cleared(self) -> None:
        """Return when nothing of any call is left but SIP transactions."""
        await eventually(lambda: self.gateway.call_count == 0, "the end of every call")
        await eventually(lambda: not self._sessions(), "the end of every XMPP session")
        violations, self.lab.violations[:] = list(self.lab.violations), []
        if violations:
            raise ScenarioFailed([f"a rule of the conference was broken: {v}" for v in violations])

    async def silent(self) -> None:
        """Return when the last SIP transaction is over."""
        agent = self.gateway.user_agent
        await eventually(lambda: agent.transaction_count == 0, "the end of every transaction")

    def _sessions(self) -> frozenset[str]:
        return self.lab.site.host.entities - {self.lab.site.focus.jid}

    def _configuration(self) -> dict[str, Any]:
        host, port = self.lab.xmpp_address
        values: dict[str, dict[str, Any]] = {
            "sip": {
                "listen": [f"{name}:{host_port(host, 0)}" for host in HOSTS for name in TRANSPORTS],
                "t1": T1,
                "max_stress": 0,
            },
            "media": {
                "workers": 0,
                "host": list(HOSTS),
                "bridge_addresses": [HOST],
                "codecs": ["PCMU", "PCMA"],
            },
            "jitsi": {
                "domain": self.lab.domain,
                "host": host,
                "port": port,
                "ca_file": str(self.lab.ca_file),
                "muc_domains": [self.lab.muc_domain],
                "focus": self.lab.focus_jid,
            },
            "control": {"listen": ""},
        }
        trunk = {
            "name": "sipp",
            "from": ["127.0.0.0/8", "::1/128"],
            "rule": [{"called": r"7(\d+)", "room": r"room\1"}],
            "called_party": ["uri", "to", "diversion", "history-info"],
        }
        for section, keys in self._sections.items():
            if section == "trunk":
                trunk |= keys
            else:
                values[section] = {**values[section], **keys}
        return {**values, "trunk": [trunk]}


class Sites:
    """One site for each gateway configuration that scenarios want; `async with` it.

    A site on which a scenario has failed is not used again.
    """

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for key in tuple(self._sites):
            await self._close(key)

    async def silent(self) -> None:
        """Return when no site has a SIP transaction left."""
        await asyncio.gather(*(site.silent() for site in self._sites.values()))

    async def play(self, scenario: Scenario, transport: str, host: str = HOST) -> tuple[str, ...]:
        """Play a scenario; its notes. ScenarioFailed: it went another way."""
        key = repr(scenario.gateway)
        if key not in self._sites:
            self._sites[key] = await Site(scenario.gateway).__aenter__()
        try:
            return await play(self._sites[key], scenario, transport, host)
        except BaseException:
            await self._close(key)
            raise

    async def _close(self, key: str) -> None:
        await self._sites.pop(key).__aexit__(None, None, None)


async def play(site: Site, scenario: Scenario, transport: str, host: str = HOST) -> tuple[str, ...]:
    """Play a scenario at a site, SIPp being at `host`; its notes.

    ScenarioFailed: it went another way.
    """
    earlier = len(site.records)
    async with Scene(site, scenario, transport, host) as scene:
        await scenario.story(scene)
    await site.cleared()
    ends = Counter(record.end.reason for record in site.records[earlier:] if record.end)
    if ends != scenario.ends:
        found = {reason.label: count for reason, count in ends.items()}
        wanted = {reason.label: count for reason, count in scenario.ends.items()}
        raise ScenarioFailed([f"calls ended {found}, not {wanted}"])
    return tuple(scene.notes)


@dataclass(frozen=True, slots=True)
class Hearing:
    """What one party of a room heard, and which tones should have been in it."""

    listener: str
    room: str
    recording: Samples
    expected: set[float]

    @property
    def hole(self) -> float:
        """The longest one in what should have been there."""
        return longest_hole(self.recording, self.expected)


class Scene:
    """A scenario being played: callers by name, the speakers of their rooms.

    SIPp is at `host`. `notes` are for whoever reads the results.
    """

    def __init__(self, site: Site, scenario: Scenario, transport: str, host: str = HOST) -> None:
        self.site = site
        self.host = host
        self.transport = transport
        self.plans = {plan.name: plan for plan in scenario.callers}
        self.callers = {
            plan.name: Caller(plan.name, plan.tone, codec=plan.codec) for plan in scenario.callers
        }
        self.speakers: dict[str, Speaker] = {}  # by room
        self.notes: list[str] = []
        self._sipp: Sipp
        self._is_faulty = False
        self._scenario = scenario
        self._parts = AsyncExitStack()

    async def __aenter__(self) -> Self:
        lab = self.site.lab
        async with AsyncExitStack() as parts:
            for caller in self.callers.values():
                await caller.open(self._scenario.media_host or self.host)
                parts.push_async_callback(caller.close)
            for room, tone in self._scenario.speakers.items():
                speaker = await lab.add_speaker(room, f"speaker of {room}", Voice.of_tone(tone))
                parts.callback(lab.remove_speaker, speaker)
                self.speakers[room] = speaker
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._parts.aclose()

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """The calls that are not over."""
        return self.site.gateway.switchboard.calls

    @asynccontextmanager
    async def calls(self) -> AsyncIterator[Sipp]:
        """Let SIPp place the calls, and return when all of them have succeeded."""
        scenario = self._scenario
        rows = [
            (plan.name, plan.room, self.callers[plan.name].port, plan.called)
            for plan in scenario.callers
        ]
        async with Sipp(
            scenario.file(self.transport),
            rows,
            self.site.address(self.transport, self.host),
            host=self.host,
            media_host=scenario.media_host,
            transport=self.transport,
            rate=scenario.rate,
            options=scenario.options,
            on_report=self._take_report,
        ) as self._sipp:
            yield self._sipp
            await self._sipp.succeeded()

    async def talking(self) -> None:
        """Return when all calls are answered and have their audio."""
        await self._sipp.reported("answered")
        if self._is_faulty:
            await self._sipp.give_up("there is something wrong with an answer")
        await eventually(
            lambda: (
                sum(record.media_at is not None for record in self.records) == len(self.callers)
            ),
            "the media of every call",
        )

    async def hear(self, speaking: Iterable[str], *, apart: Collection[str] = ()) -> None:
        """Let some callers speak at a time: they and the lab's speakers must hear each other.

        Those `apart` are on hold or gone: they are to hear nothing, and nobody is to hear them.
        """
        speaking = set(speaking)

        async def listen() -> None:
            self.judge(await self.listen(speaking, apart=apart))

        await in_calm(self.site.gateway.engine.clock, listen)

    async def listen(
        self, speaking: Iterable[str], *, apart: Collection[str] = ()
    ) -> list["Hearing"]:
        """Let some callers speak at a time; what everybody hears, for `judge`."""
        speaking = set(speaking)
        for name, caller in self.callers.items():
            caller.speak(name in speaking)
        await asyncio.sleep(_SETTLING)
        for caller in self.callers.values():
            caller.forget()
        for speaker in self.speakers.values():
            speaker.forget()
        connected = [caller for caller in self.callers.values() if caller.is_connected]
        await eventually(
            lambda: all(caller.seconds >= LISTENING for caller in connected),
            f"{LISTENING:g} s of audio for every caller",
        )
        heard = speaking - set(apart)
        hearings = []
        for caller in connected:
            room = self.plans[caller.name].room
            expected = set() if caller.name in apart else self._tones(room, heard - {caller.name})
            hearings.append(Hearing(caller.name, room, caller.recording, expected))
        for room, speaker in self.speakers.items():
            expected = self._tones(room, heard) - {self._scenario.speakers[room]}
            hearings.append(Hearing(f"the speaker of {room}", room, speaker.mix(), expected))
        return hearings

    def judge(
        self, hearings: Sequence["Hearing"], *, span: float = 1.0, hole: float = _HOLE
    ) -> None:
        """ScenarioFailed if anybody has not heard exactly what was to be heard.

        It has to be there in every `span` seconds, and `hole` is the longest one that is put up
        with; both are media time.
        """
        problems = [
            f"{hearing.listener} hears {self._name_of(tone, hearing.room)} {fault}"
            for hearing in hearings
            for tone, fault in find_faults(hearing.recording, hearing.expected, span=span)
        ]
        problems += [
            f"{hearing.listener} hears a hole of {hearing.hole * 1000:.0f} ms"
            for hearing in hearings
            if hearing.hole > hole
        ]
        if problems:
            raise ScenarioFailed([*self.notes, *problems])

    async def moved(self, caller: str, room: str) -> None:
        """Return when a caller has its audio in another room."""
        record = next(each for each in self.records if each.caller.startswith(caller))
        returns = record.media_returns
        self.plans[caller] = replace(self.plans[caller], room=room)
        await eventually(
            lambda: record.room.startswith(room) and record.media_returns >= returns,
            "the other room",
        )

    @contextmanager
    def slow_focus(self) -> Iterator[None]:
        """The focus takes its time: nobody gets into a room for a second."""
        script = self.site.lab.site.focus.allocations.script
        script.extend([Allocation.NOT_READY] * len(self.callers))
        try:
            yield
        finally:
            script.clear()

    def unheard(self) -> None:
        """Nobody has got any audio."""
        disturbed = [caller.name for caller in self.callers.values() if caller.packets]
        if disturbed:
            raise ScenarioFailed([f"audio was sent to {name}" for name in disturbed])

    def _tones(self, room: str, speaking: Iterable[str]) -> set[float]:
        """What there is to be heard in a room."""
        tones = {self.plans[name].tone for name in speaking if self.plans[name].room == room}
        speaker = self._scenario.speakers.get(room)
        return tones | ({speaker} if speaker is not None else set())

    def _name_of(self, tone: float, room: str) -> str:
        """Who speaks a tone, in this room if somebody does."""
        if self._scenario.speakers.get(room) == tone:
            return "its speaker"
        names = [plan.name for plan in self.plans.values() if plan.tone == tone]
        inside = [name for name in names if self.plans[name].room == room]
        return " or ".join(inside or names) or f"{tone:g} Hz"

    def _take_report(self, report: Report) -> None:
        if report.media is not None:
            self.callers[report.caller].connect(report.media)
        elif report.event == "answered":
            self._is_faulty = True  # SIPp stops reading an answer at the first fault


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that has to come about; how long it takes is not judged."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while not condition():  # noqa: ASYNC110 - many kinds of condition
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise ScenarioFailed([f"{what} did not come about"]) from None
