"""The sockets, as the sans-IO core sees them."""

from typing import Protocol

from gateway.sip.flow import Flow, HostPort
from gateway.sip.locate import Destination


class Network(Protocol):
    """What the core has to know of the sockets below it."""

    def flow_to(self, transport: str, remote: HostPort) -> Flow | None:
        """The flow to a peer not heard of before; None if no listener can serve it."""

    def flows_to(self, destination: Destination) -> tuple[Flow, ...]:
        """The flows to a name as far as it is known, the first to try first (RFC 3263)."""

    def advertised(self, flow: Flow) -> HostPort:
        """The address to state in Via and Contact so that this peer can reach us."""

    def avoid(self, flow: Flow, seconds: float) -> None:
        """Try the peer of a flow last for so long: it is dead, or has said that it cannot."""

    def is_avoided(self, flow: Flow) -> bool:
        """Whether the peer of a flow is to be tried last."""
