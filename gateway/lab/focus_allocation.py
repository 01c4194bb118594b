"""How the focus answers conference requests (Jicofo's ConferenceIqHandler), rules 5 to 7.

Pure: from a request to its answer, or None where the real thing never answers.
"""

import secrets
from collections import deque
from xml.etree.ElementTree import Element

from gateway.lab.focus_port import Allocation, FocusConfig
from gateway.lab.refusal import refuse, result
from gateway.lab.violation import Blame
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, children, element


class Allocations:
    """The answers to come, and the session ids that were given out."""

    def __init__(self, config: FocusConfig, focus_jid: str, blame: Blame) -> None:
        self.script: deque[Allocation] = deque(config.allocations)
        self.needs_host = config.needs_host
        self._focus_jid = focus_jid
        self._blame = blame
        self._sessions: set[str] = set()

    def choose(self, iq: Element, *, has_host: bool) -> Allocation:
        """What to answer; what is wrong with the request is noted."""
        conference = child(iq, ns.JITSI_FOCUS, "conference")
        assert conference is not None
        sender = iq.get("from", "")
        if not conference.get("room"):
            self._blame(5, sender, "a conference request without a room")
            return Allocation.NO_REPLY
        if not conference.get("machine-uid"):
            self._blame(6, sender, "a conference request without machine-uid")
        properties = children(conference, ns.JITSI_FOCUS, "property")
        if "visitors-version" in {part.get("name") for part in properties}:
            self._blame(7, sender, "asks to be sent to a visitor node (visitors-version)")
        chosen = self.script.popleft() if self.script else Allocation.READY
        session = conference.get("session-id")
        if session is not None and session not in self._sessions:
            if chosen is not Allocation.SESSION_INVALID:
                self._blame(6, sender, f"session-id {session!r} is not valid")
            return Allocation.SESSION_INVALID
        if not has_host and chosen is Allocation.READY:
            return Allocation.NOT_AUTHORIZED
        return chosen

    def answer(self, iq: Element, chosen: Allocation) -> Element:
        """The answer to send."""
        match chosen:
            case Allocation.NOT_READY:
                session = secrets.token_hex(8)
                self._sessions.add(session)
                return self._result(iq, ready=False, session=session)
            case Allocation.NOT_AUTHORIZED:
                return refuse(iq, "auth", "not-authorized", "not authorized user domain")
            case Allocation.SESSION_INVALID:
                self._sessions.clear()
                invalid = element(ns.JITSI_FOCUS, "session-invalid")
                return refuse(iq, "modify", "not-acceptable", "invalid session", invalid)
            case Allocation.RESERVATION_ERROR:
                error = element(ns.JITSI_FOCUS, "reservation-error", {"error-code": "409"})
                text = "the room is reserved for another time"
                return refuse(iq, "cancel", "service-unavailable", text, error)
            case Allocation.SERVICE_UNAVAILABLE:
                return refuse(iq, "cancel", "service-unavailable")
        return self._result(iq, ready=True)

    def _result(self, iq: Element, *, ready: bool, session: str | None = None) -> Element:
        asked = child(iq, ns.JITSI_FOCUS, "conference")
        assert asked is not None
        properties = {
            "authentication": "false",
            "sipGatewayEnabled": "true",
            "visitors-supported": "false",
        }
        if not ready:
            properties["live"] = "false"
        conference = element(
            ns.JITSI_FOCUS,
            "conference",
            {
                "room": asked.get("room"),
                "focusjid": self._focus_jid,
                "ready": "true" if ready else "false",
                "session-id": session,
            },
            *(
                element(ns.JITSI_FOCUS, "property", {"name": name, "value": value})
                for name, value in properties.items()
            ),
        )
        return result(iq, conference)
