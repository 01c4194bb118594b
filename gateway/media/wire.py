"""Messages on a stream socket: frozen dataclasses to bytes and back, by their type hints.

A message is a JSON array of its fields in their order, behind its length in four octets. JSON and
not msgpack: the standard library has it, and it is quick enough for a few messages a second and
call. Not pickle: what a process says must never make another run code. No IO.
"""

import base64
import json
import operator
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from gateway.errors import RemoteProtocolError

LONGEST = 1 << 20
"""Octets of a message; the longest ones name all sources of a large conference."""

_LENGTH = struct.Struct("!I")

Message = TypeVar("Message")
Write = Callable[[Any], Any]
Read = Callable[[Any], Any]


class Wire(Generic[Message]):
    """One direction of a socket, and the kinds of messages that go there: a union of dataclasses.

    TypeError if a kind has a field of a type that has no form here.
    """

    def __init__(self, kinds: object) -> None:
        self._write, self._read = _tagged(get_args(kinds))

    def serialize(self, message: Message) -> bytes:
        """The message with its length before it. ValueError if it is too long to be sent."""
        body = json.dumps(self._write(message), separators=(",", ":")).encode()
        if len(body) > LONGEST:
            raise ValueError(f"a message of {len(body)} octets: {type(message).__name__}")
        return _LENGTH.pack(len(body)) + body

    def parse(self, body: bytes) -> Message:
        """The message of a body. RemoteProtocolError if it is not exactly one of the kinds."""
        try:
            message: Message = self._read(json.loads(body))
        except (ValueError, RecursionError) as error:  # not JSON, or refused by its dataclass
            raise RemoteProtocolError(f"not a message: {error}") from error
        return message


class Incoming(Generic[Message]):
    """The receiving end of a stream, which cuts messages wherever it likes."""

    def __init__(self, wire: Wire[Message]) -> None:
        self._wire = wire
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now. RemoteProtocolError if there is something else."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > LONGEST:
                raise RemoteProtocolError(f"not a message: {length} octets")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield self._wire.parse(body)


@cache
def _form(hint: object) -> tuple[Write, Read]:
    """How values of a type are written and read."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _sequence(arguments[0])
        return _row(arguments, tuple)
    if get_origin(hint) in (UnionType, Union):
        members = tuple(each for each in arguments if each is not NoneType)
        form = _form(members[0]) if len(members) == 1 else _tagged(members)
        return _optional(form) if NoneType in arguments else form
    if isinstance(hint, type) and issubclass(hint, Enum):
        return operator.attrgetter("value"), hint
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint)
    raise TypeError(f"{hint} has no form on the wire")


def _optional(form: tuple[Write, Read]) -> tuple[Write, Read]:
    write, read = form
    return (
        lambda value: None if value is None else write(value),
        lambda value: None if value is None else read(value),
    )


def _sequence(hint: object) -> tuple[Write, Read]:
    write, read = _form(hint)
    return (
        lambda values: [write(value) for value in values],
        lambda values: tuple(read(value) for value in _array(values)),
    )


def _row(
    hints: tuple[object, ...], make: Callable[[Iterator[object]], object]
) -> tuple[Write, Read]:
    """A fixed number of values, each of a type of its own."""
    forms = [_form(hint) for hint in hints]

    def write(values: Iterable[object]) -> object:
        pairs = zip(forms, values, strict=True)
        return [write_one(value) for (write_one, _), value in pairs]

    def read(values: object) -> object:
        pairs = zip(forms, _array(values), strict=True)
        return make(read_one(value) for (_, read_one), value in pairs)

    return write, read


def _dataclass(kind: type) -> tuple[Write, Read]:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    write, read = _row(tuple(hints[name] for name in names), lambda values: kind(*values))
    return lambda value: write(tuple(getattr(value, name) for name in names)), read


def _tagged(kinds: tuple[type, ...]) -> tuple[Write, Read]:
    """One of several dataclasses: its name, and itself."""
    forms = {kind.__name__: _dataclass(kind) for kind in kinds}

    def write(value: object) -> object:
        name = type(value).__name__
        return [name, forms[name][0](value)]

    def read(value: object) -> object:
        name, inner = _array(value)
        if not isinstance(name, str) or name not in forms:
            raise ValueError(f"no such kind: {name!r}")
        return forms[name][1](inner)

    return write, read


def _array(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{type(value).__name__} instead of an array")
    return value


def _exactly(*kinds: type) -> Read:
    def read(value: object) -> object:
        if type(value) not in kinds:  # a bool is no int here
            raise ValueError(f"{type(value).__name__} instead of {kinds[0].__name__}")
        return value

    return read


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _octets(value: object) -> bytes:
    return base64.b64decode(_exactly(str)(value), validate=True)


# Numbers are written as Python's own, whichever library they are of; JSON has one kind of them.
_PLAIN: dict[object, tuple[Write, Read]] = {
    bool: (bool, _exactly(bool)),
    int: (operator.index, _exactly(int)),
    float: (float, lambda value: float(_exactly(float, int)(value))),
    str: (str, _exactly(str)),
    bytes: (_base64, _octets),
}
