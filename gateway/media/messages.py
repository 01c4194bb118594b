"""The media engine's whole interface: commands go down, events come up.

Frozen dataclasses of plain values, so that they cross a function call (engine in-process) and a
Unix socket (engine in worker processes) alike. This module imports nothing of the gateway; SIP's
session descriptions and Jingle's descriptions are turned into these types by `gateway.calls` and
`gateway.conference`. Every message names the call it belongs to.
"""

from dataclasses import dataclass, field
from enum import StrEnum

Address = tuple[str, int]
"""Host (a literal IPv4 or IPv6 address) and port of a UDP socket."""


class Direction(StrEnum):
    """Which way media may flow, seen from the gateway (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)


@dataclass(frozen=True, slots=True)
class Payload:
    """One negotiated RTP payload type.

    `encoding` is upper case ("PCMU", "TELEPHONE-EVENT", "OPUS"); `clock_rate` is the RTP clock
    in Hz; `parameters` are the format parameters (`a=fmtp`) as written.
    """

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class PhoneMedia:
    """What offer and answer agreed on for the audio of a phone (RFC 3264).

    `remote` is where the phone wants to be sent to, None while it has no address (0.0.0.0).
    `signalling_host` is where its SIP messages come from: a hint for latching.
    `payloads` holds the audio payload to send first, then others that may arrive, and
    telephone-event if negotiated. `ptime` is in milliseconds. What a phone sends while it `is_held`
    (its hold music) is not for the conference.
    """

    remote: Address | None
    remote_rtcp: Address | None
    signalling_host: str
    payloads: tuple[Payload, ...]
    ptime: int = 20
    direction: Direction = Direction.SENDRECV
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """An ICE candidate (RFC 8445); `related` is what a reflexive or relayed one is related to."""

    foundation: str
    component: int
    protocol: str
    priority: int
    host: str
    port: int
    type: str
    related: Address | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's fingerprint (RFC 8122): `hash` lower case, `value` upper-case with colons."""

    hash: str
    value: str


@dataclass(frozen=True, slots=True)
class BridgeOffer:
    """What the focus offers for the connection to the videobridge (a Jingle session-initiate).

    `session` is the Jingle sid. `opus` and `audio_level_id` (RFC 6464) are used as signalled,
    never assumed. `ssrc` is our own, chosen by the caller of the engine.
    """

    session: str
    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    candidates: tuple[IceCandidate, ...]
    opus: Payload
    audio_level_id: int | None
    ssrc: int
    telephone_event: Payload | None = None
    bridge_ssrc: int | None = None


