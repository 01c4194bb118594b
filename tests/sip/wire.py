"""What the tests of the SIP stack share: messages as bytes, and a stack whose clock is a number."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sipmessage import URI, Address

from gateway.sip.admission import Admit, Hears, Refusal, Register, Verdict
from gateway.sip.core import StackConfig
from gateway.sip.digest import Credentials
from gateway.sip.events import Event
from gateway.sip.flow import Flow, HostPort, Transmission
from gateway.sip.locate import Destination
from gateway.sip.message import Message, Request, Response, parse_message
from gateway.sip.session import Session
from gateway.sip.stack import SipStack

GATEWAY = ("192.0.2.1", 5060)
PEER = ("192.0.2.10", 5062)
UDP = Flow("udp", GATEWAY, PEER)
TCP = Flow("tcp", GATEWAY, PEER, 7)
TLS = Flow("tls", ("192.0.2.1", 5061), PEER, 8)

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"

T1, T2, T4 = 0.5, 4.0, 5.0
SIXTY_FOUR_T1 = 64 * T1

Fields = Iterable[tuple[str, str]]


class FakeNetwork:
    """One listener for each transport and family, all reached by what they are bound to."""

    def flow_to(self, transport: str, remote: HostPort) -> Flow | None:
        if transport not in ("udp", "tcp", "tls"):
            return None
        return Flow(transport, ("2001:db8::1", 5060) if ":" in remote[0] else GATEWAY, remote)

    def __init__(self) -> None:
        self.names: dict[Destination, tuple[Flow, ...]] = {}
        self.avoided: dict[Flow, float] = {}

    def flows_to(self, destination: Destination) -> tuple[Flow, ...]:
        return self.names.get(destination, ())

    def avoid(self, flow: Flow, seconds: float) -> None:
        self.avoided[flow] = seconds

    def is_avoided(self, flow: Flow) -> bool:
        return flow in self.avoided

    def advertised(self, flow: Flow) -> HostPort:
        return flow.listener


def request(
    method: str = "INVITE",
    *,
    uri: str = "sip:room@192.0.2.1",
    branch: str = "z9hG4bK-1",
    via: str | None = None,
    call_id: str = "call-1",
    cseq: int = 1,
    from_tag: str = "peer",
    to_tag: str = "",
    contact: str | None = "<sip:alice@192.0.2.10:5062>",
    fields: Fields = (),
    body: bytes = b"",
) -> bytes:
    """A request of the peer on the wire; an INVITE is a first one without an offer."""
    if via is None:
        via = f"SIP/2.0/UDP 192.0.2.10:5062;branch={branch}"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        f"From: Alice <sip:alice@example.com>;tag={from_tag}",
        "To: <sip:room@example.com>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
    ]
    if contact is not None and method in ("INVITE", "OPTIONS"):
        lines.append(f"Contact: {contact}")
    if body and not any(name == "Content-Type" for name, _ in fields):
        lines.append("Content-Type: application/sdp")
    lines += [f"{name}: {value}" for name, value in fields]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def response(
    to: Request,
    status: int,
    phrase: str = "Whatever",
    *,
    to_tag: str = "peer",
    contact: str | None = "<sip:bob@192.0.2.10:5062>",
    fields: Fields = (),
    body: bytes = b"",
) -> bytes:
    """The peer's response to a request of ours, on the wire."""
    lines = [f"SIP/2.0 {status} {phrase}"]
    lines += [f"Via: {via}" for via in to.headers.getlist("Via")]
    lines.append(f"From: {to.headers['From']}")
    has_tag = bool(to.headers.to.tag) or status == 100
    lines.append(f"To: {to.headers['To']}" + ("" if has_tag else f";tag={to_tag}"))
    lines += [f"Call-ID: {to.headers.call_id}", f"CSeq: {to.headers['CSeq']}"]
    if contact is not None and to.method == "INVITE":
        lines.append(f"Contact: {contact}")
    if body:
        lines.append("Content-Type: application/sdp")
    lines += [f"{name}: {value}" for name, value in fields]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Sent:
    """One message that a stack sent, and when."""

    at: float
    transmission: Transmission

    @cached_property
    def message(self) -> Message:
        return parse_message(self.transmission.data)


def accept_everybody(flow: Flow, asked: Request) -> Verdict | Refusal:
    return Verdict.ACCEPT


