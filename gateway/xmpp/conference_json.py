"""The conference request as JSON, as Jicofo takes it by HTTP. Pure.

What is asked and answered is the same as in the `<conference>` IQ, so a refusal is told as the
stanza error that the IQ would have had.
"""

import json
from typing import Any
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.conference_request import ConferenceRequest, ConferenceResult
from gateway.xmpp.element import element
from gateway.xmpp.stanza import StanzaError

_MAX_TEXT = 200  # characters of a refusal that are worth telling


def serialize(request: ConferenceRequest) -> bytes:
    """The body of the POST."""
    told: dict[str, Any] = {
        "room": request.room,
        "machineUid": request.machine_uid,
        "properties": dict(request.properties),
    }
    if request.session_id is not None:
        told["sessionId"] = request.session_id
    return json.dumps(told).encode()


def parse(body: bytes) -> ConferenceResult:
    """Read the body of a 200; JingleError if it is no answer to a conference request."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JingleError("the answer to a conference request is not JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("ready"), bool):
        raise JingleError("the answer to a conference request does not say whether it is ready")
    properties = told.get("properties")
    return ConferenceResult(
        ready=told["ready"],
        focus_jid=_text(told, "focusJid"),
        session_id=_text(told, "sessionId"),
        vnode=_text(told, "vnode"),
        properties={
            str(name): str(value)
            for name, value in (properties if isinstance(properties, dict) else {}).items()
        },
    )


def refusal(status: int, body: bytes) -> StanzaError:
    """What an HTTP status other than 200 means, in the terms of the IQ."""
    told = body.decode(errors="replace").strip()[:_MAX_TEXT]
    text = f"HTTP {status}: {told}" if told else f"HTTP {status}"
    if status == 400 and "invalid-session" in told:
        return _error("modify", "not-acceptable", text, element(ns.JITSI_FOCUS, "session-invalid"))
    match status:
        case 400:
            return _error("modify", "bad-request", text)
        case 401 | 403:
            return _error("auth", "not-authorized", text)
        case 301 | 302 | 303 | 307 | 308 | 404 | 405:  # no redirect is followed: it is elsewhere
            return _error("cancel", "item-not-found", text)
        case 429 | 500 | 502 | 503 | 504:
            return _error("wait", "internal-server-error", text)
    return _error("cancel", "undefined-condition", text)


def _error(type_: str, condition: str, text: str, *inside: Element) -> StanzaError:
    return StanzaError(type_, condition, text, element(ns.CLIENT, "iq", None, *inside))


def _text(told: dict[str, Any], key: str) -> str | None:
    value = told.get(key)
    return value if isinstance(value, str) and value else None
