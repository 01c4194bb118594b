"""Counts that leak."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr.leaky_count import LeakyCount
from tests.helpers.examples import at_most


def test_a_count_grows_smaller_by_one_in_its_time() -> None:
    counts: LeakyCount[str] = LeakyCount(forgets_one=10.0, most=10)
    assert [counts.add("a", now) for now in (0.0, 0.0, 10.0)] == [1.0, 2.0, 2.0]
    assert counts.count("a", 15.0) == 1.5
    assert counts.count("a", 1_000.0) == 0.0
    assert counts.count("b", 0.0) == 0.0


def test_what_is_taken_back_does_not_count() -> None:
    counts: LeakyCount[str] = LeakyCount(forgets_one=10.0, most=10)
    counts.add("a", 0.0)
    counts.add("a", 0.0)
    counts.take_back("a", 0.0)
    assert counts.count("a", 0.0) == 1.0
    counts.take_back("a", 100.0)
    assert counts.count("a", 100.0) == 0.0
    counts.take_back("unknown", 0.0)
    assert len(counts) == 1


@at_most(40)
@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 100)), max_size=30))
def test_it_never_grows_and_no_count_is_above_what_was_counted(
    counted: list[tuple[int, float]],
) -> None:
    counts: LeakyCount[int] = LeakyCount(forgets_one=5.0, most=10)
    for number, (key, now) in enumerate(counted):
        assert 1.0 <= counts.add(key, now) <= number + 1
        assert len(counts) <= 10
