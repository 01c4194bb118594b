"""Jitsi's conferenceMapper protocol: which PIN a room has, and which room a PIN is of. No IO.

`GET url?conference=room@muc` or `GET url?id=PIN`; both are answered by one JSON object with `id` (a
number), `conference` (the room's JID, or false if there is none) and `message` (for people).
`conference` counts before `id`. The web client wants both `id` and `conference`, else it shows
`message`. (jitsi-meet, resources/cloud-api.swagger.)
"""

import json
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote

from gateway.errors import RemoteProtocolError

MAX_PIN = 32  # digits of a PIN that anybody may have
MAX_ROOM = 3071  # characters of a JID (RFC 7622)

_PIN = re.compile(rf"[0-9]{{1,{MAX_PIN}}}")


def is_pin(text: str) -> bool:
    """Whether this can be a PIN at all."""
    return _PIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ConferenceMapping:
    """A room and its PIN; `room` is None if there is none.

    `display_name` and `moderator` are what a personal PIN says of its owner. No other service has
    these (JaaS has `name`, which is the room's).
    """

    room: str | None
    pin: str | None = field(default=None, repr=False)
    message: str = ""
    display_name: str | None = None
    moderator: bool = False

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read an answer; RemoteProtocolError if it is none."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise RemoteProtocolError("the answer is no JSON") from None
        if not isinstance(told, dict) or "conference" not in told:
            raise RemoteProtocolError("the answer names no conference")
        room, pin, name = told["conference"], told.get("id"), told.get("displayName")
        if room in (False, None, ""):
            room = None
        elif not isinstance(room, str) or "@" not in room or len(room) > MAX_ROOM:
            raise RemoteProtocolError("the answer's conference is no room")
        pin = str(pin) if isinstance(pin, str | int) and not isinstance(pin, bool) else ""
        message = told.get("message")
        return cls(
            room=room,
            pin=pin if is_pin(pin) else None,
            message=message[:200] if isinstance(message, str) else "",
            display_name=name[:100] if isinstance(name, str) and name.strip() else None,
            moderator=told.get("moderator") is True,
        )

    def as_json(self) -> dict[str, object]:
        """What is answered. `id` is a number as long as a number can say it."""
        told: dict[str, object] = {"message": self.message}
        if self.pin is not None:
            # JavaScript's numbers are exact up to 2**53; and 0123 is no number, nor is what
            # somebody has asked for in place of a PIN.
            is_number = is_pin(self.pin) and len(self.pin) <= 15 and not self.pin.startswith("0")
            told["id"] = int(self.pin) if is_number else self.pin
        told["conference"] = self.room if self.room is not None else False
        if self.display_name is not None:
            told["displayName"] = self.display_name
        if self.moderator:
            told["moderator"] = True
        return told


def by_pin(url: str, pin: str) -> str:
    """The address to ask which room a PIN is of."""
    return _asking(url, f"id={pin}")


def by_room(url: str, room: str) -> str:
    """The address to ask for a room's PIN."""
    return _asking(url, f"conference={quote(room, safe='@')}")


def _asking(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"
