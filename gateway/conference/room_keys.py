"""Key presses of a room's people that come as Jingle messages (XEP-0181): each told once."""

from gateway.conference.events import ConferenceDigit
from gateway.xmpp.jingle_dtmf import Dtmf

_USUAL = 0.1  # seconds: a press that does not say how long it was
_MOST_HELD = 256


class RoomKeys:
    """Remembers who holds which key: a press is told as it begins, and its end is not another."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], None] = {}  # who has not let go for longest is first

    def received(self, endpoint: str, dtmf: Dtmf) -> ConferenceDigit | None:
        """What a message of `endpoint` tells that is new."""
        key = (endpoint, dtmf.code)
        if key in self._held:
            del self._held[key]
            if not dtmf.begins:
                return None
        if not dtmf.ends:
            self._held[key] = None
            if len(self._held) > _MOST_HELD:
                del self._held[next(iter(self._held))]
        seconds = dtmf.duration / 1000 if dtmf.duration else _USUAL
        return ConferenceDigit(endpoint, dtmf.code, seconds)
