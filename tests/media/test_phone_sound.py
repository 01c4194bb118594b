"""What a trunk wants done to the voices of its phones, from the datagram to the bus."""

import numpy as np
import pytest

from audiocodecs.frames import Samples, audio_level
from audiocodecs.g711 import PCMU
from gateway.media.call_media import CallMedia
from gateway.media.messages import Payload, PhoneMedia, PhoneSound
from gateway.media.room_bus import RoomBus
from gateway.rtp.packet import RtpPacket
from tests.helpers.voices import noise, speech
from tests.media.test_bridge_leg import Bridge, leg_to

PHONE = ("192.0.2.1", 4000)
FRAME = 160


class NoSockets:
    """Ports nobody listens at."""

    def send_rtp(self, packet: bytes, destination: tuple[str, int]) -> None: ...


def spoken(samples: Samples, sound: PhoneSound, *, hears: Samples | None = None) -> Samples:
    """What the bus gets of a phone that says this while it `hears` that."""
    media = CallMedia("call", NoSockets(), RoomBus(), [].append, silent_after=30.0)
    payloads = (Payload(0, "PCMU", 8000),)
    media.connect_phone(PhoneMedia(PHONE, None, PHONE[0], payloads, sound=sound), 0.0)
    out = []
    for number, frame in enumerate(samples.reshape(-1, FRAME)):
        packet = RtpPacket(0, number, number * FRAME, 1, PCMU.encode(frame))
        media.receive_rtp(packet.serialize(), PHONE, number * 0.02)
        out.append(media.next_frame(number * 0.02 + 0.007))
        if hears is not None:
            media.hear(PCMU.encode(hears[number * FRAME : (number + 1) * FRAME]))
    return np.concatenate(out)


def test_a_quiet_phone_is_levelled_if_its_trunk_wants_so_and_only_then() -> None:
    quiet = speech(15, rate=8000, level=-40.0)
    late = slice(10 * 8000, None)
    plain = audio_level(spoken(quiet, PhoneSound())[late])
    assert plain == audio_level(quiet[late])
    assert audio_level(spoken(quiet, PhoneSound(gain_control=True))[late]) < plain - 9


def test_a_line_that_hisses_is_silent_if_its_trunk_wants_so_and_only_then() -> None:
    hiss = noise(10, rate=8000, level=-55.0)
    assert spoken(hiss, PhoneSound())[-FRAME:].any()
    assert not spoken(hiss, PhoneSound(noise_gate=True))[-FRAME:].any()


def test_an_echo_is_suppressed_if_its_trunk_wants_so_and_only_then() -> None:
    played = speech(12, rate=8000, level=-22.0)
    echo = np.roll(played // 5, 5 * FRAME)
    late = slice(8 * 8000, None)
    plain = audio_level(spoken(echo, PhoneSound(), hears=played)[late])
    suppressed = spoken(echo, PhoneSound(echo_suppression=True), hears=played)
    assert audio_level(suppressed[late]) > plain + 12


@pytest.mark.parametrize("lost", [10, 20])
def test_a_line_does_not_seem_to_speak_when_its_noise_comes_back_after_a_gap(lost: int) -> None:
    media = CallMedia("call", NoSockets(), RoomBus(), [].append, silent_after=30.0)
    media.connect_phone(PhoneMedia(PHONE, None, PHONE[0], (Payload(0, "PCMU", 8000),)), 0.0)
    media.move(RoomBus(), leg_to(Bridge()), 0.0)
    spoke = []
    for number, frame in enumerate(noise(14, rate=8000, level=-58.0).reshape(-1, FRAME)):
        if not 500 <= number < 500 + lost:
            packet = RtpPacket(0, number, number * FRAME, 1, PCMU.encode(frame))
            media.receive_rtp(packet.serialize(), PHONE, number * 0.02)
        spoke.append(media.speak(audio_level(media.next_frame(number * 0.02 + 0.007))))
    assert any(spoke[:100])  # while the line is not known yet
    assert not any(spoke[450:])
