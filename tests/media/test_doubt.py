"""What a source counts as that is not as loud as it says."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.media.doubt import Doubt

levels = st.integers(0, 127)


@given(st.lists(st.tuples(st.none() | levels, levels), max_size=200))
def test_nobody_counts_as_louder_than_it_says(packets: list[tuple[int | None, int]]) -> None:
    doubt = Doubt()
    for stated, heard in packets:
        counts_as = doubt.level(stated)
        assert counts_as is stated if counts_as is None else counts_as >= (stated or 0)
        doubt.heard(heard, stated)


@given(st.lists(levels, min_size=1, max_size=200), st.integers(-40, 20))
def test_who_is_about_as_loud_as_it_says_is_believed(said: list[int], softer: int) -> None:
    doubt = Doubt()
    for stated in said:
        assert doubt.level(stated) == stated
        doubt.heard(min(max(stated + softer, 0), 127), stated)


def test_whose_first_word_the_jitter_buffer_holds_back_is_believed() -> None:
    doubt = Doubt()
    for _ in range(20):  # 400 ms
        assert doubt.level(20) == 20
        doubt.heard(127, 20)
    doubt.heard(20, 20)
    assert doubt.level(20) == 20


def test_who_says_no_level_counts_as_what_it_sounds_like_between_words_too() -> None:
    doubt = Doubt()
    for _ in range(50):
        doubt.heard(25, None)
    assert doubt.level(None) == 25
    for _ in range(10):
        doubt.heard(127, None)
    assert doubt.level(None) == 35


def test_who_was_found_silent_counts_as_what_it_says_again_after_ten_seconds() -> None:
    doubt = Doubt()
    for _ in range(50):
        doubt.heard(127, 0)
    assert [doubt.level(0) for _ in range(501)] == [127] * 500 + [0]


def test_who_is_as_loud_as_it_says_after_all_is_believed_at_once() -> None:
    doubt = Doubt()
    for _ in range(50):
        doubt.heard(127, 10)
    doubt.heard(15, 10)
    assert doubt.level(10) == 10
