"""Many rooms mixed at once: each ear has the sum of its room without one voice, and no other's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.mixing import Mixing

SIZE = 8
frames = st.lists(st.integers(-32768, 32767), min_size=SIZE, max_size=SIZE).map(
    lambda samples: np.array(samples, np.int16)
)
rooms = st.lists(st.lists(frames, max_size=25), min_size=1, max_size=6)


@settings(deadline=None)
@given(rooms)
def test_an_ear_hears_its_room_without_the_voice_it_leaves_out(
    rooms: list[list[np.ndarray]],
) -> None:
    mixing = Mixing(SIZE)
    expected = {}
    for voices in rooms:
        mixing.begin_room()
        numbers = [mixing.voice(voice) for voice in voices]
        total = sum((voice.astype(int) for voice in voices), np.zeros(SIZE, int))
        expected[mixing.ear()] = total
        for number, voice in zip(numbers, voices, strict=True):
            expected[mixing.ear(number)] = total - voice
    mixed = mixing.mix()
    assert len(mixed) == len(expected)
    for row, wanted in expected.items():
        assert mixed[row].tolist() == wanted.tolist()


def test_what_was_mixed_is_forgotten_also_if_nobody_heard_it() -> None:
    mixing = Mixing(SIZE)
    for _ in range(2):
        mixing.begin_room()
        mixing.voice(np.ones(SIZE, np.int16))
        assert mixing.mix().shape == (0, SIZE)
    mixing.begin_room()
    row = mixing.ear()
    assert mixing.mix()[row].tolist() == [0] * SIZE
