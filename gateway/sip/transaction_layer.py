"""The transaction layer: which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3)."""

import secrets

from sipmessage import Parameters, Via

from gateway.sip.call_ids import CallIds
from gateway.sip.counters import Counters
from gateway.sip.flow import Flow, HostPort, Transmission, response_flow
from gateway.sip.header_values import format_host
from gateway.sip.message import Request, Response
from gateway.sip.network_port import Network
from gateway.sip.timers import TimerQueue, Timers
from gateway.sip.transaction import Surroundings, Transaction, User, outcome_of
from gateway.sip.transaction_tables import (
    CLIENT_INVITE,
    CLIENT_NON_INVITE,
    SERVER_INVITE,
    SERVER_NON_INVITE,
    Input,
)

MAGIC_COOKIE = "z9hG4bK"


class TransactionLayer:
    """All transactions of a stack; their Call-IDs are among `call_ids`.

    `outbox` collects what is to be sent.
    """

    def __init__(
        self,
        timers: Timers,
        queue: TimerQueue,
        counters: Counters,
        network: Network,
        call_ids: CallIds,
    ) -> None:
        self.outbox: list[Transmission] = []
        self._call_ids = call_ids
        self._network = network
        self._servers: dict[str, Transaction] = {}
        self._clients: dict[str, Transaction] = {}
        # Requests being answered, to recognise one that came here twice (8.2.2.2).
        self._in_progress: dict[str, str] = {}
        self._surroundings = Surroundings(timers, queue, counters, self.outbox.append, self._forget)

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    # --- servers ---------------------------------------------------------------------------------

    def find_server(self, request: Request, method: str) -> Transaction | None:
        """The server transaction of a `method` that a request (repeated, ACK, CANCEL) is about."""
        return self._servers.get(_server_key(request, method))

    def is_merged(self, request: Request) -> bool:
        """Whether a new request is in progress already, having come on another path (8.2.2.2)."""
        return _request_identity(request) in self._in_progress

    def open_server(self, request: Request, flow: Flow, now: float) -> Transaction:
        """Begin to answer a request."""
        path, fallback = response_flow(request, flow)
        transaction = Transaction(
            _server_key(request, request.method),
            SERVER_INVITE if request.method == "INVITE" else SERVER_NON_INVITE,
            request,
            flow=path,
            fallback=fallback,
            surroundings=self._surroundings,
        )
        self._servers[transaction.key] = transaction
        self._call_ids.add(request.headers.call_id)
        self._in_progress[_request_identity(request)] = transaction.key
        transaction.begin(now)
        return transaction

    # --- clients ---------------------------------------------------------------------------------

    def open_client(
        self,
        request: Request,
        flow: Flow,
        user: User | None,
        now: float,
        *,
        fallback: HostPort | None,
    ) -> Transaction:
        """Send a request that `add_via` has marked; without `user` nobody hears what comes."""
        transaction = Transaction(
            _client_key(request.headers.via, request.method),
            CLIENT_INVITE if request.method == "INVITE" else CLIENT_NON_INVITE,
            request,
            flow=flow,
            fallback=fallback,
            surroundings=self._surroundings,
            user=user,
            latest=request.serialize(),
        )
        self._clients[transaction.key] = transaction
        self._call_ids.add(request.headers.call_id)
        transaction.begin(now)
        return transaction

    def receive_response(self, response: Response, now: float) -> bool:
        """Give a response to its transaction; False if there is none."""
        via, method = response.headers.via, response.headers.cseq.method
        transaction = self._clients.get(_client_key(via, method))
        if transaction is None:
            return False
        transaction.feed(outcome_of(response), now, response)
        return True

    def add_via(self, request: Request, flow: Flow) -> None:
        """Put our Via on a request that begins a transaction, or on the ACK of a 2xx (8.1.1.7)."""
        host, port = self._network.advertised(flow)
        branch = MAGIC_COOKIE + secrets.token_hex(12)
        parameters = Parameters(branch=branch, rport=None)
        via = Via(flow.transport.upper(), format_host(host), port, parameters)
        request.headers.setlist("Via", [str(via)])

    # --- both ------------------------------------------------------------------------------------

    def send_anew(self, key: str) -> bool:
        """Have a client transaction send its request once more; False if that is of no use."""
        transaction = self._clients.get(key)
        return transaction is not None and transaction.send_anew()

    def report_transport_error(self, key: str, now: float) -> None:
        """Tell a transaction that what it sent could not be delivered (17.1.4, 17.2.4)."""
        transaction = self._clients.get(key) or self._servers.get(key)
        if transaction is not None:
            transaction.feed(Input.TRANSPORT_ERROR, now)

    def report_unreachable(self, remote: HostPort, now: float) -> None:
        """Tell all transactions whose datagrams go to an address."""
        for transaction in [*self._clients.values(), *self._servers.values()]:
            if transaction.flow.remote == remote and not transaction.flow.is_reliable:
                transaction.feed(Input.TRANSPORT_ERROR, now)

    def _forget(self, transaction: Transaction) -> None:
        is_client = self._clients.pop(transaction.key, None) is not None
        is_server = self._servers.pop(transaction.key, None) is not None
        if is_client or is_server:
            self._call_ids.remove(transaction.request.headers.call_id)
        if is_server:
            self._in_progress.pop(_request_identity(transaction.request), None)


def _client_key(via: Via, method: str) -> str:
    return f"c|{via.parameters.get('branch')}|{method}"


def _server_key(request: Request, method: str) -> str:
    """Branch, sent-by and method (17.2.3).

    The sequence number is in it as well: pyVoIP sends its INVITE with credentials on the branch
    of the refused one. A peer before RFC 3261 has no unique branch; Call-ID, From tag and the whole
    Via stand in for it.
    """
    headers = request.headers
    via = headers.via
    identity = via.parameters.get("branch") or ""
    if not identity.startswith(MAGIC_COOKIE):
        identity = f"{headers.call_id}|{headers.from_.tag}|{headers.values('Via')[0]}"
    return f"s|{identity}|{via.host}:{via.port}|{headers.cseq.sequence}|{method}"


def _request_identity(request: Request) -> str:
    headers = request.headers
    cseq = headers.cseq
    return f"{headers.call_id}|{headers.from_.tag}|{cseq.sequence}|{cseq.method}"
