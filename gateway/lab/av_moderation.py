"""Audio moderation (mod_av_moderation_component): who may unmute, while not everybody may. No IO.

The component tells occupants in JSON; the focus is told as well, and enforces it (rule 16,
`gateway.lab.focus_moderation`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab.muc_room import MucRoom, moderator_behind
from gateway.lab.muc_stanzas import Occupant, Removal, json_message
from gateway.lab.refusal import is_request, refuse
from gateway.lab.violation import Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child
from gateway.xmpp.jid import resource

_START_MUTED = "startMuted"


@dataclass(slots=True)
class _Moderation:
    """A moderated room: by whom, who is approved (nicks), what its metadata said before."""

    actor: str
    approved: list[str] = field(default_factory=list)
    start_muted_before: object = None


class AvModeration:
    """The component `address`; `room_of` finds the room a session is in."""

    def __init__(
        self,
        address: str,
        *,
        room_of: Callable[[str], MucRoom | None],
        send: Callable[[Element, float], None],
        step: Step,
    ) -> None:
        self._address = address
        self._room_of = room_of
        self._send = send
        self._step = step
        self._moderated: dict[str, _Moderation] = {}  # by room

    # What a moderator (a nick) does.

    def enable(self, room: MucRoom, actor: str, now: float) -> None:
        """From now on only who is approved may unmute; who comes later starts muted."""
        if room.jid in self._moderated:
            return
        metadata = room.policy.metadata
        self._moderated[room.jid] = _Moderation(
            actor, start_muted_before=metadata.get(_START_MUTED)
        )
        metadata[_START_MUTED] = {"audio": True, "video": False}
        self._step(actor, f"moderates the audio of {room.jid}")
        self._tell_all(room, self._enabled(room, True, actor), now)
        self._tell_moderators(room, now)

    def disable(self, room: MucRoom, actor: str, now: float) -> None:
        """Everybody may unmute again."""
        moderation = self._moderated.pop(room.jid, None)
        if moderation is None:
            return
        if moderation.start_muted_before is None:
            room.policy.metadata.pop(_START_MUTED, None)
        else:
            room.policy.metadata[_START_MUTED] = moderation.start_muted_before
        self._step(actor, f"moderates the audio of {room.jid} no longer")
        self._tell_all(room, self._enabled(room, False, actor), now)

    def approve(self, room: MucRoom, nick: str, actor: str, now: float) -> None:
        """Let somebody unmute; in a room that is not moderated, ask it to. KeyError: not there."""
        occupant = room.occupants[nick]
        content = {**self._content(room), "approved": True}
        moderation = self._moderated.get(room.jid)
        if moderation is None:
            content["from"] = f"{room.jid}/{actor}"
        elif nick not in moderation.approved:
            moderation.approved.append(nick)
        self._tell(occupant, content, now)
        self._tell_moderators(room, now)

    def reject(self, room: MucRoom, nick: str, actor: str, now: float) -> None:
        """Take an approval back. KeyError: it is not there."""
        occupant = room.occupants[nick]
        moderation = self._moderated.get(room.jid)
        if moderation is not None and nick in moderation.approved:
            moderation.approved.remove(nick)
        self._tell(occupant, {**self._content(room), "removed": True}, now)
        self._tell_moderators(room, now)

    def is_enabled(self, room: MucRoom) -> bool:
        """Whether a room is moderated."""
        return room.jid in self._moderated

    def approved(self, room: MucRoom) -> frozenset[str]:
        """The nicks of those who may unmute by a moderator's word."""
        moderation = self._moderated.get(room.jid)
        return frozenset(moderation.approved) if moderation is not None else frozenset()

    # What happens in the room (`gateway.lab.muc_room.RoomWatcher`).

    def joined(self, room: MucRoom, occupant: Occupant, now: float) -> None:
        """Who comes is told as well."""
        moderation = self._moderated.get(room.jid)
        if moderation is not None:
            self._tell(occupant, self._enabled(room, True, moderation.actor), now)
            self._tell_moderators(room, now)

    def left(self, room: MucRoom, occupant: Occupant, removal: Removal, now: float) -> None:
        """Its approval stays, should it come back."""

    def closed(self, room: MucRoom, removal: Removal, now: float) -> None:
        """Forget the room."""
        self._moderated.pop(room.jid, None)

    # The component.

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the component: `<av_moderation>`, from moderators only."""
        if is_request(stanza):
            self._send(refuse(stanza, "cancel", "service-unavailable"), now)
        order = child(stanza, ns.CLIENT, "av_moderation")
        behind = moderator_behind(stanza, self._room_of)
        if order is None or behind is None:
            return
        room, sender = behind
        if order.get("mediaType") != "audio":
            return
        approved = resource(order.get("jidToWhitelist", ""))
        rejected = resource(order.get("jidToBlacklist", ""))
        if approved in room.occupants:
            self.approve(room, approved, sender.nick, now)
        elif rejected in room.occupants:
            self.reject(room, rejected, sender.nick, now)
        elif order.get("enable") == "true":
            self.enable(room, sender.nick, now)
        elif order.get("enable") == "false":
            self.disable(room, sender.nick, now)

    def _content(self, room: MucRoom) -> dict[str, object]:
        return {"type": "av_moderation", "room": room.jid, "mediaType": "audio"}

    def _enabled(self, room: MucRoom, enabled: bool, actor: str) -> dict[str, object]:
        return {**self._content(room), "enabled": enabled, "actor": f"{room.jid}/{actor}"}

    def _tell(self, occupant: Occupant, content: dict[str, object], now: float) -> None:
        self._send(json_message(self._address, occupant.jid, None, content), now)

    def _tell_all(self, room: MucRoom, content: dict[str, object], now: float) -> None:
        for occupant in list(room.occupants.values()):
            self._tell(occupant, content, now)

    def _tell_moderators(self, room: MucRoom, now: float) -> None:
        """Who is approved, the focus among those who are told."""
        listed = [f"{room.jid}/{nick}" for nick in sorted(self.approved(room))]
        content = {**self._content(room), "whitelists": {"audio": listed}}
        for occupant in list(room.occupants.values()):
            if occupant.is_moderator:
                self._tell(occupant, content, now)
