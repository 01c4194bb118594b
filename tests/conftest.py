"""What all tests share: the event loop the product runs on."""

import asyncio
import os
from collections.abc import Callable, Mapping

import uvloop
from hypothesis import settings

from gateway import logs


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production."""
    return {"uvloop": uvloop.new_event_loop}


logs.configure("warning")  # a failed test shows what went wrong, not every message and stanza

# How long an example takes is not judged. What lands is judged by the same examples every time;
# everybody else looks for new ones.
settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "developer")
