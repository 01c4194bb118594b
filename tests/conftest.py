"""What all tests share: the event loop the product runs on."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

from gateway import logs


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production."""
    return {"uvloop": uvloop.new_event_loop}


logs.configure("warning")  # a failed test shows what went wrong, not every message and stanza
