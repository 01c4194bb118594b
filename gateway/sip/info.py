"""INFO, what is said about a call within it (RFC 6086).

As most phones and switches still do it, by media type alone: the legacy usage of RFC 6086
section 9 and RFC 2976. We take part in no Info Package.
"""

from gateway.sip.admission import Refusal
from gateway.sip.message import Request

MAX_BODY = 8192
"""Octets of an INFO that we take."""


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
