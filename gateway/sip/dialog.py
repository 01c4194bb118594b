"""Dialogs: what two user agents agree on between their messages (RFC 3261 section 12).

No IO, no clock, no transactions: a dialog reads requests and responses and writes requests. The
addresses in them were found readable by `message.check`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.sip.flow import (
    Flow,
    HostPort,
    comes_through_nat,
    default_port,
    is_ipv6,
    literal_address,
)
from gateway.sip.header_values import is_loose, parse_name_addr, parse_route, parse_uri
from gateway.sip.headers import Headers
from gateway.sip.locate import Destination
from gateway.sip.message import Request, Response
from gateway.sip.network_port import Network

TARGET_REFRESH = ("INVITE", "UPDATE")
"""The requests by which the peer's address may change (12.2, RFC 3311 5)."""


class DialogId(NamedTuple):
    """Call-ID and tags, from our side (section 12)."""

    call_id: str
    local_tag: str
    remote_tag: str


@dataclass(slots=True)
class Dialog:
    """The state of a dialog.

    `local` and `remote` are the texts of From and To as our requests carry them, tags included.
    `route_set` holds addresses as written, the nearest hop first. `flow` is the way the peer's
    latest request came, or our first one went. `allows` are the methods the peer says it takes.
    `has_contact` is whether it has said where it is: the target is whom we have called until then.
    """

    id: DialogId
    local: str
    remote: str
    local_cseq: int
    remote_cseq: int | None
    remote_target: str
    route_set: tuple[str, ...]
    flow: Flow
    behind_nat: bool = False
    allows: frozenset[str] = frozenset()
    has_contact: bool = True

    @classmethod
    def of_server(cls, request: Request, local_tag: str, flow: Flow) -> "Dialog":
        """The dialog of an INVITE received (12.1.1)."""
        headers = request.headers
        contact = headers.contact
        assert contact is not None, "checked when the request was received"
        return cls(
            id=DialogId(headers.call_id, local_tag, headers.from_.tag),
            local=f"{headers['To']};tag={local_tag}",
            remote=headers["From"],
            local_cseq=0,
            remote_cseq=headers.cseq.sequence,
            remote_target=contact.uri,
            route_set=tuple(headers.values("Record-Route")),
            flow=flow,
            behind_nat=comes_through_nat(request, flow),
            allows=_allowed(headers),
        )

    @classmethod
    def of_client(cls, request: Request, response: Response, flow: Flow) -> "Dialog":
        """The dialog of a response to an INVITE of ours (12.1.2)."""
        headers = response.headers
        contact = headers.contact
        return cls(
            id=DialogId(headers.call_id, request.headers.from_.tag, headers.to.tag),
            local=request.headers["From"],
            remote=headers["To"],
            local_cseq=request.headers.cseq.sequence,
            remote_cseq=None,
            remote_target=contact.uri if contact else request.uri,
            route_set=tuple(reversed(headers.values("Record-Route"))),
            flow=flow,
            allows=_allowed(headers),
            has_contact=contact is not None,
        )

    def confirm(self, response: Response) -> None:
        """Take the 2xx of an early dialog of ours (13.2.2.4)."""
        self.route_set = tuple(reversed(response.headers.values("Record-Route")))
        self.refresh_target(response)

    def receive(self, request: Request, flow: Flow) -> bool:
        """Take note of a request of the peer; False if it comes out of order (12.2.2)."""
        sequence = request.headers.cseq.sequence
        if self.remote_cseq is not None and sequence <= self.remote_cseq:
            return False
        self.remote_cseq = sequence
        self.flow = flow
        self.behind_nat = comes_through_nat(request, flow)
        if request.method in TARGET_REFRESH:
            self.refresh_target(request)
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Take the Contact of a target refresh request, or of a 2xx to ours (12.2.1.2, 12.2.2)."""
        if (contact := message.headers.contact) is not None:
            self.remote_target = contact.uri
            self.has_contact = True
        self.allows = _allowed(message.headers) or self.allows

    def create_request(self, method: str, *, sequence: int | None = None) -> Request:
        """A request within the dialog, without Via and body (12.2.1.1).

        `sequence` is given for the ACK of a 2xx, which repeats that of the INVITE (13.2.2.4).
        """
        if sequence is None:
            self.local_cseq += 1
            sequence = self.local_cseq
        uri, routes = self.remote_target, self.route_set
        if routes and not is_loose(routes[0]):
            # A strict router of RFC 2543 wants itself in the Request-URI and the target last.
            uri = parse_name_addr(routes[0]).uri
            routes = (*routes[1:], f"<{self.remote_target}>")
        headers = Headers([("Max-Forwards", "70"), ("From", self.local), ("To", self.remote)])
        headers.add("Call-ID", self.id.call_id)
        headers.add("CSeq", f"{sequence} {method}")
        for route in routes:
            headers.add("Route", route)
        return Request(method, uri, headers)

    def next_hop(self, network: Network) -> tuple[Flow, HostPort]:
        """The flow a request takes, and the address to connect to if its connection is gone."""
        return self.ways(network)[0]

    def ways(self, network: Network) -> list[tuple[Flow, HostPort]]:
        """The ways a request may take, the first to try first, each as `next_hop` tells it.

        They lead to the first route, or to the remote target (8.1.2, 12.2.1.1). Where that is a
        name that is not known yet, or no proxy is between and the peer sits behind a NAT or has
        not said where it is, requests go back the way the peer's came, or where our first one
        went; so they do on a stream connection to the same host.
        """
        first = parse_route(self.route_set[0]) if self.route_set else parse_uri(self.remote_target)
        hop = Destination.of(first)
        transport = hop.transport or self.flow.transport
        literal = literal_address(hop.host)
        if not self.route_set and (self.behind_nat or not self.has_contact):
            return [(self.flow, self.flow.remote)]
        if literal is None:
            return self._ways_to_name(hop, network)
        address = str(literal), hop.port or default_port(transport)
        is_other_family = is_ipv6(address[0]) != is_ipv6(self.flow.listener[0])
        if transport != self.flow.transport or is_other_family:
            return [(network.flow_to(transport, address) or self.flow, address)]
        if self.flow.is_reliable and address[0] == self.flow.remote[0]:
            return [(self.flow, address)]
        return [(replace(self.flow, remote=address, connection=0), address)]

    def _ways_to_name(self, hop: Destination, network: Network) -> list[tuple[Flow, HostPort]]:
        """The ways to a name (RFC 3263); the one in use first while it is good, else last."""
        flows = network.flows_to(hop) if hop.host else ()
        for flow in flows:
            if self._is_in_use(flow) and not network.is_avoided(flow):
                others = [(each, each.remote) for each in flows if each is not flow]
                # If its connection is gone, a new one is to prove the name, not the address.
                used = replace(self.flow, server_name=flow.server_name)
                return [(used, flow.remote), *others]
        return [*((flow, flow.remote) for flow in flows), (self.flow, self.flow.remote)]

    def _is_in_use(self, flow: Flow) -> bool:
        """Whether a flow is to the peer that we have; the port of a connection may be any."""
        used = self.flow
        if flow.transport != used.transport:
            return False
        same_host = flow.remote[0] == used.remote[0]
        return flow.remote == used.remote or (used.connection > 0 and same_host)


def _allowed(headers: Headers) -> frozenset[str]:
    return frozenset(method.upper() for method in headers.tokens("Allow"))
