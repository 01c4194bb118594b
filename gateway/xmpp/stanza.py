"""The envelopes of stanzas (RFC 6120 section 8): requests, their answers, and stanza errors."""

import secrets
from xml.etree.ElementTree import Element

from gateway.errors import RemoteProtocolError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, element, local_name


class StanzaError(RemoteProtocolError):
    """A peer answered with an error (RFC 6120 section 8.3).

    `type` is cancel, auth, modify, wait or continue; `condition` is the defined condition;
    `stanza` is the whole answer, for the conditions of an application inside it.
    """

    def __init__(self, type_: str, condition: str, text: str, stanza: Element) -> None:
        super().__init__(f"{type_}/{condition}" + (f": {text}" if text else ""))
        self.type = type_
        self.condition = condition
        self.text = text
        self.stanza = stanza

    @classmethod
    def parse(cls, stanza: Element) -> "StanzaError":
        """Read a stanza of type error; a condition it does not name is undefined-condition."""
        error = child(stanza, ns.CLIENT, "error")
        if error is None:
            return cls("cancel", "undefined-condition", "", stanza)
        condition = next(
            (
                local_name(part)
                for part in error
                if part.tag.startswith(f"{{{ns.STANZA_ERRORS}}}") and local_name(part) != "text"
            ),
            "undefined-condition",
        )
        text = child_text(error, ns.STANZA_ERRORS, "text") or ""
        return cls(error.get("type", "cancel"), condition, text, stanza)

    def has(self, namespace: str, name: str) -> bool:
        """Whether an application's own condition is inside."""
        return self.find(namespace, name) is not None

    def find(self, namespace: str, name: str) -> Element | None:
        """An application's own condition, if it is inside."""
        return self.stanza.find(f".//{{{namespace}}}{name}")


class NoReply(RemoteProtocolError):
    """A request was not answered in time."""


def iq(type_: str, to: str | None, payload: Element) -> Element:
    """A request, `type_` being get or set, with a random id."""
    return element(ns.CLIENT, "iq", {"type": type_, "id": secrets.token_hex(8), "to": to}, payload)


def result(request: Element, payload: Element | None = None) -> Element:
    """The successful answer to a request."""
    answer = _answer(request, "result")
    if payload is not None:
        answer.append(payload)
    return answer


def error(request: Element, type_: str, condition: str, *details: Element) -> Element:
    """The answer that refuses a request (RFC 6120 section 8.3.3)."""
    answer = _answer(request, "error")
    answer.append(
        element(
            ns.CLIENT,
            "error",
            {"type": type_},
            element(ns.STANZA_ERRORS, condition),
            *details,
        )
    )
    return answer


def _answer(request: Element, type_: str) -> Element:
    attributes = {"type": type_, "id": request.get("id"), "to": request.get("from")}
    return element(ns.CLIENT, "iq", attributes)
