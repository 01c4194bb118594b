from gateway.rtp.rtcp import ntp_time
from gateway.rtp.sender import RtpSender


def test_packets_are_numbered_across_the_wrap() -> None:
    sender = RtpSender(7, 48000, sequence=0xFFFF, timestamp=0xFFFFFFFF - 959)
    first, second = (sender.packet(111, b"x", 960) for _ in range(2))
    assert (first.sequence, second.sequence) == (0xFFFF, 0)
    assert (first.timestamp, second.timestamp) == (0xFFFFFFFF - 959, 0)


def test_the_first_packet_of_a_talk_spurt_is_marked() -> None:
    sender = RtpSender(7, 8000, sequence=1, timestamp=0)
    markers = [sender.packet(0, b"", 160).marker for _ in range(2)]
    sender.pause(320)
    after = sender.packet(0, b"", 160)
    assert markers == [True, False]
    assert (after.marker, after.sequence, after.timestamp) == (True, 3, 640)


def test_the_report_counts_what_was_sent() -> None:
    sender = RtpSender(7, 8000, sequence=1, timestamp=100)
    for _ in range(3):
        sender.packet(0, bytes(160), 160)
    report = sender.report(50.0, ())
    assert (report.packets, report.octets, report.rtp_timestamp) == (3, 480, 580)
    assert report.ntp_time == ntp_time(50.0)
