"""Getting into the room: login, conference request, join."""

import asyncio
import json
from dataclasses import replace

import pytest
import structlog

from gateway.conference.door import AskPassword, Door
from gateway.conference.entering import JOIN_TIMEOUT, Entry, enter
from gateway.conference.events import WaitingFor
from gateway.conference.floor import Floor
from gateway.conference.login import log_in
from gateway.conference.logins import Logins
from gateway.conference.profile import Profile
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.reception import JingleReceived
from tests.conference.world import (
    ADDRESS,
    INSTALLATION,
    NOT_YET,
    ROOM,
    World,
    error,
    members_only,
    offer,
)
from tests.xmpp.virtual_time import in_virtual_time

JITSI = "http://jitsi.org/jitmeet"
FOCUS = "http://jitsi.org/protocol/focus"
NO_ROOM = error("cancel", "not-allowed", f"<room-does-not-exist xmlns='{JITSI}'/>")
PASSWORD = ".//{http://jabber.org/protocol/muc}password"


async def entering(
    world: World,
    *,
    name: str = "Ann",
    password: str | None = None,
    muted: bool = False,
    region: str | None = None,
    told: list[WaitingFor] | None = None,
    ask_password: AskPassword | None = None,
) -> Entry:
    login = await log_in(replace(INSTALLATION, region=region), ADDRESS, world.connect)
    try:
        return await enter(
            login,
            ROOM,
            profile=Profile(name),
            password=password,
            floor=Floor(muted=muted),
            door=Door(
                lambda waiting: told.append(waiting.for_) if told is not None else None,
                ask_password,
            ),
        )
    except BaseException:
        await login.connection.close()
        raise


async def failure(world: World) -> JoinFailure:
    """Why nobody gets in."""
    with pytest.raises(ConferenceError) as refused:
        await entering(world)
    return refused.value.cause


def now() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_the_conference_is_asked_for_and_then_joined() -> None:
    world = World(occupants={"alice": "Alice"})
    entry = await entering(world)
    assert world.stream.kinds() == ["conference", "join"]
    (asked,) = world.stream.of("conference")
    assert (asked.stanza.get("to"), asked.stanza.get("type")) == ("focus.meet.test", "set")
    assert asked.stanza[0].attrib == {"room": ROOM, "machine-uid": "machine"}
    assert entry.room.entered and entry.room.focus_present and not entry.room.alone
    await entry.login.connection.close()


@in_virtual_time
async def test_the_first_presence_says_all_that_browsers_and_the_focus_want_to_know() -> None:
    world = World()
    entry = await entering(world, name="+49 30 1234", region="eu-west")
    (joined,) = world.stream.of("join")
    presence = joined.stanza
    # The endpoint id: the first eight characters of the anonymous user's name.
    assert presence.get("to") == f"{ROOM}/1a2b3c40"
    said = {part.tag.rpartition("}")[2]: part for part in presence}
    assert said["nick"].text == "+49 30 1234"
    assert said["nick"].tag == "{http://jabber.org/protocol/nick}nick"
    assert json.loads(said["SourceInfo"].text or "") == {"1a2b3c40-a0": {"muted": False}}
    assert (said["audiomuted"].text, said["videomuted"].text) == ("false", "true")
    assert [part.get("var") for part in said["features"]] == ["http://jitsi.org/protocol/jigasi"]
    assert said["initiator"].tag == "{http://jitsi.org/protocol/jigasi}initiator"
    assert said["c"].get("ver") == entry.presence.capabilities.verification
    assert said["jitsi_participant_region"].text == "eu-west"
    assert len(said["x"]) == 0
    await entry.login.connection.close()


@in_virtual_time
async def test_the_password_is_in_the_join_and_nowhere_else() -> None:
    world = World()
    entry = await entering(world, password="geheim", muted=True)
    (joined,) = world.stream.of("join")
    assert joined.stanza.findtext(".//{http://jabber.org/protocol/muc}password") == "geheim"
    update = entry.presence.update()
    assert update.find("{http://jabber.org/protocol/muc}x") is None
    assert update.findtext("{jabber:client}audiomuted") == "true"
    await entry.login.connection.close()


