"""A day of calls to which everything happens that may, in simulated time: nothing is left over.

What happens, and when, follows from a seed. Every hour the last calls are hung up, and after that
nothing of them may be left: no task, no timer, no connection, no session, no object.
"""

import asyncio
import gc
import random
from collections import Counter
from random import Random

import pytest

from gateway.calls.end_reason import EndReason
from gateway.calls.incoming import IncomingCall
from gateway.calls.limits import Limits
from gateway.calls.media_session import MediaSession
from gateway.calls.outgoing import OutgoingCall
from gateway.conference.participant import Participant
from gateway.conference.stay import Stay
from gateway.xmpp.connection import Connection
from tests.calls.churn import DOORS, Fate
from tests.calls.exchange import Exchange, Party, exchange
from tests.calls.fake_phone import FakePhone
from tests.calls.reachable import largest_containers
from tests.conference.strict_world import StrictWorld
from tests.helpers.examples import in_proportion
from tests.xmpp import virtual_time

HOUR = 3600.0
LAST_CALL = 2400.0  # seconds after the full hour
HUNG_UP = 3000.0
MOST_KEPT = 500  # things in any one container of a gateway that works
PAUSES = (0.0, 0.001, 0.05, 0.5, 5.0, 20.0)  # seconds between one thing and the next
_OWNERS = (IncomingCall, OutgoingCall, Participant, Stay, Connection, MediaSession)
_ROOMS = [f"room{number}" for number in range(5)]


class Day:
    """`calls_per_hour` calls each hour."""

    def __init__(self, there: Exchange, seed: int, calls_per_hour: int) -> None:
        self.chance = Random(seed)
        self.problems: list[str] = []
        self.ends: Counter[EndReason] = Counter()
        self._exchange = there
        self._calls_per_hour = calls_per_hour

    async def pass_by(self, hours: int) -> None:
        for _ in range(hours):
            began = _now()
            async with asyncio.TaskGroup() as calls:
                for _ in range(self._calls_per_hour):
                    calls.create_task(self._call(began + self.chance.uniform(0, LAST_CALL), began))
            await asyncio.sleep(began + HOUR - _now())
            self._look_for_what_is_left()

    async def _call(self, begins: float, hour: float) -> None:
        await asyncio.sleep(begins - _now())
        is_out = self.chance.random() < 0.3
        room = self.chance.choice(_ROOMS)
        there = self._exchange
        dialled: asyncio.Task[object] | None = None
        if is_out:
            party, dialled = await there.dial(f"{room}@conference.meet.test")
        else:
            no_offer = self.chance.random() < 0.02
            phone = FakePhone(room, room, acks=self.chance.random() > 0.05)
            if no_offer:
                phone = FakePhone(room, room, offer=b"v=0\r\n")
            party = await there.call_in(phone)
        fate = Fate(there, party, self.chance)
        if not is_out:
            fate.may |= {EndReason.NO_ACK} if not phone.acks else set()
            fate.may |= {EndReason.NO_COMMON_CODEC} if no_offer else set()
        fate.may |= {EndReason.ALONE}
        await asyncio.sleep(0)
        self._meet_at_the_door(fate)
        if is_out:
            await self._phone_is_called(fate)
        ends = begins + self.chance.choice([0.0, 0.02, 0.1, 1, 10, 60, 400, 600])
        while not party.is_over and _now() < min(ends, hour + HUNG_UP):
            await asyncio.sleep(self.chance.choice(PAUSES))
            self._types(party)
            fate.befall()
        while not party.is_over:
            fate.hang_up()
            await asyncio.sleep(10)
        if dialled is not None:
            await dialled
        self._judge(fate)

    def _meet_at_the_door(self, fate: Fate) -> None:
        world = fate.party.world
        assert isinstance(world, StrictWorld) or fate.party.is_over
        if isinstance(world, StrictWorld):
            prepare, may = self.chance.choice(DOORS)
            prepare(world)
            fate.may |= may
            if self.chance.random() < 0.6:
                world.occupants["alice"] = "Alice"
            if world.joins:
                fate._later(60.0, lambda: fate._let_in(world))

    async def _phone_is_called(self, fate: Fate) -> None:
        await asyncio.sleep(self.chance.choice([0.05, 1, 5, 30]))
        phone = fate.party.phone
        fate.may |= {EndReason.NO_ANSWER, EndReason.CONFERENCE_TIMEOUT}
        if phone is None or phone.call.is_over:
            return
        phone.rings()
        await asyncio.sleep(self.chance.uniform(0, 10))
        if self.chance.random() < 0.2:
            phone.fails(486)
            fate.may |= {EndReason.BUSY}
        elif not phone.call.is_over:
            phone.answers()

    def _types(self, party: Party) -> None:
        if party.world is not None and self.chance.random() < 0.2 and not party.is_over:
            for key in "4711#":
                self._exchange.engine.presses(party.call, key)

    def _judge(self, fate: Fate) -> None:
        party = fate.party
        assert party.record.end is not None
        reason = party.record.end.reason
        self.ends[reason] += 1
        name = f"call {party.call} ({party.record.direction})"
        if not fate.fits(reason):
            self.problems.append(f"{name} ended by {party.record.end}, {fate.must} / {fate.may}")
        kept = [(path, size) for path, size in largest_containers(self._exchange.switchboard)]
        self.problems += [f"{path} holds {size}" for path, size in kept if size > MOST_KEPT]

    def _look_for_what_is_left(self) -> None:
        """An hour's calls are over."""
        there = self._exchange
        for party in there.parties.values():
            if isinstance(party.world, StrictWorld):
                self.problems += [f"call {party.call}: {what}" for what in party.world.check()]
            if party.phone is not None and not party.phone.call.is_over:
                self.problems.append(f"call {party.call}: the phone is left on the line")
        self.problems += [f"task left: {task}" for task in asyncio.all_tasks() - {_me()}]
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual_time.VirtualTimeLoop)
        self.problems += [f"timer left: {timer}" for timer in loop.timers()]
        self.problems += [f"call left: {record}" for record in there.switchboard.calls]
        self.problems += [f"left in the engine: {call}" for call in there.engine.left_over]
        if there.engine.switch._sessions:
            self.problems.append("media sessions left")
        there.forget()


