"""The focus' order to mute (Jitsi's `<mute>` IQ)."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError


@dataclass(frozen=True, slots=True)
class MuteOrder:
    """`actor` is the occupant JID of the moderator who wants it, None if the focus itself does."""

    muted: bool
    actor: str | None

    @classmethod
    def parse(cls, mute: Element) -> "MuteOrder":
        """Read the payload of the IQ of type set."""
        text = (mute.text or "").strip()
        if text not in ("true", "false"):
            raise JingleError(f"<mute> says {text!r}, neither true nor false")
        return cls(text == "true", mute.get("actor"))