@dataclass(frozen=True, slots=True)
class BridgeAnswer:
    """Our side of the connection to the videobridge: what the session-accept has to carry."""

    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    setup: str
    candidates: tuple[IceCandidate, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One remote audio source of a conference: its SSRC and the endpoint that owns it."""

    ssrc: int
    endpoint: str


class Tone(StrEnum):
    """What a caller can be told without words.

    The first three repeat, instead of the conference, until `Silence`; the others are over soon.
    """

    WAITING = "waiting"  # for company, or to be let in: two soft beeps every few seconds
    REPAIRING = "repairing"  # the conference cannot be heard, and will be: soft ticks
    PASSWORD = "password"  # the room's password is to be typed: two quick beeps, again and again
    MUTED = "muted"  # two beeps, falling
    UNMUTED = "unmuted"  # two beeps, rising
    HAND = "hand"  # the raised hand is shown: one high beep
    MAY_SPEAK = "may-speak"  # a moderator says that the caller may unmute: three rising beeps
    REFUSED = "refused"  # what was typed is wrong: one long low beep
    RECORDING = "recording"  # what is said is kept from now on: three equal beeps
    RECORDING_OVER = "recording-over"  # and no longer: three falling beeps
    NOT_HEARD = "not-heard"  # others have encryption on that we cannot do: low, high, low, high
    CONGESTION = "congestion"  # the call cannot go on and is about to end

    @property
    def repeats(self) -> bool:
        return self in (Tone.WAITING, Tone.REPAIRING, Tone.PASSWORD)


# --- commands ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenPhone:
    """Take a pair of UDP ports for a phone. Answered by `PhoneOpened` or `Failed`."""

    call: str


@dataclass(frozen=True, slots=True)
class ConnectPhone:
    """Start, or change after a new offer/answer, the media of a phone.

    Every `ConnectPhone` allows the leg to latch on a new source address once.
    """

    call: str
    media: PhoneMedia


@dataclass(frozen=True, slots=True)
class OpenBridge:
    """Prepare a connection to the videobridge and start connecting it.

    `room` keys the room bus: all calls of one conference name the same. Answered by
    `BridgeOpened` or `Failed`, later by `BridgeConnected` or `BridgeLost`. A bridge connection
    the call already has is closed.
    """

    call: str
    room: str
    offer: BridgeOffer


@dataclass(frozen=True, slots=True)
class AddBridgeCandidates:
    """More candidates of the videobridge (a Jingle transport-info)."""

    call: str
    session: str
    candidates: tuple[IceCandidate, ...]


@dataclass(frozen=True, slots=True)
class SetSources:
    """The remote sources of a session, all of them, each time they change."""

    call: str
    session: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class CloseBridge:
    """Drop the connection to the videobridge; the phone stays."""

    call: str
    session: str


@dataclass(frozen=True, slots=True)
class Mute:
    """Stop or resume sending the phone's audio into the conference."""

    call: str
    muted: bool


@dataclass(frozen=True, slots=True)
class Play:
    """Play a tone to the phone alone.

    One that repeats goes on until `Silence` or another that repeats. One that does not is played
    to its end over whatever else is being played.
    """

    call: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop the tone that repeats."""

    call: str


@dataclass(frozen=True, slots=True)
class Close:
    """Free everything the call has in the engine. Answered by `Closed`, also if it had nothing."""

    call: str


Command = (
    OpenPhone
    | ConnectPhone
    | OpenBridge
    | AddBridgeCandidates
    | SetSources
    | CloseBridge
    | Mute
    | Play
    | Silence
    | Close
)


# --- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PhoneOpened:
    """The phone's RTP port is open at `address`; RTCP is on the next port."""

    call: str
    address: Address


@dataclass(frozen=True, slots=True)
class PhoneLatched:
    """The phone's media comes from `address` and is sent there from now on."""

    call: str
    address: Address


@dataclass(frozen=True, slots=True)
class PhoneSilent:
    """No RTP has come from the phone for `seconds`, though it should: it is not held."""

    call: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """The caller pressed a key (RFC 4733); one event a press. `duration` is in seconds."""

    call: str
    digit: str
    duration: float


@dataclass(frozen=True, slots=True)
class BridgeOpened:
    """Our transport parameters for the session-accept."""

    call: str
    session: str
    answer: BridgeAnswer


@dataclass(frozen=True, slots=True)
class BridgeConnected:
    """ICE and DTLS with the videobridge are up: media flows."""

    call: str
    session: str


@dataclass(frozen=True, slots=True)
class BridgeLost:
    """The connection to the videobridge could not be made, or broke."""

    call: str
    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A command could not be carried out, e.g. no port is free."""

    call: str
    command: str
    reason: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One direction of one leg so far.

    `lost` and `late` are packets; `concealed` and `gap` (longest run without real audio) are
    milliseconds of media time; `jitter` is RFC 3550's, in milliseconds; `delay` is the current
    depth of the jitter buffer in milliseconds.
    """

    packets: int = 0
    octets: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    discarded: int = 0
    concealed: int = 0
    gap: int = 0
    jitter: float = 0.0
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class CallReport:
    """What the engine measured for a call: each leg's two directions.

    `round_trip` are RTCP round-trip times in milliseconds, None where the peer sent no reports.
    `reported_loss` is what the peer says it lost of what we sent (0..1).
    """

    from_phone: StreamReport = field(default_factory=StreamReport)
    to_phone: StreamReport = field(default_factory=StreamReport)
    from_bridge: StreamReport = field(default_factory=StreamReport)
    to_bridge: StreamReport = field(default_factory=StreamReport)
    phone_round_trip: float | None = None
    bridge_round_trip: float | None = None
    phone_reported_loss: float | None = None
    bridge_reported_loss: float | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """Everything of the call is gone from the engine; `report` is its last word."""

    call: str
    report: CallReport


Event = (
    PhoneOpened
    | PhoneLatched
    | PhoneSilent
    | DigitReceived
    | BridgeOpened
    | BridgeConnected
    | BridgeLost
    | Failed
    | Closed
)
