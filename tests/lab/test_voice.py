"""Audio files of the lab: what is said, and what was heard."""

from pathlib import Path

import numpy as np
import pytest

from audiocodecs.tones import pulsed
from gateway.lab.voice import read_audio, write_audio


def test_what_was_heard_is_read_again(tmp_path: Path) -> None:
    heard = pulsed(440.0, rate=8000)
    write_audio(tmp_path / "heard.wav", heard, 8000)
    assert np.array_equal(read_audio(tmp_path / "heard.wav", 8000), heard)


def test_nothing_that_was_heard_is_a_file_as_well(tmp_path: Path) -> None:
    write_audio(tmp_path / "heard.wav", np.zeros(0, np.int16), 8000)
    assert (tmp_path / "heard.wav").stat().st_size > 0


@pytest.mark.parametrize("name", ["heard", "heard.mp3", "heard.ogg", "heard.txt"])
def test_a_file_that_cannot_hold_it_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=name):
        write_audio(tmp_path / name, pulsed(440.0, rate=8000), 8000)
