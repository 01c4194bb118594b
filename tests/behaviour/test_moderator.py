"""A moderator at a telephone, by a personal PIN or by its trunk, in a whole conference."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.lab import LabConfig
from gateway.lab.token_rules import TokenRules
from tests.behaviour.stage import eventually, stage
from tests.behaviour.test_dial_in_menu import is_said, with_menu

pytestmark = pytest.mark.behaviour

SAID = 2.5  # seconds in which the answer to a key has been said
SECRET = "a secret of an application, which is long enough"
JWT = {"app_id": "phones", "secret": SECRET, "audience": "jitsi"}
_MODERATOR = """
[[pin]]
pin = "471147"
room = "room1"
moderator = true
"""


def with_moderator(folder: Path) -> dict[str, Any]:
    """A gateway that knows a moderator's PIN; 71 leads to the same room without one."""
    config = with_menu(folder)
    config["trunk"]["rule"] = [{"called": "71", "room": "room1"}]
    (folder / "pins.toml").write_text(_MODERATOR)
    return config


async def test_a_moderator_by_phone_locks_lets_in_mutes_and_ends(tmp_path: Path) -> None:
    """It is the first in the room, which makes it an owner, and its PIN says that it may be."""
    async with stage(**with_moderator(tmp_path)) as scene:
        call = await scene.dial("4300")
        call.media.press("471147")
        await eventually(lambda: scene.lab.occupants("room1"), "the moderator in the room")
        speakers = await scene.speakers("room1", "ann")
        await scene.media_up(call)
        moderator = scene.lab.moderator("room1")

        call.media.press("*3")
        await eventually(lambda: speakers["ann"].muted, "a muted Ann")
        await asyncio.sleep(2 * SAID)  # that it was alone is said before
        call.media.press("*8")
        await eventually(lambda: moderator.has_lobby, "a lobby")
        await asyncio.sleep(SAID)
        guest = asyncio.create_task(scene.dial("71", "phone 2"))
        await eventually(lambda: moderator.knocking, "a guest in the lobby")
        await asyncio.sleep(0.5)
        call.media.press("*2")
        await guest
        await eventually(lambda: len(scene.lab.occupants("room1")) == 3, "a guest in the room")

        def muted() -> list[bool | None]:
            return [each.muted for each in scene.lab.occupants("room1")]

        call.media.press("*3")
        await eventually(lambda: muted() == [False, True, True], "everybody else muted")
        call.media.press("*4*4")
        await call.ended()
        await eventually(lambda: len(scene.records) == 2, "the end of both calls")
        for record in scene.records:
            assert record.end is not None and record.end.reason is EndReason.MEETING_ENDED
        heard = call.media.recording()  # what was said while nobody spoke
        for words in ("others-muted", "meeting-locked", "meeting-ended"):
            assert is_said(words, heard), words


async def test_whose_token_says_so_is_a_moderator_though_another_was_first() -> None:
    config = LabConfig(tokens=TokenRules(SECRET, issuers=("phones",), audiences=("jitsi",)))
    trunk = {"moderator": True, "words": True}
    async with stage(config, by_websocket=True, trunk=trunk, jitsi={"jwt": JWT}) as scene:
        speakers = await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        roles = {each.nick: each.role for each in scene.lab.occupants("room1")}
        assert roles.pop(scene.lab.nick_of(speakers["ann"])) == "moderator"
        assert set(roles.values()) == {"moderator"}
        call.media.press("*4*4")  # over a WebSocket it is the component that ends the meeting
        await call.ended()
        record = await scene.over()
        assert record.end is not None and record.end.reason is EndReason.MEETING_ENDED
