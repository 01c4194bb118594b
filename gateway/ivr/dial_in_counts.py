"""What dialling in has come to, for those who watch."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DialInCounts:
    """`answers` by service and status, `tries` of PINs by trunk and what came of them ("found",
    "delayed", or why there was no meeting); `alarms` are the trunks by which somebody guesses."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    tries: Counter[tuple[str, str]] = field(default_factory=Counter)
    alarms: frozenset[str] = frozenset()