@pytest.mark.parametrize(
    ("at", "cause"),
    [
        (FailureCause.UNREACHABLE, JoinFailure.UNREACHABLE),
        (FailureCause.TLS, JoinFailure.UNREACHABLE),
        (FailureCause.STREAM, JoinFailure.UNREACHABLE),
        (FailureCause.LOGIN, JoinFailure.AUTHENTICATION),
        (FailureCause.TIMEOUT, JoinFailure.TIMEOUT),
    ],
)
@in_virtual_time
async def test_a_server_that_does_not_let_us_log_in(at: FailureCause, cause: JoinFailure) -> None:
    world = World(login_failures=[ConnectionFailed(at, "no")])
    with structlog.testing.capture_logs() as logs:
        assert await failure(world) is cause
    (told,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert told["reason"] == f"{at}: no"
    assert told["remedy"]


@in_virtual_time
async def test_an_installation_knows_how_logging_in_has_gone() -> None:
    site = replace(INSTALLATION, logins=Logins())
    refused = ConnectionFailed(FailureCause.LOGIN, "no such account")
    world = World(login_failures=[refused, refused])
    for _ in range(2):
        with pytest.raises(ConferenceError):
            await log_in(site, ADDRESS, world.connect)
    assert site.logins.failed == {JoinFailure.AUTHENTICATION: 2}
    assert site.logins.failures_in_a_row == 2
    assert "no such account" in site.logins.problem
    login = await log_in(site, ADDRESS, world.connect)
    assert (site.logins.succeeded, site.logins.failures_in_a_row) == (1, 0)
    await login.connection.close()


@pytest.mark.parametrize(
    ("answers", "cause", "asked"),
    [
        ([error("cancel", "remote-server-not-found")], JoinFailure.FOCUS_UNAVAILABLE, 1),
        ([error("cancel", "service-unavailable")] * 9, JoinFailure.FOCUS_UNAVAILABLE, 5),
        ([None] * 9, JoinFailure.TIMEOUT, 2),
        ([""], JoinFailure.PROTOCOL, 1),
        ([error("modify", "bad-request")], JoinFailure.PROTOCOL, 1),
    ],
)
@in_virtual_time
async def test_a_conference_that_is_not_granted(
    answers: list[str | None], cause: JoinFailure, asked: int
) -> None:
    world = World(conference=list(answers))
    assert await failure(world) is cause
    assert world.stream.kinds() == ["conference"] * asked
    assert now() <= INSTALLATION.join_timeout + 16  # the last request may take its time


@in_virtual_time
async def test_the_words_of_a_refused_reservation_are_told() -> None:
    inside = f"<reservation-error xmlns='{FOCUS}' error-code='403'/>"
    refusal = error("cancel", "service-unavailable", inside, text="not before nine")
    world = World(conference=[refusal])
    with pytest.raises(ConferenceError) as refused:
        await entering(world)
    assert refused.value.cause is JoinFailure.REFUSED
    assert refused.value.text == "reservation refused (403): not before nine"
    assert world.stream.kinds() == ["conference"]  # once


@in_virtual_time
async def test_a_conference_that_becomes_ready_is_joined_then() -> None:
    not_ready = "<conference xmlns='http://jitsi.org/protocol/focus' ready='false'/>"
    world = World(conference=[not_ready, None, error("cancel", "service-unavailable")])
    entry = await entering(world)
    assert world.stream.kinds() == ["conference"] * 4 + ["join"]
    times = [round(sent.time) for sent in world.stream.of("conference")]
    assert times == [0, 1, 18, 22]  # after 1 s; after 15 s without an answer and 2 s; after 4 s
    await entry.login.connection.close()


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [
        (error("auth", "not-authorized"), JoinFailure.PASSWORD),
        (members_only(lobby=None), JoinFailure.LOBBY),  # and we are not told where to knock
        (
            members_only(f"<waiting-for-host xmlns='{JITSI}'/>", lobby=None),
            JoinFailure.WAITING_FOR_HOST,
        ),
        (error("auth", "forbidden"), JoinFailure.BANNED),
        (error("cancel", "service-unavailable"), JoinFailure.FULL),
        (error("cancel", "not-allowed", text="no"), JoinFailure.REFUSED),
        (error("cancel", "not-allowed", text="Token expired"), JoinFailure.AUTHENTICATION),
        (
            error("cancel", "not-allowed", text="Room and token mismatched"),
            JoinFailure.AUTHENTICATION,
        ),
        (
            error("cancel", "not-allowed", f"<authentication-required xmlns='{JITSI}'/>"),
            JoinFailure.AUTHENTICATION,
        ),
        (error("cancel", "conflict"), JoinFailure.UNREACHABLE),
        (error("wait", "resource-constraint"), JoinFailure.FULL),
    ],
)
@in_virtual_time
async def test_a_room_that_does_not_let_us_in(refusal: str, cause: JoinFailure) -> None:
    world = World(joins=[refusal])
    assert await failure(world) is cause
    assert world.stream.kinds() == ["conference", "join"]


