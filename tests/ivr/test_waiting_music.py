"""The music for who waits: made for telephones, and what is shipped is that."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from audiocodecs.audio_files import decode
from audiocodecs.dtmf import DtmfReceiver
from audiocodecs.frames import Samples
from audiocodecs.loop import looped
from audiocodecs.resampling import narrowed
from audiocodecs.voice_activity import VoiceActivity
from gateway.ivr import waiting_music
from gateway.ivr.build_music import FILE
from gateway.ivr.waiting_music import RATE, composed, score, seconds

music = cache(composed)


@cache
def shipped() -> Samples:
    return looped(decode(FILE.read_bytes(), RATE), RATE)


def pieces(samples: Samples, length: float) -> npt.NDArray[np.float64]:
    """The samples in rows of so many seconds."""
    size = round(length * RATE)
    return samples[: len(samples) // size * size].reshape(-1, size).astype(float)


def test_it_is_long_enough_not_to_be_tiresome() -> None:
    assert 40 <= seconds() <= 60
    assert len(music()) == seconds() * RATE


def test_it_is_the_same_each_time() -> None:
    waiting_music._string.cache_clear()
    assert composed().tolist() == music().tolist()


def test_what_is_shipped_was_made_from_it() -> None:
    assert len(shipped()) == len(music()), "make prompts"
    for made, wanted in zip(pieces(shipped(), 1.0), pieces(music(), 1.0), strict=True):
        assert np.corrcoef(made, wanted)[0, 1] > 0.98, "make prompts"


def test_another_note_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third, *others = score()
    changed = (first, second, waiting_music.Note(third.beat, third.pitch + 1, third.loudness))
    monkeypatch.setattr(waiting_music, "score", lambda: (*changed, *others))
    beginning = composed()[:RATE].astype(float), shipped()[:RATE].astype(float)
    assert np.corrcoef(*beginning)[0, 1] < 0.98


def test_a_telephone_line_carries_all_of_it() -> None:
    spectrum = np.abs(np.fft.rfft(shipped().astype(float))) ** 2
    hertz = np.fft.rfftfreq(len(shipped()), 1 / RATE)
    assert spectrum[(hertz >= 300) & (hertz <= 3400)].sum() > 0.995 * spectrum.sum()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_there_is_no_key_of_a_telephone_in_it(rate: int) -> None:
    twice = np.concatenate((shipped(), shipped()[: 2 * RATE]))
    heard = narrowed(twice) if rate == 8000 else twice
    receiver, size = DtmfReceiver(rate), rate // 50
    for at in range(0, len(heard) - size, size):
        assert receiver.receive(heard[at : at + size]) == []
        assert not receiver.is_sounding


def test_it_is_as_loud_all_the_time() -> None:
    levels = 10 * np.log10(np.mean(pieces(shipped(), 1.0) ** 2, axis=1))
    assert np.abs(levels - levels.mean()).max() < 3.5


def test_nobody_takes_it_for_a_signalling_tone() -> None:
    """No sine goes on alone: neither echo cancellers nor detectors of tones find one."""
    rows = pieces(shipped(), 1.0)
    spectra = np.abs(np.fft.rfft(rows * np.hanning(RATE))) ** 2  # a bin is 1 Hz
    strongest = spectra.argmax(axis=1)
    alone = [row[at - 5 : at + 6].sum() for row, at in zip(spectra, strongest, strict=True)]
    assert (alone / spectra.sum(axis=1)).max() < 0.8


def test_it_never_passes_for_the_noise_of_a_line() -> None:
    levels = 20 * np.log10(32767) - 10 * np.log10(np.mean(pieces(shipped(), 0.02) ** 2, axis=1))
    activity = VoiceActivity()
    assert all(activity.update(round(level)) for level in levels)


def test_its_end_leads_into_its_beginning() -> None:
    around = np.concatenate((shipped()[-RATE:], shipped()[:RATE])).astype(float)
    wanted = np.concatenate((music()[-RATE:], music()[:RATE])).astype(float)
    at_the_seam = slice(RATE - 400, RATE + 800)
    assert np.corrcoef(around[at_the_seam], wanted[at_the_seam])[0, 1] > 0.98
    steps = np.abs(np.diff(around))
    assert steps[RATE - 10 : RATE + 10].max() < steps.max()
    assert np.abs(music()[0]) > 0  # it rings on from the end
