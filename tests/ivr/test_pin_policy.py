"""How long PINs are, and that they are drawn by chance."""

from collections import Counter

import pytest

from gateway.ivr.pin_policy import LONGEST, NoPinLeft, PinPolicy, draw, space


def test_pins_grow_when_guessing_would_become_too_easy() -> None:
    policy = PinPolicy(digits=9, odds=100_000)
    assert policy.most(9) == 9_000
    assert policy.length({}) == 9
    assert policy.length({9: 8_999}) == 9
    assert policy.length({9: 9_000}) == 10
    assert policy.length({9: 9_000, 10: 89_999}) == 10
    assert policy.length({9: 8_999, 10: 90_000}) == 9, "there is room again"


@pytest.mark.parametrize("digits", [4, 6, 9])
def test_no_guess_of_any_length_is_better_than_the_odds(digits: int) -> None:
    policy = PinPolicy(digits=digits, odds=1_000, most_rooms=10**18)
    given: Counter[int] = Counter()
    while (length := policy.length(given)) < digits + 4:
        given[length] = policy.most(length)
    assert all(given[each] / space(each) <= 1 / 1_000 for each in given)


def test_short_pins_that_could_be_guessed_are_not_given_out() -> None:
    assert PinPolicy(digits=4, odds=100_000).length({}) == 6


def test_there_are_so_many_rooms_at_most() -> None:
    with pytest.raises(NoPinLeft):
        PinPolicy(most_rooms=3).length({9: 2, 10: 1})
    with pytest.raises(NoPinLeft):
        PinPolicy(digits=LONGEST, odds=10**15).length({})


def test_pins_are_of_their_length_and_begin_with_any_digit_but_zero() -> None:
    drawn = [draw(9) for _ in range(2_000)]
    assert {len(pin) for pin in drawn} == {9}
    first = Counter(pin[0] for pin in drawn)
    assert set(first) == set("123456789")
    assert max(first.values()) < 350, "222 of each are to be expected"
    assert len(set(drawn)) > 1_990
