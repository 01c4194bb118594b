"""What media consists of: addresses, payloads, a phone's media, ICE and DTLS parameters.

A part of the media engine's interface; take it from `gateway.media.messages`.
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
    in Hz, which for G722 and OPUS is not the rate of their samples; `parameters` are the format
    parameters (`a=fmtp`) as written.
    """

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class PhoneSound:
    """What is done to a phone's voice before the conference hears it.

    `gain_control` levels voices far too quiet or too loud, `noise_gate` silences a line that only
    hums, `echo_suppression` softens what comes back of the conference.
    """

    gain_control: bool = False
    noise_gate: bool = False
    echo_suppression: bool = False


AS_IT_IS = PhoneSound()


@dataclass(frozen=True, slots=True)
class PhoneKeys:
    """SRTP keys that were stated in signalling (RFC 4568): master key and salt of each direction.

    `suite` is named as in SDP. `remote_mki` identifies the key in each packet of the phone's, if it
    is not empty (RFC 3711 section 3.1).
    """

    suite: str
    local: bytes = field(repr=False)
    remote: bytes = field(repr=False)
    remote_mki: bytes = b""


@dataclass(frozen=True, slots=True)
class PhoneIce:
    """The credentials by which a phone checks its path to us, an ICE-lite agent (RFC 8445), and its
    own."""

    ufrag: str
    pwd: str = field(repr=False)
    remote_ufrag: str = ""
    remote_pwd: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PhoneDtls:
    """What was signalled for a DTLS-SRTP association with a phone (RFC 5763).

    `setup` is our own role: "active" for the client, "passive" for the server. Without `ice` the
    phone is where its first datagrams come from.
    """

    fingerprints: "tuple[Fingerprint, ...]"
    setup: str
    ice: PhoneIce | None = None


@dataclass(frozen=True, slots=True)
class PhoneMedia:
    """What offer and answer agreed on for the audio of a phone (RFC 3264).

    `remote` is where the phone wants to be sent to, None while it has no address (0.0.0.0).
    `signalling_host` is where its SIP messages come from: a hint for latching.
    `payloads` holds the audio payload to send first, then others that may arrive, telephone-event
    and comfort noise ("CN") if negotiated. `ptime` is in milliseconds, as many as the codec has
    frames of. What a phone sends while it `is_held` (its hold music) is not for the conference.
    While it `is_early` (RFC 3960), before its answer, it may send nothing.
    `voip_metrics` and `receiver_round_trip` are the extended reports it wants (RFC 3611 section
    5.1). Media are encrypted with `keys`, or with those of a handshake by `dtls`; without either
    they are not. With `rtcp_mux` RTCP is
    exchanged where RTP is (RFC 5761).
    """

    remote: Address | None
    remote_rtcp: Address | None
    signalling_host: str
    payloads: tuple[Payload, ...]
    ptime: int = 20
    direction: Direction = Direction.SENDRECV
    is_held: bool = False
    is_early: bool = False
    sound: PhoneSound = AS_IT_IS
    voip_metrics: bool = False
    receiver_round_trip: bool = False
    keys: PhoneKeys | None = None
    dtls: PhoneDtls | None = None
    rtcp_mux: bool = False


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
class IceParameters:
    """One side of an ICE restart; `generation` is the videobridge's number of it, from 1 on."""

    generation: int
    ufrag: str
    pwd: str
    candidates: tuple[IceCandidate, ...]


@dataclass(frozen=True, slots=True)
class TurnServer:
    """A server that relays media (RFC 8656); `transport` to it is "udp", "tcp" or "tls"."""

    host: str
    port: int
    transport: str
    username: str
    password: str = field(repr=False)
