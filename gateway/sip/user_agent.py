"""The user agent: a SIP stack with sockets, a clock and calls for coroutines.

It drives `SipStack` by its rule: after every input and every order, everything is drained.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog
from sipmessage import Address

from gateway.reloading import Reloading
from gateway.sip.admission import Admit, Hears, Register
from gateway.sip.call import Call
from gateway.sip.call_ids import find_call_id
from gateway.sip.client_request import Outcome
from gateway.sip.core import StackConfig
from gateway.sip.counters import Counters
from gateway.sip.digest import Credentials
from gateway.sip.events import Answered, Ended, Event, InviteReceived
from gateway.sip.flow import Flow, HostPort, Transmission
from gateway.sip.header_values import parse_uri
from gateway.sip.locate import Destination
from gateway.sip.message import Request
from gateway.sip.network import Listen, Sockets
from gateway.sip.reason import Reason
from gateway.sip.responses import HeaderFields
from gateway.sip.routes import Routes
from gateway.sip.session import Session
from gateway.sip.stack import SipStack
from gateway.sip.tcp_connection import TcpLimits
from gateway.sip.tls import Certificates, TlsConfig
from gateway.sip.tls_watch import watch_certificates
from gateway.sip.wire_log import masked

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UserAgentConfig:
    """Where a user agent listens and how it behaves.

    `advertised_host` goes into Via and Contact instead of a listener's address. `tls` is needed
    where a listener is one of TLS; every `look_for_certificates` seconds its files are looked at.
    `farewell` is how long, in seconds, closing waits for the answers to its BYEs.
    """

    listen: tuple[Listen, ...]
    advertised_host: str | None = None
    stack: StackConfig = field(default_factory=StackConfig)
    tcp: TcpLimits = field(default_factory=TcpLimits)
    tls: TlsConfig | None = None
    look_for_certificates: float = 60.0
    farewell: float = 2.0


class UserAgent:
    """Receives and makes calls between `async with` and its end.

    `external_host` says by which address a peer reaches us through a NAT, None if by our own.
    ConfigError if certificates cannot be used; entering it, CannotListen if an address is not to
    be had.
    """

    def __init__(
        self,
        config: UserAgentConfig,
        admit: Admit,
        register: Register | None = None,
        *,
        hears: Hears = lambda flow, method: True,
        external_host: Callable[[str], str | None] = lambda remote_host: None,
    ) -> None:
        self._config = config
        self._certificates = Certificates(config.tls) if config.tls is not None else None
        self._sockets = Sockets(
            advertised_host=config.advertised_host,
            external_host=external_host,
            limits=config.tcp,
            certificates=self._certificates,
            is_stranger=lambda flow: not hears(flow, None),
            on_message=self._receive,
            on_failed=self._fail,
            on_unreachable=self._unreachable,
        )
        self._watch: Reloading | None = None
        transports = frozenset(listen.transport for listen in config.listen)
        self._routes = Routes(self._sockets, transports)
        self._stack = SipStack(config.stack, self._routes, admit, register, hears)
        self._calls: dict[Session, Call] = {}
        self._labels: dict[str, str] = {}  # by Call-ID, for the log
        self._incoming: asyncio.Queue[Call | None] = asyncio.Queue()
        self._all_over = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: float | None = None
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop
        self._wire_log = log

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._wire_log = log.bind()  # to ask `log` what is enabled would bind it each time
        try:
            for listen in self._config.listen:
                await self._sockets.open(listen)
        except OSError:
            await self._sockets.close()
            raise
        if self._certificates is not None:
            interval = self._config.look_for_certificates
            self._watch = watch_certificates(self._certificates, interval)
        log.info("listening", on=[str(listen) for listen in self.listening])
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def listening(self) -> tuple[Listen, ...]:
        """The listeners as bound."""
        return tuple(
            Listen(listener.transport, *listener.address) for listener in self._sockets.listeners
        )

    def advertised_host(self, flow: Flow) -> str:
        """The host of ours that a peer is told: it can reach us there."""
        return self._sockets.advertised(flow)[0]

    def address(self, flow: Flow) -> str:
        """The address of ours that a peer can reach, whatever our name is."""
        return self._sockets.address(flow)

    def local_host(self, remote_host: str) -> str:
        """The address that the system would send from to a host."""
        return self._sockets.local_host(remote_host)

    @property
    def counters(self) -> Counters:
        return self._stack.counters

    @property
    def responses_sent(self) -> Mapping[int, int]:
        """How many responses we have sent, by status; repetitions are not counted."""
        return self._stack.responses_sent

    @property
    def call_count(self) -> int:
        """Calls that are not over yet, those saying BYE included."""
        return len(self._calls)

    @property
    def transaction_count(self) -> int:
        return self._stack.transaction_count

    @property
    def is_draining(self) -> bool:
        """Whether new calls are refused, and OPTIONS says so."""
        return self._stack.is_draining

    @is_draining.setter
    def is_draining(self, value: bool) -> None:
        self._stack.is_draining = value

    async def incoming_calls(self) -> AsyncIterator[Call]:
        """Each new call, until the user agent is closed."""
        while (call := await self._incoming.get()) is not None:
            yield call

    def label(self, call: Call, label: str) -> None:
        """Give a call the name that its messages have in the log."""
        if not call.is_over:
            self._labels[call.call_id] = label

    def reload_certificates(self) -> None:
        """Read the certificates' files anew; calls and connections there are go on."""
        if self._watch is not None:
            self._watch.reload()

    async def find_flows(self, destination: Destination) -> tuple[Flow, ...]:
        """The flows to a destination, the first to try first; OSError if there is none."""
        return await self._routes.find(destination)

    async def invite(
        self,
        target: str,
        sdp: bytes | None,
        *,
        from_: Address,
        to: Address | None = None,
        headers: HeaderFields = (),
        destination: Destination | None = None,
        flows: Sequence[Flow] = (),
        credentials: Credentials | None = None,
        label: str = "",
    ) -> Call:
        """Call a SIP URI; its events say what comes of it.

        `from_` is who calls, with a display name; `headers` are added as they are
        (P-Asserted-Identity, say). Without `sdp` the peer makes the offer. The next hop need not be
        the host of the URI: it is `destination`, or, if they have been found already, `flows`, of
        which the first that works is taken. Servers that ask for
        `credentials` get them; their challenges are no events. `label` is as for `label`.
        SipSyntaxError if the target is no URI, OSError if there is no way to it.
        """
        destination = destination or Destination.of(parse_uri(target))
        flow, *alternatives = flows or await self.find_flows(destination)
        session, request = self._stack.invite(
            target,
            flow,
            from_=from_,
            to=to,
            sdp=sdp,
            headers=headers,
            credentials=credentials,
            alternatives=alternatives,
            now=self._loop.time(),
        )
        call = Call(session, request, flow, sdp, self._order)
        self._calls[session] = call
        if label:
            self._labels[call.call_id] = label
        self._drain()
        return call

    async def request(
        self, request: Request, flow: Flow, alternatives: Sequence[Flow] = ()
    ) -> Outcome:
        """Send a request that belongs to no call; what became of it.

        It lacks nothing but its Via. Challenges are outcomes here. `alternatives` are other flows,
        tried in turn where one does not take it (RFC 3263 4.3).
        """
        outcome: asyncio.Future[Outcome] = self._loop.create_future()

        def told(came: Outcome, _: float) -> None:
            if not outcome.done():  # nobody waits any more
                outcome.set_result(came)

        if self._is_closed:
            return Outcome.without_response(503)
        self._order(
            lambda now: self._stack.request(request, flow, told, now, alternatives=alternatives)
        )
        return await outcome

    def contact(self, flow: Flow, user: str | None = None) -> str:
        """The URI of ours that a peer is told."""
        return str(self._stack.contact_uri(flow, user))

    # --- driving the stack -----------------------------------------------------------------------

    def _receive(self, data: bytes, flow: Flow) -> None:
        self._log_wire("< message", flow, data)
        self._stack.receive(data, flow, self._loop.time())
        self._drain()

    def _fail(self, transmission: Transmission, was_in_use: bool) -> None:
        now = self._loop.time()
        self._stack.transport_failed(transmission, now, was_in_use=was_in_use)
        self._drain()

    def _unreachable(self, remote: HostPort) -> None:
        self._stack.port_unreachable(remote, self._loop.time())
        self._drain()

    def _order(self, action: Callable[[float], None]) -> None:
        if not self._is_closed:
            action(self._loop.time())
            self._drain()

    def _handle_timer(self) -> None:
        self._timer_due = None
        self._stack.handle_timer(self._loop.time())
        self._drain()

    def _drain(self) -> None:
        while messages := self._stack.messages_to_send():
            for message in messages:
                self._log_wire("> message", message.flow, message.data)
                if not self._sockets.send(message):
                    self._stack.transport_failed(message, self._loop.time())
        for event in self._stack.events():
            self._dispatch(event)
        self._set_timer()

    def _dispatch(self, event: Event) -> None:
        session = event.session
        if isinstance(event, InviteReceived):
            assert session.dialog is not None
            session.dialog.ways(self._routes)  # a name is looked up before it is needed
            replaces = self._calls.get(event.replaces) if event.replaces is not None else None
            call = Call(
                session, event.request, session.dialog.flow, event.offer, self._order, replaces
            )
            self._calls[session] = call
            self._incoming.put_nowait(call)
        elif session in self._calls:
            if isinstance(event, Answered) and session.dialog is not None:
                session.dialog.ways(self._routes)
            self._calls[session].receive(event)
            if isinstance(event, Ended):
                self._labels.pop(self._calls.pop(session).call_id, None)
                if not self._calls:
                    self._all_over.set()

    def _log_wire(self, event: str, flow: Flow, data: bytes) -> None:
        """A message as on the wire, but for secrets, with the name its call has in the log."""
        if not self._wire_log.is_enabled_for(logging.DEBUG):
            return
        label = self._labels.get(find_call_id(data), "")
        said = {"call": label} if label else {}
        self._wire_log.debug(event, flow=str(flow), data=masked(data), **said)

    def _set_timer(self) -> None:
        due = self._stack.next_timer()
        if due == self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = None if due is None else self._loop.call_at(due, self._handle_timer)

    # --- beginning and end -----------------------------------------------------------------------

    async def _close(self) -> None:
        """End all calls, wait a moment for the other ends to know, and close everything."""
        self._stack.is_draining = True
        self._all_over.clear()
        for call in tuple(self._calls.values()):
            call.hang_up(Reason("SIP", 503, "Service Unavailable"))
        if self._calls:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._config.farewell):
                    await self._all_over.wait()
        self._is_closed = True
        if self._watch is not None:
            await self._watch.close()
        await self._routes.close()
        await self._sockets.close()  # until then messages come, and may start the timer anew
        if self._timer is not None:
            self._timer.cancel()
        self._incoming.put_nowait(None)
