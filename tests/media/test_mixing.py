"""Many rooms mixed at once: each ear has the sum of its room without one voice, and no other's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media.mixing import Mixing
from gateway.media.utterance import Over

SIZE = 8
frames = st.binary(min_size=2 * SIZE, max_size=2 * SIZE).map(
    lambda octets: np.frombuffer(octets, np.int16) // 32  # so soft that no room is too loud
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
        expected[mixing.ear(object())] = total
        for number, voice in zip(numbers, voices, strict=True):
            expected[mixing.ear(object(), number)] = total - voice
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
    row = mixing.ear("anybody")
    assert mixing.mix()[row].tolist() == [0] * SIZE


def test_twenty_talkers_are_not_clipped_and_the_volume_comes_back() -> None:
    time = np.arange(160) / 8000
    talkers = [
        (12000 * np.sin(2 * np.pi * (300 + 40 * n) * time)).astype(np.int16) for n in range(20)
    ]
    mixing = Mixing(160)
    loudest = []
    for number in range(150):
        mixing.begin_room()
        for voice in talkers if number < 50 else talkers[:1]:
            mixing.voice(voice)
        row = mixing.ear("anybody")
        loudest.append(int(np.abs(mixing.mix()[row].astype(int)).max()))
    assert 0.8 * 32767 < max(loudest[1:]) < 32000
    assert loudest[50] < 6000  # there is no jump upwards
    assert loudest[-1] == int(np.abs(talkers[0].astype(int)).max())


def test_what_is_said_to_one_ear_lies_over_its_softer_room_and_nobody_else_hears_it() -> None:
    mixing = Mixing(160)
    mixing.begin_room()
    voice = np.full(160, 8000, np.int16)
    own = mixing.voice(np.full(160, 4000, np.int16))
    mixing.voice(voice)
    words = np.full(160, 1000, np.int16)
    steady = mixing.ear("one", own, Over(words, 0.25, 0.25))
    falling = mixing.ear("two", own, Over(words, 1.0, 0.25))
    other = mixing.ear("three", own)
    mixed = mixing.mix()
    assert mixed[steady].tolist() == [3000] * 160
    assert 8900 < mixed[falling][0] <= 9000
    assert mixed[falling][-1] == 3000
    assert abs(np.diff(mixed[falling])).max() < 50
    assert mixed[other].tolist() == [8000] * 160
    mixing.begin_room()
    row = mixing.ear("one")
    assert not mixing.mix()[row].any()
