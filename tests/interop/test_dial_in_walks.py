"""SIPp and baresip walk the whole menu; what was spoken is in the recordings of their phones."""

import asyncio
import datetime
import sys
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway import logs
from gateway.calls.end_reason import CallEnd
from gateway.calls.record import Direction
from gateway.config.dial_in import DAY
from gateway.ivr.pin_database import Asked, PinDatabase
from gateway.ivr.pin_policy import PinPolicy
from gateway.lab.calm import ATTEMPTS
from gateway.lab.lab import LabConfig
from tests.behaviour.dialling import ACCOUNTS
from tests.behaviour.stage import RATE, TONES, Stage, eventually, stage, voice_of
from tests.helpers.prompts import find
from tests.helpers.transcript import read_prompts, transcript
from tests.phones import baresip

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

import walking
from sipp import HOST, free_port, is_installed
from walking import Way

from tests.helpers.captured_log import log_at_once
from tests.interop.walks import (
    BRANCHES,
    BY_NAME,
    CALLED,
    COUNTRIES,
    ELSEWHERE,
    LANGUAGES,
    NUMBERS,
    OFFERED,
    OWNER,
    WALKS,
    WALKS_OF_CALLED,
    WALKS_OF_OFFERED,
    Branch,
    Phone,
    Plan,
    Walk,
    first_words,
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not is_installed(), reason="SIPp is not installed"),
]

_AT_ONCE = 4  # walks: more would disturb each other on two cores
_APART = 0.3  # seconds from one beginning to the next: setting calls up takes most
_STANDSTILL = 0.040  # seconds: who goes astray after a shorter stall does so by itself
_PIN_DIGITS = 6
_NOW = datetime.datetime.now(datetime.UTC)
_HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """Writing the wire down takes the time the media needs."""
    logs.configure("error")
    yield
    log_at_once()


class BaresipPhone:
    """A phone of the walks that is baresip, in a process that begins with the call."""

    def __init__(self, folder: Path, target: str, number: str, parts: AsyncExitStack) -> None:
        self._folder = folder
        self._target = target
        self._number = number
        self._parts = parts
        self._call: baresip.BaresipCall

    async def call(self) -> None:
        self._folder.mkdir()
        phone = baresip.baresip(
            self._folder, self._target, says=voice_of("phone"), caller=self._number
        )
        self._call = await self._parts.enter_async_context(phone)
        await self._call.answered()

    async def press(self, keys: str) -> None:
        await self._call.press(keys)

    def speak(self) -> None:
        """It always does."""

    def recording(self) -> Any:
        return self._call.recording()

    async def hang_up(self) -> None:
        await self._call.hang_up()

    async def ended(self) -> object:
        return await self._call.ended(within=90.0)


@dataclass
class Party:
    """One who walks: what is planned, and what is known of it. `expired` is a PIN that is."""

    at: int
    plan: Plan
    expired: str

    @property
    def name(self) -> str:
        return f"w{self.at}"

    @property
    def room(self) -> str:
        return f"w{self.at}"

    @property
    def number(self) -> str:
        """The caller's: of a country that misleads where something else tells the language."""
        branch, languages = self.plan.branch, (*LANGUAGES, *LANGUAGES)
        at = languages.index(self.plan.language) + ("{number}" in branch.called)
        country = ELSEWHERE if branch.offers else COUNTRIES[languages[at]]
        return f"{country}15551{self.at:02}"

    @property
    def last_call(self) -> str:
        """By which name it calls."""
        return f"{self.name}-{self.plan.branch.calls - 1}"

    def planned(self, call: int) -> walking.Plan:
        """One of its calls, by SIPp."""
        name = f"{self.name}-{call}"
        return walking.Plan(name, self.number, self.called, self.plan.way, TONES["phone"])

    @property
    def called(self) -> str:
        number = NUMBERS[self.plan.language]
        return self.plan.branch.called.format(number=number, room=self.at)

    @property
    def pin(self) -> str:
        if self.plan.branch.name == "the PIN is expired":
            return self.expired
        digits = 5 if self.plan.branch.name.startswith("a shorter PIN") else _PIN_DIGITS
        return str(10 ** (digits - 1) + 7919 * (self.at + 1))

    @property
    def entry(self) -> str:
        """What the file of PINs has of it."""
        more = {
            "too early": f"from = {(_NOW + _HOUR).isoformat()}",
            "too late": f"until = {(_NOW - _HOUR).isoformat()}",
            "a personal PIN": f'name = "{OWNER}"',
        }.get(self.plan.branch.name, "")
        return f'[[pin]]\npin = "{self.pin}"\nroom = "{self.room}"\n{more}\n'


def write_pins(folder: Path, plans: Sequence[Plan]) -> list[Party]:
    """Who walks, with the files of their PINs."""
    policy = PinPolicy(_PIN_DIGITS, 1000, 1000)
    database = PinDatabase(folder / "pins.sqlite3", policy, 90 * DAY)
    (expired,) = database.give([Asked("old@conference.lab.test", time.time() - 100 * DAY)])
    database.close()
    assert isinstance(expired, str)
    parties = [Party(at, plan, expired) for at, plan in enumerate(plans, start=1)]
    own = [party for party in parties if party.pin != expired]
    (folder / "pins.toml").write_text("".join(party.entry for party in own))
    return parties


