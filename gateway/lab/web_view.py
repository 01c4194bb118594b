"""The room as the web page shows it: who is there, of which kind, and how loud. No IO."""

from gateway.lab.lab import Lab
from gateway.lab.lab_occupant import LabOccupant
from gateway.xmpp import namespaces as ns


def occupants_of(lab: Lab, room: str) -> list[dict[str, object]]:
    """Everybody in a room, in the order they came."""
    return [_shown(lab, room, occupant) for occupant in lab.occupants(room)]


def state_of(lab: Lab, room: str) -> dict[str, object]:
    """What a moderator has set up in a room; only the recording on a server not the lab's own."""
    moderator = lab.moderator(room)
    recording = moderator.recording
    shown: dict[str, object] = {"recording": recording.status if recording is not None else "off"}
    if not lab.is_at_home or not moderator.room_exists:
        return shown
    return shown | {
        "lobby": moderator.has_lobby,
        "knocking": [
            {"nick": guest.nick, "name": guest.display_name or guest.nick}
            for guest in moderator.knocking
        ],
        "moderated": moderator.moderates_audio,
        "approved": sorted(moderator.approved),
        "password": moderator.has_password,
        "breakouts": [
            {"jid": jid, "name": name, "people": occupants_of(lab, jid)}
            for jid, name in moderator.breakouts.items()
        ],
    }


def levels_of(lab: Lab, room: str, levels: dict[int, int]) -> dict[str, int]:
    """The levels of SSRCs as levels of occupants, by nick."""
    sources = lab.sources(room)
    return {source.owner: levels[source.ssrc] for source in sources if source.ssrc in levels}


def _shown(lab: Lab, room: str, occupant: LabOccupant) -> dict[str, object]:
    return {
        "nick": occupant.nick,
        "name": occupant.display_name or occupant.nick,
        "kind": _kind(lab, occupant),
        "muted": occupant.muted is True,
        "moderator": occupant.role == "moderator",
        "hand": occupant.hand_raised_at is not None,
        "connected": _is_connected(lab, room, occupant.nick),
    }


def _kind(lab: Lab, occupant: LabOccupant) -> str:
    if ns.JITSI_JIGASI in occupant.features:
        return "phone"
    return "browser" if lab.browsers.has(occupant.nick) else "speaker"


def _is_connected(lab: Lab, room: str, nick: str) -> bool:
    """Whether its audio can flow; speakers of the lab have no connection, and are always there."""
    if any(lab.nick_of(speaker) == nick for speaker in lab.speakers(room)):
        return True
    try:
        return lab.endpoint(room, nick).connected
    except KeyError:
        return False
