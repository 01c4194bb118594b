"""Names spoken by espeak-ng, where it is installed: a process a name, kept short and small. [io]

What is spoken comes from strangers: it is no argument but standard input, has been stripped to
letters and digits (`naming.py`), and the process has little time and says little.
"""

import asyncio
import shutil
from collections import OrderedDict
from contextlib import suppress

import structlog

from audiocodecs.audio_files import decode
from audiocodecs.loudness import levelled, trimmed
from gateway.ivr.naming import speakable, spellable
from gateway.ivr.phrasebook import Phrasebook, Speech
from gateway.media.messages import Sampled

log = structlog.get_logger(__name__)

_RATE = 16000
_WORDS_A_MINUTE = 150
_LONGEST = 6.0  # seconds of speech
_MOST_OCTETS = 400_000  # of its answer: nine seconds at its 22050 Hz
_CHUNK = 65_536
_AT_A_TIME = 2  # processes
_MOST_KEPT = 200  # names


class Names:
    """Names as speech: spoken by the program `espeak_ng` if there is one, else spelled.

    `within` is how many seconds speaking may take: a name that is not spoken by then is spelled.
    """

    def __init__(self, espeak_ng: str | None, *, within: float = 1.5) -> None:
        self._program = shutil.which(espeak_ng) if espeak_ng else None
        self._within = within
        self._kept: OrderedDict[tuple[str, str], Speech] = OrderedDict()
        self._running = asyncio.Semaphore(_AT_A_TIME)

    @property
    def are_spoken(self) -> bool:
        """Whether names are spoken, not spelled."""
        return self._program is not None

    async def speech(self, name: str, book: Phrasebook) -> Speech:
        """A name in the language of the phrasebook; empty if nothing in it can be spoken."""
        text = speakable(name)
        if not text:
            return ()
        key = (text, book.language)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        spoken = await self._spoken(text, book.texts.voice)
        if spoken is None:
            return book.spelled(spellable(text, book.language))
        self._kept[key] = (spoken,)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    async def _spoken(self, text: str, voice: str) -> Sampled | None:
        """What espeak-ng says; None if it does not, in time."""
        if self._program is None:
            return None
        try:
            async with asyncio.timeout(self._within), self._running:
                data = await _output(self._program, voice, text)
            samples = trimmed(decode(data, _RATE, longest=_LONGEST), _RATE)
        except (TimeoutError, OSError, ValueError) as error:
            log.warning("name not spoken", reason=str(error) or type(error).__name__)
            return None
        if not len(samples):
            return None
        return Sampled(levelled(samples, _RATE).astype("<i2").tobytes())


async def _output(program: str, voice: str, text: str) -> bytes:
    """What the program answers. OSError: it fails; ValueError: it says too much."""
    arguments = ("-v", voice, "-s", str(_WORDS_A_MINUTE), "--stdout", "--stdin")
    # Whose beginning is cancelled would never be ended.
    beginning = asyncio.create_task(
        asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    )
    try:
        return await _answer(await asyncio.shield(beginning), text)
    finally:
        with suppress(OSError):  # it has not begun: a cancellation is not to end in that
            await _end(await beginning)


async def _answer(process: asyncio.subprocess.Process, text: str) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(text.encode())  # less than a pipe holds
    process.stdin.close()
    data = bytearray()
    while piece := await process.stdout.read(_CHUNK):
        data += piece
        if len(data) > _MOST_OCTETS:
            raise ValueError("it does not stop talking")
    if await process.wait():
        raise OSError(f"it ended with {process.returncode}")
    return bytes(data)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    while await process.stdout.read(_CHUNK):  # uvloop keeps a pipe that is not read to its end
        pass
    await process.wait()
