"""One caller's participant in one conference, from joining to leaving."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import structlog

from gateway.conference.address import RoomAddress
from gateway.conference.bridge_session import BridgeMedia
from gateway.conference.departure import Departure
from gateway.conference.entering import Connect, enter
from gateway.conference.events import Ended, Event, OccupantJoined, OccupantLeft, Rejoined
from gateway.conference.installation import Installation
from gateway.conference.recovery import MediaRecovery, RejoinLimit
from gateway.conference.stay import Stay
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.client import connect as connect_by_tcp

log = structlog.get_logger(__name__)

MAX_UNREAD = 1000  # events; beyond that, who comes and goes is no longer told

_PASSING = (JoinFailure.UNREACHABLE, JoinFailure.TIMEOUT, JoinFailure.FOCUS_UNAVAILABLE)


class Participant:
    """`async with` it; leaving that block leaves the conference.

        async with Participant(installation, room, display_name=..., media=...) as participant:
            await participant.join()
            async for event in participant.events():
                ...

    `media` is how the engine is reached; what the engine says about its connections is passed on
    by `bridge_connected` and `bridge_lost`. `display_name` is shown in the conference.
    """

    def __init__(
        self,
        installation: Installation,
        room: RoomAddress,
        *,
        display_name: str,
        media: BridgeMedia,
        password: str | None = None,
        connect: Connect = connect_by_tcp,
    ) -> None:
        self.room = room
        self._installation = installation
        self._display_name = display_name
        self._media = media
        self._password = password
        self._connect = connect
        self._recovery = MediaRecovery()
        self._rejoins = RejoinLimit()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._stay: Stay | None = None
        self._life: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Participant":
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._life is None:
            return
        self._life.cancel()
        await asyncio.wait([self._life])
        if self._stay is not None:
            await self._stay.leave()
        if not self._life.cancelled():
            self._life.result()  # our own mistake, if it raises

    @property
    def endpoint(self) -> str:
        """Our endpoint id, empty before `join`; a new one after each `Rejoined`."""
        return self._stay.presence.nick if self._stay is not None else ""

    async def join(self) -> None:
        """Return when we are in the room; ConferenceError if we cannot be. May be called once."""
        self._stay = await self._enter(muted=False)
        self._life = asyncio.create_task(self._live(self._stay), name="participant")

    async def events(self) -> AsyncIterator[Event]:
        """What happens after `join`, up to `Ended`."""
        while (event := await self._events.get()) is not None:
            yield event
            if isinstance(event, Ended):
                return
        assert self._life is not None
        await self._life  # has failed by a mistake of our own, which is raised here

    def bridge_connected(self, session: str) -> None:
        """The engine has connected the session to the videobridge: media flows."""
        if self._stay is not None:
            self._stay.bridge_connected(session)

    def bridge_lost(self, session: str, reason: str) -> None:
        """The engine could not connect the session, or has lost it."""
        if self._stay is not None:
            self._stay.bridge_lost(session, reason)

    async def _live(self, stay: Stay) -> None:
        try:
            departure = await self._attend(stay)
            while departure.rejoin and (pause := self._rejoins.pause(_now())) is not None:
                log.info("rejoining", cause=departure.cause, reason=departure.text, pause=pause)
                await asyncio.sleep(pause)
                departure = await self._return(departure)
            log.info("conference ended", cause=departure.cause, reason=departure.text)
            self._emit(Ended(departure.cause, departure.text, departure.actor))
        except Exception:
            self._events.put_nowait(None)
            raise

    async def _attend(self, stay: Stay) -> Departure:
        departure = await stay.attend()
        await stay.leave()
        return departure

    async def _return(self, departure: Departure) -> Departure:
        """Another stay, or if that is not possible the same departure again."""
        muted = self._stay is not None and self._stay.presence.muted
        try:
            self._stay = await self._enter(muted=muted)
        except ConferenceError as error:
            passing = error.cause in _PASSING
            return Departure(departure.cause, str(error), rejoin=passing)
        self._emit(Rejoined())
        return await self._attend(self._stay)

    async def _enter(self, *, muted: bool) -> Stay:
        entry = await enter(
            self._installation,
            self.room,
            connect=self._connect,
            display_name=self._display_name,
            password=self._password,
            muted=muted,
        )
        return Stay(
            entry,
            installation=self._installation,
            media=self._media,
            recovery=self._recovery,
            emit=self._emit,
        )

    def _emit(self, event: Event) -> None:
        news = isinstance(event, OccupantJoined | OccupantLeft)
        if not news or self._events.qsize() < MAX_UNREAD:
            self._events.put_nowait(event)


def _now() -> float:
    return asyncio.get_running_loop().time()
