"""MESSAGE, text between the two ends of a call (RFC 3428).

Only text/plain in UTF-8, and only within a dialog: outside of one there is nobody to read it.
"""

from gateway.errors import SipSyntaxError
from gateway.sip.core import Core
from gateway.sip.message import Request
from gateway.sip.transaction import Transaction

TEXT = "text/plain"
MAX_TEXT = 1300
"""Octets of a message, ours or the peer's (RFC 3428 section 8)."""

CONTENT_TYPE = ("Content-Type", f"{TEXT};charset=utf-8")
ACCEPT_TEXT = ("Accept", TEXT)

_CHARSETS = {"utf-8", "utf8", "us-ascii"}


def take_text(core: Core, transaction: Transaction, now: float) -> str:
    """Answer a MESSAGE; its text, empty if there is none that can be read."""
    try:
        text = read_text(transaction.request)
    except SipSyntaxError as error:
        headers = (ACCEPT_TEXT,) if error.status == 415 else ()
        core.respond(transaction, error.status, str(error), headers=headers, now=now)
        return ""
    core.respond(transaction, 200, now=now)
    return text


def read_text(request: Request) -> str:
    """The text of a MESSAGE; SipSyntaxError with the status to answer if it cannot be read."""
    media_type, parameters = request.headers.content_type
    if request.headers.tokens("Content-Encoding") not in ([], ["identity"]):
        raise SipSyntaxError("Unsupported Content-Encoding", status=415)
    if not request.body:
        return ""
    if media_type != TEXT or (parameters.get("charset") or "utf-8").lower() not in _CHARSETS:
        raise SipSyntaxError("Unsupported Media Type", status=415)
    if len(request.body) > MAX_TEXT:
        raise SipSyntaxError("Message Too Large", status=413)
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SipSyntaxError("Text Is Not UTF-8") from error


def fitting(text: str) -> str:
    """As much of a text as a message holds."""
    return text.encode("utf-8")[:MAX_TEXT].decode("utf-8", errors="ignore")


def write_text(text: str) -> bytes:
    """The body of a MESSAGE; ValueError if the text is too long for one."""
    body = text.encode("utf-8")
    if len(body) > MAX_TEXT:
        raise ValueError(f"a message of {len(body)} octets, more than {MAX_TEXT}")
    return body
