"""Whether this machine has the addresses that media is to use. [io]"""

import socket

from gateway.errors import CannotListen
from gateway.media.engine_config import EngineConfig


def check_own(config: EngineConfig) -> None:
    """CannotListen for an address that is not this machine's: with it every call would fail."""
    for key, hosts in (
        ("media.host", config.phone_hosts),
        ("media.bridge_addresses", config.bridge_addresses),
    ):
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as tried:
                    tried.bind((host, 0))
            except OSError as error:
                raise CannotListen(f"{host} ({key})", error) from error
