"""A moderator at a telephone: its keys, what has come of them, and who waits to be let in.

Orders are carried out one after the other, while everything else of the call goes on. The end of
the meeting has to be asked for twice.
"""

import asyncio
from typing import Protocol

from gateway.calls.keypad import KeypadCommand
from gateway.calls.rulings import Rulings
from gateway.conference import events as conference
from gateway.conference.chair import Chair, Order, Outcome, Ruling
from gateway.conference.events import RecordingMode, RecordingState

CONFIRMED_WITHIN = 10.0  # seconds from the first press for the end to the second
MOST_ORDERS = 4  # that wait; who presses more has not waited for an answer
PATIENCE = 2.0  # seconds an order may take until the caller is told that it takes a moment
KNOCKS_GATHERED = 1.0  # seconds in which several who knock are told of at a time
KNOCKS_APART = 20.0  # seconds between two tellings: knocking costs a stranger nothing

_ORDERS = {
    KeypadCommand.LOCK: Order.LOCK,
    KeypadCommand.MUTE_ALL: Order.MUTE_ALL,
    KeypadCommand.ADMIT: Order.ADMIT,
    KeypadCommand.RECORD: Order.RECORD,
    KeypadCommand.END: Order.END,
}


class Seat(Protocol):
    """Where the moderator is (`gateway.conference.participant.Participant`)."""

    @property
    def chair(self) -> Chair | None:
        """Where it gives its orders; None before it is in the room."""
        ...


class Presiding:
    """One caller's keys and news, while it is `run`; each key asks whether it is a moderator."""

    def __init__(self, seat: Seat, rulings: Rulings) -> None:
        self._seat = seat
        self._rulings = rulings
        self._orders: asyncio.Queue[Order] = asyncio.Queue(maxsize=MOST_ORDERS)
        self._knocked = asyncio.Event()
        self._end_asked_at: float | None = None
        self._has_asked_recorder = False
        self._is_over = False  # the meeting, which the caller may have ended

    @property
    def is_moderator(self) -> bool:
        """Whether the keys do anything."""
        chair = self._seat.chair
        return chair is not None and chair.is_taken

    def pressed(self, command: KeypadCommand, now: float) -> None:
        """The caller has pressed one of the moderators' keys."""
        if not self.is_moderator:
            self._rulings.ruled(Ruling(Outcome.NOT_ALLOWED))
        elif command is KeypadCommand.END and not self._confirms_end(now):
            self._rulings.ask_to_confirm_end()
        elif not self._orders.full():
            self._orders.put_nowait(_ORDERS[command])

    def told(self, event: conference.Event) -> None:
        """Take an event of the participant."""
        match event:
            case conference.Ended():
                self._is_over = True
            case conference.Knocked():
                self._knocked.set()
            case conference.RecordingChanged(mode=RecordingMode.FILE, state=state):
                if state is RecordingState.FAILED and self._has_asked_recorder:
                    self._rulings.recording_failed()
                if state is not RecordingState.PENDING:
                    self._has_asked_recorder = False

    def help(self) -> None:
        """Say what the moderators' keys are for, to nobody but a moderator."""
        if self.is_moderator:
            self._rulings.help()

    async def run(self) -> None:
        """Carry out what is ordered, and tell who knocks, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._rulings.run())
            tasks.create_task(self._tell_who_knocks())
            while True:
                await self._carry_out(await self._orders.get())

    def _confirms_end(self, now: float) -> bool:
        asked_at, self._end_asked_at = self._end_asked_at, None
        if asked_at is not None and now - asked_at <= CONFIRMED_WITHIN:
            return True
        self._end_asked_at = now
        return False

    async def _carry_out(self, order: Order) -> None:
        chair = self._seat.chair
        if chair is None or self._is_over:
            return
        self._has_asked_recorder |= order is Order.RECORD
        async with asyncio.TaskGroup() as tasks:
            patience = tasks.create_task(self._ask_for_patience())
            ruling = await chair.carry_out(order, tells_password=self._rulings.tells_passwords)
            patience.cancel()
        if not self._is_over:
            self._rulings.ruled(ruling)

    async def _ask_for_patience(self) -> None:
        await asyncio.sleep(PATIENCE)
        if not self._is_over:
            self._rulings.takes_a_moment()

    async def _tell_who_knocks(self) -> None:
        while True:
            await self._knocked.wait()
            await asyncio.sleep(KNOCKS_GATHERED)
            self._knocked.clear()
            chair = self._seat.chair
            if chair is not None and (guests := chair.guests):
                self._rulings.knocked(guests)
                await asyncio.sleep(KNOCKS_APART)
