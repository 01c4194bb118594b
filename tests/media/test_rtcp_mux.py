"""RTP and RTCP of a phone on one port (RFC 5761), or each on its own."""

from dataclasses import dataclass, field, replace

import pytest

from gateway.media.call_media import CallMedia
from gateway.media.messages import Address, Payload, PhoneMedia
from gateway.media.room_bus import RoomBus
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import parse_compound

PHONE, ELSEWHERE = ("192.0.2.1", 4000), ("198.51.100.9", 31000)
MEDIA = PhoneMedia(PHONE, ("192.0.2.1", 4007), PHONE[0], (Payload(0, "PCMU", 8000),))


@dataclass
class Ports:
    """What goes out by either port."""

    rtp: list[tuple[bytes, Address]] = field(default_factory=list)
    rtcp: list[tuple[bytes, Address]] = field(default_factory=list)

    def send_rtp(self, packet: bytes, destination: Address) -> None:
        self.rtp.append((packet, destination))

    def send_rtcp(self, packet: bytes, destination: Address) -> None:
        self.rtcp.append((packet, destination))

    def close(self) -> None:
        """Nothing is open."""


def call(media: PhoneMedia) -> tuple[CallMedia, Ports]:
    ports = Ports()
    made = CallMedia("call", ports, RoomBus(), lambda event: None, silent_after=30.0)  # type: ignore[arg-type]
    made.connect_phone(media, 0.0)
    return made, ports


def latch(made: CallMedia) -> None:
    for number in range(3):
        packet = RtpPacket(0, number, 160 * number, 7, b"\xff" * 160).serialize()
        made.receive_rtp(packet, ELSEWHERE, 0.02 * number)


@pytest.mark.parametrize(
    ("shared", "signalled", "latched"),
    [
        (True, PHONE, ELSEWHERE),
        (False, ("192.0.2.1", 4007), ("198.51.100.9", 31001)),
    ],
)
def test_reports_go_out_where_they_are_wanted(
    shared: bool, signalled: Address, latched: Address
) -> None:
    made, ports = call(replace(MEDIA, rtcp_mux=shared))
    used = ports.rtp if shared else ports.rtcp
    made.watch(3.0)
    latch(made)
    made.watch(6.0)
    made.close()
    assert [destination for _, destination in used] == [signalled, latched, latched]
    assert all(parse_compound(packet) for packet, _ in used)
    assert not (ports.rtcp if shared else ports.rtp)


def test_another_offer_may_part_them_again() -> None:
    made, ports = call(replace(MEDIA, rtcp_mux=True))
    made.connect_phone(MEDIA, 1.0)
    made.watch(3.0)
    assert (len(ports.rtp), len(ports.rtcp)) == (0, 1)
