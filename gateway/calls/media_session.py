"""One call's door to the media engine: orders go in, answers and events come out.

It knows the engine by its messages only, so it does not matter where the engine runs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Self, TypeVar

from gateway.errors import MediaError, MediaLost
from gateway.media import messages as m

Answer = TypeVar("Answer")


class MediaSwitch:
    """Hands the engine's events to the calls they belong to."""

    def __init__(self, execute: Callable[[m.Command], None]) -> None:
        self.execute = execute
        self._sessions: dict[str, MediaSession] = {}

    def receive(self, event: m.Event) -> None:
        """Take an event of the engine; one of a call that is gone tells nobody anything."""
        session = self._sessions.get(event.call)
        if session is not None:
            session.receive(event)

    def add(self, session: "MediaSession") -> None:
        """A call begins."""
        self._sessions[session.call] = session

    def remove(self, session: "MediaSession") -> None:
        """A call has nothing in the engine any more."""
        del self._sessions[session.call]


class MediaSession:
    """The media of call `call`, as long as `async with` lasts; `sound` is its trunk's choice.

    `fingerprint` is of the certificate its phone would see in a DTLS handshake, once it has a port.
    Serves as `gateway.conference.audio.BridgeMedia`.
    """

    def __init__(self, switch: MediaSwitch, call: str, sound: m.PhoneSound = m.AS_IT_IS) -> None:
        self.call = call
        self.report = m.CallReport()
        self.fingerprint: m.Fingerprint | None = None
        self._switch = switch
        self._sound = sound
        self._room = ""
        self._events: asyncio.Queue[m.Event] = asyncio.Queue()
        self._phone_opened: asyncio.Future[m.Address] | None = None
        self._bridge_opened: dict[str, asyncio.Future[m.BridgeAnswer]] = {}
        self._played: dict[int, asyncio.Future[bool]] = {}
        self._utterances = 0
        self._recorded: asyncio.Future[m.Spoken] | None = None
        self._closed: asyncio.Event = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._switch.add(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._switch.execute(m.Close(self.call))
        try:
            await self._closed.wait()
        finally:
            self._switch.remove(self)

    # The phone.

    async def open_phone(self, room: str | None = None) -> m.Address:
        """Take a port for the phone, which is for `room` if that is known. MediaError: none."""
        self._phone_opened = asyncio.get_running_loop().create_future()
        self._switch.execute(m.OpenPhone(self.call, room))
        return await self._phone_opened

    def connect_phone(self, media: m.PhoneMedia) -> None:
        """Apply what an offer/answer agreed on."""
        self._switch.execute(m.ConnectPhone(self.call, replace(media, sound=self._sound)))

    def seclude(self, secluded: bool) -> None:
        """Keep the phone out of the conference, or let it in."""
        self._switch.execute(m.Seclude(self.call, secluded))

    def play(self, tone: m.Tone) -> None:
        """Let the caller hear a tone: until `silence` if it is one that repeats."""
        self._switch.execute(m.Play(self.call, tone))

    def silence(self) -> None:
        """End the tone that repeats: let the caller hear the conference again."""
        self._switch.execute(m.Silence(self.call))

    async def say(self, parts: tuple[m.SpeechPart, ...]) -> bool:
        """Say something to the caller; whether it was said to its end, and not ended by another
        `say`, by `hush`, or with the engine. To be cancelled is to hush."""
        self._utterances += 1
        number = self._utterances
        played: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._played[number] = played
        self._switch.execute(m.Say(self.call, number, parts))
        try:
            return await played
        except asyncio.CancelledError:
            self.hush()
            raise
        finally:
            del self._played[number]

    def hush(self) -> None:
        """Let the caller hear no more of what is being said."""
        self._switch.execute(m.Hush(self.call))

    async def record_voice(self, seconds: float) -> m.Spoken:
        """Let the caller hear a tone, and record what it says then, for so long at most; until a
        pause, or `stop_recording`. Empty if it says nothing, or the engine is lost."""
        self._recorded = asyncio.get_running_loop().create_future()
        self._switch.execute(m.Play(self.call, m.Tone.SPEAK))
        self._switch.execute(m.RecordVoice(self.call, seconds))
        try:
            return await self._recorded
        except asyncio.CancelledError:
            self.stop_recording()
            raise
        finally:
            self._recorded = None

    def stop_recording(self) -> None:
        """The caller has said what it wanted to."""
        self._switch.execute(m.StopRecording(self.call))

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        """Send a key press to the phone; `duration` is in seconds."""
        self._switch.execute(m.SendDigit(self.call, digit, duration))

    # The bridge (BridgeMedia).

    def enter_room(self, room: str) -> None:
        """The sessions that follow belong to this room."""
        self._room = room

    async def open_bridge(self, offer: m.BridgeOffer) -> m.BridgeAnswer:
        """Prepare the connection that is offered and start connecting; may raise MediaError."""
        opened: asyncio.Future[m.BridgeAnswer] = asyncio.get_running_loop().create_future()
        self._bridge_opened[offer.session] = opened
        self._switch.execute(m.OpenBridge(self.call, self._room, offer))
        try:
            return await opened
        finally:
            del self._bridge_opened[offer.session]

    def set_sources(self, session: str, sources: tuple[m.Source, ...]) -> None:
        """All remote sources of a session."""
        self._switch.execute(m.SetSources(self.call, session, sources))

    def add_candidates(self, session: str, candidates: tuple[m.IceCandidate, ...]) -> None:
        """More candidates of the videobridge."""
        self._switch.execute(m.AddBridgeCandidates(self.call, session, candidates))

    def restart_ice(self, session: str, remote: m.IceParameters) -> None:
        """The videobridge has new ICE credentials."""
        self._switch.execute(m.RestartIce(self.call, session, remote))

    def close_bridge(self, session: str, linger: float = 0.0) -> None:
        """Drop a connection; the one in use may go on for `linger` seconds."""
        self._switch.execute(m.CloseBridge(self.call, session, linger))

    def mute(self, muted: bool) -> None:
        """Stop or resume sending the phone's audio."""
        self._switch.execute(m.Mute(self.call, muted))

    # Events.

    async def events(self) -> AsyncIterator[m.Event]:
        """What the engine reports besides answers, without end."""
        while True:
            yield await self._events.get()

    def receive(self, event: m.Event) -> None:
        """Take an event of the engine."""
        match event:
            case m.PhoneOpened():
                self.fingerprint = event.fingerprint
                _settle(self._phone_opened, event.address)
            case m.BridgeOpened():
                _settle(self._bridge_opened.get(event.session), event.answer)
            case m.Played():
                _settle(self._played.get(event.utterance), event.complete)
            case m.VoiceRecorded():
                _settle(self._recorded, event.spoken)
            case m.Failed():
                self._failed(event)
            case m.EngineLost():
                self._lost(event)
            case m.BridgeLost() if self._is_opening(event.session):
                self._bridge_opened[event.session].set_exception(MediaError(event.reason))
            case m.Measured():
                self.report = event.report
                self._events.put_nowait(event)
            case m.Closed():
                if event.report != m.CallReport():  # of a worker that died there is none
                    self.report = event.report
                self._closed.set()
            case _:
                self._events.put_nowait(event)

    def _is_opening(self, session: str) -> bool:
        opened = self._bridge_opened.get(session)
        return opened is not None and not opened.done()

    def _failed(self, event: m.Failed) -> None:
        if self._phone_opened is not None and not self._phone_opened.done():
            self._phone_opened.set_exception(MediaError(event.reason))
        else:
            self._events.put_nowait(event)

    def _lost(self, event: m.EngineLost) -> None:
        """Nothing that is waited for will come."""
        for waiting in (self._phone_opened, *self._bridge_opened.values()):
            if waiting is not None and not waiting.done():
                waiting.set_exception(MediaLost(event.reason))
        for played in self._played.values():
            _settle(played, False)
        _settle(self._recorded, m.Spoken(b""))
        self._events.put_nowait(event)


def _settle(waiting: "asyncio.Future[Answer] | None", answer: Answer) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(answer)
