"""What a room tells about its occupants (XEP-0045 sections 7 to 10, and Jitsi's additions).

Occupants are strangers: what they may write into their presence never makes it unreadable, it is
left out.
"""

import json
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.conference_properties import true_properties
from gateway.xmpp.element import attribute, child, child_text, children, local_name
from gateway.xmpp.jid import resource
from gateway.xmpp.recording import RecordingStatus, parse_recordings
from gateway.xmpp.stanza import StanzaError

MAX_FEATURES = 100
MAX_NAME = 200  # characters; a room's occupants are remembered


@dataclass(frozen=True, slots=True)
class Destroyed:
    """The room is gone; `alternate` is where its occupants should go, if anywhere."""

    alternate: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class OccupantPresence:
    """An occupant is in the room, or (not `available`) has left it.

    `occupant` is its full JID in the room, `real_jid` its own. `statuses` are XEP-0045's codes
    (110: this is about you). `actor` (a nick) and `reason` say who removed or promoted it and why.
    `audio_muted` is None where the occupant says nothing about it. `bridge_available` is what the
    focus says about videobridges, `recordings` what it says about recorders, and `properties` are
    those of the conference that are true. An occupant that `encrypts` does so end to end. `status`
    is what it says of itself: a phone, how far its call has come. `user` is the id of its token's
    user, by the server's word.
    """

    occupant: str
    available: bool
    role: str = "none"
    affiliation: str = "none"
    real_jid: str | None = None
    statuses: frozenset[int] = frozenset()
    display_name: str | None = None
    features: frozenset[str] = frozenset()
    audio_muted: bool | None = None
    actor: str | None = None
    reason: str | None = None
    destroyed: Destroyed | None = None
    bridge_available: bool = True
    recordings: tuple[RecordingStatus, ...] = ()
    properties: frozenset[str] = frozenset()
    encrypts: bool = False
    transcribes: bool = False
    status: str | None = None
    user: str | None = None

    @property
    def nick(self) -> str:
        return resource(self.occupant)

    @property
    def is_self(self) -> bool:
        return 110 in self.statuses


@dataclass(frozen=True, slots=True)
class PresenceRefused:
    """Our presence to `occupant` was answered with an error."""

    occupant: str
    error: StanzaError


def parse_presence(stanza: Element) -> OccupantPresence | PresenceRefused:
    """Read a presence; JingleError if it does not say who it is about."""
    occupant = attribute(stanza, "from")
    type_ = stanza.get("type")
    if type_ == "error":
        return PresenceRefused(occupant, StanzaError.parse(stanza))
    if type_ not in (None, "unavailable"):
        raise JingleError(f"presence of type {type_!r}")
    user = child(stanza, ns.MUC_USER, "x")
    if user is None:
        user = Element("x")
    item = child(user, ns.MUC_USER, "item")
    if item is None:
        item = Element("item")
    actor = child(item, ns.MUC_USER, "actor")
    return OccupantPresence(
        occupant=occupant,
        available=type_ is None,
        role=item.get("role", "none"),
        affiliation=item.get("affiliation", "none"),
        real_jid=item.get("jid"),
        statuses=_statuses(user),
        display_name=(child_text(stanza, ns.NICK, "nick") or "")[:MAX_NAME] or None,
        features=_features(stanza),
        audio_muted=_audio_muted(stanza, resource(occupant)),
        actor=actor.get("nick") if actor is not None else None,
        reason=child_text(item, ns.MUC_USER, "reason"),
        destroyed=_destroyed(user),
        bridge_available=child(stanza, ns.JITSI_FOCUS, "bridgeNotAvailable") is None,
        recordings=parse_recordings(stanza),
        properties=true_properties(stanza),
        encrypts=child_text(stanza, ns.CLIENT, "jitsi_participant_e2ee.enabled") == "true",
        transcribes=any(
            local_name(part) == "transcription-status" and part.get("status") == "ON"
            for part in stanza
        ),
        status=child_text(stanza, ns.CLIENT, "status"),
        user=_user(stanza),
    )


def _statuses(user: Element) -> frozenset[int]:
    codes = (status.get("code", "") for status in children(user, ns.MUC_USER, "status"))
    return frozenset(int(code) for code in codes if code in _STATUS_CODES)


def _user(stanza: Element) -> str | None:
    """Whose token it came with; Prosody lets nobody write that itself (mod_presence_identity)."""
    identity = child(stanza, ns.CLIENT, "identity")
    user = child(identity, ns.CLIENT, "user") if identity is not None else None
    return child_text(user, ns.CLIENT, "id") if user is not None else None


_STATUS_CODES = frozenset(str(code) for code in range(100, 1000))


def _features(stanza: Element) -> frozenset[str]:
    features = child(stanza, ns.CLIENT, "features")
    if features is None:
        return frozenset()
    listed = children(features, ns.CLIENT, "feature")[:MAX_FEATURES]
    return frozenset(feature.get("var", "") for feature in listed)


def _audio_muted(stanza: Element, nick: str) -> bool | None:
    """Jitsi's SourceInfo, else the older <audiomuted>; a source that does not say is muted."""
    text = child_text(stanza, ns.CLIENT, "SourceInfo")
    if text is None:
        legacy = child_text(stanza, ns.CLIENT, "audiomuted")
        return None if legacy is None else legacy == "true"
    try:
        sources = json.loads(text)
    except (ValueError, RecursionError):
        return None
    source = sources.get(f"{nick}-a0") if isinstance(sources, dict) else None
    return source.get("muted", True) is not False if isinstance(source, dict) else True


def _destroyed(user: Element) -> Destroyed | None:
    destroy = child(user, ns.MUC_USER, "destroy")
    if destroy is None:
        return None
    return Destroyed(destroy.get("jid"), child_text(destroy, ns.MUC_USER, "reason"))
