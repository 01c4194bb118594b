"""What tests of a participant's life look at."""

import asyncio
import json
from collections.abc import Iterable

from gateway.conference.events import Ended, Event, LeaveCause
from tests.conference.world import ROOM, World


def now() -> float:
    return asyncio.get_running_loop().time()


NO_BRIDGE = "<bridgeNotAvailable xmlns='http://jitsi.org/protocol/focus'/>"


def is_muted(world: World) -> bool:
    """What the room was told last."""
    last = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1].stanza
    info = json.loads(last.findtext("{jabber:client}SourceInfo") or "")
    muted: bool = info[f"{world.stream.nick}-a0"]["muted"]
    assert last.findtext("{jabber:client}audiomuted") == str(muted).lower()
    return muted


def causes(events: Iterable[Event]) -> list[LeaveCause]:
    return [event.cause for event in events if isinstance(event, Ended)]


def mute(text: str = "true", actor: str | None = f"{ROOM}/alice") -> str:
    by = f" actor='{actor}'" if actor else ""
    return f"<mute xmlns='http://jitsi.org/jitmeet/audio'{by}>{text}</mute>"
