"""A scripted gateway that waits in the brewery to be told to dial."""

import uuid
from xml.etree.ElementTree import Element

from gateway.conference.brewery import BreweryStats
from gateway.lab.refusal import refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from tests.lab.rig import Client, Rig

BREWERY = "jigasibrewery@internal.auth.lab.test"


class WaitingGateway:
    """An account in the brewery; it takes a `<dial>` and answers when it is told to."""

    def __init__(self, rig: Rig, domain: str = "auth.lab.test"):
        self.client = Client(rig, silent=True, domain=domain)
        self.nick = uuid.uuid4().hex[:8]

    def say(self, stats: Element | None, *first: Element) -> None:
        """Send a presence."""
        parts = (*first, *((stats,) if stats is not None else ()))
        address = {"to": f"{BREWERY}/{self.nick}"}
        self.client.send(element(ns.CLIENT, "presence", address, *parts))

    def enter(self, stats: BreweryStats | None = None) -> "WaitingGateway":
        told = stats or BreweryStats()
        self.say(told.to_element(), element(ns.MUC, "x"))
        return self

    @property
    def orders(self) -> list[Element]:
        """The requests to dial it got."""
        return [each for each in self.client.received if child(each, ns.RAYO, "dial") is not None]

    def answer(self, occupant: str) -> None:
        """It is dialling, as that occupant."""
        reference = element(ns.RAYO, "ref", {"uri": f"xmpp:{occupant}"})
        self.client.send(result(self.orders[-1], reference))

    def refuse(self, condition: str) -> None:
        self.client.send(refuse(self.orders[-1], "cancel", condition))
