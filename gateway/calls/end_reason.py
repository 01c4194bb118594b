"""Why a call ended: one list for SIP, logs, records and metrics."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.conference.events import LeaveCause
from gateway.errors import ConferenceError, JoinFailure
from gateway.sip.reason import Reason
from gateway.sip.responses import HeaderFields


class EndReason(Enum):
    """Each with the SIP status it has: the final response before an answer, or the cause in the
    Reason header of a BYE after it (RFC 3326)."""

    CALLER_HUNG_UP = ("caller-hung-up", 200)
    CALLER_CANCELLED = ("caller-cancelled", 487)
    NO_ACK = ("no-ack", 408)
    SESSION_EXPIRED = ("session-expired", 408)
    BUSY = ("busy", 486)
    DECLINED = ("declined", 603)
    NO_ANSWER = ("no-answer", 480)
    NOT_CONFIRMED = ("not-confirmed", 480)
    NO_SUCH_NUMBER = ("no-such-number", 404)
    CALL_FAILED = ("call-failed", 502)
    BAD_DESCRIPTION = ("bad-description", 400)
    NO_COMMON_CODEC = ("no-common-codec", 488)
    NO_COMMON_ENCRYPTION = ("no-common-encryption", 488)
    NO_SUCH_ROOM = ("no-such-room", 404)
    PASSWORD_WRONG = ("password-wrong", 403)
    PIN_WRONG = ("pin-wrong", 403)
    NO_PIN = ("no-pin", 408)
    LOBBY = ("lobby", 480)
    LOBBY_DENIED = ("lobby-denied", 403)
    WAITING_FOR_HOST = ("waiting-for-host", 480)
    NOT_ALLOWED = ("not-allowed", 403)
    BANNED = ("banned", 403)
    ROOM_FULL = ("room-full", 486)
    CONFERENCE_UNAVAILABLE = ("conference-unavailable", 503)
    CONFERENCE_TIMEOUT = ("conference-timeout", 504)
    CONFERENCE_BROKEN = ("conference-broken", 502)
    NO_PORT = ("no-port", 503)
    NO_RTP = ("no-rtp", 408)
    NO_HEARTBEAT = ("no-heartbeat", 408)
    MEDIA_FAILED = ("media-failed", 503)
    MEDIA_LOST = ("media-lost", 503)
    KICKED = ("kicked", 403)
    LEFT = ("left-by-key", 200)
    HUNG_UP = ("hung-up-by-the-conference", 200)
    MEETING_ENDED = ("meeting-ended", 200)
    MEMBERS_ONLY = ("members-only", 403)
    CONFERENCE_LOST = ("conference-lost", 503)
    ALONE = ("alone", 480)
    ONLY_PHONES = ("only-phones", 480)
    TOO_LONG = ("too-long", 408)
    SHUTDOWN = ("shutdown", 503)
    INTERNAL_ERROR = ("internal-error", 500)

    def __init__(self, label: str, status: int) -> None:
        self.label = label
        self.status = status


_WARNINGS = {
    EndReason.NO_COMMON_CODEC: '305 sip-gateway "Incompatible media format"',
    EndReason.NO_COMMON_ENCRYPTION: '302 sip-gateway "Incompatible transport protocol"',
}


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended; `text` is for the operator and may name what callers should not see."""

    reason: EndReason
    text: str

    @property
    def sip_reason(self) -> Reason:
        """The Reason header of the refusal or of the BYE."""
        return Reason("SIP", self.reason.status, self.reason.label.replace("-", " "))

    @property
    def refusal(self) -> int:
        """The status of who is not let in: what is no failure after an answer is one before."""
        return self.reason.status if self.reason.status >= 300 else 480

    @property
    def warnings(self) -> HeaderFields:
        """What the refusal of an offer has to say besides (RFC 3261 13.3.1.3): phones show it."""
        warning = _WARNINGS.get(self.reason)
        return (("Warning", warning),) if warning is not None else ()


class Over(Exception):
    """Raised anywhere in a call: it is over, and everything that runs for it ends."""

    def __init__(self, end: CallEnd) -> None:
        super().__init__(end.text)
        self.end = end


def first_over(group: BaseExceptionGroup[Any]) -> CallEnd:
    """The end that was raised first, of a group of nothing but `Over`."""
    first = group.exceptions[0]
    return first.end if isinstance(first, Over) else first_over(first)


BY_THE_PHONE = frozenset(
    {
        EndReason.CALLER_HUNG_UP,
        EndReason.CALLER_CANCELLED,
        EndReason.NO_ACK,
        EndReason.SESSION_EXPIRED,
    }
)
"""The phone need not be told of these: it has brought them about, or does not hear us any more."""

_JOIN_FAILURES = {
    JoinFailure.NOT_FOUND: EndReason.NO_SUCH_ROOM,
    JoinFailure.PASSWORD: EndReason.PASSWORD_WRONG,
    JoinFailure.LOBBY: EndReason.LOBBY,
    JoinFailure.LOBBY_DENIED: EndReason.LOBBY_DENIED,
    JoinFailure.MEETING_ENDED: EndReason.MEETING_ENDED,
    JoinFailure.WAITING_FOR_HOST: EndReason.WAITING_FOR_HOST,
    JoinFailure.AUTHENTICATION: EndReason.NOT_ALLOWED,
    JoinFailure.BANNED: EndReason.BANNED,
    JoinFailure.FULL: EndReason.ROOM_FULL,
    JoinFailure.ONLY_VISITORS: EndReason.ROOM_FULL,
    JoinFailure.NO_VISITORS: EndReason.CONFERENCE_UNAVAILABLE,
    JoinFailure.REFUSED: EndReason.NOT_ALLOWED,
    JoinFailure.FOCUS_UNAVAILABLE: EndReason.CONFERENCE_UNAVAILABLE,
    JoinFailure.UNREACHABLE: EndReason.CONFERENCE_UNAVAILABLE,
    JoinFailure.TIMEOUT: EndReason.CONFERENCE_TIMEOUT,
    JoinFailure.PROTOCOL: EndReason.CONFERENCE_BROKEN,
}
_LEAVE_CAUSES = {
    LeaveCause.KICKED: EndReason.KICKED,
    LeaveCause.HUNG_UP: EndReason.HUNG_UP,
    LeaveCause.BANNED: EndReason.BANNED,
    LeaveCause.MEETING_ENDED: EndReason.MEETING_ENDED,
    LeaveCause.MEMBERS_ONLY: EndReason.MEMBERS_ONLY,
    LeaveCause.LOBBY_DENIED: EndReason.LOBBY_DENIED,
    LeaveCause.MEDIA_FAILED: EndReason.MEDIA_FAILED,
    LeaveCause.FOCUS_LOST: EndReason.CONFERENCE_LOST,
    LeaveCause.CONNECTION_LOST: EndReason.CONFERENCE_LOST,
}


def of_join_failure(error: ConferenceError) -> CallEnd:
    """What a conference that could not be joined means for the caller."""
    return CallEnd(_JOIN_FAILURES[error.cause], error.text)


def of_leaving(cause: LeaveCause, text: str) -> CallEnd:
    """What the end of the participant means for the caller."""
    return CallEnd(_LEAVE_CAUSES[cause], text or cause.value)