async def _day(monkeypatch: pytest.MonkeyPatch, seed: int, calls_per_hour: int) -> Day:
    random.seed(seed)
    chance = Random(seed)
    ssrcs: set[int] = set()
    limits = Limits(duration=7200.0, alone=900.0)
    async with exchange(
        monkeypatch, lambda: StrictWorld(chance=chance, ssrcs=ssrcs), limits
    ) as there:
        day = Day(there, seed, calls_per_hour)
        await day.pass_by(24)
        assert len(there.ended) == 24 * calls_per_hour
        assert there.engine.most_bridges <= 2  # one that goes, one that comes
    return day


def _spend(monkeypatch: pytest.MonkeyPatch, seed: int, calls_per_hour: int) -> None:
    gc.collect()
    before = _objects()
    day = virtual_time.run(_day(monkeypatch, seed, calls_per_hour))
    assert day.problems == []
    assert EndReason.INTERNAL_ERROR not in day.ends
    assert len(day.ends) > 10  # the day had something to offer
    del day
    gc.collect()
    assert _objects() - before == Counter()


def test_a_day_of_churn_leaves_nothing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    _spend(monkeypatch, seed=1, calls_per_hour=in_proportion(16))


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 12))
def test_days_of_churn_leave_nothing_over(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _spend(monkeypatch, seed, calls_per_hour=60)


def _objects() -> Counter[str]:
    """How many there are of what owns something, by kind."""
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, _OWNERS))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _me() -> "asyncio.Task[object] | None":
    return asyncio.current_task()
