"""Writes the log from a thread of its own: whoever reads it, at whatever pace, holds no call up."""

import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Self

Write = Callable[[bytes], int]
"""As `os.write` to a file: says how much of it was written. OSError: nothing more can be."""

_MOST_WAITING = 10_000  # entries; a reader that stands still for a minute of a busy gateway
_PATIENCE = 2.0  # seconds, at the end, for a reader that takes nothing


def to_file(descriptor: int) -> Write:
    """Writes to an open file, and waits for room in a pipe that others have made non-blocking."""

    def write(data: bytes) -> int:
        try:
            return os.write(descriptor, data)
        except BlockingIOError:
            select.select((), (descriptor,), ())
            return 0

    return write


class LogWriter:
    """Writes entries in their order between `with` and its end.

    What cannot be written, on a full disk or to a reader that has gone or has stopped reading, is
    left out; `missing` makes the entry that says afterwards up to how many that were.
    """

    def __init__(self, write: Write, missing: Callable[[int], str]) -> None:
        self._write = write
        self._missing = missing
        self._left_out = 0
        self._waiting: SimpleQueue[tuple[int, str | None]] = SimpleQueue()  # None: the end
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Return when all is written, or nobody reads any more."""
        self._waiting.put((self._left_out, None))
        while self._thread.is_alive():
            before = self._waiting.qsize()
            self._thread.join(_PATIENCE)
            if self._waiting.qsize() == before:
                break

    def put(self, entry: str) -> None:
        """Have an entry written soon."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put((self._left_out, entry))
            self._left_out = 0
        else:
            self._left_out += 1

    debug = info = warning = error = critical = exception = put

    def _write_all(self) -> None:
        missing = 0
        entry: str | None = ""
        while entry is not None:
            left_out, entry = self._waiting.get()
            missing += left_out
            lines = [self._missing(missing)] if missing else []
            lines += [entry] if entry is not None else []
            try:
                self._write_whole("".join(f"{line}\n" for line in lines).encode(errors="replace"))
            except OSError:
                missing += 1
            else:
                missing = 0

    def _write_whole(self, data: bytes) -> None:
        while data:
            data = data[self._write(data) :]
