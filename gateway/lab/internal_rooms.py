"""The rooms of the installation's own parts, which only accounts may enter (mod_muc_filter_access).

Others' presences are dropped without an answer. Nothing is told there but presences.
"""

from collections.abc import Callable
from dataclasses import replace
from xml.etree.ElementTree import Element

from gateway.lab.muc import Muc
from gateway.lab.muc_room import MucRoom, RoomServices
from gateway.xmpp.element import local_name
from gateway.xmpp.jid import bare


class InternalRooms:
    """A service for rooms that takes users of `auth_domain` alone; the focus makes the rooms."""

    def __init__(
        self, auth_domain: str, services: RoomServices, wall_clock: Callable[[], int]
    ) -> None:
        self._domain = auth_domain
        self._services = services
        quiet = replace(services, watchers=[])
        self._muc = Muc(quiet, wall_clock)

    @property
    def rooms(self) -> list[MucRoom]:
        """Every room there is."""
        return list(self._muc.rooms.values())

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the service, a room, or an occupant."""
        sender = stanza.get("from", "")
        if local_name(stanza) == "presence" and bare(sender).partition("@")[2] != self._domain:
            self._services.blame(40, sender, f"wants into {bare(stanza.get('to', ''))}")
        else:
            self._muc.receive(stanza, now)
