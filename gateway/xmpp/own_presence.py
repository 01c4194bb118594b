"""The presence of our participant in its room: one builder for the join and every update.

Presence is state, not a change: each one says everything again. Only the join carries the
`<x xmlns='http://jabber.org/protocol/muc'>` (XEP-0045 section 7.1); sent later it would be a
second join. The jigasi feature must be in the first one: browsers decide by it, at once, that
this is a phone that never talks to them directly.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.element import element

MAX_DISPLAY_NAME = 100
NAMELESS = "Phone"  # lobbies, and some rooms, admit nobody without a name
STATS_ID = "sip-gateway"
_HAND = "jitsi_participant_raisedHand"


@dataclass(frozen=True, slots=True)
class OwnPresence:
    """What the room is told about us. `nick` is our endpoint id, `display_name` the caller's.

    `hand_raised_at` is in milliseconds since 1970: browsers sort raised hands by it. `status` is a
    word on the call. `initiator` are headers that say where the call came from, as Jigasi's do.
    With `dial_pad` browsers offer their user to press keys for the phone. A visitor has no audio
    that others could hear: not `has_source`. `hand_is_shown`: the last presence had our hand up.
    """

    room: str
    nick: str
    display_name: str
    capabilities: Capabilities
    muted: bool = False
    hand_raised_at: int | None = None
    region: str | None = None
    status: str | None = None
    avatar_url: str | None = None
    stats_id: str = STATS_ID
    initiator: Mapping[str, str] = field(default_factory=dict)
    dial_pad: bool = False
    has_source: bool = True
    hand_is_shown: bool = False

    @property
    def occupant(self) -> str:
        """Our occupant JID."""
        return f"{self.room}/{self.nick}"

    def join(self, password: str | None = None) -> Element:
        """The presence that enters the room."""
        muc = element(ns.MUC, "x")
        if password is not None:
            muc.append(element(ns.MUC, "password", text=password))
        return self._presence(muc)

    def knock(self, lobby: str) -> Element:
        """The presence that enters the lobby of the room: who we are, and no more."""
        return element(
            ns.CLIENT,
            "presence",
            {"to": f"{lobby}/{self.nick}"},
            element(ns.MUC, "x"),
            self.capabilities.to_presence(),
            self._nick(),
        )

    def update(self) -> Element:
        """The presence of one who is in the room already."""
        presence = self._presence()
        if self.hand_raised_at is None and (self.has_source or self.hand_is_shown):
            # Browsers keep a property that a later presence does not have: say that it is empty.
            # Of a visitor's moderators are told each time, or take it for a hand that is raised.
            presence.append(element(ns.CLIENT, _HAND))
        return presence

    def _presence(self, *first: Element) -> Element:
        muted = "true" if self.muted else "false"
        # Browsers match the source by this name, and Jicofo counts senders by it.
        sources = {f"{self.nick}-a0": {"muted": self.muted}} if self.has_source else {}
        presence = element(
            ns.CLIENT,
            "presence",
            {"to": self.occupant},
            *first,
            self.capabilities.to_presence(),
            self._nick(),
            element(ns.CLIENT, "SourceInfo", text=json.dumps(sources, separators=(",", ":"))),
            element(ns.CLIENT, "audiomuted", text=muted),
            element(ns.CLIENT, "videomuted", text="true"),
            element(
                ns.CLIENT,
                "features",
                None,
                *(element(ns.CLIENT, "feature", {"var": name}) for name in self._features),
            ),
            element(
                ns.JITSI_JIGASI,
                "initiator",
                None,
                *(
                    element(ns.RAYO, "header", {"name": name, "value": value})
                    for name, value in self.initiator.items()
                ),
            ),
            element(ns.CLIENT, "stats-id", text=self.stats_id),
        )
        if self.hand_raised_at is not None:
            presence.append(element(ns.CLIENT, _HAND, text=str(self.hand_raised_at)))
        if self.region is not None:
            presence.append(element(ns.CLIENT, "jitsi_participant_region", text=self.region))
        if self.avatar_url is not None:
            presence.append(element(ns.CLIENT, "avatar-url", text=self.avatar_url))
        if self.status is not None:
            presence.append(element(ns.CLIENT, "status", text=self.status))
        return presence

    @property
    def _features(self) -> tuple[str, ...]:
        return (ns.JITSI_JIGASI, ns.JINGLE_DTMF) if self.dial_pad else (ns.JITSI_JIGASI,)

    def _nick(self) -> Element:
        nick = element(ns.NICK, "nick", text=self.display_name[:MAX_DISPLAY_NAME])
        if not (nick.text or "").strip():
            nick.text = NAMELESS
        return nick


def unavailable(room: str, nick: str, status: str | None = None) -> Element:
    """The presence that leaves the room; Jicofo spares a conference left for `switch_room`."""
    presence = element(ns.CLIENT, "presence", {"to": f"{room}/{nick}", "type": "unavailable"})
    if status is not None:
        presence.append(element(ns.CLIENT, "status", text=status))
    return presence
