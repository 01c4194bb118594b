"""The component that ends a meeting for everyone (mod_end_conference). No IO."""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.muc_room import MucRoom, moderator_behind
from gateway.lab.muc_stanzas import Removal
from gateway.lab.refusal import is_request, refuse
from gateway.lab.violation import Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child

TERMINATED = "The meeting has been terminated"


class EndConference:
    """`room_of` finds the room that the URL of a session names, if it is in it; `end` ends one."""

    def __init__(
        self,
        *,
        room_of: Callable[[str], MucRoom | None],
        end: Callable[[MucRoom, Removal, float], None],
        send: Callable[[Element, float], None],
        step: Step,
    ) -> None:
        self._room_of = room_of
        self._end = end
        self._send = send
        self._step = step

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the component: `<end_conference/>`, from moderators only."""
        if is_request(stanza):
            self._send(refuse(stanza, "cancel", "service-unavailable"), now)
        if child(stanza, ns.CLIENT, "end_conference") is None:
            return
        behind = moderator_behind(stanza, self._room_of)
        if behind is not None:
            room, sender = behind
            self._step(sender.nick, f"ends {room.jid} for everyone")
            self._end(room, Removal(reason=TERMINATED, destroyed=True), now)
