"""A lab installation without sockets or clock, and scripted clients for it.

A client does everything right unless a test makes it do otherwise.
"""

import uuid
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from gateway.lab.focus_port import FocusConfig
from gateway.lab.refusal import is_request, refuse, result
from gateway.lab.site import Site, SiteConfig
from gateway.lab.speaker import Speaker
from gateway.lab.speaker_client import SpeakerClient, anonymous_jid
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.lab.violation import Violation
from gateway.lab.voice import Voice
from gateway.media.messages import IceCandidate
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.conference_request import ConferenceRequest
from gateway.xmpp.element import child, element
from gateway.xmpp.jid import bare
from gateway.xmpp.jingle import Action, BridgeSessionId, Content, Jingle, Reason
from gateway.xmpp.jingle_rtp import AUDIO_LEVEL, HeaderExtension, PayloadType, RtpDescription
from gateway.xmpp.jingle_transport import DtlsFingerprint, IceUdpTransport
from gateway.xmpp.own_presence import OwnPresence, unavailable
from gateway.xmpp.sources import SignalledSource

ROOM = "demo@conference.lab.test"
FOCUS = f"{ROOM}/focus"
FINGERPRINT = ":".join(["AB"] * 32)
_SILENCE = Voice(((b"\xf8\xff\xfe", 127),))


class FakeBridge:
    """Notes what it is ordered to do."""

    def __init__(self):
        self.orders: list[tuple[object, ...]] = []
        self.connected: dict[str, dict[str, object]] = {}
        self.packets: dict[str, int] = {}
        self.generation = 0

    def allocate(self, conference, endpoint, negotiated=None):
        self.orders.append(("allocate", endpoint))
        candidate = IceCandidate("1", 1, "udp", 2130706431, "127.0.0.1", 10000, "host")
        return BridgeTransportOffer("ufrag00", "p" * 26, "sha-256", FINGERPRINT, (candidate,))

    def feedback_ssrc(self, conference):
        return 999

    def connect(self, conference, endpoint, **answer):
        self.connected[endpoint] = answer

    def set_sources(self, conference, endpoint, ssrcs):
        self.orders.append(("sources", endpoint, ssrcs))

    def force_mute(self, conference, endpoint, muted):
        self.orders.append(("mute", endpoint, muted))

    def forget_former(self, conference, endpoint):
        self.orders.append(("forget former", endpoint))

    def restart_ice(self, conference, endpoint):
        self.orders.append(("restart ice", endpoint))
        if endpoint not in self.connected:
            return None
        self.generation += 1
        offer = self.allocate(conference, endpoint)
        return replace(offer, ufrag=f"ufrag{self.generation:02}", ice_generation=self.generation)

    def continue_ice(self, conference, endpoint, generation, ufrag, pwd):
        self.orders.append(("continue ice", endpoint, generation, ufrag, pwd))

    def expire(self, conference, endpoint):
        self.orders.append(("expire", endpoint))
        self.connected.pop(endpoint, None)


