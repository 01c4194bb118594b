"""An occupant of a room, for those who look at the lab from outside."""

from dataclasses import dataclass

from gateway.lab.muc_stanzas import Occupant
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.presence import OccupantPresence, parse_presence


@dataclass(frozen=True, slots=True)
class LabOccupant:
    """Somebody in a room, as the others see it. `muted` is None if it does not say."""

    nick: str
    real_jid: str
    display_name: str | None
    features: frozenset[str]
    muted: bool | None
    role: str
    affiliation: str

    @classmethod
    def of(cls, occupant: Occupant) -> "LabOccupant":
        """What the latest presence says."""
        seen = element(ns.CLIENT, "presence", {"from": f"room/{occupant.nick}"})
        seen.extend(occupant.payload)
        presence = parse_presence(seen)
        assert isinstance(presence, OccupantPresence)
        return cls(
            nick=occupant.nick,
            real_jid=occupant.jid,
            display_name=presence.display_name,
            features=presence.features,
            muted=presence.audio_muted,
            role=occupant.role,
            affiliation=occupant.affiliation,
        )

    @classmethod
    def seen(cls, presence: OccupantPresence) -> "LabOccupant":
        """What a presence that came out of the room says."""
        return cls(
            nick=presence.nick,
            real_jid=presence.real_jid or "",
            display_name=presence.display_name,
            features=presence.features,
            muted=presence.audio_muted,
            role=presence.role,
            affiliation=presence.affiliation,
        )
