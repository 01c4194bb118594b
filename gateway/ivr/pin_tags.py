"""PINs are looked up by a keyed hash: how long that takes says nothing about their digits.

An index is searched digit by digit, and a search that fails sooner or later tells how far a guess
was right. A hash with a key that nobody knows has nothing in common with the hash of a PIN that is
almost the same.
"""

import hmac
import secrets

KEY_LENGTH = 32  # octets


class PinTags:
    """The hashes of PINs under one key."""

    def __init__(self, key: bytes | None = None) -> None:
        self.key = key if key is not None else secrets.token_bytes(KEY_LENGTH)

    def tag(self, pin: str) -> bytes:
        """What a PIN is looked up by."""
        return hmac.digest(self.key, pin.encode(), "sha256")


def is_same(pin: str, other: str) -> bool:
    """Whether two PINs are one, in a time that does not depend on where they differ."""
    return hmac.compare_digest(pin.encode(), other.encode())
