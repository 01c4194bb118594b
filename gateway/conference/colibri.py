"""What bridge and client say to each other beside the media: colibri messages, JSON texts.

Only what a phone can use is read; everything else, whatever its class, is nothing.
"""

import json
from dataclasses import dataclass

WITHOUT_VIDEO = json.dumps(
    {
        "colibriClass": "ReceiverVideoConstraints",
        "lastN": 0,
        "defaultConstraints": {"maxHeight": 0},
    }
)
"""Tells the bridge that we want to see nobody."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The bridge greets, first of all."""

    version: str | None


@dataclass(frozen=True, slots=True)
class DominantSpeakerChanged:
    """Another endpoint speaks most."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class HandLowering:
    """An endpoint wants ours to have its hand lowered (jitsi-meet's word among clients)."""

    endpoint: str


Message = ServerHello | DominantSpeakerChanged | HandLowering


def read_message(text: str) -> Message | None:
    """What a message says; None if it is none, or none that concerns us."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    match message.get("colibriClass"):
        case "ServerHello":
            version = message.get("version")
            return ServerHello(version if isinstance(version, str) else None)
        case "DominantSpeakerEndpointChangeEvent":
            endpoint = message.get("dominantSpeakerEndpoint")
            return DominantSpeakerChanged(endpoint) if isinstance(endpoint, str) else None
        case "EndpointMessage":
            sender, payload = message.get("from"), message.get("msgPayload")
            lowers = isinstance(payload, dict) and payload.get("name") == _LOWER_HAND
            return HandLowering(sender) if lowers and isinstance(sender, str) else None
        case _:
            return None


_LOWER_HAND = "lower-hand-message"
