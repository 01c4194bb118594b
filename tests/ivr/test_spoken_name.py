"""What a caller has said, made fit to be played to others."""

import numpy as np
import pytest

from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import PCMU
from audiocodecs.loudness import SPEECH, speech_level
from audiocodecs.tones import tone
from gateway.ivr.spoken_name import as_name
from gateway.media.messages import Spoken

RATE = 8000


def spoken(*parts: Samples) -> Spoken:
    return Spoken(PCMU.encode(np.concatenate(parts)))


@pytest.mark.parametrize("level", [-42.0, -12.0])
def test_a_name_is_as_loud_as_all_that_is_said_and_begins_at_once(level: float) -> None:
    word = tone([440.0, 700.0], 0.6, rate=RATE, level=level)
    (name,) = as_name(spoken(silence(4000), word, silence(8000)))
    assert isinstance(name, Spoken)
    samples = PCMU.decode(name.ulaw)
    assert speech_level(samples, RATE) == pytest.approx(SPEECH, abs=1.0)
    assert len(samples) / RATE == pytest.approx(0.64, abs=0.03)


@pytest.mark.parametrize(
    "samples",
    [
        silence(0),
        silence(16000),
        tone([440.0], 1.0, rate=RATE, level=-60.0),
        tone([440.0], 0.06, rate=RATE, level=-20.0),
    ],
    ids=["nothing", "silence", "a line's noise", "a click"],
)
def test_what_is_no_word_is_no_name(samples: Samples) -> None:
    assert as_name(spoken(samples)) == ()
