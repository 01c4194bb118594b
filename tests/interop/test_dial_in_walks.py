"""SIPp and baresip walk the whole menu; what was spoken is in the recordings of their phones."""

import asyncio
import datetime
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway import logs
from gateway.calls.end_reason import CallEnd
from gateway.config_dial_in import DAY
from gateway.ivr.pin_database import Asked, PinDatabase
from gateway.ivr.pin_policy import PinPolicy
from gateway.lab.calm import ATTEMPTS, STALL
from gateway.lab.lab import LabConfig
from tests.behaviour.stage import TONES, Stage, stage, voice_of
from tests.helpers.transcript import read_prompts, transcript
from tests.phones import baresip

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

import walking
from sipp import is_installed
from walking import Way

from tests.interop.walks import (
    BRANCHES,
    BY_NAME,
    COUNTRIES,
    LANGUAGES,
    NUMBERS,
    OWNER,
    WALKS,
    Phone,
    Plan,
    Walk,
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not is_installed(), reason="SIPp is not installed"),
]

_AT_ONCE = 10  # walks: more would disturb each other on two cores
_PIN_DIGITS = 6
_NOW = datetime.datetime.now(datetime.UTC)
_HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """Writing the wire down takes the time the media needs."""
    logs.configure("error")
    yield
    structlog.reset_defaults()


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
        """The caller's: of the country of its language only where nothing else tells that."""
        is_told = "{number}" in self.plan.branch.called
        languages = (*LANGUAGES, *LANGUAGES)
        own = self.plan.language
        return (
            f"{COUNTRIES[languages[languages.index(own) + 1] if is_told else own]}15551{self.at:02}"
        )

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


async def walk_all(plans: Sequence[Plan], folder: Path) -> None:
    """Let them all walk at once; who goes astray while the machine itself stands still may try
    again."""
    read_prompts(LANGUAGES)  # takes seconds, and must not disturb
    for attempt in range(ATTEMPTS):
        (own := folder / f"attempt-{attempt}").mkdir()
        problems, has_stalled = await walk_once(plans, own)
        for plan, problem in problems.items():
            print(f"attempt {attempt}: {plan}: {problem}")
        plans = list(problems)
        if not problems or not has_stalled:
            break
    assert not problems, "some have gone astray"


async def walk_once(plans: Sequence[Plan], folder: Path) -> tuple[dict[Plan, str], bool]:
    """What was wrong with whose walk, and whether the media clock has stood still meanwhile."""
    parties = write_pins(folder, plans)
    walks: list[Walk] = []
    outcomes: list[object] = []
    with suppress(Astray):
        async with stage(LabConfig(needs_host=True), **sections(folder)) as scene:
            async with phones_of(scene, parties, folder) as phones:
                for party in parties:
                    walks.append(await begin(scene, party, phones[party.name]))
                clock = scene.gateway.engine.clock
                clock.longest_stall = 0.0
                stories = (plan.branch.story(walk) for plan, walk in zip(plans, walks, strict=True))
                outcomes += await asyncio.gather(*stories, return_exceptions=True)
                has_stalled = clock.longest_stall > STALL
                if any(outcomes):
                    raise Astray
            await scene.over()
    ends = {record.caller: record.end for record in scene.records}
    problems = {}
    for party, walk, outcome in zip(parties, walks, outcomes, strict=True):
        last_call = f"{party.name}-{party.plan.branch.calls - 1}"
        end = ends.get(last_call, ends.get(party.number))
        if found := list(judge(party.plan, walk, outcome, end)):
            problems[party.plan] = "; ".join(found)
    return problems, has_stalled


class Astray(Exception):
    """Somebody's walk has failed: all phones and the gateway are closed as they are."""


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
        by_sipp = []
        for party in parties:
            for call in range(party.plan.branch.calls):
                if party.plan.by_baresip:
                    own, target = folder / f"{party.name}-{call}", scene.uri(party.called)
                    made[party.name].append(BaresipPhone(own, target, party.number, parts))
                else:
                    by_sipp.append(
                        (
                            party,
                            walking.Plan(
                                f"{party.name}-{call}",
                                party.number,
                                party.called,
                                party.plan.way,
                                TONES["phone"],
                            ),
                        )
                    )
        if by_sipp:
            plans = [plan for _, plan in by_sipp]
            sipp = walking.walking_phones(walking.DIAL_IN, plans, (address.host, address.port))
            phones = await parts.enter_async_context(sipp)
            for party, plan in by_sipp:
                made[party.name].append(phones[plan.name])
        yield made


def judge(plan: Plan, walk: Walk, outcome: object, end: CallEnd | None) -> Iterator[str]:
    """What was wrong with a walk."""
    heard = [
        each
        for phone in (walk.again, walk.phone)
        if phone is not None
        for each in transcript(phone.recording(), *LANGUAGES)
    ]
    whole = [f"{each.language}:{each.name}" for each in heard if each.is_whole]
    if whole != [f"{plan.language}:{name}" for name in plan.branch.hears]:
        yield f"has heard {whole} of {[(str(each.name), each.share) for each in heard]}"
    for name in plan.branch.cut:
        shares = [each.is_whole for each in heard if each.name == name]
        if shares != [False]:
            yield f"{name} was not broken off"
    if outcome is not None:
        yield f"{outcome!r}"
    if end is None or end.reason is not plan.branch.end:
        yield f"ended by {end}"


def some_at_a_time(plans: Sequence[Plan]) -> list[Sequence[Plan]]:
    return [plans[at : at + _AT_ONCE] for at in range(0, len(plans), _AT_ONCE)]


SHORT = (
    Plan(BY_NAME["the PIN is right"], "ru", Way.TONES),
    Plan(BY_NAME["the PIN is wrong three times"], "de", Way.RELAY),
    Plan(BY_NAME["typed while it is asked for"], "en", Way.RTP),
    Plan(BY_NAME["admitted from the lobby"], "en", Way.BARE),
    Plan(BY_NAME["the password is wrong"], "ru", Way.RTP),
    Plan(BY_NAME["* starts over"], "de", Way.RTP, by_baresip=True),
)


async def test_some_walk_through_the_menu(tmp_path: Path) -> None:
    await walk_all(SHORT, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("plans", some_at_a_time(WALKS), ids=lambda plans: plans[0].branch.name)
async def test_every_branch_is_walked(plans: Sequence[Plan], tmp_path: Path) -> None:
    await walk_all(plans, tmp_path)


def test_every_branch_is_walked_in_every_language_and_by_every_way() -> None:
    for branch in BRANCHES:
        walks = [plan for plan in WALKS if plan.branch is branch]
        by_sipp = [plan for plan in walks if not plan.by_baresip]
        assert {plan.language for plan in by_sipp} == set(LANGUAGES)
        assert {plan.way for plan in by_sipp} == set(Way) or not branch.is_pressed
        assert len(walks) > len(by_sipp)