def sections(folder: Path, **voice: Any) -> dict[str, Any]:
    """A gateway that asks for PINs in three languages."""
    numbers = {number: language for language, number in NUMBERS.items()}
    return {
        "trunk": {"rule": [{"called": r"7(\d+)", "room": r"w\1"}], "ask_pin": True},
        "dial_in": {
            "listen": "127.0.0.1:0",
            "database": str(folder / "pins.sqlite3"),
            "pins_file": str(folder / "pins.toml"),
            "pin_digits": _PIN_DIGITS,
            "pin_odds": 1000,
        },
        "voice": {"espeak_ng": "", "languages": LANGUAGES, "language_of": numbers, **voice},
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one party's walk: what it stumbled over, and how its call has ended."""

    party: Party
    walk: Walk
    failure: object
    end: CallEnd | None


class Astray(Exception):
    """Somebody's walk has failed: all phones and the gateway are closed as they are."""


@dataclass
class Outing:
    """Several walks at once. `has_stalled` is whether the machine itself has stood still."""

    outcomes: list[Outcome] = field(default_factory=list)
    has_stalled: bool = False

    async def walk(self, scene: Stage, parties: Sequence[Party], walks: Sequence[Walk]) -> None:
        """Let them walk, beginning one after the other."""
        clock = scene.gateway.engine.clock
        clock.longest_stall = 0.0
        stories = [
            _begun_after(at * _APART, party.plan.branch.story(walk))
            for at, (party, walk) in enumerate(zip(parties, walks, strict=True))
        ]
        failures = await asyncio.gather(*stories, return_exceptions=True)
        self.has_stalled = clock.longest_stall > _STANDSTILL
        for party, walk, failure in zip(parties, walks, failures, strict=True):
            self.outcomes.append(Outcome(party, walk, failure, None))
        if any(failures):
            raise Astray

    def told(self, scene: Stage) -> None:
        """Take how the calls have ended."""
        ends = {
            record.caller if record.direction is Direction.IN else record.called: record.end
            for record in scene.records
        }
        self.outcomes = [
            replace(each, end=ends.get(each.party.last_call, ends.get(each.party.number)))
            for each in self.outcomes
        ]

    @property
    def problems(self) -> dict[Plan, str]:
        """What was wrong with whose walk."""
        found = {each.party.plan: "; ".join(judge(each)) for each in self.outcomes}
        return {plan: problem for plan, problem in found.items() if problem}


async def _begun_after(seconds: float, story: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(seconds)
    await story


async def walk_all(
    plans: Sequence[Plan],
    folder: Path,
    walk_once: Callable[[Sequence[Plan], Path, Outing], Awaitable[None]],
) -> None:
    """Let them all walk at once; who goes astray while the machine itself stands still may try
    again."""
    read_prompts(LANGUAGES)  # takes seconds, and must not disturb
    for attempt in range(ATTEMPTS):
        (own := folder / f"attempt-{attempt}").mkdir()
        outing = Outing()
        with suppress(Astray):
            await walk_once(plans, own, outing)
        problems = outing.problems
        for plan, problem in problems.items():
            print(f"attempt {attempt}: {plan}: {problem}")
        plans = list(problems)
        if not problems or not outing.has_stalled:
            break
    assert not problems, "some have gone astray"


async def dial_in(plans: Sequence[Plan], folder: Path, outing: Outing) -> None:
    """Everybody calls the gateway."""
    parties = write_pins(folder, plans)
    voice = {"offer_languages": plans[0].branch.offers}
    async with stage(LabConfig(needs_host=True), **sections(folder, **voice)) as scene:
        async with phones_of(scene, parties, folder) as phones:
            walks = [await begin(scene, party, phones[party.name]) for party in parties]
            await outing.walk(scene, parties, walks)
        await scene.over()
    outing.told(scene)


async def be_dialled(plans: Sequence[Plan], folder: Path, outing: Outing) -> None:
    """Everybody is called, as somebody in its room wants it."""
    parties = [Party(at, plan, "") for at, plan in enumerate(plans, start=1)]
    port = free_port()
    dial_out = {"host": HOST, "port": port, "transport": "udp", "confirm": True}
    trunk = {"dial_out": {**dial_out, "prefixes": [*COUNTRIES.values()], "prepend": "+"}}
    voice = {"espeak_ng": "", "languages": LANGUAGES}
    async with stage(LabConfig(accounts=ACCOUNTS), trunk=trunk, voice=voice) as scene:
        await eventually(lambda: scene.lab.waiting_gateways, "a gateway in the brewery")
        theirs = [party.planned(0) for party in parties]
        called = walking.walking_phones(walking.DIALLED_IN_WORDS, theirs, port=port)
        async with called as phones:
            walks = []
            turn = asyncio.Lock()  # SIPp answers them in their order
            for party in parties:
                walk = await begin(scene, party, [phones[party.last_call]])
                walk.number, walk.turn = party.number, turn
                walks.append(walk)
            await outing.walk(scene, parties, walks)
        await scene.over()
    outing.told(scene)


async def begin(scene: Stage, party: Party, phones: Sequence[Phone]) -> Walk:
    walk = Walk(scene, party.plan.language, party.room, party.pin, *phones)
    if not party.plan.branch.is_empty:
        await walk.comes()
    return walk


@asynccontextmanager
async def phones_of(
    scene: Stage, parties: Sequence[Party], folder: Path
) -> AsyncIterator[dict[str, list[Phone]]]:
    """The phones of all parties, as many as they need calls."""
    address = next(each for each in scene.gateway.sip_addresses if each.transport == "udp")
    made: dict[str, list[Phone]] = {party.name: [] for party in parties}
    async with AsyncExitStack() as parts:
        by_sipp: list[tuple[Party, walking.Plan]] = []
        for party in parties:
            for call in range(party.plan.branch.calls):
                if party.plan.by_baresip:
                    own, target = folder / f"{party.name}-{call}", scene.uri(party.called)
                    made[party.name].append(BaresipPhone(own, target, party.number, parts))
                else:
                    by_sipp.append((party, party.planned(call)))
        if by_sipp:
            plans = [plan for _, plan in by_sipp]
            remote = (address.host, address.port)
            sipp = walking.walking_phones(walking.DIAL_IN, plans, remote=remote)
            phones = await parts.enter_async_context(sipp)
            for party, plan in by_sipp:
                made[party.name].append(phones[plan.name])
        yield made


def judge(outcome: Outcome) -> Iterator[str]:
    """What was wrong with a walk."""
    plan, walk = outcome.party.plan, outcome.walk
    heard = [
        each
        for phone in (walk.again, walk.phone)
        if phone is not None
        for each in transcript(phone.recording(), *LANGUAGES)
    ]
    whole = [f"{each.language}:{each.name}" for each in heard if each.is_whole]
    expected = [name if ":" in name else f"{plan.language}:{name}" for name in plan.branch.hears]
    if whole != expected:
        yield f"has heard {whole} of {[(str(each.name), each.share) for each in heard]}"
    for name in plan.branch.cut:
        begun = find(first_words(plan.language, name), walk.phone.recording(), RATE)
        if begun.likeness < 0.8 or f"{plan.language}:{name}" in whole:
            yield f"{name} was not broken off: {begun}, {whole}"
    if outcome.failure is not None:
        yield f"{outcome.failure!r}"
    if outcome.end is None or outcome.end.reason is not plan.branch.end:
        yield f"ended by {outcome.end}"


def some_at_a_time(plans: Sequence[Plan]) -> list[Sequence[Plan]]:
    return [plans[at : at + _AT_ONCE] for at in range(0, len(plans), _AT_ONCE)]


SHORT = (
    Plan(BY_NAME["the PIN is right"], "ru", Way.TONES),
    Plan(BY_NAME["too early"], "de", Way.RELAY),
    Plan(BY_NAME["typed while it is asked for"], "en", Way.RTP),
    Plan(BY_NAME["admitted from the lobby"], "en", Way.BARE),
    Plan(BY_NAME["the password is right"], "ru", Way.RTP),
    Plan(BY_NAME["* starts over"], "de", Way.RTP, by_baresip=True),
)


async def test_some_walk_through_the_menu(tmp_path: Path) -> None:
    await walk_all(SHORT, tmp_path, dial_in)


@pytest.mark.soak
@pytest.mark.parametrize(
    "plans",
    [*some_at_a_time(WALKS), *some_at_a_time(WALKS_OF_OFFERED)],
    ids=lambda plans: plans[0].branch.name,
)
async def test_every_branch_is_walked(plans: Sequence[Plan], tmp_path: Path) -> None:
    await walk_all(plans, tmp_path, dial_in)


@pytest.mark.soak
@pytest.mark.parametrize(
    "plans", some_at_a_time(WALKS_OF_CALLED), ids=lambda plans: plans[0].branch.name
)
async def test_who_is_called_hears_that_and_decides(plans: Sequence[Plan], tmp_path: Path) -> None:
    await walk_all(plans, tmp_path, be_dialled)


@pytest.mark.parametrize("branch", [*BRANCHES, *OFFERED, *CALLED], ids=lambda branch: branch.name)
def test_a_branch_is_walked_in_every_language_and_by_every_way(branch: Branch) -> None:
    walks = [
        plan for plan in (*WALKS, *WALKS_OF_OFFERED, *WALKS_OF_CALLED) if plan.branch is branch
    ]
    by_sipp = [plan for plan in walks if not plan.by_baresip]
    assert {plan.language for plan in by_sipp} == set(LANGUAGES)
    assert {plan.way for plan in by_sipp} == set(Way) or not branch.is_pressed
    assert len(walks) > len(by_sipp) or branch in CALLED
