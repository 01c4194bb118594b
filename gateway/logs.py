"""Logs: structlog for everybody, text for people or JSON for machines, on standard error."""

import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, WrappedLogger

Watcher = Callable[[EventDict], None]
"""Sees every entry before it is written, e.g. to show a call's steps to a person."""


def configure(
    level: str = "info", format_: str = "text", *, watcher: Watcher | None = None
) -> None:
    """Set logging up for the process; `level` is a name of the logging module, lower case.

    With a `watcher` nothing is written: the watcher shows what is to be shown. What cannot be
    written, on a full disk or to a reader that has gone, is counted and ends no call.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if watcher is not None:
        renderers: list[Any] = [_watch(watcher)]
    elif format_ == "json":
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        renderers = [_escape, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    output = _Output(sys.stderr)
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def _escape(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
    """What strangers write does not command the operator's terminal, nor turn its lines around."""
    return {
        key: _printable(value) if isinstance(value, str) else value for key, value in entry.items()
    }


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _watch(watcher: Watcher) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def process(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
        watcher(entry)
        raise structlog.DropEvent

    return process


class _Output:
    """Writes entries as long as that is possible, and says afterwards how many are missing."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._missing = 0

    def write(self, entry: str) -> None:
        missing = f"up to {self._missing} log entries are missing here\n" if self._missing else ""
        try:
            self._file.write(f"{missing}{entry}\n")
            self._file.flush()
        except OSError:
            self._missing += 1
        else:
            self._missing = 0

    debug = info = warning = error = critical = exception = write
