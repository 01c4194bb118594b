"""Which messages of components are orders."""

from typing import Any

import pytest

from gateway.conference.component_orders import (
    ApprovalChanged,
    ComponentOrder,
    Demoted,
    ModerationChanged,
    MoveOrdered,
    RoomsNamed,
    TranscriptionWanted,
    read_order,
)
from gateway.xmpp.component_message import ComponentMessage, Components

COMPONENTS = Components(
    {
        "av_moderation": "avm.test",
        "breakout_rooms": "breakout.test",
        "room_metadata": "metadata.test",
        "visitors": "visitors.test",
    }
)
MOVE = "features/breakout-rooms/move-to-room"


def read(sender: str, **content: Any) -> ComponentOrder | None:
    return read_order(ComponentMessage(sender, content), COMPONENTS)


def moderation(**content: Any) -> ComponentOrder | None:
    return read("avm.test", **{"type": "av_moderation", "mediaType": "audio", **content})


@pytest.mark.parametrize(
    ("content", "order"),
    [
        ({"enabled": True, "actor": "r@m/mod"}, ModerationChanged(True)),
        ({"enabled": False}, ModerationChanged(False)),
        ({"approved": True}, ApprovalChanged(True)),
        ({"removed": True}, ApprovalChanged(False)),
        ({"enabled": "yes"}, None),
        ({"whitelists": {"audio": []}}, None),
        ({"enabled": True, "mediaType": "video"}, None),
        ({"enabled": True, "type": "polls"}, None),
        ({}, None),
    ],
)
def test_moderation_of_audio_is_understood(
    content: dict[str, Any], order: ComponentOrder | None
) -> None:
    assert moderation(**content) == order


def test_only_the_component_for_moderation_moderates() -> None:
    for sender in ("r@m/alice", "breakout.test", "avm.test.evil", "", "avm.test/x"):
        told = read(sender, type="av_moderation", mediaType="audio", enabled=True)
        assert told is None


def test_being_sent_to_a_room_is_understood() -> None:
    assert read("breakout.test", event=MOVE, roomJid="x@breakout.test") == MoveOrdered(
        "x@breakout.test"
    )


@pytest.mark.parametrize(
    ("sender", "content"),
    [
        ("breakout.test", {"event": MOVE}),
        ("breakout.test", {"event": MOVE, "roomJid": 5}),
        ("breakout.test", {"event": MOVE, "roomJid": "x" * 3100 + "@breakout.test"}),
        ("breakout.test", {"event": "features/breakout-rooms/update", "roomJid": "x@y"}),
        ("r@m/alice", {"event": MOVE, "roomJid": "x@y"}),
    ],
)
def test_anything_else_sends_nobody_anywhere(sender: str, content: dict[str, Any]) -> None:
    assert read(sender, **content) is None


@pytest.mark.parametrize(
    ("metadata", "wanted"),
    [
        ({"recording": {"isTranscribingEnabled": True}}, True),
        ({"recording": {"isTranscribingEnabled": False}}, False),
        ({"recording": {"isTranscribingEnabled": "true"}}, False),
        ({"recording": True}, False),
        ({"startMuted": {"audio": True}}, False),
        ([], False),
        (None, False),
    ],
)
def test_the_metadata_say_whether_transcription_is_wanted(metadata: Any, wanted: bool) -> None:
    told = {"type": "room_metadata", "metadata": metadata}
    assert read("metadata.test", **told) == TranscriptionWanted(wanted)
    assert read("r@m/alice", **told) is None


def test_who_is_to_be_a_visitor_is_understood() -> None:
    demotion = {"type": "visitors", "action": "demote-request", "actor": "alice"}
    assert read("visitors.test", **demotion, id="5f6a") == Demoted("5f6a")
    assert read("visitors.test", **demotion) is None
    assert read("avm.test", **demotion, id="5f6a") is None


def test_where_no_component_is_known_nobody_gives_orders() -> None:
    told = ComponentMessage("", {"type": "av_moderation", "mediaType": "audio", "enabled": True})
    assert read_order(told, Components()) is None


UPDATE = "features/breakout-rooms/update"


def test_the_names_of_breakout_rooms_are_understood() -> None:
    rooms = {
        "1": {"id": "1", "jid": "1@breakout.test", "name": "Group 1", "participants": {}},
        "main": {"id": "main", "jid": "main@conference.test", "isMainRoom": True},
        "2": {"jid": "2@breakout.test", "name": "x" * 1000},
        "3": {"jid": 3, "name": "Group 3"},
        "4": "Group 4",
    }
    told = read("breakout.test", event=UPDATE, rooms=rooms)
    assert told == RoomsNamed({"1@breakout.test": "Group 1", "2@breakout.test": "x" * 200})
    assert read("r@m/alice", event=UPDATE, rooms=rooms) is None
    assert read("breakout.test", event=UPDATE, rooms=[]) is None
    many = {str(at): {"jid": f"{at}@breakout.test", "name": "n"} for at in range(1000)}
    told = read("breakout.test", event=UPDATE, rooms=many)
    assert isinstance(told, RoomsNamed) and len(told.names) == 200
