"""What a browser may say to the lab over its WebSocket: one JSON object a message.

Parsing is strict and its errors are words for the person at the browser.
"""

import json
from dataclasses import dataclass
from typing import TypeVar

from gateway.errors import RemoteProtocolError

MAX_NAME = 60
MAX_MESSAGE = 96 * 1024
"""Octets: an answer describes every source in about one thousand."""

Value = TypeVar("Value", str, int, bool)


class BadMessage(RemoteProtocolError):
    """A browser said something that makes no sense."""


@dataclass(frozen=True, slots=True)
class Join:
    """Let me in under that name."""

    name: str
    muted: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to offer number `id`."""

    id: int
    sdp: str


@dataclass(frozen=True, slots=True)
class Mute:
    """My microphone is off, or on."""

    muted: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """I am going, but go on watching."""


@dataclass(frozen=True, slots=True)
class Order:
    """A moderator's order, or trouble: to whom (a nick), on or off, and words, as it needs."""

    name: str
    nick: str | None = None
    on: bool | None = None
    text: str | None = None


BrowserMessage = Join | Answer | Mute | Leave | Order


def parse_message(text: str) -> BrowserMessage:
    """Read a message. BadMessage says what is wrong with it."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("the message is not JSON") from None
    if not isinstance(message, dict):
        raise BadMessage("the message is not an object")
    match message.get("type"):
        case "join":
            return Join(_name(_field(message, "name", str)), _field(message, "muted", bool))
        case "answer":
            return Answer(_field(message, "id", int), _field(message, "sdp", str))
        case "mute":
            return Mute(_field(message, "muted", bool))
        case "leave":
            return Leave()
        case "order":
            return Order(
                _field(message, "name", str),
                nick=_optional(message, "nick", str),
                on=_optional(message, "on", bool),
                text=_optional(message, "text", str),
            )
        case other:
            raise BadMessage(f"the message's type is {str(other)[:40]!r}")


def _field(message: dict[str, object], key: str, kind: type[Value]) -> Value:
    value = message.get(key)
    if type(value) is not kind:  # an exact type: True is an int as well
        raise BadMessage(f"{key!r} is missing or not of type {kind.__name__}")
    return value


def _optional(message: dict[str, object], key: str, kind: type[Value]) -> Value | None:
    return _field(message, key, kind) if key in message else None


def _name(told: str) -> str:
    """A name as one short line of characters that can be shown."""
    shown = "".join(letter if letter.isprintable() else " " for letter in told)
    name = " ".join(shown.split())
    if not name:
        raise BadMessage("a name is needed")
    if len(name) > MAX_NAME:
        raise BadMessage(f"a name has at most {MAX_NAME} characters")
    return name
