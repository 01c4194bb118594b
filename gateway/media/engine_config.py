"""What can be chosen about the media engine."""

from dataclasses import dataclass, replace
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the engine deals with the network and with time.

    `phone_hosts` are where phones are served, an address of each IP version at most.
    `bridge_addresses` are the local addresses ICE uses, all interfaces' if empty. `silent_after`
    and `connect_within` are seconds; `bitrate` is bit/s of Opus towards the bridge. What can
    be said is in the folders `recordings`, the first one first.
    """

    phone_hosts: tuple[str, ...] = ("0.0.0.0",)
    first_port: int = 20000
    last_port: int = 29999
    bridge_addresses: tuple[str, ...] = ()
    silent_after: float = 30.0
    connect_within: float = 15.0
    bitrate: int = 32_000
    complexity: int = 5
    recordings: tuple[str, ...] = ()

    @property
    def port_pairs(self) -> range:
        """The even ports: each with the next is for one phone (RFC 3550 section 11)."""
        return range(self.first_port + self.first_port % 2, self.last_port, 2)

    def divided(self, parts: int) -> "tuple[EngineConfig, ...]":
        """The same for several engines, each with ports of its own; there are enough of these."""
        pairs = self.port_pairs
        starts = [len(pairs) * part // parts for part in range(parts + 1)]
        return tuple(
            replace(self, first_port=pairs[start], last_port=pairs[end - 1] + 1)
            for start, end in pairwise(starts)
        )
