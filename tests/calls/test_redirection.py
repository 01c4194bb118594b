"""Whom 3xx responses may have us call: not in circles, not for ever, not whom they like."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.dial_out import DialOut
from gateway.calls.redirection import MAX_TARGETS, Redirection

THROUGH = DialOut("192.0.2.9", ("+43",), deny=("+43900",))


def tried(redirection: Redirection) -> list[str]:
    numbers = []
    while (number := redirection.next()) is not None:
        numbers.append(number)
    return numbers


def test_the_preferred_is_tried_first_and_none_twice() -> None:
    redirection = Redirection("+431", THROUGH)
    redirection.name(["sip:+432@a", "tel:+43-3", "sip:+432@b;user=phone", "sip:+431@a"])
    assert tried(redirection) == ["+432", "+433"]


@pytest.mark.parametrize(
    "named",
    [
        "sip:+432;npdi@a;user=phone",
        "sip:+432;rn=+43720;npdi@a",
        "sip:+432%3bnpdi@a",
        "sip:+43-2;phone-context=a@a",
        "tel:+432;rn=+43720;npdi",
    ],
)
def test_what_networks_add_to_a_number_is_no_part_of_it(named: str) -> None:
    redirection = Redirection("+431", THROUGH)
    redirection.name([named])
    assert tried(redirection) == ["+432"]


def test_whom_a_redirection_is_redirected_to_comes_before_those_that_wait() -> None:
    redirection = Redirection("+431", THROUGH)
    redirection.name(["sip:+432@a", "sip:+433@a"])
    assert redirection.next() == "+432"
    redirection.name(["sip:+434@a", "sip:+431@a"])
    assert tried(redirection) == ["+434", "+433"]


def test_who_may_not_be_dialled_is_not_called_by_this_way() -> None:
    redirection = Redirection("+431", THROUGH)
    redirection.name(["sip:+491@a", "sip:+439001@a", "sip:alice@a", "mailto:a@b", "?", "sip:a"])
    assert tried(redirection) == []


@pytest.mark.parametrize(
    ("strip", "prepend", "named"),
    [
        ("+", "", "432"),
        ("+", "00", "00432"),
        ("+43", "0", "02"),
        ("+43", "0", "+432"),
        ("+43", "0", "00432"),
        ("+", "9", "9432"),
        ("+", "", "+432"),
    ],
)
def test_a_number_may_be_named_as_the_trunk_wants_it_from_us(
    strip: str, prepend: str, named: str
) -> None:
    through = replace(THROUGH, strip=strip, prepend=prepend)
    redirection = Redirection("+431", through)
    redirection.name([f"sip:{named}@a"])
    assert tried(redirection) == ["+432"]


@pytest.mark.parametrize("named", ["0900", "01", "+43900", "0049900", "900"])
def test_by_no_notation_may_a_number_be_called_that_is_denied_or_known(named: str) -> None:
    redirection = Redirection("+431", replace(THROUGH, strip="+43", prepend="0"))
    redirection.name([f"sip:{named}@a"])
    assert tried(redirection) == []


@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=8))
def test_every_chain_has_an_end(chain: list[list[int]]) -> None:
    redirection = Redirection("+431", THROUGH)
    numbers = []
    for contacts in chain:
        redirection.name(f"sip:+43{number}@a" for number in contacts)
        if (number := redirection.next()) is not None:
            numbers.append(number)
    numbers += tried(redirection)
    assert len(numbers) <= MAX_TARGETS
    assert len(set(numbers)) == len(numbers)
