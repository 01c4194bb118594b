"""What goes round and round has no seam, whatever it is."""

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.loop import SEAM, looped, with_seam
from audiocodecs.tones import tone

RATE = 8000
SEAM_SAMPLES = round(SEAM * RATE)


def test_a_turn_that_has_got_a_seam_is_that_turn_again() -> None:
    turn = tone([400.0], 0.5, rate=RATE)
    assert np.abs(looped(with_seam(turn, RATE), RATE) - turn.astype(int)).max() <= 1


def test_what_ends_abruptly_goes_on_without_a_step() -> None:
    time = np.arange(RATE) / RATE
    cut_off = (10000 * np.sin(2 * np.pi * 300.3 * time)).astype(np.int16)
    turn = looped(cut_off, RATE)
    round_and_round = np.concatenate((turn, turn)).astype(int)
    steps = np.abs(np.diff(round_and_round))
    around = steps[len(turn) - 2 : len(turn) + SEAM_SAMPLES]
    assert around.max() <= 1.1 * steps[: len(turn) // 2].max()
    assert turn[SEAM_SAMPLES:].tolist() == cut_off[SEAM_SAMPLES : len(turn)].tolist()


@pytest.mark.parametrize("count", [0, 1, 2, SEAM_SAMPLES, 2 * SEAM_SAMPLES + 1])
def test_what_is_shorter_than_its_seam_goes_round_as_well(count: int) -> None:
    samples: Samples = np.full(count, 1000, np.int16)
    turn = looped(samples, RATE)
    assert (len(turn) > 0) == (count > 0)
    assert np.abs(turn - 1000.0).max(initial=0.0) <= 1
