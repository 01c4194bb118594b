"""What the demo makes of its options; that it runs is shown by `make demo`."""

from ipaddress import ip_address

import pytest

from gateway.demo import ROOM, demo_config, tapped_bridge
from gateway.lab.lab import Lab
from gateway.lab.voice import Voice
from gateway.rtp.packet import RtpPacket


async def test_the_bridge_is_listened_to_while_the_demos_own_call_lasts() -> None:
    async with Lab() as lab:
        room = lab.room_jid(ROOM)
        speak = lab.bridge.add_speaker(room, "ann", lambda packet: None)
        payload, _ = Voice.of_silence().packets[0]
        with tapped_bridge(lab) as taps:
            speak(RtpPacket(111, 1, 960, 77, payload))
        speak(RtpPacket(111, 2, 1920, 77, payload))
        assert [len(tap.packets) for tap in taps.values()] == [1]


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