class Rig:
    """The installation; `now` goes on only by `wait`."""

    def __init__(self, *, strict_nick: bool = True, **focus_options):
        self.now = 100.0
        self.violations: list[Violation] = []
        self.steps: list[tuple[str, str]] = []
        self.bridge = FakeBridge()
        config = SiteConfig(strict_nick=strict_nick, focus=FocusConfig(**focus_options))
        self.site = Site(
            config,
            self.bridge,
            packets=lambda room, nick: self.bridge.packets.get(nick, 0),
            blame=lambda *parts: self.violations.append(Violation(*parts)),
            step=lambda who, what: self.steps.append((who, what)),
        )

    @property
    def rules(self) -> set[int]:
        """The numbers of the rules that were broken."""
        return {violation.rule for violation in self.violations}

    @property
    def room(self):
        return self.site.muc.rooms[ROOM]

    @property
    def conference(self):
        return self.site.focus.conferences[ROOM]

    def member(self, client):
        return self.conference.members[client.nick]

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 0.1)
            self.site.handle_timer(self.now)

    def flush(self) -> None:
        self.site.flush(self.now)

    def client(self, **options) -> "Client":
        return Client(self, **options)

    def joined(self, **options) -> "Client":
        """A client that is in the room."""
        client = self.client(**options)
        client.ask_for_conference()
        client.join()
        return client

    def in_session(self, **options) -> "Client":
        """A client that has accepted a session; somebody else has to be there."""
        client = self.joined(**options)
        assert client.accept().get("type") == "result"
        return client

    def member_client(self) -> "Client":
        """A client that is in a room with a lobby, since it was made a member."""
        client = self.client()
        self.room.affiliations[bare(client.jid)] = "member"
        client.join()
        return client

    def speaker(self, name: str = "Ann") -> SpeakerClient:
        audio = Speaker(name, _SILENCE, payload_type=111, level_id=1)
        speaker = SpeakerClient(
            ROOM,
            anonymous_jid("lab.test"),
            audio,
            send=lambda stanza: self.site.host.send(stanza, self.now),
            removed=lambda _: None,
        )
        self.site.host.add_entity(speaker.jid, speaker.receive)
        self.site.focus.expect_speaker(ROOM, speaker.nick, speaker.source)
        self.site.focus.open(ROOM, self.now)
        self.flush()
        speaker.join()
        return speaker


