"""Renewed certificates are taken up: when somebody says so, and when files are seen to change."""

import asyncio

import structlog

from gateway.errors import ConfigError
from gateway.reloading import Reloading
from gateway.sip.tls import Certificates

log = structlog.get_logger(__name__)


def watch_certificates(certificates: Certificates, interval: float) -> Reloading:
    """Looks at the files every so many seconds; when told to it reads them, changed or not."""

    async def take_up() -> None:
        try:
            # In a thread, since reading the system's authorities would stall all calls.
            await asyncio.to_thread(certificates.reload)
        except ConfigError as error:
            # Perhaps only half of them is written yet: the next look will see.
            log.error("certificates cannot be used, the former stay", problems=error.problems)
        else:
            log.info("certificates taken up")

    return Reloading(
        take_up,
        name="certificates",
        interval=interval,
        is_due=lambda: certificates.have_changed,
    )
