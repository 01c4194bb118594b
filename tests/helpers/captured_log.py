"""What the gateway logs while it is tested, kept by pytest with the test that made it say so."""

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import capture_logs

from gateway import logs


def log_at_once() -> None:
    """Write warnings, and not from the thread of production, which does not know of tests."""
    logs.configure("warning")
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


@contextmanager
def told() -> Iterator[list[MutableMapping[str, Any]]]:
    """The entries that come within `with`: all that is told in production, not warnings alone."""
    logs.set_level("info")
    try:
        with capture_logs() as entries:
            yield entries
    finally:
        logs.set_level("warning")
