"""A participant at the door: lobbies, and conferences that a host must open."""

import asyncio
from dataclasses import replace

import pytest

from gateway.conference.entering import KNOCK_TIMEOUT, KNOCKS
from gateway.conference.events import (
    Ended,
    Event,
    LeaveCause,
    MediaUp,
    ModerationSwitched,
    MutedByModerator,
    Rejoined,
    Waiting,
    WaitingFor,
)
from gateway.errors import ConferenceError, JoinFailure
from tests.conference.world import (
    INSTALLATION,
    LOBBY,
    ROOM,
    Call,
    Media,
    World,
    error,
    members_only,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

PASSWORD = ".//{http://jabber.org/protocol/muc}password"


def knocking(world: World) -> Waiting:
    """What we are told when we knock."""
    return Waiting(WaitingFor.LOBBY, f"{LOBBY}/{world.stream.nick}")


class Visit:
    """Somebody who tries to get in while the test goes on."""

    def __init__(self, world: World, *, password: str | None = None) -> None:
        self.world = world
        self.call = Call(world, Media(), password=password)
        self._trying = asyncio.create_task(self.call.__aenter__())

    async def __aenter__(self) -> "Visit":
        await settle(0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._trying.done() and self._trying.exception() is None:
            await self.call.__aexit__()
        else:
            self._trying.cancel()
            await asyncio.wait([self._trying])
        assert all(stream.closed_at is not None for stream in self.world.streams if stream.sink)

    @property
    def is_inside(self) -> bool:
        return self._trying.done() and self._trying.exception() is None

    @property
    def failure(self) -> JoinFailure | None:
        error = self._trying.exception() if self._trying.done() else None
        assert error is None or isinstance(error, ConferenceError)
        return error.cause if error is not None else None

    def told(self) -> list[Event]:
        return self.call.told()


def joined(world: World) -> list[str]:
    """Where we have tried to enter, in order."""
    return [(sent.stanza.get("to") or "").partition("/")[0] for sent in world.stream.of("join")]


@in_virtual_time
async def test_who_knocks_and_is_let_in_joins_and_leaves_the_lobby() -> None:
    world = with_alice(joins=[members_only()])
    async with Visit(world) as visit:
        assert visit.told() == [knocking(world)]
        assert world.stream.kinds() == ["conference", "join", "join"]
        knock = world.stream.of("join")[-1].stanza
        assert knock.get("to") == f"{LOBBY}/{world.stream.nick}"
        assert knock.findtext("{http://jabber.org/protocol/nick}nick") == "+49 30 1234"
        await settle(300)
        assert not visit.is_inside
        world.invites_us()
        await settle(0.1)
        assert visit.is_inside
        assert joined(world) == [ROOM, LOBBY, ROOM]
        assert world.stream.kinds()[-2:] == ["unavailable", "join"]
        (left,) = world.stream.of("unavailable")
        assert left.stanza.get("to") == f"{LOBBY}/{world.stream.nick}"
        assert len(world.stream.of("conference")) == 1  # the room has been there all the time
        world.request(offer("s1"))
        await settle(0.1)
        assert visit.told() == [MediaUp()]


@in_virtual_time
async def test_the_password_that_comes_with_the_invitation_is_used() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        world.invites_us(password="geheim")
        await settle(0.1)
        assert visit.is_inside
        assert world.stream.of("join")[-1].stanza.findtext(PASSWORD) == "geheim"


@in_virtual_time
async def test_who_is_let_in_does_not_repeat_a_password_that_the_room_does_not_take() -> None:
    # Prosody gives the room's own to members who give none, and lets nobody in with another.
    world = World(joins=[members_only()])
    async with Visit(world, password="wrong") as visit:
        world.invites_us()
        await settle(0.1)
        assert visit.is_inside
        passwords = [sent.stanza.findtext(PASSWORD) for sent in world.stream.of("join")]
        assert passwords == ["wrong", None, None]


@in_virtual_time
async def test_who_has_the_password_need_not_knock() -> None:
    world = World()
    async with Visit(world, password="geheim") as visit:
        assert visit.is_inside and visit.told()[:1] != [knocking(world)]
        assert world.stream.of("join")[0].stanza.findtext(PASSWORD) == "geheim"


@in_virtual_time
async def test_who_is_not_let_in_is_denied() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        await settle(5)
        world.removes_us("<status code='307'/>", room=LOBBY)
        await settle(0.1)
        assert visit.failure is JoinFailure.LOBBY_DENIED
        assert world.stream.closed_at is not None


@in_virtual_time
async def test_a_lobby_that_is_switched_off_lets_everybody_in() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        world.removes_us(f"<destroy jid='{ROOM}'/>", room=LOBBY)
        await settle(0.1)
        assert visit.is_inside
        assert world.stream.of("unavailable") == []  # there is nothing to leave


@in_virtual_time
async def test_a_meeting_that_ends_while_we_wait_has_ended() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        world.removes_us("<destroy><reason>ended</reason></destroy>", room=LOBBY)
        await settle(0.1)
        assert visit.failure is JoinFailure.MEETING_ENDED


@in_virtual_time
async def test_nobody_waits_in_a_lobby_for_ever() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        await settle(INSTALLATION.lobby_timeout - 1)
        assert visit.failure is None
        await settle(2)
        assert visit.failure is JoinFailure.LOBBY


@in_virtual_time
async def test_a_lobby_that_does_not_answer_is_not_waited_in() -> None:
    world = World(joins=[members_only()], lobby_answers=False)
    async with Visit(world) as visit:
        await settle(KNOCK_TIMEOUT + 1)
        assert visit.failure is JoinFailure.TIMEOUT


@in_virtual_time
async def test_a_room_that_invites_and_does_not_let_in_is_given_up() -> None:
    world = World(joins=[members_only()] * 9)
    async with Visit(world) as visit:
        for _ in range(9):
            world.invites_us()
            await settle(1.5)
        assert visit.failure is JoinFailure.LOBBY
        assert joined(world).count(LOBBY) == KNOCKS


@in_virtual_time
async def test_an_invitation_of_somebody_else_lets_nobody_in() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        world.invites_us(sender="other@conference.meet.test")
        await settle(1)
        assert not visit.is_inside and visit.failure is None


@in_virtual_time
async def test_a_connection_that_breaks_in_the_lobby_makes_it_unreachable() -> None:
    world = World(joins=[members_only()])
    async with Visit(world) as visit:
        world.lose()
        await settle(0.1)
        assert visit.failure is JoinFailure.UNREACHABLE


@in_virtual_time
async def test_who_hangs_up_in_the_lobby_leaves_nothing_open() -> None:
    world = World(joins=[members_only()])
    async with Visit(world):
        await settle(5)
    assert world.stream.closed_at is not None


@in_virtual_time
async def test_a_lobby_may_stand_for_a_host_who_is_not_there_yet() -> None:
    host = "<waiting-for-host xmlns='http://jitsi.org/jitmeet'/>"
    world = World(joins=[members_only(host)])
    async with Visit(world) as visit:
        assert visit.told() == [replace(knocking(world), for_=WaitingFor.HOST)]
        world.removes_us(f"<destroy jid='{ROOM}'/>", room=LOBBY)
        await settle(0.1)
        assert visit.is_inside


@in_virtual_time
async def test_a_conference_that_only_a_host_can_open_is_waited_for() -> None:
    world = World(conference=[error("auth", "not-authorized")] * 12)
    async with Visit(world) as visit:
        assert visit.told() == [Waiting(WaitingFor.HOST)]
        await settle(50)
        assert not visit.is_inside
        await settle(11)
        assert visit.is_inside
        assert len(world.stream.of("conference")) == 13


@in_virtual_time
async def test_the_patience_with_people_is_configured() -> None:
    world = World(joins=[members_only()])
    hasty = replace(INSTALLATION, lobby_timeout=20.0)
    with pytest.raises(ConferenceError) as refused:
        async with Call(world, Media(), installation=hasty):
            pass
    assert refused.value.cause is JoinFailure.LOBBY
    assert asyncio.get_running_loop().time() < 21


@in_virtual_time
async def test_a_room_that_gets_a_lobby_while_we_are_in_it_is_come_back_to_by_the_lobby() -> None:
    world = with_alice(joins=["", members_only()])
    async with Call(world, Media()) as call:
        world.removes_us("<status code='322'/>")
        await settle(2)
        assert call.told() == [knocking(world)]
        world.invites_us()
        await settle(0.1)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_who_is_not_let_in_again_is_told_so() -> None:
    world = with_alice(joins=["", members_only()])
    async with Call(world, Media()) as call:
        world.removes_us("<status code='322'/>")
        await settle(2)
        world.removes_us("<status code='307'/>", room=LOBBY)
        await settle(2)
        assert [e.cause for e in call.told() if isinstance(e, Ended)] == [LeaveCause.LOBBY_DENIED]


@in_virtual_time
async def test_what_the_room_tells_those_who_come_in_from_the_lobby_counts() -> None:
    world = with_alice(joins=[members_only()])
    world.on_join = lambda: world.moderates(enabled=True)
    async with Visit(world) as visit:
        world.invites_us()
        await settle(0.1)
        assert visit.told() == [
            knocking(world),
            ModerationSwitched(True),
            MutedByModerator(None),
        ]


# --- a password instead of waiting ---------------------------------------------------------------


@in_virtual_time
async def test_who_types_the_password_in_the_lobby_need_not_wait() -> None:
    world = with_alice(joins=[members_only()])
    async with Visit(world) as visit:
        visit.call.participant.offer_password("4711")
        await settle(2)
        assert visit.is_inside
        assert world.stream.of("join")[-1].stanza.findtext(PASSWORD) == "4711"
        left = world.stream.of("unavailable")[0].stanza
        assert left.get("to") == f"{LOBBY}/{world.stream.nick}"
        assert visit.call.told() == [knocking(world)]


@in_virtual_time
async def test_who_types_a_wrong_one_is_told_so_and_waits_on() -> None:
    world = with_alice(joins=[members_only()] * 2)
    async with Visit(world) as visit:
        visit.call.participant.offer_password("0815")
        await settle(2)
        assert not visit.is_inside
        assert visit.call.told() == [
            knocking(world),
            replace(knocking(world), password_refused=True),
        ]
        world.invites_us()
        await settle(2)
        assert visit.is_inside


@in_virtual_time
async def test_who_is_let_in_after_a_wrong_one_does_not_bring_it_along() -> None:
    world = with_alice(joins=[members_only()] * 2)
    async with Visit(world) as visit:
        visit.call.participant.offer_password("0815")
        await settle(2)
        world.invites_us()
        await settle(2)
        assert visit.is_inside
        assert world.stream.of("join")[-1].stanza.findtext(PASSWORD) is None


@in_virtual_time
async def test_guessing_ends_after_three_wrong_ones() -> None:
    world = with_alice(joins=[members_only()] * 9)
    async with Visit(world) as visit:
        for _ in range(4):
            visit.call.participant.offer_password("0815")
            await settle(2)
        assert not visit.is_inside
        assert world.stream.closed_at is not None
        assert len(world.stream.of("join")) == 4 + 4  # the lobby each time, too
