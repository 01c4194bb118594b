"""The headers of a message, with typed readers (RFC 3261 section 20).

Readers raise SipSyntaxError; after `message.check` has passed, those of the mandatory headers and
of Contact, Record-Route and Max-Forwards do not.
"""

import re
from collections.abc import Sequence

from sipmessage import CSeq, Parameters, Via

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import (
    NameAddr,
    parse_name_addr,
    parse_parameters,
    parse_seconds,
    parse_via,
    split_list,
)

MAX_CSEQ = 2**31 - 1  # RFC 3261 8.1.1.5
DEFAULT_MAX_FORWARDS = 70


class Headers:
    """Header fields by case-insensitive name; values are text without folding."""

    def __init__(self, fields: Sequence[tuple[str, str]] = ()) -> None:
        self.is_whole = True  # not if there were more or longer ones than are read
        self._fields: dict[str, tuple[str, list[str]]] = {}  # by name in lower case
        for name, value in fields:
            self.add(name, value)

    def __getitem__(self, name: str) -> str:
        """The first value; KeyError if there is none."""
        return self._fields[name.lower()][1][0]

    def add(self, name: str, value: str) -> None:
        """Add a field; its name is that of the first of this name."""
        self._fields.setdefault(name.lower(), (name, []))[1].append(value)

    def set(self, name: str, value: str) -> None:
        """Put one field in the place of all of this name."""
        self.setlist(name, [value])

    def setlist(self, name: str, values: list[str]) -> None:
        """Put some fields in the place of all of this name."""
        self._fields[name.lower()] = (name, values)

    def remove(self, name: str) -> None:
        """Take out all fields of a name, if there are any."""
        self._fields.pop(name.lower(), None)

    def get(self, name: str) -> str | None:
        """The first value."""
        return next(iter(self.getlist(name)), None)

    def getlist(self, name: str) -> list[str]:
        """All values, as they were added."""
        known = self._fields.get(name.lower())
        return known[1] if known is not None else []

    def keys(self) -> list[str]:
        """The names, each once."""
        return [name for name, _ in self._fields.values()]

    def fields(self) -> list[tuple[str, str]]:
        """All fields as (name, value); those of one name stand together, in their order."""
        return [(name, value) for name, values in self._fields.values() for value in values]

    def single(self, name: str) -> str:
        """The value of a header that must be there exactly once."""
        values = self.getlist(name)
        if not values or not values[0]:
            raise SipSyntaxError(f"Missing {name}")
        if len(values) > 1:
            raise SipSyntaxError(f"Repeated {name}")
        return values[0]

    def values(self, name: str) -> list[str]:
        """The elements of a comma-separated header over all its fields, as written."""
        return [element for field in self.getlist(name) for element in split_list(field) if element]

    def first(self, name: str) -> str | None:
        """The first element of a comma-separated header, as written."""
        elements = (each for field in self.getlist(name) for each in split_list(field) if each)
        return next(elements, None)

    def tokens(self, name: str) -> list[str]:
        """The elements of a list of tokens (Require, Supported, Allow), in lower case."""
        return [element.lower() for element in self.values(name)]

    @property
    def via(self) -> Via:
        """The topmost Via."""
        try:
            return parse_via(self.first("Via") or "")
        except SipSyntaxError as error:
            raise SipSyntaxError("Missing or malformed Via") from error

    @property
    def from_(self) -> NameAddr:
        return self._address("From")

    @property
    def states_party(self) -> bool:
        """Whether a network says who sends it (RFC 3325, and the draft that came before)."""
        return bool(self.getlist("P-Asserted-Identity") or self.getlist("Remote-Party-ID"))

    @property
    def takes_over(self) -> bool:
        """Whether its INVITE is to take the place of a call that is there (RFC 3891)."""
        return bool(self.getlist("Replaces"))

    @property
    def to(self) -> NameAddr:
        return self._address("To")

    @property
    def call_id(self) -> str:
        return self.single("Call-ID")

    @property
    def cseq(self) -> CSeq:
        value = self.single("CSeq")
        try:
            cseq = CSeq.parse(value)
        except ValueError as error:
            raise SipSyntaxError("Malformed CSeq") from error
        if cseq.sequence > MAX_CSEQ:
            raise SipSyntaxError("CSeq out of range")
        return cseq

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact that is an address."""
        contact = self.first("Contact")
        if contact is None or contact == "*":
            return None
        try:
            return parse_name_addr(contact)
        except SipSyntaxError as error:
            raise SipSyntaxError("Malformed Contact") from error

    @property
    def max_forwards(self) -> int:
        if self.get("Max-Forwards") is None:
            return DEFAULT_MAX_FORWARDS
        return self._number("Max-Forwards", maximum=255)

    @property
    def retry_after(self) -> int | None:
        """Seconds (20.33); None if there is none that can be read."""
        match = re.match(r"[0-9]{1,9}(?![0-9])", self.get("Retry-After") or "")
        return int(match[0]) if match else None

    @property
    def expires(self) -> int | None:
        """Seconds (20.19); None if there is none that can be read."""
        return parse_seconds(self.get("Expires"))

    @property
    def content_length(self) -> int | None:
        """The stated length of the body in octets, None if it is not stated."""
        if self.get("Content-Length") is None:
            return None
        return self._number("Content-Length", maximum=10**9)

    @property
    def content_type(self) -> tuple[str, Parameters]:
        """The media type in lower case, empty if there is none, and its parameters."""
        media_type, *parameters = split_list(self.get("Content-Type") or "", ";")
        return media_type.lower().replace(" ", ""), parse_parameters(parameters)

    def _address(self, name: str) -> NameAddr:
        value = self.single(name)
        try:
            return parse_name_addr(value)
        except SipSyntaxError as error:
            raise SipSyntaxError(f"Malformed {name}") from error

    def _number(self, name: str, *, maximum: int) -> int:
        digits = self.single(name)
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise SipSyntaxError(f"Malformed {name}")
        if int(digits) > maximum:
            raise SipSyntaxError(f"{name} out of range")
        return int(digits)
