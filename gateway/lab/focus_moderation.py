"""The focus' side of audio moderation: what the component tells it, and who is blocked by it. Pure.

Jicofo is told what moderators are told (rule 16); it mutes who may not speak, and lets the bridge
drop what such a one sends.
"""

from collections.abc import Mapping

from gateway.lab.focus_member import Member


class FocusModeration:
    """One room's audio moderation."""

    def __init__(self) -> None:
        self.enabled = False
        self._approved: frozenset[str] = frozenset()  # occupant JIDs

    def told(self, content: Mapping[str, object]) -> bool:
        """Take what the component says; whether anything is different now."""
        if content.get("mediaType") != "audio":
            return False
        before = (self.enabled, self._approved)
        enabled, listed = content.get("enabled"), content.get("whitelists")
        if isinstance(enabled, bool):
            self.enabled = enabled
            self._approved = frozenset()
        elif isinstance(listed, Mapping):
            self._approved = frozenset(listed.get("audio", ()))
        return before != (self.enabled, self._approved)

    def blocks(self, member: Member) -> bool:
        """Whether somebody may not unmute: it is neither approved nor a moderator."""
        is_moderator = member.affiliation in ("owner", "admin")
        return self.enabled and not is_moderator and member.address not in self._approved
