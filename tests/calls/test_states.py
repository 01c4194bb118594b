"""`gateway/conference/STATES.md` is true: each of its rows happens here, and is compared.

A story's last step is what its row is about; what was before leads to it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from tests.calls.exchange import CONFIRMING, exchange
from tests.calls.states_scene import Scene as S
from tests.conference.strict_world import StrictWorld
from tests.conference.world import COMPONENTS, settle
from tests.xmpp import virtual_time

TABLE = Path(__file__).parents[2] / "gateway" / "conference" / "STATES.md"
Step = Callable[[S], Awaitable[None]]
DIALLED: list[Step] = [S.is_ordered, S.is_called]

STORIES: dict[str, list[Step]] = {
    # coming in
    "the caller joins": [S.calls],
    "the caller is alone": [S.nobody_is_there, S.calls],
    "somebody comes": [S.nobody_is_there, S.calls, S.comes],
    "all others go": [S.calls, S.all_go],
    "the room is opened while we come": [S.is_not_there_yet, S.calls],
    "the room is full": [S.is_full, S.calls],
    "the caller has been banned": [S.has_banned_us, S.calls],
    "a password is asked for": [S.wants_a_password, S.calls],
    "the password is typed": [S.wants_a_password, S.calls, S.types_the_password],
    "a wrong password is typed": [S.wants_another_password, S.calls, S.types_the_password],
    "the room is unlocked instead": [S.wants_a_password, S.calls, S.types_nothing],
    "no password is typed": [
        *(S.keeps_its_password, S.calls, S.types_nothing, S.types_nothing, S.types_nothing),
    ],
    "a host has to come first": [S.has_no_host, S.calls],
    "the host comes": [S.has_no_host, S.calls, S.nothing_mends_it],
    "a lobby": [S.has_a_lobby, S.calls],
    "admitted from the lobby": [S.has_a_lobby, S.calls, S.lets_in],
    "denied in the lobby": [S.has_a_lobby, S.calls, S.sends_away],
    "the lobby is switched off": [S.has_a_lobby, S.calls, S.opens_the_lobby],
    "a wrong password in the lobby": [
        *(S.has_a_lobby_and_a_password, S.calls, S.types_the_password),
    ],
    "the right password in the lobby": [S.has_a_lobby, S.calls, S.types_the_password],
    "nobody lets in from the lobby": [S.has_a_lobby, S.calls, S.nobody_lets_in],
    # the microphone
    "`*6`": [S.calls, S.presses_star_6],
    "`*6` again": [S.calls, S.presses_star_6, S.presses_star_6],
    "muted by a moderator": [S.calls, S.mutes],
    "`*6` after that": [S.calls, S.mutes, S.presses_star_6],
    "everybody starts muted": [S.starts_muted, S.calls],
    "moderation is switched on": [S.calls, S.moderates],
    "`*6` while blocked: the hand goes up": [S.calls, S.moderates, S.presses_star_6],
    "approved": [S.calls, S.moderates, S.presses_star_6, S.approves],
    "`*6` when approved": [S.calls, S.moderates, S.approves, S.presses_star_6],
    "approval is withdrawn": [
        *(S.calls, S.moderates, S.approves, S.presses_star_6, S.withdraws),
    ],
    "moderation is switched off": [S.calls, S.moderates, S.moderates_no_more],
    "made a moderator": [S.calls, S.moderates, S.promotes],
    "`*6` as a moderator": [S.calls, S.moderates, S.promotes, S.presses_star_6],
    "the phone holds": [S.calls, S.holds],
    "the phone resumes": [S.calls, S.holds, S.resumes],
    "muted while on hold": [S.calls, S.holds, S.mutes],
    "resumed after that": [S.calls, S.holds, S.mutes, S.resumes],
    # what goes on
    "a recording begins": [S.calls, S.records],
    "a recording is over": [S.calls, S.records, S.records_no_more],
    "a live stream begins": [S.calls, S.streams],
    "transcription begins": [S.calls, S.transcribes],
    "transcription is over": [S.calls, S.transcribes, S.transcribes_no_more],
    "all others encrypt end to end": [S.calls, S.encrypts],
    "nobody encrypts any more": [S.calls, S.encrypts, S.encrypts_no_more],
    "somebody writes": [S.calls, S.writes],
    # other rooms, and out
    "to a breakout room": [S.calls, S.sends_to_a_breakout_room],
    "back from there": [S.calls, S.sends_to_a_breakout_room, S.sends_back],
    "the room is moved": [S.calls, S.moves_the_room],
    "members only from now on": [S.calls, S.closes_the_door],
    "admitted again": [S.calls, S.closes_the_door, S.lets_in],
    "ended for all": [S.calls, S.ends_for_all],
    "kicked": [S.calls, S.kicks],
    "banned": [S.calls, S.bans],
    "hung up by a moderator": [S.calls, S.hangs_the_phone_up],
    "the caller hangs up": [S.calls, S.hangs_up],
    "nothing comes from the phone": [S.calls, S.falls_silent],
    # repairs
    "the focus goes": [S.calls, S.focus_goes],
    "the focus comes back": [S.calls, S.focus_goes, S.focus_comes_back],
    "the session is replaced": [S.calls, S.is_replaced],
    "the bridge changes (moving)": [S.calls, S.bridge_changes],
    "the bridge is lost": [S.calls, S.bridge_is_lost],
    "the bridge is lost, and no other can be reached": [
        *(S.calls, S.no_more_bridges, S.bridge_is_lost),
    ],
    "nothing mends that": [S.calls, S.no_more_bridges, S.bridge_is_lost, S.nothing_mends_it],
    "the XMPP connection is lost": [S.calls, S.is_cut],
    "the XMPP server is restarted": [S.calls, S.server_goes_down],
    "rejoined": [S.calls, S.is_cut, S.returns],
    "rejoined, muted before": [S.calls, S.mutes, S.is_cut, S.returns],
    # calls that go out
    "dialling is asked for": [S.is_ordered],
    "the phone is called": DIALLED,
    "it rings": [*DIALLED, S.rings],
    "it answers": [*DIALLED, S.rings, S.answers],
    "it answers, and has to press a key": [S.has_to_confirm, *DIALLED, S.rings, S.answers],
    "that key is pressed": [S.has_to_confirm, *DIALLED, S.answers, S.presses_1],
    "the key to decline is pressed": [S.has_to_confirm, *DIALLED, S.answers, S.presses_2],
    "no key is pressed": [S.has_to_confirm, *DIALLED, S.answers, S.presses_nothing],
    "it is busy": [*DIALLED, S.rings, S.is_busy],
    "it declines": [*DIALLED, S.rings, S.declines],
    "there is no such number": [*DIALLED, S.does_not_exist],
    "it rings for too long": [*DIALLED, S.rings, S.rings_too_long],
    "some seconds after such a failure": [*DIALLED, S.rings, S.is_busy, S.is_forgotten],
    "kicked while it rings": [*DIALLED, S.rings, S.kicks],
}


def rows() -> dict[str, tuple[str, str, str]]:
    """What the table says of each event."""
    lines = (line for line in TABLE.read_text().splitlines() if line.startswith("| "))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    told = {event: (web, caller, bridge) for event, web, caller, bridge in cells}
    return {event: told[event] for event in told if event != "event"}


def test_the_table_has_a_row_for_each_story_in_their_order() -> None:
    assert list(rows()) == list(STORIES)


@pytest.mark.parametrize("event", STORIES)
def test_what_the_table_says_is_what_happens(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert virtual_time.run(tell(STORIES[event], monkeypatch)) == rows().get(event)


async def tell(story: list[Step], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """What web, caller and bridge have of the last step of a story."""
    components = {**COMPONENTS, "room_metadata": "metadata.meet.test"}
    world = StrictWorld(chance=Random(1), components=components)
    trunk = CONFIRMING if S.has_to_confirm in story else None
    async with exchange(monkeypatch, lambda: world, trunk=trunk) as there:
        scene = S(there, world)
        for step in story:
            scene.begins()
            await step(scene)
        seen = scene.web(), scene.caller(), scene.bridge()
    await settle(60)  # what focus and engine had in mind still
    assert world.check() == []
    return seen
