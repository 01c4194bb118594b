"""What clients say to the lab's focus."""

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.jingle import Jingle
from gateway.xmpp.sources import SignalledSource
from tests.lab.rig import Client


def source(client: Client, ssrc: int, msid: str | None = None) -> SignalledSource:
    return SignalledSource(client.nick, ssrc, f"{client.nick}-a0", msid or f"s t{ssrc}")


def info(client: Client, *parts) -> Jingle:
    attributes = {"action": "session-info", "sid": client.offer.sid}
    return element(ns.JINGLE, "jingle", attributes, *parts)


def bridge_session(id_: str, **attributes: str):
    return element(ns.JITSI_FOCUS, "bridge-session", {"id": id_, **attributes})
