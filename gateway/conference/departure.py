"""Why a stay in the room ends, and whether to come back."""

from dataclasses import dataclass

from gateway.conference.component_orders import Demoted
from gateway.conference.events import LeaveCause
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp import namespaces as ns
from gateway.xmpp.jid import bare
from gateway.xmpp.presence import OccupantPresence, PresenceRefused
from gateway.xmpp.stanza import StanzaError
from gateway.xmpp.visitors import Promotion

PASSING = (JoinFailure.UNREACHABLE, JoinFailure.TIMEOUT, JoinFailure.FOCUS_UNAVAILABLE)
"""Why somebody does not get in who may try again."""
PASSING_FOR_WHO_WAS_IN = (*PASSING, JoinFailure.FULL)
"""The same for who has been in: until the server has noticed that we are gone, we fill the room."""

TERMINATED = "The meeting has been terminated"
"""The reason of a room that is destroyed because a moderator has ended the meeting for all."""

_ENDINGS = {
    JoinFailure.LOBBY_DENIED: LeaveCause.LOBBY_DENIED,
    JoinFailure.MEETING_ENDED: LeaveCause.MEETING_ENDED,
}


@dataclass(frozen=True, slots=True)
class Departure:
    """The end of a stay. With `rejoin` it is worth trying again; `moved_to` is where to go now.

    Who was `told_to` come again as something else is a participant like others from now on, or a
    visitor. If it `failed`, nobody wanted it, and the bridge may know nothing of it.
    """

    cause: LeaveCause
    text: str
    actor: str | None = None
    rejoin: bool = False
    moved_to: str | None = None
    told_to: Promotion | Demoted | None = None
    failed: bool = False


class Departed(Exception):
    """Ends a stay, and everything that runs in it."""

    def __init__(self, departure: Departure) -> None:
        super().__init__(departure.text)
        self.departure = departure

    @classmethod
    def without_media(cls, text: str, *, rejoin: bool) -> "Departed":
        """There is no audio, and no way to have it in this stay."""
        return cls(Departure(LeaveCause.MEDIA_FAILED, text, rejoin=rejoin))


def first_departure(group: ExceptionGroup[Departed]) -> Departure:
    """What ended a stay, if several things did at a time."""
    first = group.exceptions[0]
    return first.departure if isinstance(first, Departed) else first_departure(first)


def removed(presence: OccupantPresence, actor: str | None) -> Departure:
    """What our own unavailable presence means (XEP-0045 section 17.4 has the codes)."""
    text = presence.reason or ""
    if presence.destroyed is not None:
        gone = presence.destroyed
        # A breakout room that ends with the meeting sends to the main room, which is gone as well.
        to = gone.alternate if gone.reason != TERMINATED else None
        return Departure(LeaveCause.MEETING_ENDED, gone.reason or "", moved_to=to)
    statuses = presence.statuses
    # A kick (307) for a technical reason carries 333 as well: nobody wanted us out.
    if statuses & {332, 333}:
        text = text or "server failure"
        return Departure(LeaveCause.CONNECTION_LOST, text, rejoin=True, failed=True)
    if 301 in statuses:
        return Departure(LeaveCause.BANNED, text, actor)
    if 307 in statuses:
        return Departure(LeaveCause.KICKED, text, actor)
    if statuses & {321, 322}:
        return Departure(LeaveCause.MEMBERS_ONLY, text, actor, rejoin=True)  # by the lobby
    return Departure(LeaveCause.CONNECTION_LOST, text or "removed from the room", rejoin=True)


def told_to(order: Promotion | Demoted) -> Departure:
    """A visitor may come to the main room, or a participant is to be a visitor."""
    text = "promoted" if isinstance(order, Promotion) else "made a visitor"
    return Departure(LeaveCause.CONNECTION_LOST, text, told_to=order)


def focus_lost(text: str, *, rejoin: bool) -> Departure:
    """The focus has left the room, and is not to be called back from here."""
    return Departure(LeaveCause.FOCUS_LOST, text, rejoin=rejoin)


def not_let_in(departure: Departure, error: ConferenceError) -> Departure:
    """What becomes of a departure after which we did not get in again."""
    cause = _ENDINGS.get(error.cause, departure.cause)
    return Departure(cause, str(error), rejoin=error.cause in PASSING)


def is_room_missing(error: StanzaError) -> bool:
    """Whether the room cannot be joined because the focus is not in it yet (or no longer)."""
    is_told = error.has(ns.JITSI_MEET, "room-does-not-exist")  # by modules that ask for a token
    restricted = is_told or "creation is restricted" in error.text.lower()
    return error.condition == "not-allowed" and restricted


def raise_if_lost(refused: PresenceRefused, room: str) -> None:
    """Departed if the room, by its answer to a later presence of ours, knows nothing of us."""
    error = refused.error
    is_lost = error.condition == "item-not-found" or is_room_missing(error)
    if is_lost and bare(refused.occupant) == room:
        raise Departed(Departure(LeaveCause.CONNECTION_LOST, str(error), rejoin=True))


_REFUSALS = {
    "not-authorized": JoinFailure.PASSWORD,
    "registration-required": JoinFailure.LOBBY,
    "forbidden": JoinFailure.BANNED,
    "service-unavailable": JoinFailure.FULL,
    "resource-constraint": JoinFailure.FULL,
    "jid-malformed": JoinFailure.NOT_FOUND,
    "item-not-found": JoinFailure.NOT_FOUND,
    "remote-server-not-found": JoinFailure.NOT_FOUND,
    "conflict": JoinFailure.UNREACHABLE,  # our nick is another's: the next login has another nick
}


def refused(error: StanzaError) -> ConferenceError:
    """Why the room did not let us in, from the error of our joining presence."""
    cause = _REFUSALS.get(error.condition, JoinFailure.REFUSED)
    if error.has(ns.JITSI_MEET, "waiting-for-host"):
        cause = JoinFailure.WAITING_FOR_HOST
    elif error.has(ns.JITSI_MEET, "room-does-not-exist"):
        cause = JoinFailure.NOT_FOUND
    elif error.has(ns.VISITORS, "promotion-not-allowed"):
        cause = JoinFailure.ONLY_VISITORS
    elif error.has(ns.VISITORS, "no-visitors-lobby"):
        cause = JoinFailure.NO_VISITORS
    elif error.has(ns.VISITORS, "no-main-participants") or error.has(ns.VISITORS, "not-live-room"):
        cause = JoinFailure.WAITING_FOR_HOST
    elif error.has(ns.JITSI_MEET, "authentication-required") or "token" in error.text.lower():
        cause = JoinFailure.AUTHENTICATION
    elif error.condition == "not-allowed" and error.text.startswith("Invalid "):
        cause = JoinFailure.PROTOCOL  # a nick that the server's modules do not like
    return ConferenceError(cause, str(error))
