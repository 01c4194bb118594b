"""Telling Jitsi's component for speaker statistics who speaks (Prosody's mod_speakerstats).

Every client tells it of itself only, and only when it becomes the dominant speaker: the component
then counts the time for it until another one does. It finds room and speaker by the room's address
in the message and the sender's JID, so that a connection without a web server's query will do.
"""

from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element


def dominant_speaker(component: str, room: str, *, is_silent: bool) -> Element:
    """We are the dominant speaker; with `is_silent` nobody speaks, and we were the last."""
    said = element(ns.JITSI_MEET, "speakerstats", {"room": room, "silence": str(is_silent).lower()})
    return element(ns.CLIENT, "message", {"to": component}, said)
