"""What can be chosen about the media engine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the engine deals with the network and with time.

    `bridge_addresses` are the local addresses ICE uses, all interfaces' if empty. `silent_after`
    and `connect_within` are seconds; `bitrate` is bit/s of Opus towards the bridge.
    """

    phone_host: str = "0.0.0.0"
    first_port: int = 20000
    last_port: int = 29999
    bridge_addresses: tuple[str, ...] = ()
    silent_after: float = 30.0
    connect_within: float = 15.0
    bitrate: int = 24_000
    complexity: int = 5
