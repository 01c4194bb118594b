"""The room in which gateways wait for the focus (Jicofo's JigasiDetector), without IO.

The focus makes it and reads in each presence how busy a gateway is.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.lab.focus_port import NICK, FocusPort
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, children, element, integer
from gateway.xmpp.jid import resource
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence

_COUNTS = ("conferences", "participants")
_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Instance:
    """A gateway that waits; `stats` are as it told them."""

    address: str
    stats: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_calls(self) -> bool:
        """Whether it can dial, and is not about to go."""
        is_leaving = self.stats.get("graceful_shutdown") == "true"
        return self.stats.get("supports_sip") == "true" and not is_leaving

    @property
    def participants(self) -> int:
        """How many people its calls hear; what is not told is none."""
        told = self.stats.get("participants", "")
        return int(told) if _NUMBER.fullmatch(told) else 0


class FocusBrewery:
    """The focus in the brewery `room`. `is_open` once the room has let it in."""

    def __init__(self, room: str, port: FocusPort) -> None:
        self.room = room
        self.is_open = False
        self.instances: dict[str, Instance] = {}  # by occupant JID
        self._port = port

    def enter(self) -> None:
        """Make the room, and be in it."""
        attributes = {"from": self._port.jid, "to": f"{self.room}/{NICK}"}
        self._port.send(element(ns.CLIENT, "presence", attributes, element(ns.MUC, "x")))

    def disconnected(self) -> None:
        """The server is gone, and with it everybody."""
        self.is_open = False
        self.instances.clear()

    def receive_presence(self, stanza: Element) -> None:
        """A presence out of the room."""
        presence = parse_presence(stanza)
        if isinstance(presence, PresenceRefused):
            self._port.step(NICK, f"cannot wait for gateways in {self.room}: {presence.error}")
        elif presence.nick == NICK:
            self.is_open = presence.available
        elif not presence.available:
            if self.instances.pop(presence.occupant, None) is not None:
                self._port.step(presence.nick, "dials no more")
        else:
            self._told(presence, stanza)

    def choose(self, region: str | None, tried: Collection[str]) -> Instance | None:
        """The least busy of those that can dial, in the region if there is one."""
        able = [
            each
            for each in self.instances.values()
            if each.takes_calls and each.address not in tried
        ]
        near = [each for each in able if region and each.stats.get("region") == region]
        return min(near or able, key=lambda each: each.participants, default=None)

    def _told(self, presence: OccupantPresence, stanza: Element) -> None:
        known = self.instances.get(presence.occupant)
        told = child(stanza, ns.JITSI_COLIBRI, "stats")
        if told is None:
            self._blame(presence.occupant, "is in the brewery and does not say how busy it is")
            stats = {}
        else:
            listed = children(told, ns.JITSI_COLIBRI, "stat")
            stats = {each.get("name", ""): each.get("value", "") for each in listed}
            self._judge(presence.occupant, listed)
        instance = self.instances[presence.occupant] = Instance(presence.occupant, stats)
        if known is None:
            self._port.step(presence.nick, "can be told to dial")
        elif known.takes_calls != instance.takes_calls:
            words = "again" if instance.takes_calls else "no more"
            self._port.step(presence.nick, f"takes orders to dial {words}")

    def _judge(self, occupant: str, listed: list[Element]) -> None:
        by_name = {each.get("name"): each for each in listed}
        for name in ("supports_sip", "graceful_shutdown"):
            if name not in by_name or by_name[name].get("value") not in ("true", "false"):
                self._blame(occupant, f"{name} is neither true nor false")
        for name in _COUNTS:
            try:
                integer(by_name[name], "value", 0, 1_000_000)
            except (KeyError, JingleError):
                self._blame(occupant, f"{name} is no number")

    def _blame(self, occupant: str, what: str) -> None:
        self._port.blame(40, resource(occupant), what)
