"""What a stack tells the layer above it. Every event names the session it is about."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import parse_name_addr
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.reason import Reason, read_reasons

if TYPE_CHECKING:
    from gateway.sip.referral import ReferTo
    from gateway.sip.session import Session


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A new call; 100 has been sent. `offer` is its SDP, None if we are to make the offer.

    It is to take the place of the session that it `replaces` (RFC 3891).
    """

    session: "Session"
    request: Request
    offer: bytes | None
    replaces: "Session | None" = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before an answer, or the time for one that its INVITE states has passed.

    487 has been sent. The call is over.
    """

    session: "Session"
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ACK of our 200 came; `answer` is its SDP if we made the offer."""

    session: "Session"
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class AckMissing:
    """No ACK came for our 200 in 64*T1, and BYE has been sent; or no PRACK before it, and 504.

    The call is over.
    """

    session: "Session"


@dataclass(frozen=True, slots=True)
class Provisional:
    """A response 101 to 199 to our INVITE, as often as the peer sends it.

    `sdp` answers our offer, for early media. Of each branch of a forked INVITE only the first that
    comes has it: it holds until the 200 (13.2.1). The branch that speaks last is to be heard.
    """

    session: "Session"
    status: int
    phrase: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE was accepted.

    With an offer of ours in the INVITE the ACK has been sent and `sdp` is the answer; otherwise
    `sdp` is the offer and `Session.acknowledge` has to follow. No answer: the one that has come
    before, in a provisional response, holds.
    """

    session: "Session"
    response: Response
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Our INVITE was refused, timed out (408), could not be sent (503) or was cancelled (487).

    A 401 or 407 means that we have no credentials for who asks, or that they were not accepted.
    """

    session: "Session"
    status: int
    phrase: str
    response: Response | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What the peer says about it in Reason headers."""
        return read_reasons(self.response.headers) if self.response is not None else ()

    @property
    def retry_after(self) -> int | None:
        """Seconds after which a new attempt may succeed, if the peer says so (20.33)."""
        return self.response.headers.retry_after if self.response is not None else None

    @property
    def contacts(self) -> tuple[str, ...]:
        """The URIs that a 3xx names instead of the one called, the preferred first (8.1.3.4)."""
        if self.response is None or not 300 <= self.status < 400:
            return ()
        return _contacts(self.response)


@dataclass(frozen=True, slots=True)
class Reoffered:
    """The peer wants to change the session: hold, resume, a new address.

    After an INVITE `Session.accept` or `reject` has to follow; after an UPDATE or a PRACK those of
    `Session.updates`. `offer` is None if we are to make the offer; the answer is then in the
    `Acknowledged` that follows.
    """

    session: "Session"
    request: Request
    offer: bytes | None


@dataclass(frozen=True, slots=True)
class PartyStated:
    """A request within the call has headers by which a network says who is at the other end.

    Somebody else may be there now than before: of whom, these say (RFC 3325).
    """

    session: "Session"
    headers: Headers


@dataclass(frozen=True, slots=True)
class Referred:
    """The peer wants its call to go to `target` (RFC 3515).

    `Session.referrals.accept` or `reject` has to follow, and then `report`.
    """

    session: "Session"
    target: "ReferTo"


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """An INFO of one of the media types configured; 200 has been sent."""

    session: "Session"
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A MESSAGE within the call; 200 has been sent."""

    session: "Session"
    text: str


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The peer has answered our last description outside of INVITE, 200 and ACK.

    In the PRACK of a provisional response (RFC 3262 5), or anew when we refresh (RFC 4028 7.4).
    """

    session: "Session"
    answer: bytes


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """Nobody refreshed the session (RFC 4028 10); BYE has been sent. The call is over."""

    session: "Session"


@dataclass(frozen=True, slots=True)
class HungUp:
    """The peer ended the call with BYE, or its signalling is gone (no reasons then)."""

    session: "Session"
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of every session, however it ended; there is nothing left of it."""

    session: "Session"


Event = (
    InviteReceived
    | Cancelled
    | Acknowledged
    | AckMissing
    | Provisional
    | Answered
    | Failed
    | Reoffered
    | PartyStated
    | Referred
    | InfoReceived
    | MessageReceived
    | OfferAnswered
    | SessionExpired
    | HungUp
    | Ended
)

_MAX_CONTACTS = 16


def _contacts(response: Response) -> tuple[str, ...]:
    found = []
    for value in response.headers.values("Contact")[:_MAX_CONTACTS]:
        try:
            contact = parse_name_addr(value)
        except SipSyntaxError:
            continue
        found.append((_preference(contact.parameters.get("q")), contact.uri))
    return tuple(uri for _, uri in sorted(found, key=lambda each: -each[0]))


def _preference(q: str | None) -> float:
    return float(q) if q is not None and re.fullmatch(r"[01](\.[0-9]{0,3})?", q) else 1.0
