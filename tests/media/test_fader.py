"""A voice that comes or goes does so without a click, and otherwise passes as it is."""

import numpy as np

from audiocodecs.tones import tone
from gateway.media.fader import Fader

RATE = 8000
VOICE = tone([310.0], 1.0, rate=RATE)[400:-400]


def through(pattern: str) -> np.ndarray:
    """Frames through a fader: open where there is an x."""
    fader, heard = Fader(), []
    for number, mark in enumerate(pattern):
        fader.move(is_open=mark == "x")
        frame = VOICE[number * 160 : number * 160 + 160]
        heard.append(fader.apply(frame, RATE) if fader.is_audible else np.zeros(160, np.int16))
    return np.concatenate(heard).astype(int)


def test_an_open_fader_changes_nothing_and_a_closed_one_lets_nothing_through() -> None:
    heard = through("xxxx....xxx")
    assert heard[160:640].tolist() == VOICE[160:640].tolist()
    assert not heard[5 * 160 : 8 * 160].any()
    assert heard[9 * 160 :].tolist() == VOICE[9 * 160 : 11 * 160].tolist()


def test_no_step_is_larger_than_those_of_the_voice_itself() -> None:
    steepest = np.abs(np.diff(VOICE.astype(int))).max()
    for pattern in ("..xx.x.xxx..", "x.x.x.x.", "xxxx"):
        padded = np.concatenate(([0], through(pattern), [0] if pattern[-1] == "." else []))
        assert np.abs(np.diff(padded)).max() <= 1.5 * steepest
