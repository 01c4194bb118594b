"""XMPP's framing over WebSocket (RFC 7395 section 3): pieces of a stream to frames and back.

A stream over TCP is one endless document; over WebSocket every frame is a document of its own, so
what the stream's header declares once has to be declared in each. Whoever speaks TCP's framing
speaks WebSocket's with these two functions in between, on either side. No IO.
"""

import re
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.sax.saxutils import quoteattr

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
SUBPROTOCOL = "xmpp"

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>\s*")
_ROOT = re.compile(r"^<([A-Za-z:]+)([^>]*)")
_VALUES = re.compile("'[^']*'" + '|"[^"]*"')  # others may have written them
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_FOOTER = "</stream:stream>"


def to_frame(piece: str) -> str | None:
    """A header, a footer or one stanza of a stream as a frame; None for white space between."""
    piece = _DECLARATION.sub("", piece).strip()
    if not piece:
        return None
    if piece == _FOOTER:
        return f"<close xmlns='{FRAMING}'/>"
    root = _ROOT.match(piece)
    assert root is not None, piece
    name, attributes = root.groups()
    if name == "stream:stream":
        return _open(fromstring(piece + _FOOTER))
    declared, names = attributes, _VALUES.sub("", attributes)
    if name.startswith("stream:") and "xmlns:stream=" not in names:
        declared = f" xmlns:stream='{ns.STREAM}'{declared}"
    elif ":" not in name and not re.search(r"\sxmlns=", names):
        declared = f" xmlns='{ns.CLIENT}'{declared}"
    return f"<{name}{declared}{piece[root.end() :]}"


def is_open(frame: str) -> bool:
    """Whether a frame made by `to_frame` is the header's."""
    return frame.startswith(f"<open xmlns='{FRAMING}'")


def is_close(frame: str) -> bool:
    """Whether a frame made by `to_frame` is the footer's."""
    return frame.startswith(f"<close xmlns='{FRAMING}'")


def from_frame(frame: str) -> str:
    """A frame as a piece of a stream. JingleError: it is not one whole element of a namespace."""
    try:
        root = fromstring(frame)
    except ParseError as error:
        raise JingleError(f"a frame that is no document: {error}") from None
    if root.tag == f"{{{FRAMING}}}open":
        return _header(root)
    if root.tag == f"{{{FRAMING}}}close":
        return _FOOTER
    if not root.tag.startswith("{"):
        raise JingleError(f"<{root.tag}> declares no namespace")
    return _DECLARATION.sub("", frame)


def _open(header: Element) -> str:
    return f"<open xmlns='{FRAMING}'{_attributes(header)}/>"


def _header(opened: Element) -> str:
    return f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}'{_attributes(opened)}>"


def _attributes(root: Element) -> str:
    names = {"to": "to", "from": "from", "id": "id", "version": "version", "xml:lang": _LANGUAGE}
    stated = {name: root.get(key) for name, key in names.items()}
    return "".join(f" {name}={quoteattr(value)}" for name, value in stated.items() if value)
