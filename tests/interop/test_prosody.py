"""Whole calls through a real Prosody: the lab's focus and speakers, and the gateway, log in there.

The gateway connects in each of `WAYS`. The Prosody is Debian's, set up as
`sip-gateway lab --xmpp ... --show-prosody-config` says.
"""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.calls.end_reason import EndReason
from gateway.conference.departure import is_room_missing
from gateway.lab.lab import Lab, LabConfig
from gateway.lab.phone import NotAnswered
from gateway.lab.prosody_config import ProsodyConfig
from gateway.lab.venue import NotHere
from gateway.lab.voice import Voice
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import connect
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.own_presence import OwnPresence
from gateway.xmpp.presence import PresenceRefused
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Server
from gateway.xmpp.tls import tls_context
from tests.behaviour.meeting import phone_hears_music
from tests.behaviour.stage import (
    RATE,
    Stage,
    eventually,
    names_in,
    stage,
)
from tests.behaviour.test_endings import end_of, endpoint, reasons_of
from tests.helpers.music import music_was_heard
from tests.interop.prosody_server import (
    HOST,
    MOST_OCCUPANTS,
    PASSWORD,
    ProsodyServer,
    demand_prosody,
)

pytestmark = pytest.mark.interop

# How the gateway connects to Prosody: what is said of it in [jitsi].
WAYS = {
    "tcp": lambda server: {},
    "websocket": lambda server: {"websocket": f"wss://{HOST}:{server.https_port}/xmpp-websocket"},
    "bosh": lambda server: {"bosh": f"https://{HOST}:{server.https_port}/http-bind"},
}
_rooms = itertools.count(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProsodyServer]:
    """One Prosody for all that do it no harm."""
    yield from prosody(tmp_path_factory.mktemp("prosody"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ProsodyServer]:
    """One that may be killed."""
    yield from prosody(tmp_path)


def prosody(folder: Path) -> Iterator[ProsodyServer]:
    demand_prosody()
    server = ProsodyServer(folder)
    try:
        server.start()
        yield server
        assert server.log == ""
    finally:
        server.close()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=("tcp", pytest.param("websocket", marks=pytest.mark.soak)))
def usual_way(request: pytest.FixtureRequest) -> str:
    """Where other ways would show nothing that other tests do not."""
    return request.param


@pytest.fixture
def room() -> str:
    """One that nobody else is in; a caller comes in by dialling 7 instead of "room"."""
    return f"room{next(_rooms)}"


def user(room: str) -> str:
    return room.replace("room", "7")


def conference(
    server: ProsodyServer, way: str, config: LabConfig | None = None, **sections: Any
) -> AbstractAsyncContextManager[Stage]:
    """A lab on that Prosody, and a gateway that connects to it in that way."""
    jitsi = {**WAYS[way](server), **sections.pop("jitsi", {})}
    return stage(config, prosody=server.access, jitsi=jitsi, **sections)


# --- who hears whom ------------------------------------------------------------------------------


async def test_a_phone_and_three_speakers_hear_exactly_each_other(
    shared: ProsodyServer, way: str, room: str
) -> None:
    async with conference(shared, way) as scene:
        speakers = await scene.speakers(room, "ann", "bob", "cec")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        await scene.hear_each_other(call, speakers)
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP
        await eventually(lambda: len(scene.lab.occupants(room)) == 3, "three in the room")


