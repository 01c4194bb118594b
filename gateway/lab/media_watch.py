"""Looking at the bridge from outside: whose media has come up, how many packets have come."""

from gateway.lab.bridge_endpoint import BridgeEndpoint
from gateway.lab.focus import Focus
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.violation import Step


class MediaWatch:
    """Tells `step` of every session whose media comes up, once."""

    def __init__(self, bridge: LabVideobridge, step: Step) -> None:
        self._bridge = bridge
        self._step = step
        self._connected: set[str] = set()  # sids

    def look(self, focus: Focus) -> None:
        """Look at all sessions; to be called often."""
        for room, conference in focus.conferences.items():
            for member in conference.members.values():
                session = member.session
                if session is None or not session.has_transport or session.sid in self._connected:
                    continue
                endpoint = self._find(room, member.nick)
                if endpoint is not None and endpoint.connected:
                    self._connected.add(session.sid)
                    self._step(member.nick, "ICE and DTLS are connected: audio flows")

    def packets(self, room: str, nick: str) -> int:
        """How many RTP packets the bridge has got from an endpoint."""
        endpoint = self._find(room, nick)
        return endpoint.received if endpoint is not None else 0

    def _find(self, room: str, nick: str) -> BridgeEndpoint | None:
        try:
            return self._bridge.client(room, nick)
        except KeyError:
            return None
