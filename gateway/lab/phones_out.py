"""The phones that somebody in a room has called, as a browser does it (lib-jitsi-meet), without IO.

phone = phones.dial("+49 30 1234")     # a `<dial>` to the focus, which has a gateway call
phone.reference, phone.statuses        # ... until it is `over`, or `refusal` says why not
phones.hang_up(phone)
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_answer
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from gateway.xmpp.jid import resource
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.rayo import PASSWORD_HEADER, ROOM_HEADER, header
from gateway.xmpp.stanza import StanzaError

_FOCUS = "focus"
_KEPT = 20  # phones that are over

Answered = Callable[[Element], None]


@dataclass(slots=True, eq=False)
class PhoneOut:
    """A phone that was asked for. `id` names it, `number` is as somebody has written it.

    `reference` is the occupant JID the focus has answered with, in the room or in its lobby;
    `statuses` is everything its presence has said, in order; it is `over` once it has left again.
    """

    number: str
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    reference: str | None = None
    refusal: StanzaError | None = None
    statuses: list[str] = field(default_factory=list)
    over: bool = False
    hang_up_refused: bool = False

    @property
    def nick(self) -> str | None:
        """Who it is in the room."""
        return resource(self.reference) if self.reference is not None else None

    @property
    def is_decided(self) -> bool:
        """Whether the focus has answered."""
        return self.reference is not None or self.refusal is not None

    @property
    def status(self) -> str:
        """What becomes of it, in words."""
        if self.refusal is not None:
            return f"not called: {self.refusal.condition}"
        last = self.statuses[-1] if self.statuses else "Waiting"
        return f"{last} (over)" if self.over else last


class PhonesOut:
    """Those that `jid`, an occupant of `room`, has called; `all` of them, the oldest first."""

    def __init__(self, room: str, jid: str, send: Callable[[Element], None]) -> None:
        self.all: list[PhoneOut] = []
        self._room = room
        self._jid = jid
        self._send = send
        self._asked: dict[str, Answered] = {}
        self._seen: dict[str, OccupantPresence] = {}  # by nick

    def dial(
        self,
        number: str,
        *,
        password: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        room: str | None = None,
    ) -> PhoneOut:
        """Have a number called; a `room` that is not ours is what a liar would name."""
        listed = [(ROOM_HEADER, room or self._room), *headers]
        if password is not None:
            listed.append((PASSWORD_HEADER, password))
        attributes = {"to": number, "from": "fromnumber"}
        dial = element(ns.RAYO, "dial", attributes, *(header(*each) for each in listed))
        over = [phone for phone in self.all if phone.over or phone.refusal is not None]
        for phone in over[: len(over) - _KEPT + 1 if len(over) >= _KEPT else 0]:
            self.all.remove(phone)
        phone = PhoneOut(number)
        self.all.append(phone)
        self._ask(f"{self._room}/{_FOCUS}", dial, lambda answer: self._dialled(phone, answer))
        return phone

    def hang_up(self, phone: PhoneOut) -> None:
        """End it by Rayo; nothing happens if there is nobody yet."""
        if phone.nick is None:
            return

        def answered(answer: Element) -> None:
            phone.hang_up_refused = answer.get("type") == "error"

        self._ask(f"{self._room}/{phone.nick}", element(ns.RAYO, "hangup"), answered)

    def press(self, phone: PhoneOut, keys: str) -> None:
        """Press keys for it (XEP-0181); nothing happens if there is nobody yet."""
        if phone.nick is None:
            return
        for key in keys:
            dtmf = element(ns.JINGLE_DTMF, "dtmf", {"code": key, "duration": "100"})
            attributes = {"action": "session-info", "initiator": self._jid, "sid": phone.id}
            jingle = element(ns.JINGLE, "jingle", attributes, dtmf)
            self._ask(f"{self._room}/{phone.nick}", jingle, lambda answer: None)

    def receive(self, stanza: Element) -> None:
        """Take an answer; others are nothing to it."""
        if is_answer(stanza) and (answered := self._asked.pop(stanza.get("id", ""), None)):
            answered(stanza)

    def saw(self, presence: OccupantPresence) -> None:
        """Somebody in the room has told something, or has left."""
        if presence.available:
            self._seen[presence.nick] = presence
        else:
            self._seen.pop(presence.nick, None)
        for phone in self.all:
            if phone.nick == presence.nick:
                _tell(phone, presence)

    def has_dial_pad(self, phone: PhoneOut) -> bool:
        """Whether the phone takes keys that are pressed in the conference."""
        seen = self._seen.get(phone.nick or "")
        return seen is not None and ns.JINGLE_DTMF in seen.features

    def _dialled(self, phone: PhoneOut, answer: Element) -> None:
        reference = child(answer, ns.RAYO, "ref")
        if answer.get("type") == "error" or reference is None:
            phone.refusal = StanzaError.parse(answer)
            return
        phone.reference = reference.get("uri", "").removeprefix("xmpp:")
        seen = self._seen.get(phone.nick or "")
        if seen is not None:
            _tell(phone, seen)

    def _ask(self, to: str, payload: Element, answered: Answered) -> None:
        id_ = secrets.token_hex(8)
        self._asked[id_] = answered
        attributes = {"type": "set", "id": id_, "from": self._jid, "to": to}
        self._send(element(ns.CLIENT, "iq", attributes, payload))


def _tell(phone: PhoneOut, presence: OccupantPresence) -> None:
    if not presence.available:
        phone.over = True
    elif presence.status and phone.statuses[-1:] != [presence.status]:
        phone.statuses.append(presence.status)
