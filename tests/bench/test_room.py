"""What talkers of the benchmark send, and who gets what."""

import itertools
from typing import Any

import pytest

from gateway.bench.room import LEVEL_ID, OPUS_TYPE, LoadRoom, Talker
from gateway.rtp.packet import RtpPacket, audio_level, unpack_extensions
from gateway.rtp.rtcp import SenderReport, parse_compound


class Endpoint:
    """Somebody who gets packets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.reports: list[bytes] = []

    def send(self, packet: bytes) -> None:
        self.got.append(packet)

    def send_rtcp(self, compound: bytes) -> None:
        self.reports.append(compound)


@pytest.fixture
def room() -> Any:
    made: Any = LoadRoom()
    made.endpoints += [Endpoint(), Endpoint(), Endpoint()]
    return made


def test_a_talker_says_its_packets_over_and_over_from_its_own_place() -> None:
    talker = Talker(77, [(b"a", 20), (b"b", 21), (b"c", 90)], at=1)
    packets = [RtpPacket.parse(talker.next_packet()) for _ in range(4)]
    assert [packet.payload for packet in packets] == [b"b", b"c", b"a", b"b"]
    assert {(packet.ssrc, packet.payload_type) for packet in packets} == {(77, OPUS_TYPE)}
    steps = [
        (b.sequence - a.sequence, b.timestamp - a.timestamp) for a, b in itertools.pairwise(packets)
    ]
    assert steps == [(1, 960)] * 3
    assert [audio_level(packet, LEVEL_ID) for packet in packets] == [21, 90, 20, 21]


def test_only_who_speaks_says_that_it_is_voice() -> None:
    talker = Talker(77, [(b"a", 20), (b"b", 70)], at=0)
    elements = [
        unpack_extensions(RtpPacket.parse(talker.next_packet()).extension) for _ in range(2)
    ]
    assert [element[LEVEL_ID][0] >> 7 for element in elements] == [1, 0]


def test_everybody_hears_a_talker_and_gets_its_reports(room: Any) -> None:
    talker = Talker(77, [(b"a", 20)], at=0)
    for _ in range(251):
        room.say(talker)
    for endpoint in room.endpoints:
        assert len(endpoint.got) == 251
        reports = [parse_compound(report)[0] for report in endpoint.reports]
        assert [
            (report.ssrc, report.packets) for report in reports if isinstance(report, SenderReport)
        ] == [(77, 1), (77, 251)]


def test_what_an_endpoint_sends_goes_to_all_others(room: Any) -> None:
    room.forward(room.endpoints[1], b"packet")
    assert [endpoint.got for endpoint in room.endpoints] == [[b"packet"], [], [b"packet"]]
