"""Whom to call instead, as 3xx responses say (RFC 3261 8.1.3.4), within limits. Pure.

A trunk redirects to numbers that it reaches itself; where it names another host that is not
followed, and a number that may not be dialled is not called by this way either.
"""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import DialRefused, read_number
from gateway.errors import SipSyntaxError
from gateway.sip.header_values import parse_uri

MAX_TARGETS = 5
"""Numbers that are tried besides the one dialled."""


class Redirection:
    """The numbers of one call: each is tried once, in the order in which they are named."""

    def __init__(self, number: str, through: DialOut) -> None:
        self._through = through
        self._known = {number}
        self._waiting: deque[str] = deque()

    def name(self, contacts: Iterable[str]) -> None:
        """Take the URIs of a 3xx, the preferred first: they are tried before all others."""
        named = []
        for uri in contacts:
            number = self._allowed(uri)
            if number is not None and number not in self._known:
                if len(self._known) > MAX_TARGETS:
                    break
                self._known.add(number)
                named.append(number)
        self._waiting.extendleft(reversed(named))

    def next(self) -> str | None:
        """The next number to try."""
        return self._waiting.popleft() if self._waiting else None

    def _allowed(self, uri: str) -> str | None:
        """The number of a URI, without the parameters that networks add to it (RFC 4694)."""
        try:
            number = self._read((parse_uri(uri).user or "").partition(";")[0])
        except (SipSyntaxError, DialRefused):
            return None
        return number if self._through.allows(number) else None

    def _read(self, user: str) -> str:
        """What is not written with its country is written as the trunk wants it from us."""
        number = read_number(user)
        if not number.startswith("+"):
            with suppress(DialRefused):
                return read_number(self._through.number_of(number))
        return number
