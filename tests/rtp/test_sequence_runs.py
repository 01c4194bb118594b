"""Which sequence numbers have come, though there are many."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp.sequence import distance
from gateway.rtp.sequence_runs import SequenceRuns

numbers = st.integers(0, 0xFFFF)


@given(numbers, st.lists(st.integers(-60, 60), max_size=60), st.integers(-70, 70))
def test_they_are_counted_as_if_each_was_kept(origin: int, steps: list[int], later: int) -> None:
    runs, known = SequenceRuns(), set()
    for step in steps:
        runs.add((origin + step) & 0xFFFF)
        known.add((origin + step) & 0xFFFF)
    assert all(((origin + step) & 0xFFFF in runs) == (step in steps) for step in range(-60, 61))
    between = sum(0 < distance(other, origin, 16) < later for other in known)
    assert runs.between((origin + later) & 0xFFFF, origin) == between


@given(numbers)
def test_a_run_may_be_as_long_as_a_pause(first: int) -> None:
    runs = SequenceRuns()
    for ahead in range(20_000):
        runs.add((first + ahead) & 0xFFFF)
    assert runs.between((first + 20_000) & 0xFFFF, (first - 1) & 0xFFFF) == 20_000
