"""XMPP's framing (RFC 6120 sections 4 and 11): octets to stanzas, stanzas to text.

No IO. A stream is one endless XML document; its children are the stanzas.
"""

import xml.parsers.expat
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from gateway.xmpp import namespaces as ns
from gateway.xmpp.whole_tags import WholeTags

MAX_STANZA = 256 * 1024  # octets; Prosody's limit for clients
_MAX_DEPTH = 64
_XML = "http://www.w3.org/XML/1998/namespace"


class StreamError(Exception):
    """The stream cannot go on; `condition` is one of RFC 6120 section 4.9.3."""

    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The peer's stream header; `to` is the domain it wants to talk to."""

    to: str


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The peer's end of the stream."""


class StreamParser:
    """Parses one stream; after a restart (TLS, SASL) another parser is needed."""

    def __init__(self, max_stanza: int = MAX_STANZA) -> None:
        self._max_stanza = max_stanza
        self._received = 0
        self._completed = 0  # octets up to the end of the latest stanza
        self._parsed: list[StreamOpened | Element | StreamClosed] = []
        self._open = False
        self._path: list[Element] = []
        self._expat = xml.parsers.expat.ParserCreate(namespace_separator="}")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        for forbidden in ("StartDoctypeDecl", "ProcessingInstruction", "Comment"):
            setattr(self._expat, f"{forbidden}Handler", _restricted)
        self._tags = WholeTags()

    def receive(self, data: bytes) -> list[StreamOpened | Element | StreamClosed]:
        """What `data` completes; StreamError if it is not a stream."""
        self._received += len(data)
        try:
            self._expat.Parse(self._tags.feed(data), False)
        except xml.parsers.expat.ExpatError as error:
            raise StreamError("not-well-formed", str(error)) from None
        if self._received - self._completed > self._max_stanza:
            raise StreamError("policy-violation", f"a stanza of over {self._max_stanza} octets")
        parsed, self._parsed = self._parsed, []
        return parsed

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            if name != f"{ns.STREAM}}}stream":
                raise StreamError("invalid-namespace", f"the stream begins with <{name}>")
            self._open = True
            self._parsed.append(StreamOpened(attributes.get("to", "")))
            return
        if len(self._path) >= _MAX_DEPTH:
            raise StreamError("policy-violation", "elements nested too deeply")
        part = Element(_clark(name), {_clark(key): value for key, value in attributes.items()})
        if self._path:
            self._path[-1].append(part)
        self._path.append(part)

    def _end(self, _: str) -> None:
        if not self._path:
            self._parsed.append(StreamClosed())
            return
        part = self._path.pop()
        if not self._path:
            self._completed = self._expat.CurrentByteIndex
            self._parsed.append(part)

    def _text(self, text: str) -> None:
        if not self._path:
            if text.strip():  # white space keeps the connection alive (section 4.6.1)
                raise StreamError("bad-format", "text between stanzas")
            return
        part = self._path[-1]
        if len(part):
            part[-1].tail = (part[-1].tail or "") + text
        else:
            part.text = (part.text or "") + text


def _restricted(*_: object) -> None:
    raise StreamError("restricted-xml")


def _clark(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def stream_header(domain: str, stream_id: str) -> str:
    """The answer to a client's stream header."""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}'"
        f" from={quoteattr(domain)} id={quoteattr(stream_id)} version='1.0' xml:lang='en'>"
    )


def serialize(stanza: Element) -> str:
    """A stanza, or another child of the stream, as it is sent."""
    return "".join(_serialize(stanza, ns.CLIENT))


def _serialize(part: Element, outer_namespace: str) -> Iterator[str]:
    namespace, _, name = part.tag[1:].rpartition("}") if "}" in part.tag else ("", "", part.tag)
    if namespace == ns.STREAM:  # its prefix is declared in the stream header
        name, namespace = f"stream:{name}", outer_namespace
    yield f"<{name}"
    if namespace != outer_namespace:
        yield f" xmlns={quoteattr(namespace)}"
    for number, (key, value) in enumerate(part.attrib.items()):
        if key.startswith(f"{{{_XML}}}"):
            yield f" xml:{key.rpartition('}')[2]}={quoteattr(value)}"
        elif key.startswith("{"):
            foreign, _, attribute = key[1:].rpartition("}")
            yield f" xmlns:a{number}={quoteattr(foreign)} a{number}:{attribute}={quoteattr(value)}"
        else:
            yield f" {key}={quoteattr(value)}"
    if part.text or len(part):
        yield ">"
        yield escape(part.text or "")
        for inner in part:
            yield from _serialize(inner, namespace)
            yield escape(inner.tail or "")
        yield f"</{name}>"
    else:
        yield "/>"
