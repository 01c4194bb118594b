"""The nonces of a digest server: not to be guessed, of limited life, each count good for once.

No IO and no clock. A nonce says itself when it was made, and that it was made here, so that nothing
is kept of those that strangers are given; only what has been used by somebody with the right
password is remembered (RFC 7616 section 5.4).
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2s
from hmac import compare_digest

_STAMP, _HEAD = 16, 32  # hexadecimal digits: the time, and with it what makes it unique
_WIDTH = 64  # counts behind the highest that may come late: datagrams overtake each other
_FULL = (1 << _WIDTH) - 1
MAX_COUNT = 2**32 - 1
"""Of eight hexadecimal digits."""


class Nonces:
    """Makes nonces and judges their use.

    `lifetime` is in seconds. Of at most so many (`most`) the use is remembered; when one has to be
    forgotten, all that are as old and unused are stale, so that nothing can be repeated.
    """

    def __init__(self, lifetime: float = 300.0, most: int = 10_000) -> None:
        self._lifetime = lifetime
        self._most = most
        self._key = secrets.token_bytes(32)
        self._epoch = secrets.randbits(40)  # how long we have been up is nobody's business
        self._used: OrderedDict[str, _Use] = OrderedDict()
        self._horizon = float("-inf")  # nothing made until then may be used a first time

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._used)

    def make(self, now: float) -> str:
        """A new nonce."""
        stamp = self._epoch + round(now * 1000)
        return self._signed(f"{stamp:016x}{secrets.token_hex(8)}")

    def use(self, nonce: str, count: int | None, now: float) -> bool:
        """Take the use of a nonce by who has proved to know the password; False if it is stale.

        That is one that is not ours, too old, or used with this `count` before. Without a count
        (RFC 2069) it is good for one use.
        """
        made = self._made_at(nonce)
        if made is None or not now - self._lifetime <= made <= now + 1:
            return False
        use = self._used.get(nonce)
        if use is None:
            if made <= self._horizon:
                return False
            self._make_room(now)
            self._used[nonce] = _Use(made) if count is not None else _Use.once(made)
            return count is None or self._used[nonce].take(count)
        return count is not None and use.take(count)

    def _make_room(self, now: float) -> None:
        while self._used:
            oldest = next(iter(self._used))
            made = self._used[oldest].made
            is_over = made < now - self._lifetime
            if not is_over and len(self._used) < self._most:
                return
            del self._used[oldest]
            if not is_over:
                self._horizon = max(self._horizon, made)

    def _made_at(self, nonce: str) -> float | None:
        """When it was made; None if it was not made here."""
        head = nonce[:_HEAD]
        if not compare_digest(_octets(nonce), _octets(self._signed(head))):
            return None
        return (int(head[:_STAMP], 16) - self._epoch) / 1000

    def _signed(self, head: str) -> str:
        return head + blake2s(_octets(head), key=self._key, digest_size=16).hexdigest()


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Use:
    """Which counts of a nonce have come: the highest, and a bit for each of those behind it."""

    made: float
    highest: int = 0
    seen: int = 1

    @classmethod
    def once(cls, made: float) -> "_Use":
        """Of a nonce that is used up."""
        return cls(made, MAX_COUNT + 1, _FULL)

    def take(self, count: int) -> bool:
        """Note a count; False if it came before, or may have."""
        ahead = count - self.highest
        if ahead > 0:
            self.seen = (self.seen << ahead | 1) & _FULL if ahead < _WIDTH else 1
            self.highest = count
            return True
        if -ahead >= _WIDTH or self.seen >> -ahead & 1:
            return False
        self.seen |= 1 << -ahead
        return True
