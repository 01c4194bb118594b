"""Logins one after the other: a Prosody slows down an address that logs in too often.

(`mod_rate_limit` of Jitsi's counts three a second, and then lets hardly anything through for a
minute.) All calls of an installation share one queue; who comes first logs in first.
"""

import asyncio

from gateway.xmpp.rate_limit import RateLimit


class LoginQueue:
    """At most `rate` logins a second, at equal distances."""

    def __init__(self, rate: float) -> None:
        self._limit = RateLimit(1, 1.0 / rate)
        self._turn = asyncio.Lock()  # is fair, and forgets who no longer waits

    async def turn(self) -> None:
        """Return when the caller may log in; being cancelled gives its place to the next."""
        clock = asyncio.get_running_loop().time
        async with self._turn:
            await asyncio.sleep(self._limit.wait(clock()))
            self._limit.take(clock())
