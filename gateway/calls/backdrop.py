"""What a caller hears while there is no conference to hear: music, or a tone that says why.

At the door, or with nobody else in the room, it is music; with company but without media the sign
of a repair, once that has lasted long enough to be noticed. Now and then the caller is told what it
waits for.
"""

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import Protocol

from gateway.calls.reminder import Reminder, Repair, Wait
from gateway.conference import events as conference
from gateway.media.messages import Tone

NOTICED_AFTER = 2.0  # seconds; most sessions are connected, or replaced, within one
ALONE_AFTER = 3.0  # seconds, in which who is alone is told so; others often come together


class WhileWaiting(StrEnum):
    """What callers hear in a lobby, before a host has come, and alone in the room."""

    MUSIC = "music"
    TONE = "tone"
    SILENCE = "silence"


class Player(Protocol):
    """Where tones are played (`MediaSession`)."""

    def play(self, tone: Tone) -> None: ...

    def silence(self) -> None: ...


class Listener(Protocol):
    """Who is told that audio does not come, or no longer, and that it is there again; that the
    caller still waits, and that it waits for that no longer (`Teller`)."""

    def repairing(self, repair: Repair) -> None: ...

    def resumed(self) -> None: ...

    def still_waits(self, wait: Wait) -> None: ...

    def waits_no_more(self) -> None: ...


class Backdrop:
    """Follows the participant's events, and plays what belongs to them while it is `run`: for who
    waits what `waiting` says.

    `listener` is told of each repair that is long enough to be noticed, and of each wait that is.
    """

    def __init__(
        self, player: Player, listener: Listener, waiting: WhileWaiting = WhileWaiting.MUSIC
    ) -> None:
        self._player = player
        self._listener = listener
        self._waiting = waiting
        self._reminder = Reminder()
        self._is_coming = False
        self._at_door: conference.Waiting | None = None
        self._is_inside = False
        self._is_alone = False
        self._is_connected = False
        self._was_connected = False  # in this room
        self._is_over = False
        self._changed = asyncio.Event()

    def comes(self) -> None:
        """The caller is on its way into the room, and hears us."""
        self._is_coming = True
        self._changed.set()

    def entered(self) -> None:
        """The participant has joined, has come back or is in another room; or the phone that it has
        called is in. What it has been told by then holds."""
        self._is_inside, self._is_coming, self._at_door = True, False, None
        self._changed.set()

    def ends(self) -> None:
        """The caller is told that its call ends: what it hears now stays, and nothing follows."""
        self._is_over = True
        self._changed.set()

    def told(self, event: conference.Event) -> None:
        """Take an event of the participant."""
        match event:
            case conference.Waiting():
                self._at_door = conference.Waiting(event.for_)
            case conference.Rejoined():
                self._is_alone = False  # or that is told anew
                self.entered()
            case conference.Moved():
                self._is_alone = False
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
    def _wait(self) -> Wait | None:
        """What the caller waits for that depends on people, if it does."""
        if self._at_door is not None:
            return self._at_door
        return conference.Alone() if self._is_inside and self._is_alone else None

    @property
    def _wanted(self) -> tuple[Tone | None, float]:
        """What belongs to the present state, once that has lasted for so many seconds."""
        match self._wait, self._waiting:
            case None, _:
                pass
            case _, WhileWaiting.SILENCE:
                return None, 0.0
            case conference.Alone(), WhileWaiting.MUSIC:
                return Tone.MUSIC, ALONE_AFTER
            case _, WhileWaiting.MUSIC:
                return Tone.MUSIC, 0.0
            case _:
                return Tone.WAITING, 0.0
        if self._is_coming:
            return Tone.WAITING, 0.0
        return (None, 0.0) if self._is_connected or not self._is_inside else _REPAIRING

    async def run(self) -> None:
        """Play, until the call ends."""
        clock = asyncio.get_running_loop().time
        playing: Tone | None = None
        before: Tone | None = None  # what was wanted last, since then
        since = clock()
        repair: Repair | None = None  # that the caller has been told of
        while not self._is_over:
            self._changed.clear()
            wanted, lasting = self._wanted
            if wanted is not before:
                before, since = wanted, clock()
            due = since + lasting if wanted is not playing else None
            if due is not None and due > clock():
                wanted = None
            else:
                due = None
            if wanted is not playing:
                self._player.silence() if wanted is None else self._player.play(wanted)
                playing = wanted
            if playing is Tone.REPAIRING and repair is None:
                repair = Repair(was_heard=self._was_connected)
                self._listener.repairing(repair)
            elif playing is not Tone.REPAIRING and repair is not None:
                if repair.was_heard and self._is_connected:
                    self._listener.resumed()  # at the door, or alone, that is told by itself
                repair = None
            self._remind(self._wait or repair, clock())
            await self._change(due, self._reminder.due)

    def _remind(self, wait: Wait | None, now: float) -> None:
        """Have the caller told what it waits for, if it is time."""
        if self._reminder.follow(wait, now):
            self._listener.waits_no_more()
        elif (due := self._reminder.take(now)) is not None:
            self._listener.still_waits(due)

    async def _change(self, *times: float | None) -> None:
        """Return when the state has changed, or at the first of these times."""
        first = min((time for time in times if time is not None), default=None)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(first):
                await self._changed.wait()


_REPAIRING = (Tone.REPAIRING, NOTICED_AFTER)
