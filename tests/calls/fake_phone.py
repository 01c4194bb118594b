"""Phones for whole calls in virtual time: real calls (`gateway.sip.call`) over a fake session.

What a `Call` promises (who waits for an ACK is told when the caller hangs up) holds here as well;
only messages, transactions and retransmissions are not there.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.sip import events as sip
from gateway.sip.call import Call
from gateway.sip.client_request import Outcome
from gateway.sip.digest import Credentials
from gateway.sip.flow import Flow
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.reason import Reason
from gateway.sip.responses import HeaderFields

FLOW = Flow("udp", ("10.0.0.1", 5060), ("192.0.2.9", 5060))
DESCRIPTION = (
    b"v=0\r\no=- 0 0 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
_INVITE = (
    "INVITE sip:%s@gateway.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n"
    "From: <sip:erika@192.0.2.9>;tag=1\r\nTo: <sip:%s@gateway.test>\r\nCall-ID: %s\r\n"
    "CSeq: 1 INVITE\r\nJitsi-Conference-Room: %s\r\n%sContent-Length: 0\r\n\r\n"
)
_OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\n"
    b"From: <sip:4399@192.0.2.9>;tag=1\r\nTo: <sip:+431@192.0.2.9>;tag=2\r\nCall-ID: c\r\n"
    b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
ACKNOWLEDGED_AFTER = 0.05  # seconds


@dataclass
class _Updates:
    """The UPDATEs of a session (`gateway.sip.server_update.ServerUpdate`)."""

    phone: "FakePhone"
    is_pending: bool = False

    def accept(self, sdp: bytes, now: float) -> None:
        self.phone.done.append("200 to UPDATE")
        self.is_pending = False


@dataclass
class _Referrals:
    """The REFERs of a session (`gateway.sip.referral.ServerReferral`)."""

    phone: "FakePhone"
    is_open: bool = False  # somebody is to be told the result

    def accept(self, now: float) -> None:
        self.phone.done.append("202")
        self.is_open = True
        self.report(100, now)

    def reject(self, status: int, now: float) -> None:
        self.phone.done.append(str(status))

    def report(self, status: int, now: float) -> None:
        if self.is_open:
            self.phone.done.append(f"sipfrag {status}")
            self.is_open = status < 200


@dataclass
class _Session:
    """The session below a call (`gateway.sip.session.Session`), and what it was told to do."""

    phone: "FakePhone"
    is_pending: bool = True

    def identify(self, credentials: Credentials) -> None:
        self.phone.knows = credentials

    def __post_init__(self) -> None:
        self.updates = _Updates(self.phone)
        self.referrals = _Referrals(self.phone)

    def progress(self, status: int, *, sdp: bytes | None = None, now: float, **_: object) -> None:
        self.phone.done.append(f"{status} with SDP" if sdp is not None else str(status))

    def accept(self, sdp: bytes, *, headers: HeaderFields, now: float) -> None:
        self.phone.done.append("200")
        self.phone.is_answered = True
        self.is_pending = False
        self.phone.acknowledges()

    def reject(
        self, status: int, phrase: str | None = None, *, headers: HeaderFields = (), **_: object
    ) -> None:
        self.phone.done.append(str(status))
        self.phone.warned += [value for name, value in headers if name == "Warning"]
        self.is_pending = False

    def hang_up(self, reasons: tuple[Reason, ...], now: float) -> None:
        if not self.phone.call.is_over:
            self.phone.done.append(" ".join(["BYE", *(str(each.cause) for each in reasons)]))

    def request(
        self,
        method: str,
        headers: HeaderFields,
        body: bytes,
        *,
        told: Callable[[Outcome, float], None],
        now: float,
    ) -> None:
        self.phone.said.append(body.decode())
        if self.phone.answers_messages:
            later = asyncio.get_running_loop().call_later
            later(0.02, told, Outcome(200, "OK", None), now)


@dataclass
class FakePhone:
    """A phone that calls `called` for `room`, or is called.

    `done` is what becomes of its call, `said` what it is sent within it. `acks` is whether it
    acknowledges an answer, `is_called` whether we call it. `headers` are more lines of its
    INVITE; it may take the place of the phone that it `replaces`.
    """

    called: str
    room: str = "room"
    number: int = 0
    offer: bytes | None = DESCRIPTION
    acks: bool = True
    is_called: bool = False
    headers: str = ""
    replaces: "FakePhone | None" = None
    answer: bytes | None = None  # in its ACK
    done: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)  # with what it is refused
    said: list[str] = field(default_factory=list)
    is_answered: bool = False
    answers_messages: bool = True
    knows: Credentials | None = None  # who we are, if it asks

    def __post_init__(self) -> None:
        identity = f"call-{self.number}"
        if self.replaces is not None:
            self.headers += "Replaces: a-dialog\r\n"
        text = _INVITE % (self.called, self.called, identity, self.room, self.headers)
        request = parse_message(text.encode())
        assert isinstance(request, Request)
        self._session = _Session(self)
        clock = asyncio.get_running_loop().time
        self.call = Call(
            self._session,  # type: ignore[arg-type]
            request,
            FLOW,
            self.offer,
            lambda order: order(clock()),
            self.replaces.call if self.replaces is not None else None,
        )

    # What it does

    def acknowledges(self) -> None:
        """Its ACK, or that there is none in time."""
        event: sip.Event = sip.Acknowledged(self._session, self.answer)  # type: ignore[arg-type]
        after = ACKNOWLEDGED_AFTER
        if not self.acks:
            event, after = sip.AckMissing(self._session), 32.0  # type: ignore[arg-type]
        asyncio.get_running_loop().call_later(after, self._tells, event)

    def goes(self) -> None:
        """It hangs up, or gives up; one that is called does not answer."""
        if self.is_answered:
            self._tells(sip.HungUp(self._session, ()))  # type: ignore[arg-type]
        elif self.is_called:
            self.fails(480)
        else:
            self._session.is_pending = False
            self._tells(sip.Cancelled(self._session, ()))  # type: ignore[arg-type]

    def offers(self, direction: str) -> None:
        """It makes another offer: `sendonly` holds, `sendrecv` resumes."""
        if self.is_answered and not self.call.is_over:
            self.describes(DESCRIPTION + f"a={direction}\r\n".encode())

    def describes(self, offer: bytes, *, by_update: bool = False) -> None:
        """It makes an offer, by a re-INVITE or by an UPDATE."""
        pending = self._session.updates if by_update else self._session
        pending.is_pending = True
        self.tells(sip.Reoffered, self.call.request, offer)

    def says(self, text: str) -> None:
        """It sends a MESSAGE."""
        self._tells(sip.MessageReceived(self._session, text))  # type: ignore[arg-type]

    def tells(self, kind: Callable[..., sip.Event], *what: object) -> None:
        """An event of its session."""
        self._tells(kind(self._session, *what))

    # What it does when it is called

    def rings(self) -> None:
        self._tells(sip.Provisional(self._session, 180, "Ringing", None))  # type: ignore[arg-type]

    def answers(self, headers: str = "") -> None:
        """`headers` are more lines of its 200."""
        length = b"Content-Length"
        response = parse_message(_OK.replace(length, headers.encode() + length))
        assert isinstance(response, Response)
        self.is_answered = True
        self._tells(
            sip.Answered(self._session, response, DESCRIPTION)  # type: ignore[arg-type]
        )

    def fails(self, status: int) -> None:
        response = parse_message(_OK.replace(b"200 OK", f"{status} No".encode()))
        assert isinstance(response, Response)
        self._tells(sip.Failed(self._session, status, "No", response))  # type: ignore[arg-type]

    def _tells(self, event: sip.Event) -> None:
        if not self.call.is_over:
            self.call.receive(event)
