"""Digits in INFO bodies as phones and switches write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.dtmf_info import DIGITS, DTMF, DTMF_RELAY, Digit, parse_digit


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        (b"Signal=5\r\nDuration=160\r\n", Digit("5", 0.16)),
        (b"Signal= 5 \nDuration= 250", Digit("5", 0.25)),
        (b"signal=*\r\nduration=100", Digit("*", 0.1)),
        (b"Signal=#\r\n", Digit("#")),
        (b"Signal=d\r\n", Digit("D")),
        (b"Signal: 0\r\n", Digit("0")),
        (b"Signal=10\r\nDuration=160\r\n", Digit("*", 0.16)),
        (b"Signal=15", Digit("D")),
        (b"Duration=160\r\nSignal=7", Digit("7", 0.16)),
        (b"Signal=1\r\nDuration=999999", Digit("1", 10.0)),
        (b"Signal=1\r\nDuration=-1", Digit("1")),
        (b"Signal=16\r\nDuration=160\r\n", None),  # hook flash
        (b"Signal=!", None),
        (b"Signal=123", None),
        (b"Signal=\r\nDuration=160\r\n", None),
        (b"Signal=\xd9\xa3", None),
        (b"5", None),
        (b"", None),
    ],
)
def test_a_relayed_digit(body: bytes, digit: Digit | None) -> None:
    assert parse_digit(DTMF_RELAY, body) == digit


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        (b"5", Digit("5")),
        (b" #\r\n", Digit("#")),
        (b"11", Digit("#")),
        (b"Signal=5\r\nDuration=160\r\n", Digit("5", 0.16)),
        (b"12345", None),
        (b"", None),
    ],
)
def test_a_bare_digit(body: bytes, digit: Digit | None) -> None:
    assert parse_digit(DTMF, body) == digit


def test_another_type_has_no_digits() -> None:
    assert parse_digit("application/json", b"Signal=5") is None


@given(st.sampled_from([DTMF, DTMF_RELAY]), st.binary(max_size=80))
def test_whatever_it_says_there_is_a_digit_or_none(media_type: str, body: bytes) -> None:
    digit = parse_digit(media_type, body)
    assert digit is None or digit.digit in DIGITS
