"""Muting by the focus, and asking it to lift that (Jitsi's `<mute>` IQ)."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element


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


def unmute_request(occupant: str) -> Element:
    """Ask the focus to let `occupant` (ourselves) be heard: the bridge may hold back its audio."""
    return element(ns.JITSI_MUTE_AUDIO, "mute", {"jid": occupant}, text="false")


def mute_request(occupant: str) -> Element:
    """Ask the focus to mute `occupant`, somebody else: for moderators."""
    return element(ns.JITSI_MUTE_AUDIO, "mute", {"jid": occupant}, text="true")
