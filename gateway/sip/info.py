"""INFO, what is said about a call within it (RFC 6086).

As most phones and switches still do it, by media type alone: the legacy usage of RFC 6086
section 9 and RFC 2976. We take part in no Info Package.
"""

from gateway.sip.admission import Refusal
from gateway.sip.core import Core
from gateway.sip.message import Request
from gateway.sip.transaction import Transaction

MAX_BODY = 8192
"""Octets of an INFO that we take."""


def take_info(core: Core, transaction: Transaction, now: float) -> tuple[str, bytes] | None:
    """Answer an INFO; its media type and body, if there is something to read."""
    request = transaction.request
    fault = find_info_fault(request, core.config.info_types)
    if fault is not None:
        core.respond(transaction, fault.status, headers=fault.headers, now=now)
        return None
    core.respond(transaction, 200, now=now)
    media_type, _ = request.headers.content_type
    return (media_type, request.body) if request.body and media_type else None


def find_info_fault(request: Request, known: frozenset[str]) -> Refusal | None:
    """Why not to take an INFO within a dialog; `known` are the media types somebody reads.

    Without a body or without a media type it only asks whether the call is still there.
    """
    if request.headers.get("Info-Package") is not None:
        return Refusal(469, headers=(("Recv-Info", ""),))
    media_type, _ = request.headers.content_type
    if not request.body or not media_type:
        return None
    if media_type not in known:
        return Refusal(415, headers=(("Accept", ", ".join(sorted(known))),))
    if len(request.body) > MAX_BODY:
        return Refusal(413)
    return None
