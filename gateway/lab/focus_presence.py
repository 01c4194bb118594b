"""How the focus shows itself in a room: Jicofo's presence and capabilities."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from gateway.lab.focus_port import NICK
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.element import element
from gateway.xmpp.jid import local

CAPABILITIES = Capabilities(
    node="http://jitsi.org/jicofo",
    category="client",
    type="pc",
    name="Smack",
    features=(
        "http://jabber.org/protocol/disco#items",
        ns.CAPS,
        "jabber:x:data",
        "jabber:iq:version",
        "urn:xmpp:time",
        ns.PING,
        ns.MUC,
        "https://jitsi.org/meet/jicofo/terminate-restart",
        ns.DISCO_INFO,
    ),
)


def focus_presence(
    jid: str,
    address: str,
    *,
    bridge_used: bool,
    bridge_available: bool = True,
    states: Iterable[Element] = (),
) -> Element:
    """The presence to `address` (an occupant JID) from the focus' real JID.

    `states` is what goes on in the conference: recordings.
    """
    properties = {"support-terminate-restart": "true"}
    if bridge_used:
        properties["bridge-count"] = "1"
    presence = element(
        ns.CLIENT,
        "presence",
        {"from": jid, "to": address},
        element(ns.CLIENT, "priority", text="0"),
        element("http://jitsi.org/jitmeet/etherpad", "etherpad", text=local(address)),
        element(
            ns.JITSI_MEET,
            "versions",
            None,
            element(ns.JITSI_MEET, "component", {"name": NICK}, text="1.1.SNAPSHOT"),
        ),
        element(
            ns.JITSI_FOCUS,
            "conference-properties",
            None,
            *(
                element(ns.JITSI_FOCUS, "property", {"key": key, "value": value})
                for key, value in properties.items()
            ),
        ),
    )
    if not bridge_available:
        presence.append(element(ns.JITSI_FOCUS, "bridgeNotAvailable"))
    presence.extend(states)
    presence.append(CAPABILITIES.to_presence())
    return presence
