"""A room at the benchmark's videobridge: talkers, and endpoints that get each other's packets."""

import struct
import time
from collections.abc import Sequence

from gateway.bench.endpoint import LoadEndpoint
from gateway.rtp.rtcp import SenderReport, ntp_time

_FRAME = 960
_REPORT_EVERY = 250  # packets: browsers report every five seconds
_HEADER = struct.Struct("!BBHIIHHBBBB")
_ONE_BYTE = 0xBEDE
_VOICE, _QUIET = 0x80, 60  # RFC 6464: the sender says that it is voice; -dBov of who says nothing

OPUS_TYPE = 111
LEVEL_ID = 1


class Talker:
    """One of the conference who is no phone: says `packets` (Opus and level) over and over."""

    def __init__(self, ssrc: int, packets: Sequence[tuple[bytes, int]], *, at: int) -> None:
        self.ssrc = ssrc
        self._packets = packets
        self._at = at % len(packets)
        self._sequence = ssrc & 0x7FFF
        self._timestamp = ssrc * 7 & 0xFFFFFFFF
        self._sent = 0
        self._octets = 0

    def next_packet(self) -> bytes:
        """The RTP packet of the next 20 ms, with its level."""
        payload, level = self._packets[self._at]
        header = _HEADER.pack(
            0x90,
            OPUS_TYPE,
            self._sequence,
            self._timestamp,
            self.ssrc,
            _ONE_BYTE,
            1,
            LEVEL_ID << 4,
            level | (_VOICE if level < _QUIET else 0),
            0,
            0,
        )
        self._at = (self._at + 1) % len(self._packets)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + _FRAME) & 0xFFFFFFFF
        self._sent += 1
        self._octets += len(payload)
        return header + payload

    def report(self) -> bytes | None:
        """The sender report that is due after the packet just made, if one is."""
        if self._sent % _REPORT_EVERY != 1:
            return None
        now = ntp_time(time.time())
        return SenderReport(self.ssrc, now, self._timestamp, self._sent, self._octets).serialize()


class LoadRoom:
    """Forwards what comes from each endpoint to all others, as a bridge without "last N" does."""

    def __init__(self) -> None:
        self.endpoints: list[LoadEndpoint] = []

    def say(self, talker: Talker) -> None:
        """Let everybody hear a talker's next 20 ms."""
        packet = talker.next_packet()
        for endpoint in self.endpoints:
            endpoint.send(packet)
        report = talker.report()
        if report is not None:
            for endpoint in self.endpoints:
                endpoint.send_rtcp(report)

    def forward(self, origin: LoadEndpoint, packet: bytes) -> None:
        """Let all others hear what an endpoint has sent."""
        for endpoint in self.endpoints:
            if endpoint is not origin:
                endpoint.send(packet)
