"""What the sessions of a stack share: configuration, timers, transactions, sessions by dialog.

It also writes what every message of ours has in common: Contact, Server or User-Agent, To tag.
"""

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sipmessage import URI, Address, Parameters

from gateway.sip.bodies import SDP
from gateway.sip.call_ids import CallIds
from gateway.sip.counters import Counters
from gateway.sip.dialog import Dialog, DialogId
from gateway.sip.dtmf_info import DTMF, DTMF_RELAY
from gateway.sip.events import Event
from gateway.sip.failover import Sending
from gateway.sip.flow import Flow
from gateway.sip.header_values import format_host
from gateway.sip.message import Request, Response
from gateway.sip.network_port import Network
from gateway.sip.replaces import Replaces
from gateway.sip.responses import HeaderFields, respond_to
from gateway.sip.session_timer import Wanted
from gateway.sip.sips import wants_sips
from gateway.sip.timers import TimerQueue, Timers
from gateway.sip.transaction import Transaction, User
from gateway.sip.transaction_layer import TransactionLayer

if TYPE_CHECKING:
    from gateway.sip.session import Session


INFO_TYPES = frozenset({DTMF, DTMF_RELAY, "application/json"})
"""Digits, and what Jigasi and smart switches tell each other about a call."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """How a stack behaves.

    `user_agent` is the product name in Server and User-Agent. `info_types` are the media types
    of INFO bodies the layer above understands. `retry_after` is in seconds (503). Requests that
    would exceed `max_sessions` or `max_transactions` are answered 503 without state.
    `session_timer` is how long sessions last without a refresh.
    """

    user_agent: str = "sip-gateway"
    timers: Timers = field(default_factory=Timers)
    session_timer: Wanted = field(default_factory=Wanted)
    info_types: frozenset[str] = INFO_TYPES
    retry_after: int = 30
    max_sessions: int = 2000
    max_transactions: int = 20_000


class Core:
    """The common ground of the sessions of one stack."""

    def __init__(self, config: StackConfig, network: Network) -> None:
        self.config = config
        self.network = network
        self.counters = Counters()
        self.responses_sent: Counter[int] = Counter()  # by status, repetitions not counted
        self.queue = TimerQueue()
        self.call_ids = CallIds()
        self.transactions = TransactionLayer(
            config.timers, self.queue, self.counters, network, self.call_ids
        )
        self.sessions = Sessions(self.call_ids)
        self.events: list[Event] = []

    @property
    def timers(self) -> Timers:
        return self.config.timers

    def contact(self, flow: Flow, *, is_sips: bool = False) -> tuple[str, str]:
        """Our Contact on a flow: where requests within the dialog reach us (8.1.1.8).

        With `is_sips` only over TLS, whichever proxies are between (26.2.2).
        """
        return "Contact", str(Address(self.contact_uri(flow, is_sips=is_sips)))

    def contact_answering(self, request: Request, flow: Flow) -> tuple[str, str]:
        """Our Contact in what answers a request: one of `sips` where it is (12.1.1)."""
        return self.contact(flow, is_sips=flow.transport == "tls" and wants_sips(request))

    def contact_uri(self, flow: Flow, user: str | None = None, *, is_sips: bool = False) -> URI:
        """Where we are reached by who is at the other end of a flow."""
        host, port = self.network.advertised(flow)
        parameters = Parameters()
        if flow.is_reliable and not is_sips:
            parameters = Parameters(transport=flow.transport)
        scheme = "sips" if is_sips else "sip"
        return URI(
            scheme=scheme, user=user, host=format_host(host), port=port, parameters=parameters
        )

    def respond(
        self,
        transaction: Transaction,
        status: int,
        phrase: str | None = None,
        *,
        now: float,
        headers: HeaderFields = (),
        sdp: bytes | None = None,
    ) -> Response:
        """Answer the request of a server transaction; returns what was sent."""
        response = respond_to(
            transaction.request,
            status,
            phrase,
            to_tag=transaction.to_tag if status > 100 else "",
            headers=(*headers, ("Server", self.config.user_agent), *content_type(sdp)),
            body=sdp or b"",
        )
        self.responses_sent[status] += 1
        transaction.respond(response, now)
        return response

    def send_in_dialog(self, dialog: Dialog, request: Request, user: User, now: float) -> Sending:
        """Send a request within a dialog in a transaction of its own."""
        request.headers.add("User-Agent", self.config.user_agent)
        return Sending(self, request, dialog.ways(self.network), user, now)

    def address_in_dialog(self, dialog: Dialog, request: Request) -> tuple[Flow, tuple[str, int]]:
        """Give an ACK its Via and say where it goes: it has no transaction."""
        flow, fallback = dialog.next_hop(self.network)
        request.headers.add("User-Agent", self.config.user_agent)
        self.transactions.add_via(request, flow)
        return flow, fallback


def new_tag() -> str:
    """A tag with more than the 32 bits of randomness RFC 3261 19.3 asks for."""
    return secrets.token_hex(8)


def content_type(sdp: bytes | None) -> HeaderFields:
    """The header that goes with a session description, if there is one."""
    return (("Content-Type", SDP),) if sdp is not None else ()


class Sessions:
    """The sessions of a stack, by their dialogs, whose Call-IDs are among `call_ids`."""

    def __init__(self, call_ids: CallIds) -> None:
        self._call_ids = call_ids
        self._all: dict[Session, set[DialogId]] = {}
        self._by_dialog: dict[DialogId, Session] = {}
        # For peers that lose our tag: Call-ID and their own tag name a session nearly as well.
        self._by_peer: dict[tuple[str, str], Session] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator["Session"]:
        return iter(tuple(self._all))

    def add(self, session: "Session", dialog: Dialog | None = None) -> None:
        """Keep a session; again with each dialog it gets, early ones included."""
        dialogs = self._all.setdefault(session, set())
        if dialog is not None:
            identity = dialog.id
            if identity not in dialogs:
                self._call_ids.add(identity.call_id)
            dialogs.add(identity)
            self._by_dialog[identity] = session
            self._by_peer[identity.call_id, identity.remote_tag] = session

    def remove(self, session: "Session") -> None:
        for identity in self._all.pop(session, ()):
            self._call_ids.remove(identity.call_id)
            self._by_dialog.pop(identity, None)
            if self._by_peer.get((identity.call_id, identity.remote_tag)) is session:
                del self._by_peer[identity.call_id, identity.remote_tag]

    def find(self, request: Request) -> "Session | None":
        """The session of the dialog a request names (12.2.2)."""
        headers = request.headers
        return self._by_dialog.get(DialogId(headers.call_id, headers.to.tag, headers.from_.tag))

    def find_replaced(self, invite: Request) -> "Session | None":
        """The session of the dialog that an INVITE is to replace (RFC 3891 3); SipSyntaxError."""
        replaces = Replaces.parse(invite.headers)
        return self._by_dialog.get(replaces.dialog) if replaces is not None else None

    def find_by_peer(self, request: Request, flow: Flow) -> "Session | None":
        """The session a request without our tag can only mean, from the address it lives with."""
        session = self._by_peer.get((request.headers.call_id, request.headers.from_.tag))
        if session is None or session.dialog is None:
            return None
        return session if session.dialog.flow.remote[0] == flow.remote[0] else None
