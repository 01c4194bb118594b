"""A call at the reception: it is answered, spoken to, and its keys are read, until its meeting is
known."""

import asyncio
from collections.abc import Coroutine

from gateway.calls import engine_events
from gateway.calls.caller_identity import CallerIdentity
from gateway.calls.calling_phone import CallingPhone
from gateway.calls.in_call import Said
from gateway.calls.limits import LimitWatch
from gateway.calls.media_session import MediaSession
from gateway.calls.menu import Menu
from gateway.calls.presses import Presses, Way
from gateway.calls.record import CallRecord
from gateway.calls.voice import Voice
from gateway.ivr.meeting import Meeting
from gateway.media import messages as media
from gateway.sip import events as sip
from gateway.sip.dtmf_info import parse_digit


class Welcome:
    """Everything that runs for the caller meanwhile; `run` it once."""

    def __init__(
        self,
        phone: CallingPhone,
        session: MediaSession,
        menu: Menu,
        voice: Voice,
        limits: LimitWatch,
        record: CallRecord,
        presses: Presses,
    ) -> None:
        self._phone = phone
        self._session = session
        self._menu = menu
        self._voice = voice
        self._limits = limits
        self._record = record
        self._presses = presses

    async def run(self) -> Meeting:
        """The meeting the caller wants to be in; Over (in a group) if the call ends before."""
        phone = self._phone
        async with asyncio.TaskGroup() as group:
            beside: list[asyncio.Task[None]] = []

            def run(work: Coroutine[None, None, None]) -> None:
                beside.append(group.create_task(work))

            run(self._follow_engine())
            await phone.prepare()
            run(phone.follow(self))
            phone.ring()
            await phone.answer()
            run(phone.follow_successors(self))
            run(self._limits.run())
            run(self._voice.run())
            meeting = await self._menu.run()
            await phone.settled()
            for task in beside:
                task.cancel()
        return meeting

    def said(self, said: Said) -> None:
        """The phone says something: digits, perhaps."""
        if isinstance(said, sip.InfoReceived) and (
            digit := parse_digit(said.media_type, said.body)
        ):
            self._pressed(digit.digit, Way.INFO)

    def held(self, held: bool) -> None:
        """The menu goes on while the phone is on hold: time passes for the caller as well."""

    def connected(self, party: CallerIdentity) -> None:
        """It is shown when its meeting is known."""

    async def _follow_engine(self) -> None:
        async for event in self._session.events():
            if isinstance(event, media.DigitReceived):
                self._pressed(event.digit, engine_events.way_of(event, self._presses.lines))
            else:
                engine_events.take(event, self._record)

    def _pressed(self, key: str, way: Way) -> None:
        if self._presses.is_new(key, way, asyncio.get_running_loop().time()):
            self._menu.pressed(key)
