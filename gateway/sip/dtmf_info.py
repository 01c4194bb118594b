"""Digits in INFO: application/dtmf-relay and application/dtmf.

No standard says how. What phones and switches send is a line `Signal=5`, often with spaces, perhaps
a line `Duration=160` (milliseconds); or, with the second type, the bare digit.
"""

import re
from dataclasses import dataclass

DTMF_RELAY = "application/dtmf-relay"
DTMF = "application/dtmf"

DIGITS = "0123456789*#ABCD"
"""By their event numbers of RFC 4733, which some switches send instead (Cisco: 10 for the star)."""

_LINE = re.compile(r"\s*(signal|duration)\s*[=:]\s*(\S+)\s*", re.IGNORECASE)
_LONGEST = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Digit:
    """A digit that was pressed; `duration` in seconds, None if the phone did not say."""

    digit: str
    duration: float | None = None


def parse_digit(media_type: str, body: bytes) -> Digit | None:
    """The digit of an INFO body; None if the type is another or there is no digit in it."""
    if media_type not in (DTMF_RELAY, DTMF):
        return None
    lines = body.decode("ascii", "replace").splitlines()
    stated = {m[1].lower(): m[2] for line in lines if (m := _LINE.fullmatch(line))}
    signal = stated.get("signal")
    if signal is None and media_type == DTMF:
        signal = "".join(lines).strip()
    digit = _digit(signal or "")
    return Digit(digit, _duration(stated.get("duration", ""))) if digit else None


def _digit(signal: str) -> str:
    if signal.isdecimal() and signal.isascii() and len(signal) == 2:
        return DIGITS[int(signal)] if 10 <= int(signal) < len(DIGITS) else ""
    return signal.upper() if len(signal) == 1 and signal.upper() in DIGITS else ""


def _duration(milliseconds: str) -> float | None:
    if not re.fullmatch(r"[0-9]{1,6}", milliseconds):
        return None
    return min(int(milliseconds) / 1000, _LONGEST)
