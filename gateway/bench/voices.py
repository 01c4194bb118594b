"""What everybody says, made once: loops of G.711 for phones, of Opus with levels for talkers."""

from collections.abc import Sequence
from functools import cache

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMA, PCMU
from gateway.bench.keys import tones_over
from gateway.bench.scenario import FRAMES
from gateway.bench.signals import noise, speech
from gateway.lab.voice import RATE as WIDE
from gateway.lab.voice import Voice

RATE = 8000
"""Of these phones, and so of what the engine encodes from and decodes to."""
VOICES = 6
"""Different ones; each call and each talker begins at a place of its own."""

_LOOP = 6.0  # seconds
_LINE_NOISE, _ROOM_NOISE = -72.0, -68.0  # dBov
_LAWS = {law.name: law for law in (PCMU, PCMA)}


@cache
def caller_speech(voice: int | None) -> Samples:
    """What a phone says: a loop at 8 kHz; the noise of its line without a voice."""
    if voice is None:
        return noise(1, _LOOP, rate=RATE, level=_LINE_NOISE)
    return speech(100 + voice, _LOOP, rate=RATE)


@cache
def caller_payloads(codec: str, voice: int | None) -> list[bytes]:
    """The same as frames of 20 ms in G.711."""
    return _encoded(codec, caller_speech(voice))


@cache
def key_payloads(codec: str) -> list[bytes]:
    """A phone that says nothing, and whose keys are tones."""
    return _encoded(codec, tones_over(caller_speech(None).tobytes(), RATE))


def _encoded(codec: str, said: Samples) -> list[bytes]:
    return [_LAWS[codec].encode(frame) for frame in said.reshape(-1, RATE // FRAMES)]


@cache
def talker_packets(voice: int | None) -> Sequence[tuple[bytes, int]]:
    """What a talker says: a loop of Opus packets with levels; noise of a room without a voice."""
    samples = (
        noise(2, _LOOP, rate=WIDE, level=_ROOM_NOISE)
        if voice is None
        else speech(200 + voice, _LOOP, rate=WIDE)
    )
    return Voice.of_samples(samples).packets