@pytest.mark.parametrize("missing", [NOT_YET, NO_ROOM])
@in_virtual_time
async def test_a_room_that_is_not_there_yet_is_asked_for_again(missing: str) -> None:
    world = World(joins=[missing, missing])
    entry = await entering(world)
    assert world.stream.kinds() == ["conference", "join"] * 3
    await entry.login.connection.close()


@pytest.mark.parametrize(
    ("missing", "cause"),
    [(NOT_YET, JoinFailure.FOCUS_UNAVAILABLE), (NO_ROOM, JoinFailure.NOT_FOUND)],
)
@in_virtual_time
async def test_a_room_that_is_never_there_is_given_up(missing: str, cause: JoinFailure) -> None:
    world = World(joins=[missing] * 9)
    assert await failure(world) is cause
    assert len(world.stream.of("join")) == 3


@in_virtual_time
async def test_a_room_that_does_not_answer_is_given_up_in_time() -> None:
    world = World(joins=[None])
    assert await failure(world) is JoinFailure.TIMEOUT
    assert now() < JOIN_TIMEOUT + 1


@in_virtual_time
async def test_a_room_that_many_enter_at_once_lets_us_in_when_it_is_our_turn() -> None:
    # Jitsi's mod_muc_rate_limit lets in three a second, and says nothing to who waits.
    world = World(joins=[None])
    asyncio.get_running_loop().call_later(100 / 3, lambda: world.enters(ROOM))
    entry = await entering(world)
    assert world.stream.kinds() == ["conference", "join"]
    await entry.login.connection.close()


@in_virtual_time
async def test_who_is_thrown_out_while_coming_in_is_refused() -> None:
    world = World()
    world.on_join = lambda: world.removes_us("<status code='307'/>")
    assert await failure(world) is JoinFailure.REFUSED


@in_virtual_time
async def test_a_connection_that_breaks_while_coming_in_makes_it_unreachable() -> None:
    world = World()
    world.on_join = world.lose
    assert await failure(world) is JoinFailure.UNREACHABLE
    world = World(conference=[None])
    asyncio.get_running_loop().call_later(5, world.lose)
    assert await failure(world) is JoinFailure.UNREACHABLE


@in_virtual_time
async def test_a_caller_who_hangs_up_meanwhile_leaves_nothing_open() -> None:
    for world in (World(conference=[None]), World(joins=[None])):
        task = asyncio.create_task(entering(world))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert world.stream.closed_at is not None


@in_virtual_time
async def test_what_comes_before_our_own_presence_is_kept_for_later() -> None:
    world = World()
    world.on_join = lambda: (world.request(offer("s1")), None)[1]
    entry = await entering(world)
    early = await entry.login.connection.receive()
    assert isinstance(early, JingleReceived) and early.jingle.sid == "s1"
    assert len(world.answers("req1")) == 1  # and is acknowledged at once
    await entry.login.connection.close()


