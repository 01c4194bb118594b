"""Keys are found in audio as ITU-T Q.24 wants it, and not in what people say."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.dtmf import DtmfReceiver, Pressed
from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import PCMA
from audiocodecs.tones import COLUMNS, KEYS, ROWS, asking, congestion, dtmf, tone
from gateway.lab.voice import read_audio
from tests.helpers.examples import at_most
from tests.helpers.voices import amplitude, mixed, noise, speech, vowel

RATE = 8000
DIGITS = "".join(KEYS)
VOICES = Path(__file__).parents[2] / "gateway" / "lab" / "voices"


def heard(samples: Samples, rate: int = RATE) -> list[Pressed]:
    """What is pressed in these samples and the second of silence after them."""
    frame = rate // 50
    padded = np.concatenate((samples, silence(-len(samples) % frame), silence(rate)))
    receiver = DtmfReceiver(rate)
    return [press for each in padded.reshape(-1, frame) for press in receiver.receive(each)]


def digits(samples: Samples, rate: int = RATE) -> str:
    return "".join(press.digit for press in heard(samples, rate))


def pair(row: float, column: float, seconds: float, *, low: float, high: float) -> Samples:
    """Two sines, each at its level in dBov, that begin and end at once."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(
        np.sqrt(2) * amplitude(level) * np.sin(2 * np.pi * frequency * time)
        for frequency, level in ((row, low), (column, high))
    )
    return np.clip(wave, -32768, 32767).astype(np.int16)


def after(lead: int, *parts: Samples) -> Samples:
    """The parts one after the other, `lead` samples late."""
    return np.concatenate((silence(lead), *parts))


def gap(seconds: float) -> Samples:
    return silence(round(seconds * RATE))


@pytest.mark.parametrize("rate", [8000, 16000])
def test_every_key_is_found_with_its_duration(rate: int) -> None:
    for digit in DIGITS:
        (press,) = heard(dtmf(digit, 0.2, rate=rate), rate)
        assert press.digit == digit
        assert press.duration == pytest.approx(0.2, abs=0.015)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("off", "found"), [(0.015, True), (0.035, False)])
def test_frequencies_may_be_off_by_1_5_but_not_by_3_5_percent(
    off: float, found: bool, sign: int
) -> None:
    for row, keys in zip(ROWS, KEYS, strict=True):
        for column, digit in zip(COLUMNS, keys, strict=True):
            for low, high in ((off, 0.0), (0.0, off), (off, -off)):
                ways = (row * (1 + sign * low), column * (1 + sign * high))
                assert digits(pair(*ways, 0.1, low=-20, high=-20)) == (digit if found else "")


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (-7, -7, True),
        (-35, -35, True),
        (-50, -50, False),
        (-20, -27, True),
        (-27, -20, True),
        (-20, -32, False),
        (-32, -20, False),
    ],
)
def test_levels_and_twist_have_bounds(low: float, high: float, found: bool) -> None:
    assert digits(pair(ROWS[1], COLUMNS[1], 0.1, low=low, high=high)) == ("5" if found else "")


@given(lead=st.integers(0, 159), digit=st.sampled_from(DIGITS), rate=st.sampled_from([8000, 16000]))
@at_most(60)
def test_40_ms_are_a_press_wherever_they_begin_and_23_are_none(
    lead: int, digit: str, rate: int
) -> None:
    assert digits(after(lead, dtmf(digit, 0.044, rate=rate)), rate) == digit  # ramps take 4 ms
    row = next(row for row, keys in zip(ROWS, KEYS, strict=True) if digit in keys)
    column = COLUMNS[KEYS[ROWS.index(row)].index(digit)]
    assert digits(after(lead, pair(row, column, 0.023, low=-20, high=-20))) == ""


@given(lead=st.integers(0, 159), digit=st.sampled_from(DIGITS), keys=st.text(DIGITS, max_size=8))
@at_most(60)
def test_40_ms_of_silence_divide_presses_and_10_ms_do_not(lead: int, digit: str, keys: str) -> None:
    parts = [part for key in keys for part in (dtmf(key, 0.06, rate=RATE), gap(0.04))]
    assert digits(after(lead, *parts)) == keys
    row = next(row for row, keys in zip(ROWS, KEYS, strict=True) if digit in keys)
    sound = pair(row, COLUMNS[KEYS[ROWS.index(row)].index(digit)], 0.06, low=-20, high=-20)
    assert digits(after(lead, sound, gap(0.01), sound)) == digit


def test_keys_are_found_in_noise_and_after_g711() -> None:
    keys = after(0, *(part for key in DIGITS for part in (dtmf(key, 0.1, rate=RATE), gap(0.1))))
    hum = noise(len(keys) / RATE, rate=RATE, level=-32.0)  # 15 dB below the keys
    line = mixed(keys, hum[: len(keys)])
    assert digits(PCMA.decode(PCMA.encode(line))) == DIGITS


def test_a_key_may_follow_another_at_once() -> None:
    assert digits(after(30, dtmf("1", 0.08, rate=RATE), dtmf("2", 0.08, rate=RATE))) == "12"


@pytest.mark.parametrize("rate", [8000, 16000])
def test_nothing_is_found_in_what_people_say(rate: int) -> None:
    for name in ("ann", "bob", "caller"):
        for gain in (1.0, 3.0):
            voice = read_audio(VOICES / f"{name}.wav", rate)
            loud = np.clip(voice * gain, -32768, 32767).astype(np.int16)
            assert digits(loud, rate) == ""
    for seed in (1, 2):
        assert digits(speech(20, rate=rate, seed=seed), rate) == ""


def test_nothing_is_found_in_other_sounds() -> None:
    sounds = [asking(RATE), congestion(RATE), noise(5, rate=RATE, level=-15.0)]
    sounds += [tone([frequency], 1.0, rate=RATE) for frequency in (*ROWS, *COLUMNS, 1000.0, 2100.0)]
    sounds += [tone([350.0, 440.0], 1.0, rate=RATE), tone([697.0, 770.0], 1.0, rate=RATE)]
    sounds += [tone([697.0, 1209.0, 425.0], 1.0, rate=RATE)]
    sounds += [vowel(1.0, rate=RATE, pitch=pitch) for pitch in np.arange(80.0, 400.0, 7.0)]
    assert [digits(sound) for sound in sounds] == [""] * len(sounds)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="speech is made by espeak-ng")
def test_nothing_is_found_in_hours_of_speech(tmp_path: Path) -> None:
    """Ten voices, three pitches each, speak what this project says of itself."""
    documents = ("ARCHITECTURE.md", "README.md", "CHANGELOG.md", "config/JIGASI.md")
    root = Path(__file__).parents[2]
    text = " ".join((root / name).read_text() for name in documents)
    words = " ".join([word for word in text.split() if word.isalpha()][:1000])
    seconds, file = 0.0, tmp_path / "speech.wav"
    voices = "en-gb en-us+f3 de+m3 fr+f2 en+f5 en+m7 it+f1 es+m5 ru+f2 pl+m2"
    for voice in voices.split():
        for pitch in ("25", "50", "80"):
            subprocess.run(
                ["espeak-ng", "-v", voice, "-p", pitch, "-w", str(file), words], check=True
            )
            said = read_audio(file, RATE)
            seconds += len(said) / RATE
            assert digits(said) == "", (voice, pitch)
    print(f"no key in {seconds / 3600:.1f} hours of speech")
    assert seconds > 3600
