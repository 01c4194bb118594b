"""Which session carries the caller's audio, over all stays of a participant.

The engine lets a session go on until the next is connected: so audio outlasts the session the focus
replaces or moves, and the endpoint that has lost its XMPP connection, for as long as the bridge
itself knows of no end.
"""

from collections.abc import Callable
from typing import Protocol

import structlog

from gateway.conference.events import Event, MediaDown, MediaUp
from gateway.media import messages

log = structlog.get_logger(__name__)

Emit = Callable[[Event], None]

FOREVER = float("inf")
"""How long a session may linger of whose end nobody will tell us: the bridge will."""


class BridgeMedia(Protocol):
    """The media engine, as one call reaches it. `session` is a Jingle sid."""

    async def open_bridge(self, offer: messages.BridgeOffer) -> messages.BridgeAnswer:
        """Prepare the connection that is offered and start connecting; may raise MediaError.

        Another that carries audio goes on until this one is connected.
        """

    def set_sources(self, session: str, sources: tuple[messages.Source, ...]) -> None:
        """All remote sources of a session, each time they change."""

    def add_candidates(self, session: str, candidates: tuple[messages.IceCandidate, ...]) -> None:
        """More candidates of the videobridge."""

    def restart_ice(self, session: str, remote: messages.IceParameters) -> None:
        """The videobridge has new ICE credentials; ours come as `IceRestarted`."""

    def enter_room(self, room: str) -> None:
        """The sessions that follow belong to this room."""

    def close_bridge(self, session: str, linger: float = 0.0) -> None:
        """Drop a connection, or what there is of it; the one in use may go on for a while."""

    def mute(self, muted: bool) -> None:
        """Stop or resume sending the phone's audio, in this session and those that follow."""


class Audio:
    """What the engine says of sessions comes in, `MediaUp` and `MediaDown` go out."""

    def __init__(self, media: BridgeMedia, emit: Emit) -> None:
        self._media = media
        self._emit = emit
        self._open: set[str] = set()  # sessions we have not done with
        self._carrier: str | None = None

    def opening(self, session: str) -> None:
        """The engine is going to be asked for a session."""
        self._open.add(session)

    def connected(self, session: str) -> None:
        """The engine has connected a session, and by that left the one it used before."""
        if session not in self._open:
            return
        log.info("audio connected", sid=session)
        was_down, self._carrier = self._carrier is None, session
        if was_down:
            self._emit(MediaUp())

    def interrupted(self, session: str, reason: str) -> None:
        """The engine has lost the path a session took; one that only lingers nobody repairs."""
        self.lost(session, reason)
        if session not in self._open:
            self._media.close_bridge(session)

    def lost(self, session: str, reason: str) -> None:
        """The engine has lost a session."""
        if session == self._carrier:
            self._carrier = None
            self._emit(MediaDown(reason))

    def leave(self, session: str, reason: str, *, linger: float = 0.0) -> None:
        """We have done with a session; its audio may go on for `linger` seconds."""
        self._open.discard(session)
        if session != self._carrier or linger <= 0:
            self._media.close_bridge(session)
            self.lost(session, reason)
        elif linger < FOREVER:
            self._media.close_bridge(session, linger)

    def end(self, reason: str) -> None:
        """Nothing goes on any more."""
        if self._carrier is not None:
            self.leave(self._carrier, reason)
