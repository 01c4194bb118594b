"""Renewed certificates are taken up: when somebody says so, and when files are seen to change."""

import asyncio
import contextlib

import structlog

from gateway.errors import ConfigError
from gateway.sip.tls import Certificates

log = structlog.get_logger(__name__)


class CertificateWatch:
    """Looks at the files every so many seconds, and at once when told to. `close` it."""

    def __init__(self, certificates: Certificates, interval: float) -> None:
        self._certificates = certificates
        self._interval = interval
        self._asked = asyncio.Event()
        self._task = asyncio.create_task(self._watch(), name="certificates")

    def reload(self) -> None:
        """Read the files, changed or not; those that cannot be used are told in the log."""
        self._asked.set()

    async def close(self) -> None:
        """Stop looking."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._asked.wait()
            if self._asked.is_set() or self._certificates.have_changed:
                self._asked.clear()
                await self._reload()

    async def _reload(self) -> None:
        try:
            # In a thread, since reading the system's authorities would stall all calls.
            await asyncio.to_thread(self._certificates.reload)
        except ConfigError as error:
            # Perhaps only half of them is written yet: the next look will see.
            log.error("certificates cannot be used, the former stay", problems=error.problems)
        else:
            log.info("certificates taken up")
