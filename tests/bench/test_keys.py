"""Keys of the benchmark's phones, as a receiver understands them."""

from audiocodecs.dtmf import find_key
from audiocodecs.frames import silence
from gateway.bench.keys import KEYS, EventKeys, tones_over
from gateway.bench.scenario import FRAMES
from gateway.rtp.packet import RtpPacket
from gateway.rtp.telephone_event import Press, TelephoneEventReceiver


def test_a_key_a_second_comes_as_one_press_of_100_ms() -> None:
    keys, receiver = EventKeys(160), TelephoneEventReceiver(8000)
    presses: list[Press] = []
    packets = 0
    for number in range(3 * FRAMES):
        if (pressed := keys.next_frame()) is None:
            continue
        payload, since = pressed
        packet = RtpPacket(101, number, 160 * number - since, 1, payload, marker=since == 0)
        presses += receiver.receive(packet, number / FRAMES)
        packets += 1
    assert presses == [Press(key, 0.1) for key in KEYS[:3]]
    assert packets == 3 * (5 + 2), "the end comes three times"


def test_a_key_a_second_is_a_tone_on_the_line() -> None:
    line = tones_over(silence(3 * 8000).tobytes(), 8000)
    heard = [find_key(line[at : at + 160].astype("float32"), 8000) for at in (320, 8320, 16320)]
    assert heard == list(KEYS[:3])
    assert not line[4000:8000].any()
