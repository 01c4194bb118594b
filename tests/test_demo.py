"""What the demo makes of its options; that it runs is shown by `make demo`."""

from ipaddress import ip_address

import pytest

from gateway.demo import demo_config
from gateway.lab.lab import Lab


@pytest.mark.parametrize(
    ("host", "listens", "caller"),
    [
        ("127.0.0.1", "udp:127.0.0.1:5060", "127.0.0.1"),
        ("192.168.1.10", "udp:192.168.1.10:5060", "192.168.1.77"),
        ("::1", "udp:[::1]:5060", "::1"),
        ("fd00::10", "udp:[fd00::10]:5060", "fd00::77"),
    ],
)
async def test_phones_of_the_machine_and_its_networks_may_call(
    host: str, listens: str, caller: str
) -> None:
    async with Lab() as lab:
        config = demo_config(lab, host)
    assert str(config.sip.listen[0]) == listens
    assert any(ip_address(caller) in network for network in config.trunk[0].networks)
