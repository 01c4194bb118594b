"""Where messages come from and go to (RFC 3261 section 18, RFC 3581)."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.sip.header_values import format_host, parse_parameters, split_list
from gateway.sip.message import Request

DEFAULT_PORT = 5060
TLS_PORT = 5061

HostPort = tuple[str, int]
"""A literal IPv4 or IPv6 address (without brackets) and a port."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A way to a peer: the transport, our listener that serves it, and the peer's address.

    `connection` numbers the stream connection a message came on; 0 is none in particular. Over TLS
    `certificate_names` are those that the peer has proved with its certificate, and `server_name`
    is what one that we connect to has to prove.
    """

    transport: str  # "udp", "tcp" or "tls"
    listener: HostPort
    remote: HostPort
    connection: int = 0
    certificate_names: tuple[str, ...] = ()
    server_name: str = ""

    @property
    def is_reliable(self) -> bool:
        return self.transport != "udp"

    def __str__(self) -> str:
        return f"{self.transport}:{format_host(self.remote[0])}:{self.remote[1]}"


@dataclass(frozen=True, slots=True)
class Transmission:
    """One message to send.

    If the connection of `flow` is gone, a new one is made to `fallback`. `transaction` is whom to
    tell if it cannot be sent.
    """

    data: bytes
    flow: Flow
    fallback: HostPort | None = None
    transaction: str = ""


def default_port(transport: str) -> int:
    """The port of a transport where none is stated (18.2.2, 19.1.2)."""
    return TLS_PORT if transport == "tls" else DEFAULT_PORT


def stamp_via(request: Request, flow: Flow) -> None:
    """Note in the topmost Via where the request really came from (18.2.1, RFC 3581 section 4)."""
    via = request.headers.via
    field, *others = (each for each in request.headers.getlist("Via") if each.strip(" ,"))
    top, *rest = (each for each in split_list(field) if each)
    asks_for_port = "rport" in via.parameters
    sent_by, *pieces = split_list(top, ";")
    kept = [piece for piece in pieces if not parse_parameters([piece]).keys() & _STAMPS]
    if asks_for_port:
        kept.append(f"rport={flow.remote[1]}")
    if asks_for_port or via.host.strip("[]") != flow.remote[0]:
        kept.append(f"received={flow.remote[0]}")
    request.headers.setlist("Via", [";".join([sent_by, *kept]), *rest, *others])


_STAMPS = {"rport", "received"}


def response_flow(request: Request, flow: Flow) -> tuple[Flow, HostPort]:
    """Where the responses to a request go, and where if that connection is gone (18.2.2).

    `maddr` is not honoured: it would let a stranger direct our responses at a third party.
    """
    via = request.headers.via
    sent_by = (flow.remote[0], via.port or default_port(flow.transport))
    if flow.is_reliable or "rport" in via.parameters:
        return flow, sent_by
    return replace(flow, remote=sent_by), sent_by


def comes_through_nat(request: Request, flow: Flow) -> bool:
    """Whether the sender of a request states an address, and not the one it is seen at."""
    stated = literal_address(request.headers.via.host)
    return stated is not None and stated != literal_address(flow.remote[0])


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address a host is written as, with or without brackets; None if it is a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_ipv6(host: str) -> bool:
    """Whether a literal address, without brackets, is one of IPv6."""
    return ":" in host
