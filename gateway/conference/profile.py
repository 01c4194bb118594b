"""What a caller shows of itself, in whatever room it is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.conference.floor import Floor
from gateway.conference.installation import Installation
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.own_presence import OwnPresence

INCOMING: Mapping[str, str] = {"JigasiCallDirection": "in"}
ON_HOLD = "On hold"
UNHEARD = "Not heard: end-to-end encryption"


@dataclass(frozen=True, slots=True)
class Profile:
    """Name, status and what else the room is told, except where and with which microphone.

    `initiator` are headers on where the call came from. A call on hold is shown as muted. Who
    `may_preside` gives a moderator's orders if it is made one.
    """

    display_name: str
    initiator: Mapping[str, str] = field(default_factory=lambda: INCOMING)
    dial_pad: bool = False
    status: str | None = None
    is_held: bool = False
    may_preside: bool = False

    def status_text(self, *, is_unheard: bool) -> str | None:
        """What weighs most: that the phone does not listen, is not heard, how the call is."""
        if self.is_held:
            return ON_HOLD
        return UNHEARD if is_unheard else self.status

    def presence(
        self,
        room: str,
        nick: str,
        floor: Floor,
        *,
        installation: Installation,
        capabilities: Capabilities,
    ) -> OwnPresence:
        """What a room is told of us when we come."""
        return OwnPresence(
            room=room,
            nick=nick,
            display_name=self.display_name,
            capabilities=capabilities,
            muted=floor.muted or self.is_held,
            hand_raised_at=floor.hand_raised_at,
            region=installation.region,
            status=self.status_text(is_unheard=False),
            avatar_url=installation.avatar_url,
            stats_id=installation.stats_id,
            initiator=self.initiator,
            dial_pad=self.dial_pad,
            has_source=installation.node is None,
        )
