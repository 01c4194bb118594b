"""Whether this machine has the addresses that media is to use. [io]"""

from gateway.errors import CannotListen
from gateway.media.engine_config import EngineConfig
from gateway.rtp.datagrams import try_address


def check_own(config: EngineConfig) -> None:
    """CannotListen for an address that is not this machine's: with it every call would fail."""
    for key, hosts in (
        ("media.host", config.phone_hosts),
        ("media.bridge_addresses", config.bridge_addresses),
    ):
        for host in hosts:
            try:
                try_address(host)
            except OSError as error:
                raise CannotListen(f"{host} ({key})", error) from error
