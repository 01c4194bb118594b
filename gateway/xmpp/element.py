"""XML elements: built in one expression, read strictly.

What leaves has no character that XML 1.0 forbids: a caller's name must not be able to end the
stream. What comes in and lacks what it must have is a `JingleError` that says what and where.
"""

import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from gateway.errors import JingleError

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SECRETS = ("password", "token", "pwd")
_NAMED_SECRET = re.compile(r"pass|pwd|secret|token", re.IGNORECASE)
_DEEPEST = 50  # elements within each other that are printed: anybody may send more
_SECRET_IN_URL = re.compile(r"\b(pwd|token|previd)=[^&#\s]+", re.IGNORECASE)


def element(
    namespace: str,
    name: str,
    attributes: Mapping[str, str | None] | None = None,
    *children: Element,
    text: str | None = None,
) -> Element:
    """An element with those children; attributes whose value is None are left out."""
    made = Element(f"{{{namespace}}}{name}")
    for key, value in (attributes or {}).items():
        if value is not None:
            made.set(key, _FORBIDDEN.sub("", value))
    made.extend(children)
    if text is not None:
        made.text = _FORBIDDEN.sub("", text)
    return made


def child(parent: Element, namespace: str, name: str) -> Element | None:
    """The first child of that name, if there is one."""
    return parent.find(f"{{{namespace}}}{name}")


def children(parent: Element, namespace: str, name: str) -> list[Element]:
    """All children of that name, in order."""
    return parent.findall(f"{{{namespace}}}{name}")


def few(parent: Element, namespace: str, name: str, most: int) -> list[Element]:
    """All children of that name, in order, of which there must not be more than `most`."""
    found = children(parent, namespace, name)
    if len(found) > most:
        raise JingleError(f"{len(found)} <{name}> elements")
    return found


def child_text(parent: Element, namespace: str, name: str) -> str | None:
    """The text of that child without surrounding space, None if it is absent or empty."""
    found = child(parent, namespace, name)
    return ((found.text or "").strip() or None) if found is not None else None


def local_name(parent: Element) -> str:
    """The element's name without its namespace."""
    return parent.tag.rpartition("}")[2]


def attribute(parent: Element, key: str) -> str:
    """The value of an attribute that must be there and not be empty."""
    value = parent.get(key)
    if not value:
        raise JingleError(f"<{local_name(parent)}> has no '{key}'")
    return value


def integer(parent: Element, key: str, low: int, high: int, default: int | None = None) -> int:
    """The value of a numeric attribute; without a default it must be there."""
    value = parent.get(key)
    if value is None and default is not None:
        return default
    # int() alone would take "+1", "1_000" and digits of other scripts
    if value is None or not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise JingleError(f"<{local_name(parent)}> '{key}' is {value!r}, not a number")
    if not low <= int(value) <= high:
        raise JingleError(f"<{local_name(parent)}> '{key}' is {value}, not in {low}..{high}")
    return int(value)


class Printed:
    """A stanza as text for the log, made only when it is printed; secrets are left out."""

    __slots__ = ("_stanza",)

    def __init__(self, stanza: Element) -> None:
        self._stanza = stanza

    def __str__(self) -> str:
        return "".join(_print(self._stanza, outer_namespace=""))

    __repr__ = __str__


def _print(part: Element, outer_namespace: str, depth: int = 0) -> Iterator[str]:
    if depth == _DEEPEST:
        yield "..."
        return
    namespace, name = part.tag[1:].split("}") if "}" in part.tag else ("", part.tag)
    yield f"<{name}"
    if namespace != outer_namespace:
        yield f" xmlns={quoteattr(namespace)}"
    is_secret = name == "header" and _NAMED_SECRET.search(part.get("name", "")) is not None
    for key, value in part.attrib.items():
        hidden = key in _SECRETS or (is_secret and key == "value")
        printed = "..." if hidden else _SECRET_IN_URL.sub(r"\1=...", value)
        yield f" {key.rpartition('}')[2]}={quoteattr(printed)}"
    yield ">"
    if part.text:
        yield "..." if name in _SECRETS else escape(part.text)
    for inner in part:
        yield from _print(inner, namespace, depth + 1)
    yield f"</{name}>"
