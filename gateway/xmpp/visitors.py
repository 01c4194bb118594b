"""What the server tells a visitor (Jitsi's `<visitors xmlns='jitsi:visitors'>`)."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child


@dataclass(frozen=True, slots=True)
class Promotion:
    """`sender` answers a raised hand: with `allowed` we may come to the main room, to speak.

    `username` is whom the main room expects then.
    """

    sender: str
    allowed: bool
    username: str | None = None

    @classmethod
    def parse(cls, sender: str, visitors: Element) -> "Promotion":
        """Read the payload of the IQ of type set; JingleError if it is about something else."""
        response = child(visitors, ns.VISITORS, "promotion-response")
        if response is None:
            raise JingleError("a word to visitors without a promotion-response")
        allowed = response.get("allow") in ("true", "1")
        return cls(sender, allowed, response.get("username") or None)
