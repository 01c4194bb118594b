"""Whether a peer is there, as far as OPTIONS tells (RFC 3261 section 11). No IO and no clock."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from gateway.sip.client_request import Outcome
from gateway.sip.headers import Headers
from gateway.sip.message import Request


class ProbeState(StrEnum):
    """What is known of a peer."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    """Ask `target`, a SIP URI, every `interval` seconds.

    So many `answers` in a row make a peer up, so many `failures` make it down.
    """

    target: str
    interval: float
    answers: int = 1
    failures: int = 2


class Probe:
    """The questions to one peer, and what follows from its answers."""

    def __init__(self, config: ProbeConfig) -> None:
        self.state = ProbeState.UNKNOWN
        self.error = ""  # of the last question, if it failed
        self.due = 0.0
        self._config = config
        self._begun = 0.0
        self._answers = 0
        self._failures = 0

    def begin(self, from_uri: str, now: float) -> Request:
        """The next OPTIONS."""
        self._begun = now
        headers = Headers(
            [
                ("Max-Forwards", "70"),
                ("From", f"<{from_uri}>;tag={secrets.token_hex(8)}"),
                ("To", f"<{self._config.target}>"),
                ("Call-ID", secrets.token_hex(16)),
                ("CSeq", "1 OPTIONS"),
                ("Contact", f"<{from_uri}>"),
                ("Accept", "application/sdp"),
            ]
        )
        return Request("OPTIONS", self._config.target, headers)

    def receive(self, outcome: Outcome, now: float) -> None:
        """Take what became of the OPTIONS.

        Any answer shows that somebody is there, a 404 and a 401 too; but a 503 asks not to be
        sent anything, and a 408 or 504 is a proxy's word for nobody.
        """
        if outcome.response is None or outcome.status in (408, 503, 504):
            self.fail(outcome.text, now)
            return
        self.error = ""
        self._answers, self._failures = self._answers + 1, 0
        if self._answers >= self._config.answers:
            self.state = ProbeState.UP
        self._wait(now)

    def fail(self, reason: str, now: float) -> None:
        """There is no answer, or there was no way to ask."""
        self.error = reason
        self._answers, self._failures = 0, self._failures + 1
        if self._failures >= self._config.failures:
            self.state = ProbeState.DOWN
        self._wait(now)

    def _wait(self, now: float) -> None:
        """Ask again so long after the last question, but not at once if it was out that long."""
        self.due = max(self._begun + self._config.interval, now + min(1.0, self._config.interval))
