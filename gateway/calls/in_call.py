"""What is said between us and the phone within its call: digits, words, a PBX's messages.

What we say goes out one after the other, and not before the call is answered.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from gateway.calls import jigasi_info as jigasi
from gateway.calls.end_reason import CallEnd, EndReason, Over
from gateway.conference import events as conference
from gateway.conference.participant import Participant
from gateway.sip import events as sip
from gateway.sip.call import CallEnded
from gateway.sip.client_request import Outcome
from gateway.sip.dtmf_info import parse_digit
from gateway.sip.instant_message import fitting
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)

MAX_UNSENT = 100
MISSED_HEARTBEATS = 2

Said = sip.InfoReceived | sip.MessageReceived
"""What a phone may say within a call."""


class InCall:
    """One phone's words and ours. `pressed` takes digits.

    `speaks_jigasi` is whether the other end is a PBX that wants Jigasi's messages (one that sends
    them is answered anyway), `reads_chat` whether the phone is sent what people write once it is in
    the conference. `heartbeat` is in seconds; None: the other end's life is not asked for. Before
    the call `is_answered` it has no way to say so.
    """

    def __init__(
        self,
        participant: Participant,
        pressed: Callable[[str], None],
        *,
        speaks_jigasi: bool = False,
        reads_chat: bool = False,
        heartbeat: float | None = None,
        is_answered: Callable[[], bool] = lambda: True,
    ) -> None:
        self._participant = participant
        self._pressed = pressed
        self._speaks_jigasi = speaks_jigasi
        self._reads_chat = reads_chat
        self._heartbeat = heartbeat
        self._is_answered = is_answered
        self._is_in = False
        self._missed = 0
        self._lines = SparseLines.one_a_second()
        self._refusals = SparseLines.one_a_second()
        self._reporter = jigasi.Reporter()
        self._unsent: asyncio.Queue[jigasi.Message | str] = asyncio.Queue(maxsize=MAX_UNSENT)

    def said(self, said: Said) -> None:
        """The phone has said something."""
        match said:
            case sip.MessageReceived():
                self._participant.send_chat(said.text)
            case sip.InfoReceived() if digit := parse_digit(said.media_type, said.body):
                self._pressed(digit.digit)
            case sip.InfoReceived() if order := jigasi.parse(said.media_type, said.body):
                self._obey(order)
            case _:
                times = self._lines.count(asyncio.get_running_loop().time())
                if times is not None:
                    log.info("not understood", media_type=said.media_type, times=times)

    def told(self, event: conference.Event) -> None:
        """Take an event of the participant."""
        if self._speaks_jigasi:
            self._say_all(self._reporter.told(event))
        if self._reads_chat and self._is_in and isinstance(event, conference.ChatReceived):
            self._say(fitting(f"{event.name}: {event.text}"))

    def entered(self) -> None:
        """The participant has joined, or the phone that it has called is in."""
        self._is_in = True
        if self._speaks_jigasi:
            self._say_all(self._reporter.entered())

    def rejected(self) -> None:
        """The participant was not let in from the lobby."""
        if self._speaks_jigasi:
            self._say_all(self._reporter.rejected())

    async def run(
        self,
        info: Callable[[str, bytes], Awaitable[Outcome]],
        message: Callable[[str], Awaitable[Outcome]],
    ) -> None:
        """Send what is to be said, without end; `info` and `message` are the call's."""
        async with asyncio.TaskGroup() as tasks:
            if self._heartbeat is not None:
                tasks.create_task(self._beat(self._heartbeat))
            while True:
                words = await self._unsent.get()
                try:
                    if isinstance(words, str):
                        outcome = await message(words)
                    else:
                        outcome = await info(jigasi.MEDIA_TYPE, jigasi.serialize(words))
                except CallEnded:
                    continue  # another phone has taken over, perhaps: what comes next is for that
                if outcome.is_success:
                    continue
                times = self._refusals.count(asyncio.get_running_loop().time())
                if times is not None:
                    log.info("the phone did not take it", status=outcome.status, times=times)

    def _obey(self, order: jigasi.Order) -> None:
        match order:
            case jigasi.RoomAccess(password):
                self._participant.offer_password(password)
            case jigasi.MuteWanted(muted=muted):
                done = self._participant.set_muted(muted)
                if not done and not muted:
                    self._participant.raise_hand()
                self._say(jigasi.mute_answer(order, done=done))
            case jigasi.Heartbeat() if self._heartbeat is not None:
                self._missed = 0
            case jigasi.Heartbeat():
                self._say(jigasi.heartbeat())
            case jigasi.MuteAnswer(done=done):
                log.debug("the PBX has muted", done=done)

    async def _beat(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if not self._is_answered():
                continue
            if self._missed >= MISSED_HEARTBEATS:
                text = f"{self._missed} heartbeats unanswered"
                raise Over(CallEnd(EndReason.NO_HEARTBEAT, text))
            self._missed += 1
            self._say(jigasi.heartbeat())

    def _say_all(self, messages: list[jigasi.Message]) -> None:
        for message in messages:
            self._say(message)

    def _say(self, words: jigasi.Message | str) -> None:
        if not self._unsent.full():
            self._unsent.put_nowait(words)
