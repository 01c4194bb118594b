"""The caller, as long as it is at the door of a room: what it is told, and asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.conference.events import Waiting

AskPassword = Callable[[bool], Awaitable[str | None]]
"""Asks the caller for the room's password; True: the one before was wrong. None: it gives none."""


@dataclass(frozen=True, slots=True)
class Door:
    """`waiting` is told each time it depends on other people when we get in.

    `ask_password` is None where nobody can be asked. `typed` holds passwords that come unasked,
    while we wait in a lobby: with one, nobody needs to let us in.
    """

    waiting: Callable[[Waiting], None]
    ask_password: AskPassword | None = None
    typed: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(maxsize=1))
