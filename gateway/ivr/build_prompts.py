"""`python -m gateway.ivr.build_prompts`: have espeak-ng speak the texts, one pack a language.

A pack is a ZIP of Ogg/Opus files at 16 kHz, all as loud as each other. `made-from.json` in it has
the hash of what each was made from, so what has not changed is kept as it is. The voices are
espeak-ng's own (formant synthesis); what they say is free to ship.
"""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from audiocodecs.audio_files import decode, encode
from audiocodecs.loudness import levelled, trimmed
from gateway.ivr.language import Language
from gateway.ivr.texts import PACKS, Texts

MADE_FROM = "made-from.json"

_RATE = 16000
_WORDS_A_MINUTE = 160  # slower than espeak-ng's 175: it is heard over a telephone
_RECIPE = f"espeak-ng {_WORDS_A_MINUTE} wpm, trimmed, levelled, opus; 1"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP can say: equal contents, equal packs


def main() -> None:
    """Bring every pack up to date."""
    for language in Language:
        spoken = _renew(Texts.of(language), PACKS / f"{language}.zip")
        sys.stdout.write(f"{language}: {spoken} recordings made\n")


def sources(texts: Texts) -> dict[str, str]:
    """What each recording of a language is made from, in espeak-ng's SSML."""
    found = {}
    for name, text in texts.recordings().items():
        for written, spoken in texts.pronunciation.items():
            text = text.replace(written, spoken)  # noqa: PLW2901
        found[name] = escape(text)
    for name, character in texts.characters().items():
        found[name] = f'<say-as interpret-as="characters">{character}</say-as>'
    return found


def source_hash(texts: Texts, source: str) -> str:
    """What tells whether a recording is still that of its text."""
    return hashlib.sha256(f"{_RECIPE}\n{texts.voice}\n{source}".encode()).hexdigest()[:16]


def _renew(texts: Texts, pack: Path) -> int:
    """Write a pack in which everything is up to date; how many recordings had to be made."""
    wanted = sources(texts)
    hashes = {name: source_hash(texts, source) for name, source in wanted.items()}
    made_from, kept = _read(pack)
    recordings, spoken = {}, 0
    for name, source in wanted.items():
        if made_from.get(name) == hashes[name] and name in kept:
            recordings[name] = kept[name]
        else:
            recordings[name] = speak(texts.voice, source)
            spoken += 1
    if spoken or set(kept) != set(recordings):
        _write(pack, hashes, recordings)
    return spoken


def speak(voice: str, source: str) -> bytes:
    """One recording."""
    command = ["espeak-ng", "-m", "-v", voice, "-s", str(_WORDS_A_MINUTE), "--stdout", "--stdin"]
    done = subprocess.run(command, input=source.encode(), stdout=subprocess.PIPE, check=True)
    samples = decode(done.stdout, _RATE)
    return encode(levelled(trimmed(samples, _RATE), _RATE), _RATE)


def _read(pack: Path) -> tuple[dict[str, str], dict[str, bytes]]:
    if not pack.exists():
        return {}, {}
    with zipfile.ZipFile(pack) as archive:
        made_from: dict[str, str] = json.loads(archive.read(MADE_FROM))
        return made_from, {name: archive.read(f"{name}.opus") for name in made_from}


def _write(pack: Path, hashes: dict[str, str], recordings: dict[str, bytes]) -> None:
    index = json.dumps(hashes, indent=1, sort_keys=True).encode()
    members = ((f"{name}.opus", recordings[name]) for name in sorted(recordings))
    pack.parent.mkdir(exist_ok=True)
    pack.write_bytes(_zipped([(MADE_FROM, index), *members]))


def _zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), data)
    return file.getvalue()


if __name__ == "__main__":
    main()
