"""A place in the room for one of the lab's own: the presence of a browser, a browser's answers.

Its audio is a `gateway.lab.speaker`, or comes from a real browser (`gateway.lab.web_participant`).
It needs no session, for the focus knows it as the lab's own.
"""

import json
import secrets
import uuid
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from xml.etree.ElementTree import Element

from gateway.lab.phones_out import PhonesOut
from gateway.lab.refusal import is_request, refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.jid import endpoint_id
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence
from gateway.xmpp.sources import SignalledSource
from gateway.xmpp.stanza import StanzaError

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


def anonymous_jid(domain: str) -> str:
    """What a server calls a guest."""
    return f"{uuid.uuid4()}@{domain}/{secrets.token_urlsafe(9)}"


class Voiced(Protocol):
    """Whoever speaks: under which name and SSRC, and whether just now it does not."""

    name: str
    ssrc: int
    muted: bool


Audio = TypeVar("Audio", bound=Voiced)


class SpeakerClient(Generic[Audio]):
    """One speaker in one room, logged in as `jid`.

    `audio` is its voice and its ears. `removed` is called when it is no longer in the room,
    whoever wanted that.
    """

    def __init__(
        self,
        room: str,
        jid: str,
        audio: Audio,
        *,
        send: Callable[[Element], None],
        removed: Callable[["SpeakerClient[Audio]"], None],
    ) -> None:
        self.room = room
        self.jid = jid
        self.nick = endpoint_id(jid, anonymous=True)
        self.audio = audio
        self.present = False
        self.refusal: StanzaError | None = None  # why the room does not let it in
        self._hand_raised_at: int | None = None
        self._send = send
        self._removed = removed
        self.phones = PhonesOut(room, jid, send)

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

    def raise_hand(self, milliseconds: int | None) -> None:
        """Raise the hand, at that time since 1970, or lower it."""
        self._hand_raised_at = milliseconds
        self._send(self._presence())

    def chat(self, text: str, to: str | None = None) -> None:
        """Write to everybody, or to one (a nick) alone."""
        address = self.room if to is None else f"{self.room}/{to}"
        type_ = "groupchat" if to is None else "chat"
        attributes = {"from": self.jid, "to": address, "type": type_}
        body = element(ns.CLIENT, "body", text=text)
        self._send(element(ns.CLIENT, "message", attributes, body))

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for it."""
        if is_request(stanza):
            self._send(self._answer(stanza))
        elif stanza.tag == f"{{{ns.CLIENT}}}presence":
            presence = parse_presence(stanza)
            if isinstance(presence, PresenceRefused):
                self.refusal = presence.error
            elif presence.is_self:
                self._seen(presence)
            else:
                self.phones.saw(presence)
        else:
            self.phones.receive(stanza)

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
        presence = element(
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
        if self._hand_raised_at is not None:
            raised = str(self._hand_raised_at)
            presence.append(element(ns.CLIENT, "jitsi_participant_raisedHand", text=raised))
        return presence


def _described(query: Element) -> Element:
    listed = (element(ns.DISCO_INFO, "feature", {"var": name}) for name in _FEATURES)
    return element(ns.DISCO_INFO, "query", {"node": query.get("node")}, *listed)
