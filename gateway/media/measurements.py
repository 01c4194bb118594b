"""What the media engine measures of a call.

A part of its interface; take it from `gateway.media.messages`.
"""

from dataclasses import dataclass, field

from gateway.rtp.bursts import LossPattern
from gateway.rtp.xr import VoipMetrics


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One direction of one leg so far.

    `lost` and `late` are packets; `concealed` and `gap` (longest run without real audio) are
    milliseconds of media time; `jitter` is RFC 3550's, and `delay` the depth of the jitter buffer,
    both in milliseconds: what they are, or of several streams, one after the other too, the worst.
    Where there are several, `jitter_now` and `delay_now` are of those there are now. `recovered`
    are packets that were lost, or late, and came inside a later one (RFC 2198). `losses` is how
    what was not there to be played lies in time. `talk` is milliseconds of speech, of all who spoke
    together, and `level` its mean level in dBov, None if nothing was said, or none of it was
    measured.

    `one_way` is an estimate in milliseconds from one end of the leg to the other: half the round
    trip, the jitter buffer, and what the codec takes. `r_factor`, `mos_lq` and `mos_cq` are the
    E-model's (ITU-T G.107, or G.107.1 if `is_wide`: then R is at best 129): listening, and with
    what delay does to a conversation. They are None where nobody can know.
    """

    packets: int = 0
    octets: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    discarded: int = 0
    recovered: int = 0
    concealed: int = 0
    gap: int = 0
    jitter: float = 0.0
    delay: float = 0.0
    jitter_now: float | None = None
    delay_now: float | None = None
    losses: LossPattern = LossPattern()  # noqa: RUF009 - it is frozen
    talk: int = 0
    level: float | None = None
    one_way: float | None = None
    r_factor: float | None = None
    mos_lq: float | None = None
    mos_cq: float | None = None
    is_wide: bool = False

    @property
    def concealment(self) -> float:
        """The share of the audio that was not there and had to be made up (0..1)."""
        return self.losses.loss


@dataclass(frozen=True, slots=True)
class CallReport:
    """What the engine measured for a call: each leg's two directions.

    `round_trip` are RTCP round-trip times in milliseconds, None where the peer sent no reports.
    `phone_heard` is what the phone says in an extended report (RFC 3611) of how it hears us, if it
    sends such.
    """

    from_phone: StreamReport = field(default_factory=StreamReport)
    to_phone: StreamReport = field(default_factory=StreamReport)
    from_bridge: StreamReport = field(default_factory=StreamReport)
    to_bridge: StreamReport = field(default_factory=StreamReport)
    phone_round_trip: float | None = None
    bridge_round_trip: float | None = None
    phone_heard: VoipMetrics | None = None

    @property
    def directions(self) -> dict[str, StreamReport]:
        """The four streams by name."""
        return {
            "from_phone": self.from_phone,
            "to_phone": self.to_phone,
            "from_bridge": self.from_bridge,
            "to_bridge": self.to_bridge,
        }
