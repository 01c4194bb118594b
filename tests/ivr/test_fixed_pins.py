"""PINs that an operator has written down."""

import pytest

from gateway.ivr.fixed_pins import FixedPin, FixedPins
from gateway.ivr.meeting import Meeting, NoMeeting

BOARD = Meeting("board@c.d")
ANN = Meeting("board@c.d", "Ann", moderator=True)
PINS = FixedPins(
    (
        FixedPin("111222", ANN),
        FixedPin("0042", BOARD),
        FixedPin("333444", BOARD),
        FixedPin("555666", Meeting("party@c.d"), valid_from=100.0, valid_until=200.0),
    )
)


@pytest.mark.parametrize(
    ("pin", "now", "found"),
    [
        ("111222", 0.0, ANN),
        ("0042", 0.0, BOARD),
        ("42", 0.0, NoMeeting.UNKNOWN),
        ("", 0.0, NoMeeting.UNKNOWN),
        ("555666", 99.9, NoMeeting.TOO_EARLY),
        ("555666", 100.0, Meeting("party@c.d")),
        ("555666", 200.0, NoMeeting.TOO_LATE),
    ],
)
def test_a_pin_is_looked_up(pin: str, now: float, found: Meeting | NoMeeting) -> None:
    assert PINS.find(pin, now) == found
    assert PINS.has(pin) == (found is not NoMeeting.UNKNOWN)


def test_a_room_shows_a_pin_that_is_for_everybody() -> None:
    assert PINS.shown_pin("board@c.d") == "0042"
    assert PINS.shown_pin("party@c.d") is None
    assert PINS.shown_pin("other@c.d") is None


def test_no_pin_is_shown_in_a_log() -> None:
    assert "111222" not in repr(FixedPin("111222", ANN))
