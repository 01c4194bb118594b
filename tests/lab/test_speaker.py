"""The lab's own participants: what they keep of what they hear."""

from gateway.lab.speaker import Speaker
from gateway.lab.voice import Voice
from gateway.rtp.packet import RtpPacket

SILENCE = Voice.of_silence()


def test_a_speaker_that_stops_listening_keeps_nothing() -> None:
    speaker = Speaker("Ann", SILENCE, payload_type=111, level_id=1)
    payload, _ = SILENCE.packets[0]
    speaker.hear(RtpPacket(111, 1, 960, 77, payload), 1.0)
    speaker.tick(1.02)
    assert speaker.heard == {77}
    speaker.stop_listening()
    speaker.hear(RtpPacket(111, 2, 1920, 77, payload), 1.02)
    speaker.tick(1.04)
    assert speaker.heard == frozenset()
