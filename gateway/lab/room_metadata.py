"""The component for what is known of a room (mod_room_metadata_component). No IO.

Rooms tell their metadata to who comes in by themselves, for it belongs in the middle of a join.
"""

import json
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.muc_room import MucRoom, moderator_behind
from gateway.lab.refusal import is_request, refuse
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child


class RoomMetadata:
    """`room_of` finds the room a session is in."""

    def __init__(
        self,
        *,
        room_of: Callable[[str], MucRoom | None],
        send: Callable[[Element, float], None],
    ) -> None:
        self._room_of = room_of
        self._send = send

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the component: `<room_metadata>`, from moderators only."""
        if is_request(stanza):
            self._send(refuse(stanza, "cancel", "service-unavailable"), now)
        told = child(stanza, ns.JITSI_MEET, "room_metadata")
        behind = moderator_behind(stanza, self._room_of)
        if told is None or behind is None:
            return
        room, _ = behind
        try:
            content = json.loads(told.text or "")
            key, data = content["key"], content["data"]
        except (ValueError, RecursionError, KeyError, TypeError):
            return
        if told.get("room") == room.jid and isinstance(key, str):
            room.policy.metadata[key] = data
            room.tell_metadata(now)
