"""An occupant of a room, for those who look at the lab from outside."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.muc_stanzas import Occupant
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child_text, element
from gateway.xmpp.presence import OccupantPresence, parse_presence

_MILLISECONDS = re.compile("[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class LabOccupant:
    """Somebody in a room, as the others see it.

    `muted` is None if it does not say; `hand_raised_at` is in milliseconds since 1970, None if its
    hand is down (or on a server that is not the lab's own). `status` is how far a phone's call has
    come.
    """

    nick: str
    real_jid: str
    display_name: str | None
    features: frozenset[str]
    muted: bool | None
    role: str
    affiliation: str
    hand_raised_at: int | None = None
    status: str | None = None

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
            hand_raised_at=_hand(seen),
            status=presence.status,
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
            status=presence.status,
        )


def _hand(presence: Element) -> int | None:
    text = child_text(presence, ns.CLIENT, "jitsi_participant_raisedHand")
    return int(text) if text is not None and _MILLISECONDS.fullmatch(text) else None
