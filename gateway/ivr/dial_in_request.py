"""Requests to the dial-in services, read; and what may be asked how often. No IO and no clock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.errors import RemoteProtocolError
from gateway.ivr.conference_mapping import MAX_PIN, MAX_ROOM
from gateway.ivr.leaky_count import LeakyCount

MOST_HOUSEHOLDS = 20_000  # whose requests are counted
NEW_ROOMS = (60, 60.0)  # of one household: at once, and seconds for one more
ALL_NEW_ROOMS = (2_000, 1.0)  # of all together


@dataclass(frozen=True, slots=True)
class MapperRequest:
    """A question to the conference mapper: the PIN of a `conference`, or the room of an `id`.

    `caller` is who has typed it, if the asker says so.
    """

    conference: str | None = None
    id: str | None = field(default=None, repr=False)
    caller: str | None = None

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "MapperRequest":
        """That of a GET; RemoteProtocolError if it asks for nothing."""
        return cls._checked(query.get("conference"), query.get("id"), query.get("caller"))

    @classmethod
    def of_body(cls, body: bytes) -> "MapperRequest":
        """That of a POST: JSON, which may have `room` and `domain` instead of `conference`."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise RemoteProtocolError("the body is no JSON") from None
        if not isinstance(told, dict):
            raise RemoteProtocolError("the body is no JSON object")
        room, domain = _text(told.get("room")), _text(told.get("domain"))
        named = f"{room}@{domain}" if room and domain else None
        conference = _text(told.get("conference")) or named
        return cls._checked(conference, _text(told.get("id")), _text(told.get("caller")))

    @classmethod
    def _checked(
        cls, conference: str | None, pin: str | None, caller: str | None
    ) -> "MapperRequest":
        if conference:
            if len(conference) > MAX_ROOM:
                raise RemoteProtocolError("conference is too long")
            return cls(conference=conference)
        if not pin:
            raise RemoteProtocolError("give conference=room@domain or id=PIN")
        if len(pin) > MAX_PIN:
            raise RemoteProtocolError("id is too long")
        # A plus sign in a query is a space: +43 1 is what was meant by " 43 1".
        caller = (caller or "").strip().replace(" ", "")
        return cls(id=pin, caller=caller or None)


def _text(value: object) -> str | None:
    """A value of JSON as a query would have it."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)


class RequestLimits:
    """How often a household may ask, and have PINs made; `now` in seconds of any clock.

    `a_minute` requests, and so many at once: an office that begins to meet at nine.
    """

    def __init__(self, a_minute: int) -> None:
        self._at_once = a_minute
        self._requests: LeakyCount[str] = LeakyCount(60.0 / a_minute, MOST_HOUSEHOLDS)
        self._new: LeakyCount[str] = LeakyCount(NEW_ROOMS[1], MOST_HOUSEHOLDS)
        self._all_new: LeakyCount[None] = LeakyCount(ALL_NEW_ROOMS[1], 1)

    def take(self, household: str, now: float) -> bool:
        """Whether there may be one more request; it counts if so."""
        if self._requests.count(household, now) > self._at_once - 1:
            return False
        self._requests.add(household, now)
        return True

    def take_new_room(self, household: str, now: float) -> bool:
        """Whether one more room may get a PIN; it counts if so."""
        if (
            self._new.count(household, now) > NEW_ROOMS[0] - 1
            or self._all_new.count(None, now) > ALL_NEW_ROOMS[0] - 1
        ):
            return False
        self._new.add(household, now)
        self._all_new.add(None, now)
        return True