class Bench:
    """A stack, its time, and what it has sent and told since somebody looked."""

    def __init__(
        self,
        config: StackConfig | None = None,
        admit: Admit = accept_everybody,
        register: Register | None = None,
        hears: Hears = lambda flow, method: True,
    ) -> None:
        self.network = FakeNetwork()
        self.stack = SipStack(config or StackConfig(), self.network, admit, register, hears)
        self.now = 1000.0
        self.sent: list[Sent] = []
        self.told: list[Event] = []

    def receive(self, data: bytes, flow: Flow = UDP) -> None:
        self.stack.receive(data, flow, self.now)
        self._drain()

    def order(self, action: Callable[[float], None]) -> None:
        action(self.now)
        self._drain()

    def advance(self, seconds: float) -> None:
        """Let time pass; each timer fires when it is due."""
        end = self.now + seconds
        while (due := self.stack.next_timer()) is not None and due <= end:
            self.now = max(self.now, due)
            self.stack.handle_timer(self.now)
            self._drain()
        self.now = end

    def take(self) -> list[Sent]:
        """What was sent since the last look."""
        sent, self.sent = self.sent, []
        return sent

    def forget(self) -> None:
        """Pass over what was sent and told so far."""
        self.take()
        self.events()

    def messages(self) -> list[Message]:
        return [sent.message for sent in self.take()]

    def statuses(self) -> list[int | str]:
        """What was sent since the last look, each as its status or method."""
        return [
            message.status if isinstance(message, Response) else message.method
            for message in self.messages()
        ]

    def the_response(self) -> Response:
        """The only message sent since the last look."""
        (message,) = self.messages()
        assert isinstance(message, Response)
        return message

    def the_request(self) -> Request:
        (message,) = self.messages()
        assert isinstance(message, Request)
        return message

    def events(self) -> list[Event]:
        told, self.told = self.told, []
        return told

    def event_names(self) -> list[str]:
        return [type(event).__name__ for event in self.events()]

    def remains(self) -> list[str]:
        """Whatever the stack still holds; empty when everything is over."""
        core = self.stack._core
        held = {
            "sessions": len(core.sessions),
            "dialogs": len(core.sessions._by_dialog) + len(core.sessions._by_peer),
            "transactions": self.stack.transaction_count,
            "requests in progress": len(core.transactions._in_progress),
            "Call-IDs": len(core.call_ids._uses),
            "timers": int(self.stack.next_timer() is not None),
            "unsent": len(self.stack.messages_to_send()),
            "events": len(self.stack.events()),
        }
        return [f"{count} {what}" for what, count in held.items() if count]

    # --- the beginnings of most tests ---------------------------------------------------------

    def invited(self, *, body: bytes = OFFER, flow: Flow = UDP, **kwargs: object) -> Session:
        """The peer calls; returns the session, its 100 and event taken."""
        self.receive(request(body=body, **kwargs), flow)  # type: ignore[arg-type]
        assert self.statuses() == [100]
        (event,) = self.events()
        return event.session

    def accepted(self, *, flow: Flow = UDP, **kwargs: object) -> tuple[Session, str]:
        """The peer calls and is answered; returns the session and our tag."""
        session = self.invited(flow=flow, **kwargs)  # type: ignore[arg-type]
        self.order(lambda now: session.accept(ANSWER, now=now))
        return session, self.the_response().headers.to.tag

    def confirmed(self, *, flow: Flow = UDP, **kwargs: object) -> tuple[Session, str]:
        """The peer calls, is answered and acknowledges."""
        session, tag = self.accepted(flow=flow, **kwargs)
        self.receive(request("ACK", branch="z9hG4bK-ack", to_tag=tag), flow)
        assert self.event_names() == ["Acknowledged"]
        assert self.take() == []
        return session, tag

    def inviting(
        self,
        sdp: bytes | None = OFFER,
        *,
        flow: Flow = UDP,
        target: str | None = None,
        headers: Fields = (),
        credentials: Credentials | None = None,
        alternatives: Sequence[Flow] = (),
    ) -> tuple[Session, Request]:
        """We call the peer; returns the session and the INVITE as sent."""
        sessions: list[Session] = []

        def invite(now: float) -> None:
            session, _ = self.stack.invite(
                target or "sip:bob@192.0.2.10:5062",
                flow,
                from_=Address(URI("sip", "192.0.2.1", user="gateway"), name="Room"),
                sdp=sdp,
                headers=tuple(headers),
                credentials=credentials,
                alternatives=alternatives,
                now=now,
            )
            sessions.append(session)

        self.order(invite)
        return sessions[0], self.the_request()

    def _drain(self) -> None:
        self.sent += [Sent(self.now, message) for message in self.stack.messages_to_send()]
        self.told += self.stack.events()
