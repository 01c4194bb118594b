"""Renewed certificates are taken up: when somebody says so, and when files are seen to change."""

import asyncio
import datetime
from collections.abc import Callable

import structlog

from gateway.errors import ConfigError
from gateway.reloading import Reloading
from gateway.sip.tls import Certificates

log = structlog.get_logger(__name__)

_SOON = datetime.timedelta(days=7)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def watch_certificates(
    certificates: Certificates, interval: float, clock: Callable[[], datetime.datetime] = _now
) -> Reloading:
    """Looks at the files every so many seconds; when told to it reads them, changed or not.

    Once a day, by the `clock`, it tells that ours has expired, or soon will, or is not ours.
    """
    told_on = clock().date()

    def is_due() -> bool:
        nonlocal told_on
        now = clock()
        if told_on != now.date():
            told_on = now.date()
            _tell_faults(certificates, now)
        return certificates.have_changed

    async def take_up() -> None:
        try:
            # In a thread, since reading the system's authorities would stall all calls.
            await asyncio.to_thread(certificates.reload)
        except ConfigError as error:
            # Perhaps only half of them is written yet: the next look will see.
            log.error("certificates cannot be used, the former stay", problems=error.problems)
        else:
            log.info("certificates taken up")
            _tell_faults(certificates, clock())

    _tell_faults(certificates, clock())
    return Reloading(take_up, name="certificates", interval=interval, is_due=is_due)


def _tell_faults(certificates: Certificates, now: datetime.datetime) -> None:
    """Peers that verify a certificate hang up on one they do not believe, and say nothing."""
    if not certificates.is_for_name:
        log.warning(
            "our certificate is not for our name",
            name=certificates.name,
            certificate_of=certificates.names,
            remedy="name one of those in [sip.tls], or have a certificate for it",
        )
    expires = certificates.expires
    if expires is None or expires > now + _SOON:
        return
    log.warning(
        "our certificate has expired, or soon will",
        expires=expires.isoformat(),
        remedy="renew the files of [sip.tls]; they are taken up within a minute",
    )
