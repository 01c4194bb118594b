"""Whom the focus sees in a room, and the Jingle session it has with each."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from gateway.xmpp.sources import SignalledSource


class SessionState(Enum):
    """A session is offered, then accepted, then over."""

    PENDING = auto()
    ACTIVE = auto()
    ENDED = auto()


@dataclass(slots=True)
class FocusSession:
    """One session. `queued` are source changes (action, sources) until it is accepted.

    `ufrag` is the client's, `ice_generation` that of the last ICE restart it was told of.
    """

    sid: str
    bridge_session: str
    state: SessionState = SessionState.PENDING
    acknowledged: bool = False
    has_transport: bool = False
    ufrag: str = ""
    ice_generation: int | None = None
    bridge_lost_at: float | None = None
    queued: list[tuple[str, tuple[SignalledSource, ...]]] = field(default_factory=list)


@dataclass(slots=True)
class Member:
    """An occupant that is not the focus.

    `address` is its occupant JID, `features` is None until its capabilities are known. A speaker
    is the lab's own: it has no session and its media is always there. `sessions` are all it ever
    had, by sid; `session` is the one that is not over. `restarts` are when it was granted one,
    `ice_restarts` when it was granted a path.
    """

    nick: str
    address: str
    jid: str
    is_speaker: bool = False
    affiliation: str = "none"
    features: frozenset[str] | None = None
    muted: bool | None = None
    force_muted: bool = False  # the bridge drops its audio until it asks to be heard
    may_be_invited: bool = True
    session: FocusSession | None = None
    sessions: dict[str, FocusSession] = field(default_factory=dict)
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=5))
    ice_restarts: deque[float] = field(default_factory=lambda: deque(maxlen=5))
