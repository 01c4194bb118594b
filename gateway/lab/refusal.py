"""Stanza errors as Prosody and Jicofo send them (RFC 6120 section 8.3)."""

from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element, local_name


def refuse(
    refused: Element,
    type_: str,
    condition: str,
    text: str | None = None,
    *details: Element,
    by: str | None = None,
    code: str | None = None,
    echo: bool = False,
) -> Element:
    """The error that answers a stanza: `details` are an application's own conditions.

    With `echo` the offending payload is repeated in it, which Jicofo does.
    """
    error = element(
        ns.CLIENT,
        "error",
        {"type": type_, "by": by, "code": code},
        element(ns.STANZA_ERRORS, condition),
    )
    if text is not None:
        error.append(element(ns.STANZA_ERRORS, "text", text=text))
    error.extend(details)
    answer = element(
        ns.CLIENT,
        local_name(refused),
        {
            "type": "error",
            "id": refused.get("id"),
            "from": refused.get("to"),
            "to": refused.get("from"),
        },
    )
    if echo:
        answer.extend(list(refused))
    answer.append(error)
    return answer


def result(request: Element, payload: Element | None = None) -> Element:
    """The successful answer to an IQ, from whom it was sent to."""
    answer = element(
        ns.CLIENT,
        "iq",
        {
            "type": "result",
            "id": request.get("id"),
            "from": request.get("to"),
            "to": request.get("from"),
        },
    )
    if payload is not None:
        answer.append(payload)
    return answer


def is_request(stanza: Element) -> bool:
    """Whether a stanza is an IQ that must be answered."""
    return stanza.tag == f"{{{ns.CLIENT}}}iq" and stanza.get("type") in ("get", "set")


def is_answer(stanza: Element) -> bool:
    """Whether a stanza is an IQ that answers another."""
    return stanza.tag == f"{{{ns.CLIENT}}}iq" and stanza.get("type") in ("result", "error")
