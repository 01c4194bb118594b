"""Calls of the benchmark: what signalling would do, with real descriptions on both sides."""

from collections.abc import Callable
from enum import Enum, auto

from gateway.bench.endpoint import LoadEndpoint
from gateway.bench.pacing import Pacing
from gateway.bench.phone import EVENTS, LoadPhone
from gateway.bench.room import LEVEL_ID, OPUS_TYPE
from gateway.calls.negotiation import Negotiation
from gateway.conference.bridge_offer import bridge_offer
from gateway.lab.focus_offer import Invited, OfferConfig, session_initiate
from gateway.media import messages as m
from gateway.xmpp.jingle import Jingle
from gateway.xmpp.sources import SignalledSource

_OFFER = OfferConfig(opus=OPUS_TYPE, audio_level=LEVEL_ID)
PHONE_CODECS = {"PCMU": (0, "PCMU/8000"), "PCMA": (8, "PCMA/8000")}
"""Payload type and a=rtpmap by the name of a codec."""


class Stage(Enum):
    """How far a call has come."""

    OPENING = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    CLOSED = auto()


def phone_media(
    phone: LoadPhone, engine: m.Address, codec: str, *, tones: bool = False
) -> m.PhoneMedia:
    """What a phone's offer comes to; with `tones` it offers no telephone-event."""
    host, port = phone.address
    payload_type, rtpmap = PHONE_CODECS[codec]
    events = f" {EVENTS}" if not tones else ""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {payload_type}{events}",
        f"a=rtpmap:{payload_type} {rtpmap}",
        "a=ptime:20",
    ]
    if events:
        lines += [f"a=rtpmap:{EVENTS} telephone-event/8000", f"a=fmtp:{EVENTS} 0-15"]
    offer = "".join(f"{line}\r\n" for line in lines).encode()
    return Negotiation(lambda host: engine, host).answer(offer)[1]


class LoadCall:
    """Call `name` of a phone with an endpoint in `room`, both of which it connects.

    `ssrc` is its own in the conference, `sources` are those of all others in its room.
    """

    def __init__(
        self,
        name: str,
        room: str,
        phone: LoadPhone,
        endpoint: LoadEndpoint,
        *,
        codec: str,
        ssrc: int,
        sources: tuple[SignalledSource, ...],
        execute: Callable[[m.Command], None],
        pacing: Pacing,
    ) -> None:
        self.name = name
        self.phone = phone
        self.endpoint = endpoint
        self.stage = Stage.OPENING
        self.failure: str | None = None
        self._room = room
        self._codec = codec
        self._ssrc = ssrc
        self._sources = sources
        self._execute = execute
        self._pacing = pacing
        execute(m.OpenPhone(name))

    def receive(self, event: m.Event) -> None:
        """Go on after an event of the engine."""
        match event:
            case m.PhoneOpened():
                self._connect_phone(event.address)
                self._open_bridge()
            case m.BridgeOpened():
                self.stage = Stage.CONNECTING
                self.endpoint.connect(event.answer)
            case m.BridgeConnected():
                self.stage = Stage.CONNECTED
            case m.Closed():
                self.stage = Stage.CLOSED
            case m.BridgeLost() | m.BridgeInterrupted() | m.Failed():
                self.failure = f"{self.name}: {event.reason}"
            case _:
                pass

    @property
    def to_bridge(self) -> int:
        """RTP packets that have come from the engine at the bridge."""
        return self.endpoint.received

    @property
    def sent(self) -> int:
        """RTP packets that phone and bridge have sent."""
        return self.phone.sent + self.endpoint.sent

    def close(self) -> None:
        """Give its sockets back."""
        self.endpoint.close()
        self.phone.close()

    def hang_up(self) -> None:
        """End it."""
        self._execute(m.Close(self.name))

    def _connect_phone(self, engine: m.Address) -> None:
        media = phone_media(self.phone, engine, self._codec)
        self._execute(m.ConnectPhone(self.name, media))
        self.phone.connect(engine, self._pacing)

    def _open_bridge(self) -> None:
        invited = Invited(self.name, frozenset(), f"sid-{self.name}", "bridge-session")
        jingle = session_initiate(
            _OFFER,
            invited,
            initiator="room@conference.lab.test/focus",
            transport=self.endpoint.transport(),
            sources=self._sources,
            start_muted=False,
        )
        offer = bridge_offer(Jingle.parse(jingle), self._ssrc)
        self._execute(m.OpenBridge(self.name, self._room, offer))
        sources = tuple(m.Source(source.ssrc, source.owner) for source in self._sources)
        self._execute(m.SetSources(self.name, offer.session, sources))
