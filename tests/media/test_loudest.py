"""Of many who speak the loudest few are heard, and nobody flickers."""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.media.loudest import Loudest

levels = st.dictionaries(st.integers(0, 30), st.none() | st.integers(0, 127), max_size=20)


@given(st.lists(levels, min_size=1, max_size=30), st.integers(1, 6))
def test_as_many_are_heard_as_there_are_places(moments: list[dict], most: int) -> None:
    loudest: Loudest[int] = Loudest(most)
    for moment in moments:
        chosen = loudest.choose(moment)
        assert chosen <= set(moment)
        assert len(chosen) == min(most, len(moment))


def settled(loudest: Loudest[str], levels: dict[str, int | None]) -> set[str]:
    for _ in range(200):
        chosen = set(loudest.choose(levels))
    return chosen


def test_the_loudest_are_heard_and_who_states_no_level_counts_as_loud() -> None:
    levels: dict[str, int | None] = {"a": 20, "b": 30, "c": 40, "d": 50, "e": 60, "unknown": None}
    assert settled(Loudest(3), levels) == {"a", "b", "unknown"}


def test_who_becomes_louder_by_far_takes_the_place_of_the_softest() -> None:
    loudest: Loudest[str] = Loudest(2)
    assert settled(loudest, {"a": 20, "b": 30, "c": 40}) == {"a", "b"}
    changes = [set(loudest.choose({"a": 20, "b": 30, "c": 15})) for _ in range(50)]
    assert changes[0] == {"a", "b"}  # one loud frame is not enough: a cough
    assert changes[-1] == {"a", "c"}


def test_who_is_about_as_loud_as_others_takes_nobody_s_place() -> None:
    dice = random.Random(4)
    loudest: Loudest[str] = Loudest(2)
    chosen = settled(loudest, {"a": 28, "b": 30, "c": 32})
    for _ in range(3000):
        levels = {name: level + dice.randint(-3, 3) for name, level in [("a", 28), ("b", 30)]}
        assert loudest.choose({**levels, "c": 30 + dice.randint(-3, 3)}) == chosen


def test_who_comes_takes_no_place_of_one_who_was_heard_and_just_takes_breath() -> None:
    loudest: Loudest[str] = Loudest(2)
    assert settled(loudest, {"a": 20, "b": 25}) == {"a", "b"}
    for _ in range(10):
        assert loudest.choose({"a": 20, "b": 127, "noise": 60}) == {"a", "b"}


def test_who_sends_nothing_between_two_words_has_its_place_again_with_the_second() -> None:
    loudest: Loudest[str] = Loudest(2)
    noises = {"noise": 60, "another": 62}
    assert settled(loudest, {"a": 20, "b": 25, **noises}) == {"a", "b"}
    for _ in range(10):
        assert loudest.choose({"a": 20, **noises}) == {"a", "noise"}
    assert loudest.choose({"a": 20, "b": 25, **noises}) == {"a", "b"}


def test_nobody_who_has_gone_is_remembered_for_long() -> None:
    loudest: Loudest[str] = Loudest(2)
    settled(loudest, {"a": 20, "b": 25, "noise": 60})
    settled(loudest, {"a": 20})
    assert settled(loudest, {"a": 20, "c": 60, "d": 62}) == {"a", "c"}
    assert loudest.choose({"a": 20, "b": 40, "c": 60, "d": 62}) == {"a", "c"}  # as anybody new
