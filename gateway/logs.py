"""Logs: structlog for everybody, text for people or JSON for machines, on standard error.

What libraries say by `logging` is said the same way.
"""

import atexit
import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, ExcInfo, WrappedLogger

from gateway.log_writer import LogWriter, Write, to_file

Watcher = Callable[[EventDict], None]
"""Sees every entry before it is written, e.g. to show a call's steps to a person."""

log = structlog.get_logger(__name__)

_STANDARD_ERROR = 2
_FRAMES = 30  # of a traceback, the innermost
_LONGEST = 1000  # characters of a value that are written, but by who looks for a fault (debug)

_write_error = to_file(_STANDARD_ERROR)
_open = ExitStack()
atexit.register(_open.close)


def configure(
    level: str = "info",
    format_: str = "text",
    *,
    watcher: Watcher | None = None,
    write: Write = _write_error,
) -> None:
    """Set logging up for the process; `level` is a name of the logging module, lower case.

    With a `watcher` nothing is written: the watcher shows what is to be shown. What cannot be
    written, on a full disk or to a reader that has gone or stopped, is counted and ends no call.
    """
    if sys.__stderr__ is None:  # or the next socket would be what the log is written to
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STANDARD_ERROR)
        os.set_inheritable(_STANDARD_ERROR, True)
    stamps: list[Any] = [
        structlog.processors.add_log_level,
        _shorten,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if watcher is not None:
        renderers: list[Any] = [_watch(watcher)]
    elif format_ == "json":
        renderers = [
            structlog.processors.ExceptionRenderer(_traceback),
            structlog.processors.JSONRenderer(),
        ]
    else:
        colors = os.isatty(_STANDARD_ERROR)
        console = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_traceback)
        renderers = [_escape, console]

    def missing(entries: int) -> str:
        entry: Any = {"event": "log entries are missing here", "up_to": entries}
        for process in (*stamps, *renderers):
            entry = process(None, "warning", entry)
        return str(entry)

    _open.close()
    writer = _open.enter_context(LogWriter(write, missing))
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *stamps, *renderers],
        wrapper_class=_logger_of(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[Libraries()])


def set_level(level: str) -> None:
    """Write from now on what is of this level or above."""
    structlog.configure(wrapper_class=_logger_of(level))


def _logger_of(level: str) -> type[structlog.typing.FilteringBoundLogger]:
    return structlog.make_filtering_bound_logger(logging.getLevelName(level.upper()))


class Libraries(logging.Handler):
    """What libraries say, as an entry like our own."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelno // 10 * 10  # one of those that have a name
        log.log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _traceback(exc_info: ExcInfo) -> str:
    """Without the values of variables, among which there may be a PIN or a password."""
    return "".join(traceback.format_exception(*exc_info, limit=-_FRAMES))


def _write_traceback(output: TextIO, exception: ExcInfo) -> None:
    """Set in, so that no line of it can be taken for an entry."""
    for line in _traceback(exception).rstrip("\n").split("\n"):
        output.write(f"\n  {_printable(line)}")


def _shorten(_: WrappedLogger, level: str, entry: EventDict) -> EventDict:
    """What strangers write does not bury what others have to say."""
    if level == "debug":
        return entry
    return {
        key: f"{value[:_LONGEST]}... ({len(value)} characters)"
        if isinstance(value, str) and len(value) > _LONGEST
        else value
        for key, value in entry.items()
    }


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
