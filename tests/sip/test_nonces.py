"""Nonces: nothing is good twice, nothing grows, and no guess is good at all."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.nonces import MAX_COUNT, Nonces
from tests.helpers.examples import at_most

COUNTS = st.lists(
    st.one_of(st.integers(1, 200), st.integers(1, MAX_COUNT), st.just(MAX_COUNT)), max_size=200
)


@at_most(25)
@given(COUNTS)
def test_each_count_of_a_nonce_is_good_once_at_most(counts: list[int]) -> None:
    nonces = Nonces()
    nonce = nonces.make(0)
    taken = [count for count in counts if nonces.use(nonce, count, 1)]
    assert len(taken) == len(set(taken))
    if counts:
        assert max(counts) in taken


@at_most(25)
@given(st.integers(0, 2**32), st.integers(1, 63))
def test_counts_that_overtake_each_other_are_good_in_any_order(seed: int, width: int) -> None:
    nonces = Nonces()
    nonce = nonces.make(0)
    counts = list(range(1, width + 1))
    random.Random(seed).shuffle(counts)
    assert all(nonces.use(nonce, count, 1) for count in counts)
    assert not any(nonces.use(nonce, count, 1) for count in counts)


def test_what_comes_much_too_late_is_not_known_to_be_new() -> None:
    nonces = Nonces()
    nonce = nonces.make(0)
    assert nonces.use(nonce, 100, 1)
    assert not nonces.use(nonce, 36, 1)
    assert nonces.use(nonce, 37, 1)


def test_without_a_count_a_nonce_is_good_once_and_with_one_no_more() -> None:
    nonces = Nonces()
    nonce = nonces.make(0)
    assert nonces.use(nonce, None, 1)
    assert not nonces.use(nonce, None, 1)
    assert not any(nonces.use(nonce, count, 1) for count in (1, 2, MAX_COUNT - 1, MAX_COUNT))
    other = nonces.make(0)
    assert nonces.use(other, 1, 1)
    assert not nonces.use(other, None, 1)


@pytest.mark.parametrize(("age", "good"), [(0, True), (299, True), (301, False)])
def test_a_nonce_has_a_lifetime_used_or_not(age: float, good: bool) -> None:
    nonces = Nonces(lifetime=300)
    first, second = nonces.make(1000), nonces.make(1000)
    assert nonces.use(first, 1, 1000)
    assert nonces.use(first, 2, 1000 + age) is good
    assert nonces.use(second, 1, 1000 + age) is good


@at_most(25)
@given(st.text(max_size=80))
def test_what_is_made_up_is_no_nonce(text: str) -> None:
    assert not Nonces().use(text, 1, 0)


@at_most(25)
@given(st.integers(0, 63), st.sampled_from("0123456789abcdefABCDEF \udcff"))
def test_no_digit_of_a_nonce_can_be_another(at: int, digit: str) -> None:
    nonces = Nonces()
    nonce = nonces.make(5)
    forged = nonce[:at] + digit + nonce[at + 1 :]
    assert nonces.use(forged, 1, 5) is (forged == nonce)


def test_another_process_has_other_nonces() -> None:
    assert not Nonces().use(Nonces().make(0), 1, 0)


def test_no_two_are_alike() -> None:
    nonces = Nonces()
    assert len({nonces.make(7) for _ in range(1000)}) == 1000


@at_most(25)
@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 9), st.integers(1, 5)), max_size=120))
def test_whatever_is_forgotten_cannot_be_repeated(steps: list[tuple[float, int, int]]) -> None:
    nonces = Nonces(lifetime=300, most=3)
    made = [nonces.make(at / 10) for at in range(10)]
    now, good = 1.0, []
    for wait, which, count in steps:
        now += wait
        if nonces.use(made[which], count, now):
            good.append((which, count))
        assert len(nonces) <= 3
    assert len(good) == len(set(good))


def test_those_that_are_made_are_not_remembered_and_old_ones_are_forgotten() -> None:
    nonces = Nonces(lifetime=300, most=100)
    for _ in range(1000):
        nonces.make(0)
    assert len(nonces) == 0
    for _ in range(50):
        nonces.use(nonces.make(0), 1, 0)
    assert len(nonces) == 50
    nonces.use(nonces.make(400), 1, 400)
    assert len(nonces) == 1


def test_when_there_are_too_many_younger_ones_are_still_good() -> None:
    nonces = Nonces(most=10)
    for at in range(100):
        assert nonces.use(nonces.make(at), 1, at)
    assert len(nonces) == 10
