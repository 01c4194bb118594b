"""What is shipped was made from the texts that there are, and sounds like them."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from audiocodecs.audio_files import decode
from audiocodecs.frames import Samples
from audiocodecs.loudness import SPEECH, speech_level
from gateway.ivr import build_music, build_prompts
from gateway.ivr.build_prompts import MADE_FROM, source_hash, sources, speak
from gateway.ivr.language import Language
from gateway.ivr.texts import PACKS, Texts

RATE = 16000
each_language = pytest.mark.parametrize("language", list(Language))


def shipped(language: Language, name: str) -> Samples:
    with zipfile.ZipFile(PACKS / f"{language}.zip") as archive:
        return decode(archive.read(f"{name}.opus"), RATE)


@each_language
def test_all_that_is_shipped_was_made_from_the_present_texts(language: Language) -> None:
    texts = Texts.of(language)
    wanted = {name: source_hash(texts, source) for name, source in sources(texts).items()}
    with zipfile.ZipFile(PACKS / f"{language}.zip") as archive:
        made_from = json.loads(archive.read(MADE_FROM))
        members = {name.removesuffix(".opus") for name in archive.namelist()} - {MADE_FROM}
        contents = [hashlib.sha256(archive.read(f"{name}.opus")).digest() for name in members]
    assert made_from == wanted, "make prompts"
    assert members == set(wanted)
    assert len(set(contents)) > 0.98 * len(contents)  # some letters have the same name


def test_it_is_fit_to_be_shipped() -> None:
    packs = {f"{each}.zip" for each in Language}
    assert {path.name for path in PACKS.iterdir()} == {*packs, build_music.FILE.name}
    assert sum(path.stat().st_size for path in PACKS.iterdir()) < 7_000_000


@each_language
@pytest.mark.parametrize("name", ["greeting", "digit-3", "letter-b", "participants-5"])
def test_recordings_are_as_loud_as_each_other_and_not_long(language: Language, name: str) -> None:
    samples = shipped(language, name)
    assert speech_level(samples, RATE) == pytest.approx(SPEECH, abs=1.0)
    assert 0.1 < len(samples) / RATE < 4.0
    assert abs(int(samples[0])) < 500  # nothing is cut off


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
@pytest.mark.parametrize("language", [Language.ENGLISH, Language.RUSSIAN])
def test_the_recording_of_a_text_is_that_text_spoken(language: Language) -> None:
    texts = Texts.of(language)
    spoken = decode(speak(texts.voice, sources(texts)["muted"]), RATE)
    assert similarity(shipped(language, "muted"), spoken) > 0.9
    assert similarity(shipped(language, "goodbye"), spoken) < 0.3


def similarity(one: Samples, other: Samples) -> float:
    """The largest correlation at any shift of up to 50 ms."""
    count = min(len(one), len(other)) - 1600
    middle = one[800 : 800 + count]
    return max(
        abs(float(np.corrcoef(middle, other[shift : shift + count])[0, 1]))
        for shift in range(0, 1600, 4)
    )


def test_only_what_has_changed_is_spoken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def voice(name: str, source: str) -> bytes:
        asked.append(source)
        return f"{name} says {source}".encode()

    monkeypatch.setattr(build_prompts, "speak", voice)
    texts, pack = Texts.of(Language.GERMAN), tmp_path / "de.zip"
    assert build_prompts._renew(texts, pack) == len(sources(texts)) == len(asked)
    first = pack.read_bytes()
    assert build_prompts._renew(texts, pack) == 0
    assert pack.read_bytes() == first
    changed = Texts(
        texts.language,
        texts.voice,
        {**texts.prompts, "goodbye": "Tschüss."},
        texts.counted,
        texts.numbers,
        texts.pronunciation,
    )
    asked.clear()
    assert build_prompts._renew(changed, pack) == 1
    assert asked == ["Tschüss."]
    with zipfile.ZipFile(pack) as archive:
        assert archive.read("goodbye.opus") == "de says Tschüss.".encode()