@dataclass
class Client:
    """A phone's participant. `silent` answers no requests at all."""

    rig: Rig
    username: str = field(default_factory=lambda: str(uuid.uuid4()))
    silent: bool = False
    capabilities: Capabilities = field(default_factory=Capabilities)
    domain: str = "lab.test"

    def __post_init__(self):
        self.jid = f"{self.username}@{self.domain}/resource"
        self.nick = self.username[:8]
        self.received: list[Element] = []
        self.presence = OwnPresence(ROOM, self.nick, "+49 30 1", self.capabilities)
        self.rig.site.host.add_entity(self.jid, self._receive)

    def _receive(self, stanza: Element, now: float) -> None:
        self.received.append(stanza)
        if self.silent or not is_request(stanza):
            return
        query = child(stanza, ns.DISCO_INFO, "query")
        if query is not None:
            self.send(result(stanza, self.capabilities.answer(query)))
        elif child(stanza, "urn:lab:unknown", "query") is not None:
            self.send(refuse(stanza, "cancel", "service-unavailable"))
        else:
            self.send(result(stanza))

    # What it sends.

    def send(self, stanza: Element) -> None:
        stanza.set("from", self.jid)
        self.rig.site.host.send(stanza, self.rig.now)

    def request(self, to: str, payload: Element, *, type_: str = "set") -> Element | None:
        """Send a request; its answer, None if there is none yet."""
        id_ = uuid.uuid4().hex
        self.send(element(ns.CLIENT, "iq", {"type": type_, "id": id_, "to": to}, payload))
        return self.answer_to(id_)

    def answer_to(self, id_: str) -> Element | None:
        answers = ("result", "error")
        found = [s for s in self.received if s.get("id") == id_ and s.get("type") in answers]
        return found[0] if found else None

    def ask_for_conference(self, room: str = ROOM, **changes) -> Element | None:
        asked = ConferenceRequest(room, "machine").to_element()
        for key, value in changes.items():
            asked.set(key.replace("_", "-"), value)
        return self.request("focus.lab.test", asked)

    def join(self, password: str | None = None) -> Element | None:
        """Join; our own presence or the error."""
        return self.say(self.presence.join(password))

    def say(self, presence: Element) -> Element | None:
        """Send a presence; what came back for our nick."""
        before = len(self.received)
        self.send(presence)
        occupant = presence.get("to")
        found = [s for s in self.received[before:] if s.get("from") == occupant]
        return found[-1] if found else None

    def update(self, **changes) -> Element | None:
        self.presence = replace(self.presence, **changes)
        return self.say(self.presence.update())

    def leave(self) -> None:
        self.send(unavailable(ROOM, self.nick))

    def disconnect(self) -> None:
        self.rig.site.host.remove_entity(self.jid, self.rig.now)

    # Jingle.

    def jingles(self, action: str) -> list[Jingle]:
        """What the focus has sent of a kind."""
        requests = [stanza for stanza in self.received if stanza.get("type") == "set"]
        found = [child(stanza, ns.JINGLE, "jingle") for stanza in requests]
        parsed = [Jingle.parse(jingle) for jingle in found if jingle is not None]
        return [jingle for jingle in parsed if jingle.action == action]

    @property
    def offer(self) -> Jingle:
        return self.jingles("session-initiate")[-1]

    def jingle(self, jingle: Jingle | Element) -> Element | None:
        payload = jingle if isinstance(jingle, Element) else jingle.to_element()
        return self.request(FOCUS, payload)

    def accept(self, *, change=None, **parts) -> Element | None:
        """Accept the latest offer; `change` gets the `<jingle>` before it is sent."""
        payload = self.answer(**parts).to_element()
        if change is not None:
            change(payload)
        return self.jingle(payload)

    def answer(
        self,
        *,
        ssrc: int = 1234,
        msid: str | None = None,
        sources: tuple[SignalledSource, ...] | None = None,
        setup: str = "active",
        sid: str | None = None,
        opus: int = 111,
        transport: bool = True,
    ) -> Jingle:
        offer = self.offer
        if sources is None:
            track = msid or f"{self.nick}-audio {self.nick}-track-{ssrc}"
            sources = (SignalledSource(self.nick, ssrc, f"{self.nick}-a0", track),)
        description = RtpDescription(
            "audio",
            (PayloadType(opus, "opus", 48000, 2),),
            (HeaderExtension(1, AUDIO_LEVEL),),
            sources,
        )
        fingerprint = DtlsFingerprint("sha-256", FINGERPRINT, setup)
        answered = IceUdpTransport("ufrg", "p" * 22, (fingerprint,)) if transport else None
        return Jingle(
            Action.SESSION_ACCEPT,
            sid or offer.sid,
            initiator=offer.initiator,
            responder=self.jid,
            contents=(Content("audio", description, answered),),
        )

    def source_change(self, action: str, *sources: SignalledSource) -> Element | None:
        content = Content("audio", RtpDescription("audio", sources=sources))
        return self.jingle(Jingle(action, self.offer.sid, contents=(content,)))

    def terminate(
        self, *, restart: bool = False, bridge_session: str | None = ""
    ) -> Element | None:
        """End the session; `bridge_session` None names none, "" the right one."""
        offer = self.offer
        assert offer.bridge_session is not None
        told = offer.bridge_session.id if bridge_session == "" else bridge_session
        named = BridgeSessionId(told, restart) if told is not None else None
        reason = Reason("connectivity-error", "ICE FAILED")
        return self.jingle(
            Jingle(Action.SESSION_TERMINATE, offer.sid, reason=reason, bridge_session=named)
        )

    # What it got.

    @property
    def presences(self) -> list[Element]:
        return [stanza for stanza in self.received if stanza.tag == f"{{{ns.CLIENT}}}presence"]


def condition(stanza: Element | None) -> str:
    """The condition of an error, "" if a stanza is none."""
    assert stanza is not None
    error = child(stanza, ns.CLIENT, "error")
    return error[0].tag.rpartition("}")[2] if error is not None else ""


def text_of(stanza: Element | None) -> str:
    """The words of an error."""
    assert stanza is not None
    return stanza.findtext(f".//{{{ns.STANZA_ERRORS}}}text", "")


def statuses(stanza: Element | None) -> list[str]:
    """The MUC status codes in a presence, in order."""
    assert stanza is not None
    return [part.get("code", "") for part in stanza.iter(f"{{{ns.MUC_USER}}}status")]
