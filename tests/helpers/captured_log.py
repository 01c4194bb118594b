"""What the gateway logs while it is tested, kept by pytest with the test that made it say so."""

import sys

import structlog

from gateway import logs


def log_at_once() -> None:
    """Write warnings, and not from the thread of production, which does not know of tests."""
    logs.configure("warning")
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
