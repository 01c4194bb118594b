"""The rooms of a real server, as the lab's focus sees them and orders them about."""

from collections.abc import Callable, Collection
from xml.etree.ElementTree import Element

from gateway.lab import muc_orders
from gateway.lab.focus import Focus
from gateway.lab.focus_port import NICK
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.violation import Step
from gateway.xmpp.jid import bare
from gateway.xmpp.presence import OccupantPresence, parse_presence
from gateway.xmpp.stanza import StanzaError


class ProsodyRooms:
    """The rooms the focus is in (`gateway.lab.venue.Rooms`).

    Orders are sent, and carried out a little later: `pending` are under way. `clock` tells the
    time, `flush` sends what the focus has to say.
    """

    def __init__(
        self, focus: Focus, clock: Callable[[], float], flush: Callable[[float], None], step: Step
    ) -> None:
        self.pending = 0
        self._focus = focus
        self._clock = clock
        self._flush = flush
        self._step = step
        self._seen: dict[str, dict[str, LabOccupant]] = {}  # by room, by nick

    def see(self, stanza: Element) -> None:
        """Take a presence out of a room."""
        presence = parse_presence(stanza)
        if not isinstance(presence, OccupantPresence):
            return
        room = bare(presence.occupant)
        if presence.nick == NICK and not presence.available:
            self._seen.pop(room, None)
        elif presence.nick != NICK and presence.available:
            self._seen.setdefault(room, {})[presence.nick] = LabOccupant.seen(presence)
        else:
            self._seen.get(room, {}).pop(presence.nick, None)

    def forget(self) -> None:
        """The focus sees nothing any more, and nothing that was ordered is answered."""
        self._seen.clear()
        self.pending = 0

    def occupants(self, room: str) -> list[LabOccupant]:
        """Everybody in a room but the focus; nobody if the focus is not there."""
        return list(self._seen.get(room, {}).values())

    def kick(self, room: str, nick: str, reason: str | None, actor: str | None) -> None:
        """Throw somebody out (307); the focus is the actor."""
        self._focus.member(room, nick)
        self._order(room, muc_orders.kick(nick, reason))

    def set_affiliation(self, room: str, nick: str, affiliation: str, actor: str | None) -> None:
        """Make somebody an owner, or an outcast (301); the focus is the actor."""
        user = bare(self._focus.member(room, nick).jid)
        self._order(room, muc_orders.affiliate(user, affiliation))

    def destroy(self, room: str, reason: str | None, alternate: str | None) -> None:
        """End a room."""
        self._order(room, muc_orders.destroy(reason, alternate))

    def set_password(self, room: str, password: str | None) -> None:
        """From now on who comes in needs a password, a focus that comes back as well."""
        self._order(room, muc_orders.protect(password))

    def set_members_only(self, room: str, members_only: bool, members: Collection[str]) -> None:
        """Admit members only; who is none is thrown out (322)."""
        for user in members:
            self._order(room, muc_orders.affiliate(user, "member"))
        self._order(room, muc_orders.admit_members_only(members_only))

    def _order(self, room: str, payload: Element) -> None:
        if room not in self._focus.conferences:
            raise KeyError(room)
        now = self._clock()
        self.pending += 1
        self._focus.ask(room, payload, now, self._answered)
        self._flush(now)

    def _answered(self, answer: Element | None, _: float) -> None:
        self.pending -= 1
        if answer is None:
            self._step(NICK, "is not answered by the room")
        elif answer.get("type") == "error":
            self._step(NICK, f"is refused: {StanzaError.parse(answer)}")