async def test_two_phones_hear_each_other_and_not_themselves(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        await scene.speakers(room, "ann")
        first = await scene.dial(user(room), "phone")
        second = await scene.dial(user(room), "phone 2")
        await scene.media_up(first, second)
        await asyncio.sleep(4)
        assert names_in(first.media.recording()[16000:]) == {"ann", "phone 2"}
        assert names_in(second.media.recording()[16000:]) == {"ann", "phone"}


async def test_a_phone_alone_hears_music_until_somebody_comes(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        call = await scene.dial(user(room))
        await phone_hears_music(call)
        await scene.speakers(room, "ann")
        await scene.media_up(call)
        await asyncio.sleep(1)
        call.media.frames.clear()
        await asyncio.sleep(2)
        assert not music_was_heard(call.media.recording(), RATE)
        assert names_in(call.media.recording()) == {"ann"}


async def test_a_muted_caller_is_heard_no_more(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        speakers = await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        scene.lab.mute(room, endpoint(scene), actor=scene.lab.nick_of(speakers["ann"]))
        nick = endpoint(scene)
        await eventually(
            lambda: any(o.nick == nick and o.muted for o in scene.lab.occupants(room)),
            "a muted presence",
        )
        await asyncio.sleep(0.5)
        speakers["ann"].forget()
        await asyncio.sleep(1.5)
        assert names_in(speakers["ann"].mix()) == set()


# --- getting in ----------------------------------------------------------------------------------


async def test_a_room_with_a_password_lets_in_who_knows_it(
    shared: ProsodyServer, way: str, room: str
) -> None:
    async with conference(shared, way) as scene:
        await scene.speakers(room, "ann")
        scene.lab.set_password(room, "4711")
        await scene.lab.settled()
        wrong = await scene.dial(user(room), headers=(("Jitsi-Conference-Room-Pass", "0815"),))
        for _ in range(3):
            wrong.media.press("1#")
            await asyncio.sleep(0.5)
        (reason,) = await wrong.ended()
        assert reason.cause == 403
        assert len(scene.lab.occupants(room)) == 1
        typed = await scene.dial(user(room))
        typed.media.press("4711#")
        await scene.media_up(typed)
        right = ("Jitsi-Conference-Room-Pass", "4711")
        given = await scene.dial(user(room), headers=(right,))
        await scene.media_up(given)
        await asyncio.sleep(1.5)
        assert names_in(given.media.recording()[4000:]) >= {"ann"}


async def test_a_full_room_is_busy(shared: ProsodyServer, usual_way: str, room: str) -> None:
    async with conference(shared, usual_way) as scene:
        for number in range(MOST_OCCUPANTS - 1):
            await scene.lab.add_speaker(room, f"{number}", Voice.of_silence(), listens=False)
        with pytest.raises(NotAnswered) as refused:
            await scene.dial(user(room))
        assert refused.value.status == 486


async def test_only_the_focus_makes_rooms(shared: ProsodyServer, room: str) -> None:
    jid = f"{room}@conference.lab.test"
    async with logged_in(shared, jid) as connection:
        presence = OwnPresence(
            room=jid, nick=connection.nick, display_name="early", capabilities=Capabilities()
        )
        connection.send(presence.join(None))
        refused = await asyncio.wait_for(connection.receive(), 5)
        assert isinstance(refused, PresenceRefused)
        assert refused.error.text == "Room creation is restricted"
        assert is_room_missing(refused.error)


@asynccontextmanager
async def logged_in(server: ProsodyServer, room: str) -> AsyncIterator[Connection]:
    tls = tls_context(ca_file=server.ca_file)
    reception = Reception(Capabilities(), focus=f"{room}/focus")
    connection = await connect(Server("lab.test", tls, HOST, server.c2s_port), reception)
    try:
        yield connection
    finally:
        await connection.close()


# --- endings -------------------------------------------------------------------------------------


async def test_the_caller_hangs_up_and_the_room_is_empty(
    shared: ProsodyServer, way: str, room: str
) -> None:
    async with conference(shared, way) as scene:
        call = await scene.dial(user(room))
        await eventually(lambda: len(scene.lab.occupants(room)) == 1, "the caller in the room")
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP
        await eventually(lambda: not scene.lab.occupants(room), "an empty room")


async def test_a_kicked_caller_is_hung_up_with_a_reason(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        scene.lab.kick(room, endpoint(scene), "noise")
        assert [reason.cause for reason in await reasons_of(call)] == [403]
        assert await end_of(scene) is EndReason.KICKED


async def test_a_banned_caller_is_hung_up(shared: ProsodyServer, usual_way: str, room: str) -> None:
    async with conference(shared, usual_way) as scene:
        await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)  # the focus has seen it
        scene.lab.ban(room, endpoint(scene))
        assert [reason.cause for reason in await reasons_of(call)] == [403]
        assert await end_of(scene) is EndReason.BANNED


async def test_the_end_of_the_meeting_ends_the_call(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        scene.lab.destroy(room)
        assert await reasons_of(call)
        assert await end_of(scene) is EndReason.MEETING_ENDED
        await eventually(lambda: not scene.lab.occupants(room), "no room")


async def test_members_only_puts_a_caller_out_and_leaves_members_in(
    shared: ProsodyServer, way: str, room: str
) -> None:
    async with conference(shared, way) as scene:
        await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        scene.lab.set_members_only(room)
        assert await reasons_of(call)
        assert await end_of(scene) is EndReason.MEMBERS_ONLY
        # Prosody 0.12 tells nobody else of it: the focus goes on seeing the phone.
        assert "ann" in [each.display_name for each in scene.lab.occupants(room)]
        with pytest.raises(NotAnswered) as refused:
            await scene.dial(user(room))
        assert refused.value.status == 480


async def test_what_needs_jitsis_plugins_says_so_and_a_recording_does_not(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        await scene.speakers(room, "ann")
        moderator = scene.lab.moderator(room)
        for order in (
            moderator.open_lobby,
            moderator.moderate_audio,
            lambda: moderator.add_breakout("Group 1"),
            lambda: moderator.approve("nobody"),
        ):
            with pytest.raises(NotHere):
                order()
        moderator.record()
        await eventually(lambda: moderator.recording.status == "on", "a running recording")
        moderator.end_for_all()
        await eventually(lambda: not scene.lab.occupants(room), "no room")


# --- mishaps -------------------------------------------------------------------------------------


async def test_a_call_goes_on_after_the_focus_has_left_and_returned(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        speakers = await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        before = scene.lab.endpoint(room, endpoint(scene))
        scene.lab.focus_leaves(room)
        await asyncio.sleep(0.5)
        scene.lab.focus_returns(room)
        await hear_each_other(scene, room, call, speakers["ann"], not_by=before)


async def test_a_moved_session_is_taken_up_again(
    shared: ProsodyServer, usual_way: str, room: str
) -> None:
    async with conference(shared, usual_way) as scene:
        speakers = await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        before = scene.lab.endpoint(room, endpoint(scene))
        scene.lab.move(room, endpoint(scene))
        await hear_each_other(scene, room, call, speakers["ann"], not_by=before)


async def hear_each_other(
    scene: Stage, room: str, call: Any, ann: Any, *, not_by: object = None
) -> None:
    """Once a session (another than `not_by`) is up, the phone and Ann hear just each other."""

    def is_up() -> bool:
        try:
            current = scene.lab.endpoint(room, endpoint(scene))
        except KeyError:
            return False
        return current is not not_by and current.connected

    await eventually(is_up, "another session")
    await asyncio.sleep(0.5)
    call.media.frames.clear()
    ann.forget()
    await asyncio.sleep(1.5)
    assert names_in(call.media.recording()) == {"ann"}
    assert names_in(ann.mix()) == {"phone"}


async def test_a_caller_comes_back_to_a_prosody_that_was_restarted(
    own: ProsodyServer, way: str, room: str, capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[str] = []
    async with conference(own, way) as scene:
        scene.lab.on_step = lambda who, what: steps.append(f"{who} {what}")
        await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        before = scene.lab.endpoint(room, endpoint(scene))
        own.kill()
        await eventually(lambda: any("lost its connection" in step for step in steps), "the loss")
        await asyncio.sleep(1.3)  # the first try to come back fails
        await asyncio.to_thread(own.start)
        await eventually(lambda: scene.lab.occupants(room), "the caller in the room")
        assert scene.lab.speakers(room) == []
        speakers = await scene.speakers(room, "ann")
        await hear_each_other(scene, room, call, speakers["ann"], not_by=before)
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_a_call_ends_when_prosody_stays_away(
    own: ProsodyServer,
    room: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.conference.participant.RETURN_PATIENCE", 5.0)
    async with conference(own, "tcp") as scene:
        await scene.speakers(room, "ann")
        call = await scene.dial(user(room))
        await scene.media_up(call)
        own.kill()
        async with asyncio.timeout(40):
            reasons = await call.ended()
        assert [reason.cause for reason in reasons] == [503]
        assert await end_of(scene) is EndReason.CONFERENCE_LOST
    assert "Traceback" not in "".join(capfd.readouterr())


# --- the configuration ---------------------------------------------------------------------------


def test_debians_own_configuration_may_include_what_is_shown() -> None:
    demand_prosody()
    with tempfile.TemporaryDirectory() as folder:
        file, included = Path(folder, "prosody.cfg.lua"), Path(folder, "conf.d", "lab.cfg.lua")
        included.parent.mkdir()
        file.write_bytes(Path("/etc/prosody/prosody.cfg.lua").read_bytes())
        included.write_text(ProsodyConfig().to_lua())
        Path(folder).chmod(0o755)  # prosodyctl becomes the user prosody
        command = ("prosodyctl", "--config", file, "check", "config")
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "All checks passed" in checked.stdout, checked.stdout + checked.stderr
        # The check would find no fault either with a file that is not looked at.
        included.write_text("VirtualHost {")
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "lab.cfg.lua" in checked.stdout


async def test_a_focus_with_a_wrong_password_says_so(shared: ProsodyServer) -> None:
    with pytest.raises(ConnectionFailed) as failed:
        async with Lab(prosody=replace(shared.access, focus_password="guessed")):
            pass
    assert failed.value.cause is FailureCause.LOGIN
    assert PASSWORD not in repr(shared.access)


# --- the command ---------------------------------------------------------------------------------


async def test_the_command_runs_the_lab_there_and_says_how_to_reach_it(
    shared: ProsodyServer,
) -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from gateway.cli import main; main()", "lab"),
        *("--xmpp", f"{HOST}:{shared.c2s_port}"),
        *("--ca-file", str(shared.ca_file), "--room", "told"),
        env={**os.environ, "FOCUS_PASSWORD": PASSWORD, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert command.stdout is not None
        said = ""
        async with asyncio.timeout(30):
            while "The lab stays up" not in said:
                line = await command.stdout.readline()
                assert line, said
                said += line.decode()
        section = tomllib.loads(said[said.index("[jitsi]") : said.index("The lab")])["jitsi"]
        assert section == {
            "domain": "lab.test",
            "host": HOST,
            "port": shared.c2s_port,
            "ca_file": str(shared.ca_file),
            "muc_domains": ["conference.lab.test"],
            "focus": "focus@auth.lab.test/focus",
        }
    finally:
        command.send_signal(signal.SIGINT)
        await command.wait()
    assert command.returncode == 0
