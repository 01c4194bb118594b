"""Key presses as Jingle messages (XEP-0181): a session-info with a `<dtmf/>`."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp.element import attribute, integer

CODES = "0123456789*#ABCD"

_DOWN, _UP = "button-down", "button-up"
_LONGEST = 60_000  # milliseconds


@dataclass(frozen=True, slots=True)
class Dtmf:
    """One message about a key.

    `begins` and `ends` tell which half of the press it is; a message without an action is a whole
    press. `duration` is in milliseconds, None if it is not told.
    """

    code: str
    begins: bool = True
    ends: bool = True
    duration: int | None = None

    @classmethod
    def parse(cls, dtmf: Element) -> "Dtmf":
        """Read a `<dtmf>`; JingleError names what is wrong in it."""
        code = attribute(dtmf, "code").upper()
        if len(code) != 1 or code not in CODES:
            raise JingleError(f"<dtmf> with the code {code!r}")
        action = dtmf.get("action")
        if action not in (None, _DOWN, _UP):
            raise JingleError(f"<dtmf> with the action {action!r}")
        duration = None
        if dtmf.get("duration") is not None:
            duration = integer(dtmf, "duration", 0, _LONGEST)
        return cls(code, begins=action != _UP, ends=action != _DOWN, duration=duration)
