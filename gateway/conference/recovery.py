"""What to do when media breaks: the focus' limits and our own patience. Time comes in as `now`."""

from collections import deque
from enum import Enum, auto

from gateway.xmpp.jingle import Reason

RETURN_PATIENCE = 120.0
"""Seconds in which an XMPP server, or the focus, may be restarted, and in which the path to the
videobridge may come back to who had media by it."""
RETURN_PAUSE = (2.0, 3.0)  # seconds between attempts

_MOVING = 10.0

BRIDGE_PATIENCE = (45.0, 90.0)
"""Seconds more that an offer may take if the focus says that it has no videobridge, for the first
time and every time after. A bridge that is restarted has everybody invited again; one that hung is
used again a minute after it failed, by Jicofo's default, but for those only who come then."""


class Remedy(Enum):
    """What may bring media back."""

    RESTART = auto()  # ask the focus for a new session
    REJOIN = auto()  # leave the room and join it as a new endpoint
    GIVE_UP = auto()


class RestartLimit:
    """How often Jicofo grants a new session: 5 s apart, and five in a minute.

    Beyond that it ends the session and offers no other, so it must not be asked. The defaults
    leave room for requests that travel at different speeds.
    """

    def __init__(self, apart: float = 5.5, most: int = 5, period: float = 61.0) -> None:
        self._apart = apart
        self._period = period
        self._granted: deque[float] = deque(maxlen=most)

    def allow(self, now: float) -> bool:
        """Whether to ask now; a yes is counted."""
        if self._granted and now - self._granted[-1] < self._apart:
            return False
        full = len(self._granted) == self._granted.maxlen
        if full and now - self._granted[0] < self._period:
            return False
        self._granted.append(now)
        return True


class MediaRecovery:
    """Chooses the remedy: one restart for media that never comes up, more for media that breaks.

    Who has never had media is out of the bridge's reach; who had it waits until a network, or a
    bridge, has been repaired. `needs_relay` once the bridge could not be reached: it should not be
    tried in that way again.
    """

    def __init__(self) -> None:
        self.needs_relay = False
        self._has_been_up = False
        self._down_since: float | None = None
        self._limit = RestartLimit()
        self._ice_limit = RestartLimit(most=2)  # the focus counts these apart, and grants more
        self._ice_restarts = True
        self._never_connected = 0
        self._waited_for_bridge = False

    def connected(self) -> None:
        """Media is up."""
        self._has_been_up = True
        self._down_since = None
        self._never_connected = 0
        self._waited_for_bridge = False

    def bridge_patience(self) -> float:
        """Seconds to wait until the focus has a videobridge again."""
        first, later = BRIDGE_PATIENCE
        patience = later if self._waited_for_bridge else first
        self._waited_for_bridge = True
        return patience

    def may_restart_ice(self, now: float) -> bool:
        """Whether to ask for another path for a session that was up; a yes is counted."""
        return self._ice_restarts and self._ice_limit.allow(now)

    def ice_restarts_unknown(self) -> None:
        """The focus, or the bridge, has no such thing."""
        self._ice_restarts = False

    def lost(self, now: float, *, was_connected: bool) -> Remedy:
        """A session has lost its media, or has not got any."""
        if self._down_since is None:
            self._down_since = now
        if not was_connected:
            self._never_connected += 1
            self.needs_relay = True
            if self._has_been_up:
                is_hopeless = now - self._down_since > RETURN_PATIENCE
            else:
                is_hopeless = self._never_connected > 1
            if is_hopeless:
                return Remedy.GIVE_UP
        return Remedy.RESTART if self._limit.allow(now) else Remedy.REJOIN


class RejoinLimit:
    """How often to rejoin before the call is given up: three times in ten minutes, with pauses."""

    def __init__(self, pauses: tuple[float, ...] = (1.0, 4.0, 10.0), period: float = 600.0) -> None:
        self._pauses = pauses
        self._period = period
        self._rejoins: deque[float] = deque(maxlen=len(pauses))

    def pause(self, now: float) -> float | None:
        """Seconds to wait before rejoining, None if it has been done too often."""
        while self._rejoins and now - self._rejoins[0] > self._period:
            self._rejoins.popleft()
        if len(self._rejoins) == len(self._pauses):
            return None
        self._rejoins.append(now)
        return self._pauses[len(self._rejoins) - 1]


def offer_due(reason: Reason | None) -> bool:
    """Whether a session that the focus ended ought to be followed by another soon.

    `expired` (nobody else is there) and `success` (the bridge changes, the meeting ends) are
    followed by an offer or by a presence in their own time; anything else is a fault.
    """
    return reason is None or reason.condition not in ("expired", "success", "gone")


def lingering(reason: Reason | None) -> float:
    """For how many seconds audio may go on in a session that the focus has ended.

    When it moves us to another videobridge, the one we are on may work for a moment yet.
    """
    return _MOVING if reason == Reason("success", "moving") else 0.0
