"""What all tests share: the event loop the product runs on, and who watches that they end."""

import asyncio
import faulthandler
import gc
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import pytest_timeout
import uvloop
from hypothesis import settings

from tests.helpers.captured_log import log_at_once


class Loop(uvloop.Loop):
    """uvloop's, that does not wait for ever for datagram sockets a test has left open.

    A test that fails half-way may leave some, and pytest's timeout does not watch any more then.
    """

    def __init__(self) -> None:
        super().__init__()
        self._datagram: list[asyncio.DatagramTransport] = []

    async def create_datagram_endpoint(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        made = await super().create_datagram_endpoint(*args, **kwargs)
        self._datagram.append(made[0])
        return made

    def close(self) -> None:
        left = [each.get_extra_info("sockname") for each in self._datagram if self._shut(each)]
        if left:
            self.run_until_complete(asyncio.sleep(0))
        super().close()
        assert not left, f"datagram sockets left open: {left}"

    @staticmethod
    def _shut(transport: asyncio.DatagramTransport) -> bool:
        """Whether it was open until now."""
        if transport.is_closing():
            return False
        transport.abort()
        return True


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production."""
    return {"uvloop": Loop}


_standard_error = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_standard_error] = os.dup(2)  # it is captured later


def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool:
    """The interpreter watches by itself: thousands of threads of Python's would be dear.

    In the end it says where every thread is and ends the process, even if a test hangs in C.
    """
    to = item.config.stash[_standard_error]
    faulthandler.dump_traceback_later(settings.timeout, file=to, exit=True)
    return True


def pytest_timeout_cancel_timer() -> bool:
    faulthandler.cancel_dump_traceback_later()
    return True


gc.disable()  # collecting thousands of tests makes no garbage, and looking for it is dear


def pytest_collection_finish() -> None:
    """What is there now stays until the end, so nobody need look through it again either."""
    gc.freeze()
    gc.enable()


log_at_once()  # a failed test shows what went wrong, not every message and stanza

# How long an example takes is not judged. What lands is judged by the same hundred examples every
# time; everybody else looks for new ones, and has tried as many after a few runs.
settings.register_profile("developer", deadline=None, max_examples=15)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "developer")