@in_virtual_time
async def test_an_error_of_another_room_is_none_of_ours() -> None:
    world = World()
    world.on_join = lambda: world.stream.deliver(
        "<presence xmlns='jabber:client' type='error' from='other@conference.meet.test/x'>"
        f"{error('auth', 'forbidden')}</presence>"
    )
    entry = await entering(world)
    assert entry.room.entered
    await entry.login.connection.close()


@in_virtual_time
async def test_without_a_host_the_conference_is_asked_for_every_five_seconds() -> None:
    world = World(conference=[error("auth", "not-authorized")] * 20)
    told: list[WaitingFor] = []
    entry = await entering(world, told=told)
    assert told == [WaitingFor.HOST]  # once
    times = [round(sent.time) for sent in world.stream.of("conference")]
    assert times == [5 * number for number in range(21)]
    await entry.login.connection.close()


@in_virtual_time
async def test_a_host_that_never_comes_is_given_up() -> None:
    world = World(conference=[error("auth", "not-authorized")] * 200)
    assert await failure(world) is JoinFailure.WAITING_FOR_HOST
    assert INSTALLATION.lobby_timeout - 5 <= now() <= INSTALLATION.lobby_timeout + 0.1


@in_virtual_time
async def test_after_the_host_has_come_the_conference_has_its_usual_time_to_be_ready() -> None:
    not_ready = "<conference xmlns='http://jitsi.org/protocol/focus' ready='false'/>"
    no_host = error("auth", "not-authorized")
    world = World(conference=[no_host] * 10 + [not_ready] * 3)
    entry = await entering(world)
    assert len(world.stream.of("conference")) == 14
    await entry.login.connection.close()


# --- a password that the caller types ------------------------------------------------------------

WRONG = error("auth", "not-authorized")


@in_virtual_time
async def test_who_can_be_asked_for_the_password_is_asked_until_it_is_right() -> None:
    asked: list[bool] = []

    async def ask(again: bool) -> str:
        asked.append(again)
        return f"try {len(asked)}"

    world = World(occupants={"alice": "Alice"}, joins=[WRONG, WRONG])
    entry = await entering(world, ask_password=ask)
    assert asked == [False, True]
    given = [join.stanza.findtext(PASSWORD) for join in world.stream.of("join")]
    assert given == [None, "try 1", "try 2"]
    assert entry.password == "try 2"
    assert len(world.streams) == 1  # all over one login
    await entry.login.connection.close()


@in_virtual_time
async def test_after_three_wrong_passwords_nobody_is_asked_again() -> None:
    asked: list[bool] = []

    async def ask(again: bool) -> str:
        asked.append(again)
        return "wrong"

    world = World(occupants={"alice": "Alice"}, joins=[WRONG] * 9)
    with pytest.raises(ConferenceError) as refused:
        await entering(world, password="header", ask_password=ask)
    assert refused.value.cause is JoinFailure.PASSWORD
    assert asked == [True, True, True]  # the one of the header was wrong, and is not a try


@in_virtual_time
async def test_who_gives_no_password_gets_in_as_soon_as_the_room_wants_none() -> None:
    answers = ["wrong", None]
    asked: list[bool] = []

    async def ask(again: bool) -> str | None:
        asked.append(again)
        return answers.pop(0)

    world = World(occupants={"alice": "Alice"}, joins=[WRONG, WRONG])  # and then it is unlocked
    entry = await entering(world, ask_password=ask)
    assert asked == [False, True] and entry.password is None
    given = [join.stanza.findtext(PASSWORD) for join in world.stream.of("join")]
    assert given == [None, "wrong", None]
    await entry.login.connection.close()


@in_virtual_time
async def test_who_gives_no_password_is_asked_three_times_and_does_not_get_in() -> None:
    asked: list[bool] = []

    async def ask(again: bool) -> None:
        asked.append(again)

    world = World(occupants={"alice": "Alice"}, joins=[WRONG] * 9)
    with pytest.raises(ConferenceError) as refused:
        await entering(world, ask_password=ask)
    assert refused.value.cause is JoinFailure.PASSWORD
    assert asked == [False, False, False]  # nothing was wrong
    assert world.stream.closed_at is not None
