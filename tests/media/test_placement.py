"""Which media worker a call goes to."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.media.placement import EXPECTED, Placement

ROOMS = st.sampled_from(["red", "green", "blue", None])


def idle(workers: int = 2) -> Placement:
    """Workers that are up and have nothing to do."""
    placement = Placement(workers)
    for worker in range(workers):
        placement.told(worker, 0.0)
    return placement


def test_rooms_spread_over_the_workers() -> None:
    placement = idle(3)
    assert [placement.place(room, room) for room in ("red", "green", "blue")] == [0, 1, 2]


@given(st.lists(ROOMS, min_size=1, max_size=60), st.integers(1, 5))
def test_calls_of_a_room_share_a_worker_while_it_has_room(
    rooms: list[str | None], workers: int
) -> None:
    placement = idle(workers)
    places = {(room, placement.place(str(at), room)) for at, room in enumerate(rooms)}
    known = [room for room, _ in places if room is not None]
    assert len(known) == len(set(known))


@given(st.integers(1, 5), st.integers(1, 60))
def test_calls_of_no_room_are_spread_evenly(workers: int, calls: int) -> None:
    placement = idle(workers)
    counts = Counter(placement.place(str(call), None) for call in range(calls))
    assert max(counts.values()) - min(counts.values()) <= 1 or len(counts) < workers
    assert max(counts.values()) <= -(-calls // workers)


def test_a_room_whose_worker_is_full_goes_on_at_another_and_stays_there() -> None:
    placement = idle()
    assert placement.place("a", "red") == 0
    placement.told(0, 1.0)
    assert [placement.place(call, "red") for call in ("b", "c", "d")] == [1, 1, 1]


def test_a_room_that_is_at_two_workers_goes_where_more_of_it_is() -> None:
    placement = idle()
    assert placement.place("a", "red") == 0
    placement.told(0, 1.0)
    assert [placement.place(call, "red") for call in ("b", "c")] == [1, 1]
    placement.told(0, 0.0)
    assert placement.place("d", "red") == 1


def test_the_less_busy_worker_is_taken_whatever_the_number_of_calls() -> None:
    placement = idle()
    assert [placement.place(call, "red") for call in ("a", "b", "c")] == [0, 0, 0]
    assert placement.place("d", "green") == 1
    placement.told(0, 0.2)
    placement.told(1, 0.7)
    assert placement.place("e", "blue") == 0


def test_calls_count_before_the_worker_has_told_of_them() -> None:
    placement = idle()
    placement.told(0, 1.0 - 2.5 * EXPECTED)
    placement.told(1, 1.0 - 2.5 * EXPECTED)
    assert [placement.place(call, "red") for call in "abcd"] == [0, 0, 0, 1]


def test_a_call_goes_to_the_least_busy_even_if_all_are_too_busy() -> None:
    placement = idle()
    placement.told(0, 3.0)
    placement.told(1, 2.0)
    assert placement.place("a", "red") == 1


def test_nobody_takes_a_call_while_all_are_down() -> None:
    placement = Placement(2)
    assert placement.place("a", "red") is None
    assert len(placement) == 0
    placement.told(1, 0.0)
    assert placement.place("a", "red") == 1


def test_a_worker_that_is_lost_loses_its_calls_and_no_others() -> None:
    placement = idle()
    placement.place("a", "red")
    placement.place("b", "green")
    placement.place("c", "red")
    assert placement.lost(0) == ("a", "c")
    assert list(placement) == ["b"]
    assert placement.place_of("a") is None
    assert placement.place("d", "red") == 1
    placement.told(0, 0.0)
    assert placement.place("e", "blue") == 0


@pytest.mark.parametrize("call", ["a", "never heard of"])
def test_a_call_that_is_gone_is_nowhere(call: str) -> None:
    placement = idle()
    placement.place("a", "red")
    placement.ended("a")
    placement.ended(call)
    assert placement.place_of("a") is None
    assert [placement.calls_at(worker) for worker in (0, 1)] == [0, 0]
    placement.place("b", "green")
    assert placement.place("c", "red") == 1, "nothing is left of the room"


class Day(RuleBasedStateMachine):
    """Calls and workers come and go; compared with a list of who is where."""

    placed = Bundle("placed")

    def __init__(self) -> None:
        super().__init__()
        self.placement = Placement(3)
        self.up: set[int] = set()
        self.where: dict[str, int] = {}
        self.count = 0

    @rule(worker=st.integers(0, 2), stress=st.floats(0, 2))
    def told(self, worker: int, stress: float) -> None:
        self.placement.told(worker, stress)
        self.up.add(worker)

    @rule(worker=st.integers(0, 2))
    def lost(self, worker: int) -> None:
        gone = {call for call, at in self.where.items() if at == worker}
        assert set(self.placement.lost(worker)) == gone
        self.where = {call: at for call, at in self.where.items() if at != worker}
        self.up.discard(worker)

    @rule(target=placed, room=ROOMS)
    def place(self, room: str | None) -> str:
        self.count += 1
        call = f"call {self.count}"
        worker = self.placement.place(call, room)
        assert (worker in self.up) if self.up else worker is None
        if worker is not None:
            self.where[call] = worker
        return call

    @rule(call=consumes(placed))
    def ended(self, call: str) -> None:
        self.placement.ended(call)
        self.where.pop(call, None)

    @invariant()
    def everybody_is_where_it_was_placed(self) -> None:
        assert set(self.placement) == set(self.where)
        assert all(self.placement.place_of(call) == at for call, at in self.where.items())
        for worker in range(3):
            here = sum(at == worker for at in self.where.values())
            assert self.placement.calls_at(worker) == here


TestDay = Day.TestCase
TestDay.settings = settings(max_examples=20, stateful_step_count=30)
