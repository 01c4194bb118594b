"""What goes on in a call besides its story, whoever called: the engine's and the room's news.

Whatever of it ends the call is raised as `Over`.
"""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from gateway.calls import engine_events
from gateway.calls.announcer import line_of
from gateway.calls.backdrop import Backdrop
from gateway.calls.caller_identity import CallerIdentity
from gateway.calls.end_reason import CallEnd, EndReason, Over, of_leaving
from gateway.calls.in_call import InCall, Said
from gateway.calls.keypad import KeypadCommand
from gateway.calls.keys import Keys
from gateway.calls.limits import LimitWatch
from gateway.calls.media_session import MediaSession
from gateway.calls.news import ALONE, ENCRYPTION, news_of
from gateway.calls.phone import Phone
from gateway.calls.presiding import Presiding
from gateway.calls.presses import Presses, Way
from gateway.calls.record import CallRecord
from gateway.calls.teller import Teller
from gateway.calls.trunk import Trunk
from gateway.conference import events as conference
from gateway.conference.floor import Toggled
from gateway.conference.participant import Participant
from gateway.media import messages as media

log = structlog.get_logger(__name__)


class Conversation:
    """Between the phone, whose media is `session`'s, and the participant.

    `answer` answers the phone if it still rings, and returns when it has acknowledged that: who
    waits for people is answered. `waiting` is told of that as well. The caller is told what
    happens by `teller`. If it `takes_keys`, what is pressed in the conference goes to the phone.
    With `keeps_name` the conference is shown the same name whoever comes to the phone. `presses`
    are the phone's, from before as well: a late INFO may tell of one that has counted.
    """

    def __init__(
        self,
        session: MediaSession,
        participant: Participant,
        record: CallRecord,
        *,
        trunk: Trunk,
        answer: Callable[[], Coroutine[None, None, None]],
        keys: Keys,
        limits: LimitWatch,
        takes_keys: bool,
        teller: Teller,
        waiting: Callable[[conference.Waiting], None] = lambda waiting: None,
        keeps_name: bool = False,
        presses: Presses,
    ) -> None:
        self.backdrop = Backdrop(session, teller, trunk.waiting)
        self._session = session
        self._participant = participant
        self._record = record
        self._answer = answer
        self._keys = keys
        self._limits = limits
        self._waiting = waiting
        self._keeps_name = keeps_name
        self._show_caller = trunk.show_caller
        self._presses = presses
        self._takes_keys = takes_keys
        self._room_presses: dict[str, Presses] = {}
        self._in_call = InCall(
            participant,
            lambda digit: self._pressed(digit, Way.INFO),
            speaks_jigasi=trunk.info_json,
            reads_chat=trunk.chat,
            heartbeat=trunk.heartbeat,
            is_answered=lambda: record.answered_at is not None,
        )
        self._teller = teller
        self._presiding = Presiding(participant, teller.rulings)
        self._is_at_door = False
        self._untold: dict[str, conference.Event] = {}  # by topic, the latest of each

    def entered(self) -> None:
        """The participant has joined."""
        self.backdrop.entered()
        self._is_in()
        self._in_call.entered()
        for event in self._untold.values():
            self._teller.tell(event)
        self._untold.clear()

    def _is_in(self) -> None:
        self._is_at_door = False
        self._keys.entered()
        self._teller.entered()

    def rejected(self) -> None:
        """The participant was not let in."""
        self._in_call.rejected()

    async def speak(self, phone: Phone) -> None:
        """Tell the phone within the call what there is to tell, until the call is over."""
        await self._in_call.run(phone.info, phone.message)

    async def tell(self) -> None:
        """Let the caller hear what it is told, and carry out its orders, without end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._teller.run())
            tasks.create_task(self._presiding.run())

    async def keep_limits(self) -> None:
        """End the call when a limit is reached, without end until then; warn of it before."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._limits.warn(self._teller.ends_in))
            try:
                await self._limits.run()
            except Over as over:
                if self._teller.has_farewell(over.end.reason):
                    await self.say_farewell(over.end)
                raise

    async def follow_engine(self) -> None:
        """Do what the engine's events call for, without end."""
        async for event in self._session.events():
            match event:
                case media.BridgeConnected():
                    self._participant.bridge_connected(event.session)
                case media.BridgeInterrupted():
                    self._participant.bridge_interrupted(event.session, event.reason)
                case media.IceRestarted():
                    self._participant.ice_restarted(event.session, event.local)
                case media.BridgeLost():
                    self._participant.bridge_lost(event.session, event.reason)
                case media.DigitReceived():
                    self._pressed(event.digit, engine_events.way_of(event, self._presses.lines))
                case media.ConferenceDigit():
                    self._pressed_in_conference(
                        event.endpoint, event.digit, event.duration, Way.RTP
                    )
                case _:
                    engine_events.take(event, self._record)

    async def follow_conference(self) -> None:
        """Tell the caller and the record what happens in the room, until we are not in it."""
        # Answering takes until the phone has acknowledged it: the room does not wait for that.
        async with asyncio.TaskGroup() as answering:
            async for event in self._participant.events():
                await self._told(event, answering)

    async def _told(self, event: conference.Event, answering: asyncio.TaskGroup) -> None:
        had_media = self._record.media_at is not None
        self._record.told(event, self._participant)
        self.backdrop.told(event)
        self._limits.told(event)
        self._in_call.told(event)
        self._presiding.told(event)
        match event:
            case conference.Waiting():
                self._is_at_door = True
                self._waiting(event)
                self._keys.waits(event)
                answering.create_task(self._answer())
            case conference.OccupantJoined():
                self._untold.pop(ALONE, None)
            case conference.EncryptionChanged(on=False):
                self._untold.pop(ENCRYPTION, None)
            case conference.Moved():
                self._is_in()
                log.info("moved", room=event.room)
            case conference.Alone():
                log.info("alone in the conference")
            case conference.MediaUp():
                first = {} if had_media else {"after": f"{self._record.media_time:.2f} s"}
                log.info("media connected", **first)
            case conference.MediaDown():
                log.info("media disconnected", reason=event.reason)
            case conference.DominantSpeaker() if event.endpoint == self._participant.endpoint:
                self._participant.became_dominant_speaker()
            case conference.ConferenceDigit(endpoint, digit, seconds):
                self._pressed_in_conference(endpoint, digit, seconds, Way.JINGLE)
            case conference.Rejoined():
                self._is_in()
                log.info("rejoined", endpoint=self._participant.endpoint)
            case conference.Ended():
                end = of_leaving(event.cause, event.text)
                is_answered = self._record.answered_at is not None  # or it rings on meanwhile
                if is_answered and self._teller.has_farewell(end.reason):
                    await self.say_farewell(end)
                raise Over(end)
        self._announce(event, answering)

    def said(self, said: Said) -> None:
        """The phone says something within the call."""
        self._in_call.said(said)

    def held(self, held: bool) -> None:
        """The phone is on hold, or no longer."""
        self._participant.set_held(held)

    def connected(self, party: CallerIdentity) -> None:
        """Somebody else is at the phone now: the conference is shown who."""
        if not self._keeps_name:
            self._participant.set_display_name(party.shown(self._show_caller))

    async def say_farewell(self, end: CallEnd) -> None:
        """Let the caller hear that the call is broken, before it is hung up for that reason."""
        self._record.breaking = end
        self.backdrop.ends()
        await self._teller.farewell(end)

    def _announce(self, event: conference.Event, answering: asyncio.TaskGroup) -> None:
        line = line_of(event)
        if line is not None:
            log.info(line[0], **line[1])
        if self._hears:
            self._teller.company(event, self._participant.occupants - 1)
        if self._teller.tells(event):
            answering.create_task(self._tell(event))

    async def _tell(self, event: conference.Event) -> None:
        await self._answer()  # or nobody hears it
        is_news = self._is_at_door or not isinstance(event, conference.Waiting)
        if is_news and self._hears:
            self._teller.tell(event)
        elif not isinstance(event, conference.Waiting) and (news := news_of(event)) is not None:
            self._untold.pop(news.topic, None)
            self._untold[news.topic] = event  # until a phone that we call is in the conference

    @property
    def _hears(self) -> bool:
        return self._record.answered_at is not None and not self._keys.are_answers

    def _pressed_in_conference(self, endpoint: str, key: str, seconds: float, way: Way) -> None:
        """Somebody presses a key for the phone: once, whichever ways it comes."""
        presses = self._room_presses.setdefault(endpoint, Presses())
        now = asyncio.get_running_loop().time()
        if self._takes_keys and presses.is_new(key, way, now):
            if (times := presses.lines.count(now)) is not None:
                log.info("digit from the conference", by=endpoint, times=times)
            self._session.send_digit(key, seconds)

    def _pressed(self, key: str, way: Way) -> None:
        if not self._presses.is_new(key, way, asyncio.get_running_loop().time()):
            return
        self._teller.pressed()
        match self._keys.pressed(key):
            case KeypadCommand.TOGGLE_MICROPHONE:
                self._toggled(self._participant.toggle_microphone())
            case KeypadCommand.TOGGLE_HAND:
                self._toggled(self._participant.toggle_hand())
            case KeypadCommand.COUNT:
                self._teller.count(self._participant.occupants, self._participant.others)
            case KeypadCommand.HELP:
                self._teller.help()
                self._presiding.help()
            case KeypadCommand.LEAVE:
                raise Over(CallEnd(EndReason.LEFT, "the caller pressed the key to leave"))
            case KeypadCommand() as command:
                self._presiding.pressed(command, asyncio.get_running_loop().time())
            case str(password):
                self._participant.offer_password(password)

    def _toggled(self, done: Toggled | None) -> None:
        if done is not None:
            self._teller.toggled(done)
