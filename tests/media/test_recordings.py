"""Recordings from files: the operator's before ours, any format, one loudness, and no surprises."""

import io
import time
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from audiocodecs.audio_files import encode
from audiocodecs.frames import Samples
from audiocodecs.loudness import SPEECH, speech_level
from audiocodecs.tones import tone
from gateway.ivr.texts import PACKS
from gateway.media.recordings import RecordingFiles
from gateway.media.speech import MUSIC, Recorded
from tests.helpers.listening import share_of
from tests.helpers.music import music

SHIPPED, OWN = 500.0, 900.0


def wav(
    path: Path, frequency: float, *, rate: int = 44100, level: float = -30.0, seconds: float = 0.5
) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(tone([frequency], seconds, rate=rate, level=level).astype("<i2").tobytes())


def pack(path: Path, **frequencies: float) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, frequency in frequencies.items():
            archive.writestr(f"{name}.opus", encode(tone([frequency], 0.5, rate=16000), 16000))


@pytest.fixture
def files(tmp_path: Path) -> Iterator[RecordingFiles]:
    pack(tmp_path / "ours" / "en.zip", hello=SHIPPED, bye=SHIPPED)
    found = RecordingFiles((str(tmp_path / "own"), str(tmp_path / "ours")))
    yield found
    found.close()


def read(files: RecordingFiles, name: str, rate: int = 16000, language: str = "en") -> Samples:
    for _ in range(500):
        samples = files.samples(Recorded(language, name), rate)
        if samples is not None:
            return samples
        time.sleep(0.01)  # it is read in a thread
    raise AssertionError("it is not read")


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_recording_is_read_beside_the_clock_and_then_there(
    files: RecordingFiles, rate: int
) -> None:
    assert files.samples(Recorded("en", "hello"), rate) is None
    samples = read(files, "hello", rate)
    assert share_of(SHIPPED, samples, rate) > 0.9
    assert len(samples) == pytest.approx(rate // 2, abs=rate // 50)
    assert files.samples(Recorded("en", "hello"), rate) is samples


def test_an_operators_recording_takes_the_place_of_ours_at_the_same_loudness(
    files: RecordingFiles, tmp_path: Path
) -> None:
    wav(tmp_path / "own" / "en" / "hello.wav", OWN)
    wav(tmp_path / "own" / "en" / "hello-after.wav", 1300.0)  # another's name begins like that
    own, shipped = read(files, "hello"), read(files, "bye")
    assert share_of(OWN, own, 16000) > 0.9
    assert share_of(SHIPPED, shipped, 16000) > 0.9
    for samples in (own, shipped):
        assert speech_level(samples, 16000) == pytest.approx(SPEECH, abs=0.5)


@pytest.mark.parametrize("content", [b"", b"no audio"])
def test_ours_is_played_where_an_operators_cannot_be(
    files: RecordingFiles, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "own" / "en" / "hello.mp3"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(content)
    (tmp_path / "own" / "en.zip").write_bytes(content)
    assert share_of(SHIPPED, read(files, "hello"), 16000) > 0.9


@pytest.mark.parametrize(
    ("local", "central", "octet"),
    [(6, 8, 1), (8, 10, 97), (42, None, 0xFF)],
    ids=["encrypted", "unknown method", "damaged"],
)
def test_ours_is_played_where_an_operators_archive_cannot_be_unpacked(
    files: RecordingFiles, tmp_path: Path, local: int, central: int | None, octet: int
) -> None:
    archive = tmp_path / "own" / "en.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("hello.wav", bytes(5000))
    content = bytearray(archive.read_bytes())
    content[local] = octet
    if central is not None:
        content[content.rfind(b"PK\1\2") + central] = octet
    archive.write_bytes(content)
    assert share_of(SHIPPED, read(files, "hello"), 16000) > 0.9


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "nothing"),
        ("xx", "hello"),
        ("en", "../en/hello"),
        ("../ours/en", "hello"),
        ("en", "*"),
    ],
)
def test_what_there_is_not_is_empty(files: RecordingFiles, language: str, name: str) -> None:
    assert len(read(files, name, language=language)) == 0


def test_what_was_not_used_for_longest_is_read_again(
    files: RecordingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.recordings._MOST", 40_000)
    read(files, "hello")
    read(files, "hello", 8000)
    read(files, "bye")
    read(files, "hello", 8000)
    assert files.samples(Recorded("en", "bye"), 16000) is not None
    assert files.samples(Recorded("en", "hello"), 16000) is None


def test_a_stereo_recording_is_heard_from_both_ears(files: RecordingFiles, tmp_path: Path) -> None:
    left, right = (tone([frequency], 0.5, rate=8000) for frequency in (OWN, 1300.0))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(np.column_stack((left, right)).astype("<i2").tobytes())
    path = tmp_path / "own" / "en" / "hello.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(file.getvalue())
    samples = read(files, "hello")
    assert share_of(OWN, samples, 16000) > 0.4
    assert share_of(1300.0, samples, 16000) > 0.4


# Music.


@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_music_is_ours_softer_than_words_and_goes_round(rate: int) -> None:
    files = RecordingFiles((str(PACKS),))
    turn = read(files, "music", rate, language="")
    files.close()
    assert np.corrcoef(turn, music(rate))[0, 1] > 0.999
    level = speech_level(turn, rate)
    assert level is not None and SPEECH + 3 < level < SPEECH + 8


def test_an_operators_music_takes_the_place_of_ours(files: RecordingFiles, tmp_path: Path) -> None:
    wav(tmp_path / "ours" / "music.wav", SHIPPED)
    wav(tmp_path / "own" / "music.wav", OWN)
    assert share_of(OWN, read(files, "music", language=""), 16000) > 0.9
    assert share_of(SHIPPED, read(files, "hello"), 16000) > 0.9  # and only of that


def test_music_may_be_longer_than_words(files: RecordingFiles, tmp_path: Path) -> None:
    wav(tmp_path / "ours" / "music.wav", OWN, rate=8000, seconds=70)
    assert len(read(files, "music", 8000, language="")) == pytest.approx(70 * 8000, abs=800)
    wav(tmp_path / "ours" / "en" / "long.wav", OWN, rate=8000, seconds=70)
    assert len(read(files, "long", 8000)) == 60 * 8000


def test_that_there_is_no_music_is_one_line_in_the_log(files: RecordingFiles) -> None:
    with capture_logs() as logs:
        for rate in (8000, 16000):
            assert len(read(files, "music", rate, language="")) == 0
    assert files.samples(MUSIC, 8000) is not None
    assert [line["event"] for line in logs] == ["no recording"]
