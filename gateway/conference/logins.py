"""How logging in at an installation has gone so far; no IO and no time: `now` is passed in."""

from collections import Counter

from gateway.errors import JoinFailure


class Logins:
    """Of one installation, by all its callers.

    `failures_in_a_row` begins anew with every success. `failed_at` is when the last one failed, in
    seconds of the monotonic clock, and `problem` what it said.
    """

    def __init__(self) -> None:
        self.succeeded = 0
        self.failed: Counter[JoinFailure] = Counter()
        self.failures_in_a_row = 0
        self.failed_at = 0.0
        self.problem = ""

    def success(self) -> None:
        """Somebody is logged in."""
        self.succeeded += 1
        self.failures_in_a_row = 0

    def failure(self, cause: JoinFailure, problem: str, now: float) -> None:
        """Somebody could not log in."""
        self.failed[cause] += 1
        self.failures_in_a_row += 1
        self.failed_at = now
        self.problem = problem
