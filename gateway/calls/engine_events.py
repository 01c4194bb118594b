"""What the media engine says of a call, wherever in its story that is."""

import asyncio

import structlog

from gateway.calls.end_reason import CallEnd, EndReason, Over
from gateway.calls.presses import Way
from gateway.calls.record import CallRecord
from gateway.media import messages as media
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)


def take(event: media.Event, record: CallRecord) -> None:
    """Log and record an event of the phone's media. Over: it ends the call."""
    match event:
        case media.PhoneSilent():
            raise Over(CallEnd(EndReason.NO_RTP, _silence(event.seconds, record)))
        case media.Measured():
            record.report = event.report
        case media.PhoneLatched():
            record.is_phone_heard = True
            log.info("phone heard", address=event.address)
        case media.EngineLost():
            raise Over(CallEnd(EndReason.MEDIA_LOST, event.reason))
        case media.Failed():
            text = f"{event.command}: {event.reason}"
            raise Over(CallEnd(EndReason.INTERNAL_ERROR, text))


def _silence(seconds: float, record: CallRecord) -> str:
    if record.is_phone_heard:
        return f"no audio from the phone for {seconds:.0f} s"
    return (
        f"nothing has come from the phone in {seconds:.0f} s: does a firewall let UDP in at the "
        "ports of [media], and, behind a NAT, is advertised_host right?"
    )


def way_of(event: media.DigitReceived, lines: SparseLines) -> Way:
    """How a key of the phone has come."""
    times = lines.count(asyncio.get_running_loop().time())
    if times is not None:
        # Digits may be a PIN: which one it was is nobody's business.
        log.info("digit", milliseconds=round(event.duration * 1000), times=times)
    return Way.TONE if event.in_band else Way.RTP
