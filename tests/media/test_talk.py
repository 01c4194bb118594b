"""How long somebody spoke, and how loud."""

from gateway.media.talk import SPEECH, TalkMeter


def test_only_speech_counts_and_its_level_is_the_mean() -> None:
    meter = TalkMeter()
    assert (meter.talk, meter.level) == (0, None)
    for level in (20, 127, 30, SPEECH + 1, 127):
        meter.heard(level)
    assert (meter.talk, meter.level) == (40, -25.0)


def test_a_frame_of_unknown_level_is_no_speech() -> None:
    meter = TalkMeter()
    meter.heard()
    assert meter.talk == 0
