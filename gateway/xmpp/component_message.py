"""What the components of an installation tell a client (Jitsi's `<json-message>`).

Anybody can send such a message. It counts only if it comes from the component that the server
itself names for the purpose (XEP-0030: Jitsi's modules list components as identities).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, children


@dataclass(frozen=True, slots=True)
class ComponentMessage:
    """A JSON object that `sender` claims to tell as a component."""

    sender: str
    content: Mapping[str, Any]

    @classmethod
    def parse(cls, sender: str, json_message: Element) -> "ComponentMessage":
        """Read the `<json-message>`; JingleError if it is no JSON object."""
        try:
            content = json.loads(json_message.text or "")
        except (ValueError, RecursionError) as error:
            raise JingleError(f"a json-message of {sender} is not JSON") from error
        if not isinstance(content, dict):
            raise JingleError(f"a json-message of {sender} is no object")
        return cls(sender, content)

    def text(self, key: str) -> str | None:
        """The value of a key if it is a text."""
        value = self.content.get(key)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Components:
    """The addresses of an installation's components, by type ("av_moderation", ...)."""

    addresses: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, result: Element) -> "Components":
        """Read the answer to disco#info of the domain (the whole IQ)."""
        query = child(result, ns.DISCO_INFO, "query")
        identities = children(query, ns.DISCO_INFO, "identity") if query is not None else []
        return cls(
            {
                identity.get("type", ""): identity.get("name", "")
                for identity in identities
                if identity.get("category") == "component" and identity.get("name")
            }
        )

    def is_from(self, message: ComponentMessage, type_: str) -> bool:
        """Whether a message comes from the component of that type."""
        return self.addresses.get(type_) == message.sender
