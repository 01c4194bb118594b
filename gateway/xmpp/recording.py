"""Recordings and live streams: what the focus says of them, and what a moderator asks it for."""

import json
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import children, element

MAX_RECORDINGS = 20

_STATUSES = ("pending", "on", "off")


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """A recording session is "pending", "on" or "off"; `failure` is why it is off, if it failed."""

    session: str
    status: str
    is_stream: bool = False
    failure: str | None = None


def parse_recordings(presence: Element) -> tuple[RecordingStatus, ...]:
    """All recordings of a presence; what is unknown there is left out."""
    listed = children(presence, ns.JITSI_JIBRI, "jibri-recording-status")[:MAX_RECORDINGS]
    return tuple(
        RecordingStatus(
            session=each.get("session_id", ""),
            status=each.get("status", ""),
            is_stream=each.get("recording_mode") == "stream",
            failure=each.get("failure_reason"),
        )
        for each in listed
        if each.get("status") in _STATUSES
    )


def start_recording() -> Element:
    """Ask the focus for a recorder that makes a file."""
    attributes = {"action": "start", "recording_mode": "file", "app_data": _APP_DATA}
    return element(ns.JITSI_JIBRI, "jibri", attributes)


def stop_recording(session: str) -> Element:
    """Ask it to end a recording session."""
    attributes = {"action": "stop", "recording_mode": "file", "session_id": session}
    return element(ns.JITSI_JIBRI, "jibri", attributes)


_APP_DATA = json.dumps({"file_recording_metadata": {"share": True}}, separators=(",", ":"))
