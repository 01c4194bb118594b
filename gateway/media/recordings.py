"""Recordings from files, read in a thread of their own: decoding would stall the clock. [io]

In each folder, the first one first: `LANGUAGE/NAME.*` in any format, or `NAME.*` in the archive
`LANGUAGE.zip`; what is in no language is in the folder itself. Whoever made them, they are brought
to the same loudness, and music to one below that.
"""

import re
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import structlog

from audiocodecs.audio_files import decode
from audiocodecs.frames import Samples, silence
from audiocodecs.loop import looped
from audiocodecs.loudness import SPEECH, levelled
from audiocodecs.resampling import NARROW, WIDE, narrowed
from gateway.media.speech import MUSIC, Recorded

log = structlog.get_logger(__name__)

_MOST = 64 << 20  # octets of samples that are kept; those unused for longest are read again
_LARGEST = 32 << 20  # octets of a file
_MUSIC_LEVEL = SPEECH + 5.0  # -dBov
_LONGEST, _LONGEST_MUSIC = 60.0, 300.0  # seconds
_PLAIN = re.compile(r"[a-z0-9-]+")  # what leads out of a folder is no name

_Key = tuple[Recorded, int]


class RecordingFiles:
    """The recordings of some folders (`gateway.media.utterance.Recordings`); `close` it."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = tuple(Path(folder) for folder in folders)
        self._reader: ThreadPoolExecutor | None = None
        self._reading: dict[_Key, Future[Samples]] = {}
        self._kept: OrderedDict[_Key, Samples] = OrderedDict()
        self._octets = 0
        self._missing: set[Recorded] = set()  # those that the log has been told of

    def close(self) -> None:
        """Read no more; what is being read is finished first."""
        if self._reader is not None:
            self._reader.shutdown(cancel_futures=True)
            self._reader = None
        self._reading.clear()

    def samples(self, recorded: Recorded, rate: int) -> Samples | None:
        """A recording at 8000 or 16000 Hz, empty if there is none; None while it is being read."""
        key = (recorded, rate)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        reading = self._reading.get(key)
        if reading is None:
            if self._reader is None:
                self._reader = ThreadPoolExecutor(1, "recordings")
            self._reading[key] = self._reader.submit(self._read, recorded, rate)
            return None
        if not reading.done():
            return None
        del self._reading[key]
        self._keep(key, reading.result())
        return self._kept[key]

    def _keep(self, key: _Key, samples: Samples) -> None:
        self._kept[key] = samples
        self._octets += samples.nbytes
        while self._octets > _MOST and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._octets -= oldest.nbytes

    # In the thread.

    def _read(self, recorded: Recorded, rate: int) -> Samples:
        """The first of the files that is good; nothing if none is."""
        for place, data in self._files(recorded):
            try:
                return _sound(data, recorded, rate)
            except ValueError as error:
                log.warning("recording cannot be used", file=place, reason=str(error))
        if recorded not in self._missing:
            self._missing.add(recorded)
            log.error("no recording", language=recorded.language, name=recorded.name)
        return silence(0)

    def _files(self, recorded: Recorded) -> Iterator[tuple[str, bytes]]:
        """Where each file with that name is, and what is in it."""
        language, name = recorded.language, recorded.name
        if not (_PLAIN.fullmatch(language or "none") and _PLAIN.fullmatch(name)):
            return
        for folder in self._folders:
            for place in sorted((folder / language).glob(f"{name}.*")):
                try:
                    with place.open("rb") as file:
                        yield str(place), file.read(_LARGEST)
                except OSError as error:
                    log.warning("recording cannot be read", file=str(place), reason=error.strerror)
            if language:
                yield from _packed(folder / f"{language}.zip", name)


def _sound(data: bytes, recorded: Recorded, rate: int) -> Samples:
    """What is in a file, as it is played. ValueError: nothing."""
    is_music = recorded == MUSIC
    level, longest = (_MUSIC_LEVEL, _LONGEST_MUSIC) if is_music else (SPEECH, _LONGEST)
    wide = levelled(decode(data, WIDE, longest=longest), WIDE, level)
    samples = narrowed(wide) if rate == NARROW else wide
    return looped(samples, rate) if is_music else samples


def _packed(pack: Path, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(pack) as archive:
            for member in archive.infolist():
                if member.filename.partition(".")[0] == name and member.file_size <= _LARGEST:
                    yield f"{pack}: {member.filename}", archive.read(member)
    except FileNotFoundError:
        return
    except Exception as error:  # zipfile has many: encrypted, unknown method, damaged in between
        log.warning("recordings cannot be read", file=str(pack), reason=str(error))
