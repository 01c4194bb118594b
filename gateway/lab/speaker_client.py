"""A lab speaker's place in the room: the presence of a browser, and a browser's answers.

Its audio is `gateway.lab.speaker`; it needs no session, for the focus knows it as the lab's own.
"""

import json
import secrets
import uuid
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_request, refuse, result
from gateway.lab.speaker import Speaker
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.presence import OccupantPresence, parse_presence
from gateway.xmpp.sources import SignalledSource

_NODE = "https://jitsi.org/jitsi-meet"
_VERIFICATION = "dtzK/3xhISaXUMVg59IpXxdvKyQ="  # of these features, without an identity
_FEATURES = (
    ns.CAPS,
    "http://jitsi.org/json-encoded-sources",
    "http://jitsi.org/receive-multiple-video-streams",
    "http://jitsi.org/remb",
    "http://jitsi.org/source-name",
    "http://jitsi.org/start-muted-room-metadata",
    "http://jitsi.org/tcc",
    "http://jitsi.org/visitors-1",
    "urn:ietf:rfc:4588",
    ns.JINGLE,
    ns.JINGLE_DTLS,
    ns.JINGLE_RTP,
    ns.JINGLE_RTP_AUDIO,
    "urn:xmpp:jingle:apps:rtp:video",
    "urn:xmpp:jingle:transports:dtls-sctp:1",
    ns.JINGLE_ICE_UDP,
    "urn:xmpp:rayo:client:1",
)


class SpeakerClient:
    """One speaker in one room.

    `audio` is its voice and its ears. `removed` is called when it is no longer in the room,
    whoever wanted that.
    """

    def __init__(
        self,
        room: str,
        domain: str,
        audio: Speaker,
        *,
        send: Callable[[Element], None],
        removed: Callable[["SpeakerClient"], None],
    ) -> None:
        user = str(uuid.uuid4())
        self.room = room
        self.jid = f"{user}@{domain}/{secrets.token_urlsafe(9)}"
        self.nick = user[:8]
        self.audio = audio
        self.present = False
        self._send = send
        self._removed = removed

    @property
    def display_name(self) -> str:
        return self.audio.name

    @property
    def ssrc(self) -> int:
        return self.audio.ssrc

    @property
    def source(self) -> SignalledSource:
        """What the focus signals of it."""
        msid = f"{self.nick}-audio-0-1 {self.nick}-track-{self.ssrc}-1"
        return SignalledSource(self.nick, self.ssrc, f"{self.nick}-a0", msid)

    def join(self) -> None:
        """Enter the room."""
        self._send(self._presence(element(ns.MUC, "x")))

    def leave(self) -> None:
        """Leave the room."""
        attributes = {"from": self.jid, "to": f"{self.room}/{self.nick}", "type": "unavailable"}
        self._send(element(ns.CLIENT, "presence", attributes))

    def mute(self, muted: bool) -> None:
        """Be silent, or speak again, and say so."""
        self.audio.muted = muted
        self._send(self._presence())

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for it."""
        if is_request(stanza):
            self._send(self._answer(stanza))
        elif stanza.tag == f"{{{ns.CLIENT}}}presence":
            presence = parse_presence(stanza)
            if isinstance(presence, OccupantPresence) and presence.is_self:
                self._seen(presence)

    def _seen(self, presence: OccupantPresence) -> None:
        was_present, self.present = self.present, presence.available
        if was_present and not self.present:
            self._removed(self)

    def _answer(self, request: Element) -> Element:
        payload = next(iter(request), None)
        tag = payload.tag if payload is not None else ""
        if payload is not None and tag == f"{{{ns.DISCO_INFO}}}query":
            return result(request, _described(payload))
        if payload is not None and tag == f"{{{ns.JITSI_MUTE_AUDIO}}}mute":
            if (payload.text or "").strip() == "true":
                self.mute(True)
            return result(request)
        if tag in (f"{{{ns.PING}}}ping", f"{{{ns.JINGLE}}}jingle"):
            return result(request)
        return refuse(request, "cancel", "service-unavailable")

    def _presence(self, *first: Element) -> Element:
        sources = {f"{self.nick}-a0": {"muted": self.audio.muted}}
        caps = {"node": _NODE, "hash": "sha-1", "ver": _VERIFICATION}
        return element(
            ns.CLIENT,
            "presence",
            {"from": self.jid, "to": f"{self.room}/{self.nick}"},
            *first,
            element(ns.CLIENT, "stats-id", text=f"{self.display_name}-lab"),
            element(ns.CAPS, "c", caps),
            element(ns.CLIENT, "jitsi_participant_codecList", text="av1,vp9,vp8,h264"),
            element(ns.NICK, "nick", text=self.display_name),
            element(ns.CLIENT, "SourceInfo", text=json.dumps(sources, separators=(",", ":"))),
        )


def _described(query: Element) -> Element:
    listed = (element(ns.DISCO_INFO, "feature", {"var": name}) for name in _FEATURES)
    return element(ns.DISCO_INFO, "query", {"node": query.get("node")}, *listed)
