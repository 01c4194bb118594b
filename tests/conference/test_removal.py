"""A participant is removed from the room."""

import pytest

from gateway.conference.events import (
    Ended,
    LeaveCause,
    MediaDown,
    Rejoined,
)
from tests.conference.participants import causes
from tests.conference.world import (
    ROOM,
    Call,
    Media,
    connected,
    error,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    ("inside", "item", "ended"),
    [
        (
            "<status code='307'/>",
            "<actor nick='alice'/><reason>bye</reason>",
            Ended(LeaveCause.KICKED, "bye", "Alice"),
        ),
        ("<status code='301'/>", "", Ended(LeaveCause.BANNED, "")),
        (
            "<destroy><reason>The meeting has been terminated</reason></destroy>",
            "",
            Ended(LeaveCause.MEETING_ENDED, "The meeting has been terminated"),
        ),
    ],
)
@in_virtual_time
async def test_who_is_removed_does_not_come_back(inside: str, item: str, ended: Ended) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.removes_us(inside, item)
        await settle(60)
        assert call.told() == [MediaDown("left the conference"), ended]
        assert media.open_sessions == []
        assert world.stream.closed_at is not None
    # We are out already: there is nobody to say goodbye to.
    assert world.stream.kinds("conference", "join") == ["session-accept"]
    assert len(world.streams) == 1


@pytest.mark.parametrize("inside", ["<status code='332'/>", "<status code='333'/>", ""])
@in_virtual_time
async def test_who_was_removed_by_a_failure_comes_back(inside: str) -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.removes_us(inside)
        await settle(1.5)
        assert call.told() == [Rejoined()]
        await connected(call, "s2")


@pytest.mark.parametrize("inside", ["<status code='332'/>", "<status code='333'/>"])
@in_virtual_time
async def test_who_was_removed_by_a_failure_is_heard_until_it_is_back(inside: str) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.conference = [error("cancel", "service-unavailable")] * 20
        world.removes_us(inside)
        await settle(10)
        assert media.in_use == "s1"
        world.conference = []
        await settle(30)
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == [Rejoined()]  # and not that media was down
        assert media.in_use == "s2" and media.open_sessions == ["s2"]


@pytest.mark.parametrize("is_told", [True, False])
@in_virtual_time
async def test_that_others_are_put_out_first_by_a_server_is_no_news(is_told: bool) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, sources={"alice": 2001})
        world.goes("alice")
        await settle(0.2)
        if is_told:
            world.removes_us("<status code='332'/>")
        world.lose()
        await settle(0.5)
        assert media.in_use == "s1" and media.heard == {2001: "alice"}
        world.occupants["alice"] = "Alice"  # is back before us
        await settle(20)
        assert call.told() == [Rejoined()]


@pytest.mark.parametrize(
    ("refusal", "is_out"),
    [
        (error("cancel", "item-not-found", text="You must join the room before ..."), True),
        (error("cancel", "not-allowed", text="Room creation is restricted"), True),
        (error("wait", "resource-constraint"), False),
    ],
)
@in_virtual_time
async def test_whose_presence_shows_that_the_room_has_lost_it_comes_back(
    refusal: str, is_out: bool
) -> None:
    # Prosody's MUC may have been loaded anew, and says so only to who changes something.
    world = with_alice()
    async with Call(world, Media()) as call:
        for room in ("other@conference.meet.test", ROOM):
            world.stream.deliver(
                f"<presence xmlns='jabber:client' type='error' from='{room}/{world.stream.nick}'>"
                f"{refusal}</presence>"
            )
            await settle(5)
        assert call.told() == ([Rejoined()] if is_out else [])


@in_virtual_time
async def test_a_kick_counts_more_than_the_end_of_the_connection_after_it() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.removes_us("<status code='307'/>")
        world.lose()
        await settle(5)
        assert causes(call.told()) == [LeaveCause.KICKED]
