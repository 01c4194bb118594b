"""A world in which we are moderators: what may be so in it, and what we order there, in words."""

from xml.etree.ElementTree import Element

from tests.conference.world import LOBBY, ROOM, World


def moderated(**rest: object) -> World:
    """A world in which Alice and Bob are, who makes us moderators."""
    return World(occupants={"alice": "Alice", "bob": "Bob"}, role="moderator", **rest)  # type: ignore[arg-type]


def orders(world: World) -> list[str]:
    """What was asked of the room, of the focus and of components, in words."""
    return [
        words
        for sent in world.stream.sent
        if (words := _words(sent.stanza)) and sent.stanza.get("type") in ("set", None)
    ]


def _words(stanza: Element) -> str:
    to = stanza.get("to", "").removeprefix(ROOM) or "room"
    payload = next(iter(stanza), None)
    if payload is None:
        return ""
    match payload.tag.partition("}")[2], list(payload):
        case "mute", _:
            return f"{to}: mute {payload.get('jid', '').removeprefix(ROOM)}"
        case "jibri", _:
            session = payload.get("session_id")
            return f"{to}: {payload.get('action')}{f' {session}' if session else ''}"
        case "end_conference", _:
            return f"{to}: end"
        case "x", [invited, *_] if invited.tag.endswith("invite"):
            return f"{to}: invite {' '.join(each.get('to', '') for each in payload)}"
        case "query", [first, *_] if first.tag.endswith("destroy"):
            return f"{to}: destroy"
        case "query", [first, *_] if first.tag.endswith("item"):
            jids = " ".join(item.get("jid", "") for item in payload)
            return f"{to}: {first.get('affiliation')}s {jids}"
        case "query", [first, *_] if first.tag.endswith("x"):
            values = {each.get("var", ""): each[0].text or "" for each in first}
            del values["FORM_TYPE"]
            said = (f"{name.rpartition('_')[2]}={text}" for name, text in values.items())
            return f"{to}: {' '.join(sorted(said))}"
    return ""


def as_they_are(world: World) -> None:
    """Nobody has done anything."""


def with_lobby(world: World) -> None:
    world.locks(lobby=LOBBY)


def with_password(world: World) -> None:
    world.locks(password=True)


def recording(world: World) -> None:
    status = "<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' status='on' "
    world.presence("focus", extra=f"{status} session_id='s7' recording_mode='file'/>")


def alone(world: World) -> None:
    world.goes("alice")
    world.goes("bob")


def bob_is_muted(world: World) -> None:
    world.presence("bob", "Bob", extra="<audiomuted>true</audiomuted>")
