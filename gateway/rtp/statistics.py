"""Reception statistics of one source (RFC 3550 sections 6.4.1 and appendix A), and its reports."""

from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import ReportBlock, SenderReport, middle
from gateway.rtp.sequence import distance

_MAX_DROPOUT = 3000  # a larger step of the sequence is a restart or junk (appendix A.1)
_MAX_PAUSE = 1.0  # seconds; a pause or a jump of the timestamp is not jitter


class Reception:
    """Counts what arrives of one SSRC: loss by sequence number, jitter by timestamp.

    `clock_rate` in Hz; `now` in seconds of any monotonic clock.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.packets = 0
        self.octets = 0
        self.jitter = 0.0  # seconds
        self._clock_rate = clock_rate
        self._first = 0  # sequence numbers here never wrap
        self._highest = 0
        self._stray: int | None = None  # the sequence number that would follow a far-off one
        self._last: tuple[float, int] | None = None
        self._reported = (0, 0)  # expected and received at the last report
        self._last_report = 0
        self._last_report_at = 0.0

    @property
    def expected(self) -> int:
        """How many packets the sender has sent since the first one heard."""
        return self._highest - self._first + 1 if self.packets else 0

    @property
    def lost(self) -> int:
        """How many of them are missing; negative if duplicates came (RFC 3550 section 6.4.1)."""
        return self.expected - self.packets

    def received(self, packet: RtpPacket, now: float) -> None:
        """Count a packet that has just arrived."""
        self.packets += 1
        self.octets += len(packet.payload)
        if packet.sequence == (self._highest + 1) & 0xFFFF and self.packets > 1:
            self._highest += 1  # the usual case
        else:
            self._place(packet.sequence)
        timestamp = packet.timestamp
        if self._last is not None:
            then, before = self._last
            step = ((timestamp - before + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            deviation = abs(now - then - step / self._clock_rate)
            if deviation < _MAX_PAUSE:
                self.jitter += (deviation - self.jitter) / 16.0
        self._last = (now, timestamp)

    def _place(self, sequence: int) -> None:
        """Move the highest sequence number on; a far-off one counts only if another follows it."""
        if self.packets == 1:
            self._first = self._highest = sequence
            return
        step = distance(sequence, self._highest & 0xFFFF, 16)
        if abs(step) < _MAX_DROPOUT:
            self._highest = max(self._highest, self._highest + step)
        elif sequence == self._stray:
            # The sender has started over: what was expected of its past stays as it was.
            missing = self.lost
            self._highest = sequence
            self._first = sequence - (self.packets + missing + 2) + 1
        else:
            self._stray = (sequence + 1) & 0xFFFF

    def reported(self, report: SenderReport, now: float) -> None:
        """Remember the sender's report: the next report block quotes it."""
        self._last_report = middle(report.ntp_time)
        self._last_report_at = now

    def report(self, now: float) -> ReportBlock:
        """The block about this source for the next report."""
        expected, received = self.expected, self.packets
        expected_since = expected - self._reported[0]
        lost_since = expected_since - (received - self._reported[1])
        self._reported = (expected, received)
        fraction = 0
        if expected_since > 0 and lost_since > 0:
            fraction = min(255, (lost_since << 8) // expected_since)
        delay = round((now - self._last_report_at) * 65536) if self._last_report else 0
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            lost=self.lost,
            highest_sequence=self._highest & 0xFFFFFFFF,
            jitter=round(self.jitter * self._clock_rate),
            last_report=self._last_report,
            delay=delay,
        )


def round_trip(block: ReportBlock, unix_ntp_time: int) -> float | None:
    """Seconds to the peer and back, from a block about our stream (RFC 3550 section 6.4.1).

    None if the peer has not heard a sender report of ours yet, or its clock makes no sense.
    """
    if not block.last_report:
        return None
    units = (middle(unix_ntp_time) - block.last_report - block.delay) & 0xFFFFFFFF
    seconds = units / 65536
    return seconds if seconds < 60.0 else None
