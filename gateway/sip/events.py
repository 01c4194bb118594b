"""What a stack tells the layer above it. Every event names the session it is about."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sip.message import Request, Response
from gateway.sip.reason import Reason

if TYPE_CHECKING:
    from gateway.sip.session import Session


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A new call; 100 has been sent. `offer` is its SDP, None if we are to make the offer."""

    session: "Session"
    request: Request
    offer: bytes | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before an answer; 487 has been sent. The call is over."""

    session: "Session"
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ACK of our 200 came; `answer` is its SDP if we made the offer."""

    session: "Session"
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class AckMissing:
    """No ACK came for our 200 in 64*T1; BYE has been sent. The call is over."""

    session: "Session"


@dataclass(frozen=True, slots=True)
class Provisional:
    """A response 101 to 199 to our INVITE; `sdp` is early media if it has any."""

    session: "Session"
    status: int
    phrase: str
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE was accepted.

    With an offer of ours in the INVITE the ACK has been sent and `sdp` is the answer; otherwise
    `sdp` is the offer and `Session.acknowledge` has to follow.
    """

    session: "Session"
    response: Response
    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Our INVITE was refused, timed out (408), could not be sent (503) or was cancelled (487)."""

    session: "Session"
    status: int
    phrase: str
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Reoffered:
    """The peer wants to change the session: hold, resume, a new address.

    `Session.accept` or `Session.reject` has to follow. `offer` is None if we are to make the
    offer; the answer is then in the `Acknowledged` that follows.
    """

    session: "Session"
    request: Request
    offer: bytes | None


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """An INFO of one of the media types configured; 200 has been sent."""

    session: "Session"
    media_type: str
    body: bytes


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
    | InfoReceived
    | HungUp
    | Ended
)
