"""What the focus says about the whole conference in its presence (`conference-properties`)."""

from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, children

AUDIO_RECORDED = "audio-recording-enabled"  # by the videobridge
AUDIO_LIMIT_REACHED = "audio-limit-reached"
"""As many have their microphone open as may (`max-audio-senders`)."""


def true_properties(presence: Element) -> frozenset[str]:
    """The keys of those that are true."""
    properties = child(presence, ns.JITSI_FOCUS, "conference-properties")
    if properties is None:
        return frozenset()
    return frozenset(
        each.get("key", "")
        for each in children(properties, ns.JITSI_FOCUS, "property")
        if each.get("value") == "true"
    )
