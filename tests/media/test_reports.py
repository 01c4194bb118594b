"""Which report goes out when (RFC 3550 section 6.4), and sums over streams."""

from gateway.media.messages import StreamReport
from gateway.media.reports import RtcpSession, combined, sent, since
from gateway.rtp.bursts import LossPattern
from gateway.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport, parse_compound
from gateway.rtp.sender import RtpSender
from gateway.rtp.statistics import Reception

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


def test_sources_that_are_too_many_for_one_report_take_turns() -> None:
    session = RtcpSession(RtpSender(1, 48000, sequence=0, timestamp=0), 0.0)
    heard = [Reception(ssrc, 48000) for ssrc in range(70)]
    named = []
    for number in range(1, 8):
        compound = session.due(heard, number * INTERVAL)
        assert compound is not None
        report = parse_compound(compound)[0]
        assert isinstance(report, ReceiverReport)
        assert len(report.blocks) <= 31
        named += [block.ssrc for block in report.blocks]
    assert named[:70] == list(range(70))
    assert {named.count(ssrc) for ssrc in range(70)} == {3, 4}


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


def test_a_gap_before_is_none_of_who_comes_later() -> None:
    before = StreamReport(gap=900)
    assert since(before, StreamReport(gap=900)).gap == 0
    assert since(before, StreamReport(gap=950)).gap == 950


def test_levels_together_weigh_as_much_as_was_said() -> None:
    short, long = StreamReport(talk=1000, level=-20.0), StreamReport(talk=3000, level=-40.0)
    together = combined([short, long, StreamReport()])
    assert (together.talk, together.level) == (4000, -35.0)
    later = since(short, together)
    assert (later.talk, later.level) == (3000, -40.0)
    assert since(together, together).level is None


def test_how_losses_lie_adds_up_and_goes_back() -> None:
    first = LossPattern(packets=100, missing=3, runs=2)
    second = LossPattern(packets=50, missing=4, runs=1, bursts=1, burst_packets=4, burst_missing=4)
    together = combined([StreamReport(losses=first), StreamReport(losses=second)])
    assert together.losses == LossPattern(150, 7, 3, 1, 4, 4)
    assert since(StreamReport(losses=first), together).losses == second


def test_what_the_peer_reports_lost_is_said_of_what_was_sent() -> None:
    sender = RtpSender(1, 8000, sequence=0, timestamp=0)
    for _ in range(100):
        sender.packet(0, b"x" * 160, 160)
    block = ReportBlock(1, 0, 10, 0, 80, 0, 0)
    told = sent(sender, block, 8000)
    assert (told.packets, told.octets, told.lost, told.jitter) == (100, 16000, 10, 10.0)
    assert told.losses == LossPattern(packets=100, missing=10, runs=9)
    assert told.losses.burst_ratio == 1.0
    assert sent(sender, None, 8000).losses == LossPattern()
    beyond = sent(sender, ReportBlock(1, 0, -5, 0, 0, 0, 0), 8000)  # duplicates came
    assert beyond.lost == 0
