"""Names spoken by a program that may be missing, slow, broken or talkative."""

import asyncio
import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from audiocodecs.loudness import SPEECH, speech_level
from gateway.ivr.language import Language
from gateway.ivr.phrasebook import Phrasebook, Speech
from gateway.ivr.synthesis import Names
from gateway.media.messages import Recorded, Sampled

ENGLISH = Phrasebook.of(Language.ENGLISH)
SPELLED = (Recorded("en", "letter-a"), Recorded("en", "letter-n"), Recorded("en", "letter-n"))


def program(folder: Path, body: str) -> str:
    """A program that takes the place of espeak-ng. A line with #! takes no path with a space."""
    script, file = folder / "espeak-ng.py", folder / "espeak-ng"
    script.write_text(f"import sys\n{body}\n")
    file.write_text(f'#!/bin/sh\nexec {shlex.join((sys.executable, str(script)))} "$@"\n')
    file.chmod(0o700)
    return str(file)


def echoing(folder: Path) -> str:
    """Answers with a beep; keeps what it was told."""
    return program(
        folder,
        f"""
import struct, wave
with open({str(folder / "told")!r}, "a") as told:
    told.write(repr((sys.argv[1:], sys.stdin.read())) + "\\n")
with wave.open(sys.stdout.buffer, "wb") as out:
    out.setnchannels(1), out.setsampwidth(2), out.setframerate(22050)
    out.writeframes(struct.pack("<8000h", *([3000] * 20 + [-3000] * 20) * 200))
""",
    )


def children() -> list[str]:
    """The processes that this one has begun and has not seen the end of."""
    found = []
    for each in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended meanwhile
            if f"PPid:\t{os.getpid()}\n" in each.read_text():
                found.append(each.parent.name)
    return found


async def spoken(names: Names, name: str = "Ann", book: Phrasebook = ENGLISH) -> Speech:
    return await names.speech(name, book)


@pytest.mark.parametrize("missing", [None, "", "/nonexistent/espeak-ng"])
async def test_without_the_program_names_are_spelled(missing: str | None) -> None:
    names = Names(missing)
    assert not names.are_spoken
    assert await spoken(names) == SPELLED
    assert await spoken(names, "🎉") == ()


async def test_a_name_is_told_by_standard_input_only_and_once(tmp_path: Path) -> None:
    names = Names(echoing(tmp_path), within=10.0)
    assert names.are_spoken
    first = await spoken(names, "--stdout; `reboot` $(x)\n\x00Ann", Phrasebook.of(Language.GERMAN))
    assert await spoken(names, "--stdout reboot x Ann", Phrasebook.of(Language.GERMAN)) == first
    (told,) = (tmp_path / "told").read_text().splitlines()
    arguments = ["-v", "de", "-s", "150", "--stdout", "--stdin"]
    assert told == repr((arguments, "stdout reboot x Ann"))
    (part,) = first
    assert isinstance(part, Sampled)


@pytest.mark.parametrize(
    "body",
    [
        "import time\ntime.sleep(60)",
        "while True: sys.stdout.buffer.write(bytes(65536))",
        "sys.exit(1)",
        "print('no audio')",
        "",
    ],
)
async def test_a_program_that_does_not_speak_leaves_names_spelled_and_nothing_behind(
    tmp_path: Path, body: str
) -> None:
    names = Names(program(tmp_path, body), within=0.4)
    assert await spoken(names) == SPELLED
    assert len(asyncio.all_tasks()) == 1


async def test_who_is_cancelled_while_a_program_begins_leaves_none(tmp_path: Path) -> None:
    names = Names(program(tmp_path, "sys.stdin.read()"), within=10.0)
    before = children()
    for turns in range(8):  # of the loop
        speaking = asyncio.create_task(spoken(names))
        for _ in range(turns):
            await asyncio.sleep(0)
        speaking.cancel()
        await asyncio.wait((speaking,))
        assert len(asyncio.all_tasks()) == 1
        assert children() == before


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
async def test_espeak_ng_speaks_a_name_at_the_loudness_of_prompts() -> None:

    (part,) = await spoken(Names("espeak-ng", within=10.0), "Grüß Gott", ENGLISH)
    assert isinstance(part, Sampled)
    samples = np.frombuffer(part.pcm, "<i2").astype(np.int16)
    assert speech_level(samples, 16000) == pytest.approx(SPEECH, abs=0.5)
    assert 0.3 < len(samples) / 16000 < 3.0


async def test_who_is_ended_while_the_program_cannot_begin_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(echoing(tmp_path))
    begun = asyncio.Event()

    async def fails(*arguments: object, **options: object) -> None:
        begun.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        raise BlockingIOError("no process is to be had")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fails)
    speaking = asyncio.create_task(spoken(names))
    await begun.wait()
    speaking.cancel()
    await asyncio.wait((speaking,))
    assert speaking.cancelled()
