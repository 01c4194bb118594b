"""The RTCP of one leg: when reports are sent, and what the peer's reports tell. No IO, no clock.

`received` and `sent` sum up one stream, `combined` and `since` reckon with several.

A report goes out every 2 to 2.4 s in every state (the engine asks twice a second): a videobridge
calls an endpoint inactive after 8 s without a packet, whether it has something to say or not.
"""

import random
import secrets
from collections.abc import Iterable
from dataclasses import replace

from gateway.media.messages import StreamReport
from gateway.media.playout import Playout
from gateway.media.talk import TalkMeter
from gateway.rtp.bursts import LossPattern
from gateway.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    ntp_time,
)
from gateway.rtp.sender import RtpSender
from gateway.rtp.statistics import Reception, round_trip

_INTERVAL = (2.0, 2.4)
_MOST_BLOCKS = 31
_COUNTED = (
    "packets",
    "octets",
    "lost",
    "late",
    "duplicate",
    "discarded",
    "recovered",
    "concealed",
    "talk",
)


class RtcpSession:
    """Reports about one sender of ours and about what is received beside it.

    Reports carry `now` as their NTP time: nobody here relates it to other media (section 6.4.1
    of RFC 3550 allows any clock that runs evenly).
    """

    def __init__(self, sender: RtpSender, now: float) -> None:
        self.round_trip: float | None = None  # milliseconds
        self.reported_loss: float | None = None
        self.reported: ReportBlock | None = None  # the last about our stream
        self._sender = sender
        self._cname = secrets.token_urlsafe(12)
        self._first = 0  # of the sources of the next report, where they take turns
        self._reports_as_sender = True  # the first report has its own time
        self._sent_before = (0, 0)  # packets at the last report, and at the one before
        self._next = now + random.uniform(*_INTERVAL) / 2  # the first comes sooner

    def receive(
        self, packets: Iterable[RtcpPacket], receptions: Iterable[Reception], now: float
    ) -> None:
        """Take the peer's packets: its clock, and what it says of our stream."""
        by_ssrc = {reception.ssrc: reception for reception in receptions}
        for packet in packets:
            if isinstance(packet, SenderReport) and packet.ssrc in by_ssrc:
                by_ssrc[packet.ssrc].reported(packet, now)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.blocks:
                    if block.ssrc == self._sender.ssrc:
                        self.reported = block
                        self.reported_loss = block.fraction_lost / 256
                        seconds = round_trip(block, ntp_time(now))
                        if seconds is not None:
                            self.round_trip = seconds * 1000

    def due(self, receptions: Iterable[Reception], now: float) -> bytes | None:
        """The compound that has to go out now, if one has."""
        # Whoever hears us again after a pause is told at once how our timestamps go on.
        resumes = not self._reports_as_sender and self._sender.packets > self._sent_before[0]
        if now < self._next and not resumes:
            return None
        self._next = now + random.uniform(*_INTERVAL)
        blocks = tuple(reception.report(now) for reception in self._whose_turn_it_is(receptions))
        report: RtcpPacket
        # Who has sent since the second last report still counts as a sender (section 6.4).
        self._reports_as_sender = self._sender.packets > self._sent_before[1]
        if self._reports_as_sender:
            report = self._sender.report(now, blocks)
        else:
            report = ReceiverReport(self._sender.ssrc, blocks)
        self._sent_before = (self._sender.packets, self._sent_before[0])
        return self._compound(report)

    def _whose_turn_it_is(self, receptions: Iterable[Reception]) -> list[Reception]:
        """As many as a report has place for; the next report goes on behind them (6.4)."""
        listed = list(receptions)
        if len(listed) <= _MOST_BLOCKS:
            return listed
        first = self._first % len(listed)
        self._first = first + _MOST_BLOCKS
        return [*listed[first:], *listed[:first]][:_MOST_BLOCKS]

    def goodbye(self) -> bytes:
        """The compound that ends the session."""
        report = ReceiverReport(self._sender.ssrc)
        return self._compound(report) + Goodbye((self._sender.ssrc,)).serialize()

    def _compound(self, report: RtcpPacket) -> bytes:
        description = SourceDescription(self._sender.ssrc, self._cname)
        return report.serialize() + description.serialize()


def combined(reports: Iterable[StreamReport]) -> StreamReport:
    """Several streams as one: counts add up, of the others the worst counts."""
    listed = list(reports)
    return StreamReport(
        **{name: sum(getattr(report, name) for report in listed) for name in _COUNTED},
        gap=max((report.gap for report in listed), default=0),
        jitter=max((report.jitter for report in listed), default=0.0),
        delay=max((report.delay for report in listed), default=0.0),
        losses=sum((report.losses for report in listed), start=LossPattern()),
        level=_mean_level([(report.level, report.talk) for report in listed]),
    )


def since(before: StreamReport, now: StreamReport) -> StreamReport:
    """What has been counted after `before`; of gaps that is known of the longest so far alone."""
    return replace(
        now,
        gap=now.gap if now.gap > before.gap else 0,
        **{name: max(0, getattr(now, name) - getattr(before, name)) for name in _COUNTED},
        losses=now.losses - before.losses,
        level=_mean_level([(now.level, now.talk), (before.level, -before.talk)]),
    )


def received(playout: Playout, reception: Reception, talk: TalkMeter) -> StreamReport:
    """What has come of a stream so far."""
    return replace(
        combined((counted(reception), played(playout))),
        jitter=reception.jitter * 1000,
        delay=playout.delay * 1000,
        talk=talk.talk,
        level=talk.level,
    )


def counted(reception: Reception) -> StreamReport:
    """What of it stays once the stream is over: how many packets have come."""
    return StreamReport(
        packets=reception.packets, octets=reception.octets, lost=max(0, reception.lost)
    )


def played(playout: Playout) -> StreamReport:
    """What of it stays once the stream is over: what has become of them."""
    return StreamReport(
        late=playout.late,
        duplicate=playout.duplicate,
        discarded=playout.discarded,
        concealed=round(playout.concealed * 1000),
        gap=round(playout.longest_gap * 1000),
        losses=playout.losses.pattern(),
    )


def sent(sender: RtpSender, reported: ReportBlock | None, clock_rate: int) -> StreamReport:
    """What was sent, and what the peer says has become of it; how its losses lie, it does not say:
    they are taken for independent."""
    stream = StreamReport(packets=sender.packets, octets=sender.octets)
    if reported is None or not sender.packets:
        return stream
    missing = min(max(reported.lost, 0), sender.packets)
    runs = round(missing * (1.0 - missing / sender.packets))
    return replace(
        stream,
        lost=missing,
        jitter=reported.jitter / clock_rate * 1000,
        losses=LossPattern(sender.packets, missing, runs),
    )


def _mean_level(levels: Iterable[tuple[float | None, int]]) -> float | None:
    """The mean of levels, each for so many milliseconds; None if nothing is left of them."""
    known = [(level, talk) for level, talk in levels if level is not None]
    lasts = sum(talk for _, talk in known)
    return sum(level * talk for level, talk in known) / lasts if lasts > 0 else None
