"""What a caller hears while there is no conference to hear: a tone that says why.

At the door, or with nobody else in the room, it is the waiting tone. With company but without
media it is the sign of a repair, once that has lasted long enough to be noticed.
"""

import asyncio
from contextlib import suppress
from typing import Protocol

from gateway.conference import events as conference
from gateway.media.messages import Tone

NOTICED_AFTER = 2.0  # seconds; most sessions are connected, or replaced, within one


class Player(Protocol):
    """Where tones are played (`MediaSession`)."""

    def play(self, tone: Tone) -> None: ...

    def silence(self) -> None: ...


class Listener(Protocol):
    """Who is told that audio was there and is gone, and that it is there again (`Teller`)."""

    def interrupted(self) -> None: ...

    def resumed(self) -> None: ...


class Backdrop:
    """Follows the participant's events, and plays what belongs to them while it is `run`.

    `listener` is told of each repair that is long enough to be noticed.
    """

    def __init__(self, player: Player, listener: Listener) -> None:
        self._player = player
        self._listener = listener
        self._is_waiting = False
        self._is_inside = False
        self._is_alone = False
        self._is_connected = False
        self._was_connected = False  # in this room
        self._changed = asyncio.Event()

    def waits(self) -> None:
        """The caller hears us before it is answered."""
        self._is_waiting = True
        self._changed.set()

    def entered(self) -> None:
        """The participant has joined, has come back or is in another room."""
        self._is_inside, self._is_waiting, self._is_alone = True, False, False
        self._changed.set()

    def told(self, event: conference.Event) -> None:
        """Take an event of the participant."""
        match event:
            case conference.Waiting():
                self._is_waiting = True
            case conference.Rejoined():
                self.entered()
            case conference.Moved():
                self.entered()
                self._was_connected = self._is_connected
            case conference.Alone():
                self._is_alone = True
            case conference.OccupantJoined():
                self._is_alone = False
            case conference.MediaUp():
                self._is_connected = self._was_connected = True
            case conference.MediaDown():
                self._is_connected = False
            case _:
                return
        self._changed.set()

    @property
    def tone(self) -> Tone | None:
        """What belongs to the present state."""
        if self._is_waiting or (self._is_inside and self._is_alone):
            return Tone.WAITING
        return None if self._is_connected or not self._is_inside else Tone.REPAIRING

    async def run(self) -> None:
        """Play, without end."""
        clock = asyncio.get_running_loop().time
        playing: Tone | None = None
        missing_since: float | None = None
        is_told = False
        while True:
            self._changed.clear()
            wanted, wait = self.tone, None
            if wanted is not Tone.REPAIRING:
                missing_since = None
            else:
                missing_since = clock() if missing_since is None else missing_since
                wait = missing_since + NOTICED_AFTER - clock()
                wanted = None if wait > 0 else wanted
            if wanted is not playing:
                self._player.silence() if wanted is None else self._player.play(wanted)
                playing = wanted
            if playing is Tone.REPAIRING and self._was_connected and not is_told:
                self._listener.interrupted()
                is_told = True
            elif playing is not Tone.REPAIRING and is_told:
                if self._is_connected:  # and not at the door, or alone: that is told by itself
                    self._listener.resumed()
                is_told = False
            await self._change(wait)

    async def _change(self, seconds: float | None) -> None:
        """Return when the state has changed, or after so many seconds if there are some to wait."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if seconds is not None and seconds > 0 else None):
                await self._changed.wait()
