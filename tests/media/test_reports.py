"""Which report goes out when (RFC 3550 section 6.4), and sums over streams."""

from gateway.media.messages import StreamReport
from gateway.media.reports import RtcpSession, combined, since
from gateway.rtp.rtcp import ReceiverReport, SenderReport, parse_compound
from gateway.rtp.sender import RtpSender

INTERVAL = 2.5  # seconds: every report is due by then


def kinds(session: RtcpSession, sender: RtpSender, spoken: list[bool]) -> list[type]:
    """The reports of some intervals, in which the sender sends a packet or does not."""
    seen: list[type] = []
    for number, speaks in enumerate(spoken, 1):
        if speaks:
            sender.packet(111, b"x", 960)
        compound = session.due((), number * INTERVAL)
        assert compound is not None
        seen.append(type(parse_compound(compound)[0]))
    return seen


def test_a_sender_reports_as_such_until_two_intervals_have_passed() -> None:
    sender = RtpSender(1, 48000, sequence=0, timestamp=0)
    session = RtcpSession(sender, 0.0)
    reports = kinds(session, sender, [False, True, False, False, False, True])
    assert reports == [
        ReceiverReport,
        SenderReport,
        SenderReport,
        ReceiverReport,
        ReceiverReport,
        SenderReport,
    ]


def test_who_speaks_again_reports_at_once() -> None:
    sender = RtpSender(1, 48000, sequence=0, timestamp=0)
    session = RtcpSession(sender, 0.0)
    assert kinds(session, sender, [True, False, False]) == [
        SenderReport,
        SenderReport,
        ReceiverReport,
    ]
    now = 3 * INTERVAL + 0.5
    assert session.due((), now) is None
    sender.packet(111, b"x", 960)
    compound = session.due((), now)
    assert compound is not None
    assert isinstance(parse_compound(compound)[0], SenderReport)
    sender.packet(111, b"x", 960)
    assert session.due((), now + 0.5) is None


def test_nothing_is_due_twice() -> None:
    session = RtcpSession(RtpSender(1, 48000, sequence=0, timestamp=0), 0.0)
    assert session.due((), INTERVAL) is not None
    assert session.due((), INTERVAL + 1.9) is None


def test_streams_together_add_up_and_the_worst_gap_counts() -> None:
    together = combined([StreamReport(packets=3, lost=1, gap=20), StreamReport(packets=4, gap=60)])
    assert (together.packets, together.lost, together.gap) == (7, 1, 60)
    assert combined([]) == StreamReport()


def test_what_was_counted_before_does_not_count_again() -> None:
    later = since(StreamReport(packets=5, lost=2), StreamReport(packets=9, lost=2, gap=40))
    assert (later.packets, later.lost, later.gap) == (4, 0, 40)
