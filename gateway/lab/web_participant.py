"""A browser in the lab's conference: an occupant of the room, and an endpoint of the bridge.

It enters the room once it has answered the bridge's first offer, so that the focus can signal its
source to the others from the beginning. What it is offered follows who else speaks: the focus'
sources are looked at again and again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.focus_offer import OfferConfig
from gateway.lab.phones_out import PhonesOut
from gateway.lab.speaker_client import SpeakerClient
from gateway.lab.venue import Seat, Venue
from gateway.lab.videobridge import BridgeTransportOffer, LabVideobridge
from gateway.lab.violation import Step
from gateway.lab.web_negotiation import Negotiation, Offered
from gateway.lab.web_sdp import BrowserAnswer
from gateway.xmpp import namespaces as ns
from gateway.xmpp.presence import OccupantPresence, parse_presence
from gateway.xmpp.sources import BRIDGE_OWNER, SignalledSource

_LEFT = "you have left"
_LET_IN_WITHIN = 10.0  # seconds
_REMOVED = {301: "you were banned", 307: "you were removed", 332: "the server has ended the room"}


@dataclass(frozen=True, slots=True)
class Muted:
    """A moderator has muted it."""


@dataclass(frozen=True, slots=True)
class Removed:
    """It is no longer in the room, or never came in."""

    reason: str


Told = Offered | Muted | Removed


@dataclass(slots=True)
class BrowserAudio:
    """What the room is told of a browser; `ssrc` is 0 until it has answered the first offer."""

    name: str
    muted: bool
    ssrc: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a browser needs of the lab."""

    venue: Venue
    bridge: LabVideobridge
    offer: OfferConfig
    step: Step


class WebParticipant:
    """One browser in one room (a JID): it is over when `tell` has got a Removed."""

    def __init__(
        self,
        room: str,
        seat: Seat,
        audio: BrowserAudio,
        around: Surroundings,
        tell: Callable[[Told], None],
    ) -> None:
        self.room = room
        self.is_over = False
        self._around = around
        self._tell = tell
        self._client = SpeakerClient(
            room, seat.jid, audio, send=seat.send, removed=lambda _: self.end(self._why)
        )
        self._negotiation = Negotiation(self._allocate(), around.offer)
        self._why = _LEFT
        self._connected = False
        self._let_in_by: float | None = None  # the latest moment the room may let it in

    @property
    def nick(self) -> str:
        return self._client.nick

    @property
    def phones(self) -> PhonesOut:
        """Those it has called."""
        return self._client.phones

    @property
    def ssrc(self) -> int:
        """Of its microphone; 0 as long as it is not known."""
        return self._client.audio.ssrc

    def answer(self, id_: int, sdp: str, now: float) -> None:
        """Take the browser's answer to offer `id_`. SdpError: it is none."""
        is_first = self._negotiation.ssrc == 0
        taken = frozenset(source.ssrc for source in self._others())
        answer = self._negotiation.answer(id_, sdp, taken)
        if is_first:
            self._client.audio.ssrc = answer.ssrc
            self._connect(answer)
            self._enter(now)

    def mute(self, muted: bool) -> None:
        """It has switched its microphone off, or on."""
        if self._client.present:
            self._client.mute(muted)
        else:
            self._client.audio.muted = muted

    def leave(self, why: str = _LEFT) -> None:
        """It goes, wherever it stands."""
        self._why = why
        if self._client.present:
            self._client.leave()
        self.end(why)

    def end(self, why: str) -> None:
        """It is out of the room."""
        if not self.is_over:
            self.is_over = True
            self._around.bridge.expire(self.room, self.nick)
            self._tell(Removed(why))

    def tick(self, now: float) -> None:
        """Look at what has changed; to be called often."""
        if self._negotiation.is_overdue(now):
            self.leave("the browser has not answered the bridge's offer")
        elif self._client.present:
            self._look_at_the_bridge()
        elif self._let_in_by is not None and now > self._let_in_by:
            self.leave("the room does not answer")
        if not self.is_over:
            offered = self._negotiation.offer(self._heard(), now)
            if offered is not None:
                self._tell(offered)

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for it."""
        was_muted = self._client.audio.muted
        if stanza.tag == f"{{{ns.CLIENT}}}presence":
            self._note_why(stanza)
        self._client.receive(stanza, now)
        refusal = self._client.refusal
        if refusal is not None and not self._client.present:
            self.end(f"the room does not let you in ({refusal.condition})")
        elif self._client.audio.muted and not was_muted:
            self._tell(Muted())

    # Details.

    def _allocate(self) -> BridgeTransportOffer:
        """An endpoint, with the one candidate a browser can use: the others are traps for tests."""
        bridge = self._around.bridge
        offer = bridge.allocate(self.room, self.nick)
        usable = (
            candidate
            for candidate in offer.candidates
            if candidate.protocol == "udp" and (candidate.host, candidate.port) == bridge.address
        )
        return BridgeTransportOffer(
            offer.ufrag, offer.pwd, offer.fingerprint_hash, offer.fingerprint, tuple(usable)
        )

    def _connect(self, answer: BrowserAnswer) -> None:
        bridge = self._around.bridge
        bridge.connect(
            self.room,
            self.nick,
            ufrag=answer.ufrag,
            pwd=answer.pwd,
            fingerprint=answer.fingerprint,
            setup=answer.setup,
        )
        bridge.set_sources(self.room, self.nick, frozenset({answer.ssrc}))

    def _enter(self, now: float) -> None:
        self._let_in_by = now + _LET_IN_WITHIN
        self._around.venue.focus.expect_speaker(self.room, self.nick, self._client.source)
        self._client.join()

    def _note_why(self, stanza: Element) -> None:
        """Remember what a presence says about why it is out of the room."""
        presence = parse_presence(stanza)
        if isinstance(presence, OccupantPresence) and presence.is_self:
            self._why = _why_removed(presence) or self._why

    def _look_at_the_bridge(self) -> None:
        try:
            endpoint = self._around.bridge.client(self.room, self.nick)
        except KeyError:  # it does not answer the bridge any more
            self.leave("the bridge has lost your browser")
            return
        if endpoint.connected and not self._connected:
            self._connected = True
            self._around.step(self.nick, "ICE and DTLS are connected: the browser's audio flows")

    def _others(self) -> tuple[SignalledSource, ...]:
        """Everybody else's sources, the bridge's own among them."""
        conference = self._around.venue.focus.conferences.get(self.room)
        return conference.sessions.sources.except_of(self.nick) if conference is not None else ()

    def _heard(self) -> list[SignalledSource]:
        """What it is to hear."""
        endpoints = (source for source in self._others() if source.owner != BRIDGE_OWNER)
        return [source for source in endpoints if source.media == "audio"]


def _why_removed(presence: OccupantPresence) -> str | None:
    if presence.destroyed is not None:
        return presence.destroyed.reason or "the meeting has ended"
    words = next((text for code, text in _REMOVED.items() if code in presence.statuses), None)
    return f"{words}: {presence.reason}" if words and presence.reason else words
