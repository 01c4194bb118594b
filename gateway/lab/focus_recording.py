"""Recording, as the focus shows it: a Jibri that is asked for, records, and has recorded (rule 18).

The state is part of each of the focus' presences from the first recording on. No IO.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Literal
from xml.etree.ElementTree import Element

from gateway.xmpp.element import element

JIBRI = "http://jitsi.org/protocol/jibri"

Mode = Literal["file", "stream"]
Failure = Literal["busy", "error"]
Recorder = Literal["free", "busy", "none", "unknown"]


class RecordingRefused(Exception):
    """What Jicofo answers an order with: the error's type, its condition, and words."""

    def __init__(self, type_: str, condition: str, text: str) -> None:
        super().__init__(text)
        self.type = type_
        self.condition = condition


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; `initiator` is an occupant JID."""

    session_id: str
    mode: Mode
    initiator: str | None
    status: Literal["pending", "on", "off"] = "pending"
    failure: Failure | None = None

    def to_element(self) -> Element:
        """The element of the focus' presence."""
        attributes = {
            "status": self.status,
            "session_id": self.session_id,
            "recording_mode": self.mode,
            "initiator": self.initiator,
            "failure_reason": self.failure,
        }
        return element(JIBRI, "jibri-recording-status", attributes)


class Recordings:
    """The recordings of one conference, one at a time; it takes `starts_after` seconds to begin.

    `recorder` says whether there is a Jibri to be had by orders; "unknown" is a focus that has no
    brewery of Jibris.
    """

    def __init__(self, starts_after: float, recorder: Recorder = "free") -> None:
        self._recorder = recorder
        self.current: Recording | None = None
        self._starts_after = starts_after
        self._starts_at: float | None = None

    @property
    def is_running(self) -> bool:
        return self.current is not None and self.current.status != "off"

    def start(self, mode: Mode, initiator: str | None, now: float) -> Recording:
        """Ask a Jibri for it; RecordingRefused if there is one already."""
        if self.is_running:
            raise RecordingRefused("wait", "unexpected-request", "already recording")
        self._starts_at = now + self._starts_after
        self.current = Recording(secrets.token_hex(8), mode, initiator)
        return self.current

    def stop(self, failure: Failure | None = None) -> Recording:
        """It is over, or has failed; RecordingRefused if there is none."""
        if self.current is None or not self.is_running:
            raise RecordingRefused("cancel", "item-not-found", "no such recording")
        self._starts_at = None
        self.current = replace(self.current, status="off", failure=failure)
        return self.current

    def handle_timer(self, now: float) -> bool:
        """Whether the recording has begun just now."""
        if self._starts_at is None or now < self._starts_at or self.current is None:
            return False
        self._starts_at = None
        self.current = replace(self.current, status="on")
        return True

    def order(self, jibri: Element, initiator: str, now: float) -> Element:
        """Carry out a moderator's `<jibri>`; the payload of the result. RecordingRefused if not."""
        mode = jibri.get("recording_mode", "file")
        if self._recorder == "unknown":
            raise RecordingRefused("cancel", "item-not-found", "nobody to ask for a Jibri")
        match jibri.get("action"):
            case "start" if self._recorder == "none":
                raise RecordingRefused("cancel", "service-unavailable", "no Jibris available")
            case "start" if self._recorder == "busy":
                raise RecordingRefused("wait", "resource-constraint", "all Jibris are busy")
            case "start" if mode in ("file", "stream"):
                recording = self.start("stream" if mode == "stream" else "file", initiator, now)
            case "stop" if self.current and jibri.get("session_id") == self.current.session_id:
                recording = self.stop()
            case "stop":
                raise RecordingRefused("cancel", "item-not-found", "no such recording")
            case _:
                raise RecordingRefused("modify", "bad-request", "neither start nor stop")
        attributes = {"session_id": recording.session_id, "status": recording.status}
        return element(JIBRI, "jibri", attributes)
