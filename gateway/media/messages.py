"""The media engine's whole interface: commands go down, events come up.

Frozen dataclasses of plain values, so that they cross a function call (engine in-process) and a
Unix socket (engine in worker processes) alike. This module imports only what they consist of; SIP's
session descriptions and Jingle's descriptions are turned into these types by `gateway.calls` and
`gateway.conference`. Every message names the call it belongs to.
"""

from dataclasses import dataclass

from gateway.media import descriptions, measurements, speech, tone

Address = descriptions.Address
Direction = descriptions.Direction
Payload = descriptions.Payload
PhoneDtls = descriptions.PhoneDtls
PhoneIce = descriptions.PhoneIce
PhoneKeys = descriptions.PhoneKeys
PhoneMedia = descriptions.PhoneMedia
PhoneSound = descriptions.PhoneSound
AS_IT_IS = descriptions.AS_IT_IS
IceCandidate = descriptions.IceCandidate
Fingerprint = descriptions.Fingerprint
IceParameters = descriptions.IceParameters
StreamReport = measurements.StreamReport
CallReport = measurements.CallReport
TurnServer = descriptions.TurnServer
Recorded = speech.Recorded
Sampled = speech.Sampled
Spoken = speech.Spoken
SpeechPart = speech.SpeechPart
Say = speech.Say
Hush = speech.Hush
Played = speech.Played
Seclude = speech.Seclude
RecordVoice = speech.RecordVoice
StopRecording = speech.StopRecording
VoiceRecorded = speech.VoiceRecorded
Tone = tone.Tone


@dataclass(frozen=True, slots=True)
class BridgeOffer:
    """What the focus offers for the connection to the videobridge (a Jingle session-initiate).

    `session` is the Jingle sid. `opus` and `audio_level_id` (RFC 6464) are used as signalled,
    never assumed. `ssrc` is our own, chosen by the caller of the engine. `red` (RFC 2198) and
    `transport_cc_id` (a header extension's) are None where they were not negotiated. `relays` may
    be used if the bridge cannot be reached directly.
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
    red: Payload | None = None
    transport_cc_id: int | None = None
    relays: tuple[TurnServer, ...] = ()


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
    """One remote audio source of a conference: its SSRC and the endpoint that owns it.

    What `is_encrypted` end to end nobody here can decode: it would be noise.
    """

    ssrc: int
    endpoint: str
    is_encrypted: bool = False


# --- commands ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenPhone:
    """Take a pair of UDP ports for a phone. Answered by `PhoneOpened` or `Failed`.

    `room` names the room that the call is for, where that is known: calls of one room are cheaper
    together. It binds nobody: `OpenBridge` says where the call is.
    """

    call: str
    room: str | None = None


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
    `BridgeOpened` or `Failed`, later by `BridgeConnected` or `BridgeLost`. A connection that
    carries the call's audio already goes on doing so until this one is connected, and is closed in
    that moment (`BridgeLost`); one that is still being made is given up without a word.
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
class RestartIce:
    """The videobridge's new ICE credentials for a session whose DTLS and SRTP go on.

    Answered by `IceRestarted`. The path there is, if there is one, is used until the new one is
    nominated. A session that was interrupted is then connected again (`BridgeConnected`).
    """

    call: str
    session: str
    remote: IceParameters


@dataclass(frozen=True, slots=True)
class SetSources:
    """The remote sources of a session, all of them, each time they change."""

    call: str
    session: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class CloseBridge:
    """Drop a connection to the videobridge; the phone stays.

    If it carries the call's audio it goes on for up to `linger` seconds: until another is
    connected, it breaks, or time is up (`BridgeLost`).
    """

    call: str
    session: str
    linger: float = 0.0


@dataclass(frozen=True, slots=True)
class Mute:
    """Stop or resume sending the phone's audio into the conference."""

    call: str
    muted: bool


@dataclass(frozen=True, slots=True)
class Play:
    """Play a tone to the phone alone.

    One that repeats goes on until `Silence` or another that repeats. One that does not is played
    to its end over whatever else is being played, after those of its kind. Music goes on where it
    has ended before.
    """

    call: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop the tone that repeats."""

    call: str


@dataclass(frozen=True, slots=True)
class SendDigit:
    """Send a key press to the phone, after those that are still being sent.

    As telephone-event (RFC 4733) if that was negotiated, as a DTMF tone otherwise; the phone hears
    nothing else meanwhile. `digit` is one of 0-9, *, #, A-D; `duration` is in seconds.
    """

    call: str
    digit: str
    duration: float = 0.1


@dataclass(frozen=True, slots=True)
class Close:
    """Free everything the call has in the engine. Answered by `Closed`, also if it had nothing."""

    call: str


Command = (
    OpenPhone
    | ConnectPhone
    | OpenBridge
    | AddBridgeCandidates
    | RestartIce
    | SetSources
    | CloseBridge
    | Mute
    | Seclude
    | Play
    | Silence
    | Say
    | Hush
    | RecordVoice
    | StopRecording
    | SendDigit
    | Close
)


# --- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PhoneOpened:
    """The phone's RTP port is open at `address`; RTCP is on the next port.

    `fingerprint` is of the certificate that a DTLS handshake there has, None if there is none.
    """

    call: str
    address: Address
    fingerprint: Fingerprint | None = None


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
    """The caller pressed a key; one event a press. `duration` is in seconds.

    By telephone-event (RFC 4733) or, `in_band`, by a tone, where that was not negotiated.
    """

    call: str
    digit: str
    duration: float
    in_band: bool = False


@dataclass(frozen=True, slots=True)
class ConferenceDigit:
    """`endpoint` of the conference pressed a key (RFC 4733); one event a press and call."""

    call: str
    endpoint: str
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
    """ICE and DTLS with the videobridge are up, or up again: media flows."""

    call: str
    session: str


@dataclass(frozen=True, slots=True)
class IceRestarted:
    """Our new ICE credentials for a session, which the videobridge has to know."""

    call: str
    session: str
    local: IceParameters


@dataclass(frozen=True, slots=True)
class BridgeInterrupted:
    """No path leads to the videobridge any more (RFC 7675), but DTLS stands.

    `RestartIce` may mend it; in time `BridgeConnected` or `BridgeLost` follows.
    """

    call: str
    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class BridgeLost:
    """A connection to the videobridge could not be made, broke, or has been replaced."""

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
class EngineLost:
    """The process that carried the call is gone, and with it all that the call had there.

    Nothing can be done for the call any more but to `Close` it.
    """

    call: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What has been measured for a call that goes on; told every ten seconds."""

    call: str
    report: CallReport


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
    | ConferenceDigit
    | Played
    | VoiceRecorded
    | BridgeOpened
    | BridgeConnected
    | IceRestarted
    | BridgeInterrupted
    | BridgeLost
    | Failed
    | Measured
    | EngineLost
    | Closed
)
