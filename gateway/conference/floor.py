"""Who may speak: our own mute, the room's audio moderation and limit, and our raised hand. Pure.

A caller's microphone key does what Jitsi has laid down for `*6`: it mutes who speaks, unmutes who
may speak, and raises the hand of who may not.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto


class Toggled(Enum):
    """What the microphone key has done."""

    MUTED = auto()
    UNMUTED = auto()
    HAND_RAISED = auto()
    HAND_LOWERED = auto()


@dataclass(frozen=True, slots=True)
class Floor:
    """Our place in the discussion; what happens gives another one.

    `moderated`: who is not `approved`, and no moderator, is blocked: may not unmute. Nor may
    anybody where as many speak as the focus allows (`limit_reached`), but who speaks goes on.
    `hand_raised_at` is in milliseconds since 1970, None if it is down.
    """

    muted: bool = False
    hand_raised_at: int | None = None
    moderated: bool = False
    approved: bool = False
    role: str = "none"
    limit_reached: bool = False

    @property
    def is_blocked(self) -> bool:
        may_speak = not self.moderated or self.approved or self.role == "moderator"
        is_too_many = self.muted and self.limit_reached
        return not may_speak or self.role == "visitor" or is_too_many

    def toggled(self, milliseconds: int) -> tuple[Toggled, "Floor"]:
        """The microphone key is pressed, at that time."""
        if self.role == "visitor" and self.hand_raised_at is not None:
            return Toggled.HAND_LOWERED, self.with_hand(None)
        if self.role != "visitor" and not self.muted:
            return Toggled.MUTED, self.with_mute(True)
        if self.is_blocked:
            # A hand that is up stays where it is in the row of hands.
            raised = self.hand_raised_at or milliseconds
            return Toggled.HAND_RAISED, self.with_hand(raised)
        return Toggled.UNMUTED, self.with_mute(False)

    def with_mute(self, muted: bool) -> "Floor":
        """Muted, or not; who speaks has no hand up. Whether it is allowed is not asked."""
        hand = self.hand_raised_at if muted else None
        return replace(self, muted=muted, hand_raised_at=hand)

    def with_hand(self, raised_at: int | None) -> "Floor":
        """With the hand raised since then, or lowered."""
        return replace(self, hand_raised_at=raised_at)

    def with_moderation(self, enabled: bool) -> "Floor":
        """Moderation is switched on, or off: either way nobody is approved any more."""
        return replace(self, moderated=enabled, approved=False)

    def with_approval(self, approved: bool) -> "Floor":
        """A moderator lets us speak, which answers a raised hand, or does so no longer."""
        hand = None if approved else self.hand_raised_at
        return replace(self, approved=approved, hand_raised_at=hand)

    def with_role(self, role: str) -> "Floor":
        """With another role in the room; visitors are not heard."""
        return replace(self, role=role, muted=self.muted or role == "visitor")

    def with_limit(self, reached: bool) -> "Floor":
        """As many speak as may, or no longer."""
        return replace(self, limit_reached=reached)

    def in_another_room(self, *, to_listen: bool = False) -> "Floor":
        """We keep our mute, and our hand but for a visitor's that does not come `to_listen` only:
        it has been answered. The rules there are still to be told."""
        is_answered = self.role == "visitor" and not to_listen
        return Floor(self.muted, None if is_answered else self.hand_raised_at)
