"""One phone, or two, in a conference: who hears whom."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from audiocodecs.frames import Samples
from gateway.calls.end_reason import EndReason
from gateway.lab.calling import place_call
from gateway.lab.lab import LabConfig
from gateway.lab.lab_config import OfferConfig
from gateway.lab.phone import NotAnswered
from gateway.lab.voice import read_audio
from tests.behaviour.meeting import ann_comes, phone_hears_music, waits_with_music
from tests.behaviour.stage import HOST, RATE, eventually, heard_in, names_in, stage
from tests.helpers.listening import sounds_in
from tests.helpers.music import music_was_heard

pytestmark = pytest.mark.behaviour

ROOM = "room1"
USER = "71"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_and_three_speakers_hear_exactly_each_other(transport: str) -> None:
    async with stage() as scene:
        speakers = await scene.speakers(ROOM, "ann", "bob", "cec")
        call = await scene.dial(USER, transport=transport, codec="PCMA")
        await scene.media_up(call)
        await scene.hear_each_other(call, speakers)
        call.hang_up()
        record = await scene.over()
    assert record.end is not None
    assert record.end.reason is EndReason.CALLER_HUNG_UP


async def test_a_conference_is_joined_over_websocket_too() -> None:
    async with stage(by_websocket=True) as scene:
        speakers = await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        await asyncio.sleep(4)
        assert names_in(call.media.recording()[8000:]) == {"ann"}
        assert names_in(speakers["ann"].mix()[8000:]) == {"phone"}


async def test_the_test_phone_keeps_what_it_has_heard_when_it_is_interrupted(
    tmp_path: Path,
) -> None:
    heard = tmp_path / "heard.wav"
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        told: dict[str, Any] = {
            "play": None,
            "seconds": 60.0,
            "room": None,
            "digits": "",
            "bind": HOST,
        }
        calling = asyncio.create_task(place_call(scene.uri(USER), record=heard, **told))
        board = scene.gateway.switchboard
        await eventually(lambda: any(call.media_at for call in board.calls), "audio")
        await asyncio.sleep(4)
        calling.cancel()
        await asyncio.wait((calling,))
        await scene.over()
    assert len(read_audio(heard, RATE))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_that_calls_hangs_up_when_it_is_ended(
    number: signal.Signals, tmp_path: Path
) -> None:
    heard = tmp_path / "heard.wav"
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from gateway.cli import main; main()"),
            *("call", scene.uri(USER), "--record", str(heard), "--bind", HOST),
        )
        try:
            board = scene.gateway.switchboard
            await eventually(lambda: any(call.media_at for call in board.calls), "audio")
            await asyncio.sleep(2)
            process.send_signal(number)
            record = await scene.over()
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert record.end is not None
    assert record.end.reason is EndReason.CALLER_HUNG_UP
    assert len(read_audio(heard, RATE))


async def test_two_phones_hear_each_other_once_and_not_themselves() -> None:
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        first = await scene.dial(USER, "phone")
        second = await scene.dial(USER, "phone 2")
        await scene.media_up(first, second)
        await asyncio.sleep(6)
        by_first = heard_in(first.media.recording()[24000:])
        by_second = heard_in(second.media.recording()[24000:])
        assert set(by_first) == {"ann", "phone 2"}
        assert set(by_second) == {"ann", "phone"}
        # Heard twice, a tone would beat or be twice as loud as its owner speaks.
        spoken = 32767 * 10 ** (-16 / 20)
        for heard in (by_first["phone 2"], by_second["phone"]):
            assert 0.8 * spoken < heard.amplitude < 1.2 * spoken


async def test_a_phone_alone_hears_music_and_that_it_is_alone_until_somebody_comes() -> None:
    async with stage(trunk={"words": True}) as scene:
        call = await scene.dial(USER)
        await waits_with_music(call, "alone")
        await ann_comes(scene, call)


async def test_a_phone_alone_hears_the_waiting_tone_where_that_is_wanted() -> None:
    async with stage(voice={"waiting": "tone"}) as scene:
        call = await scene.dial(USER)
        await eventually(lambda: len(call.media.recording()) > 16000, "two seconds of audio")
        assert names_in(call.media.recording()) == set()
        assert beeps_in(call.media.recording())
        await scene.speakers(ROOM, "ann")
        await scene.media_up(call)
        await asyncio.sleep(1)
        call.media.frames.clear()
        await asyncio.sleep(3)
        assert not beeps_in(call.media.recording())
        assert names_in(call.media.recording()) == {"ann"}


async def test_who_comes_back_before_the_session_has_expired_ends_the_music() -> None:
    async with stage() as scene:
        speakers = await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        scene.lab.remove_speaker(speakers["ann"])
        call.media.frames.clear()
        await phone_hears_music(call)
        await scene.speakers(ROOM, "bob")
        await asyncio.sleep(1)
        call.media.frames.clear()
        await asyncio.sleep(3)
        assert names_in(call.media.recording()) == {"bob"}
        assert not music_was_heard(call.media.recording(), RATE)


async def test_who_has_come_while_we_were_away_is_heard_without_the_music() -> None:
    async with stage() as scene:
        call = await scene.dial(USER)
        await phone_hears_music(call)
        (record,) = scene.gateway.switchboard.calls
        scene.lab.drop_connection(record.endpoint)
        await scene.speakers(ROOM, "ann")
        await scene.media_up(call)
        await asyncio.sleep(1)
        call.media.frames.clear()
        await asyncio.sleep(3)
        assert names_in(call.media.recording()) == {"ann"}
        assert not music_was_heard(call.media.recording(), RATE)


async def test_a_header_names_the_room_before_the_number_does() -> None:
    async with stage() as scene:
        await scene.dial(USER, headers=(("Jitsi-Conference-Room", "Other%20Room"),))
        (record,) = scene.gateway.switchboard.calls
        assert record.room == f"other%20room@{scene.lab.muc_domain}"


@pytest.mark.parametrize(
    ("user", "headers", "status"),
    [
        ("nobody", (), 404),
        (USER, (("Jitsi-Conference-Room", "room@elsewhere.example"),), 404),
    ],
)
async def test_a_room_that_is_not_to_be_had_is_not_found(
    user: str, headers: tuple[tuple[str, str], ...], status: int
) -> None:
    async with stage() as scene:
        with pytest.raises(NotAnswered) as refused:
            await scene.dial(user, headers=headers)
        assert refused.value.status == status


async def test_payload_types_and_extension_ids_are_taken_from_the_offer() -> None:
    async with stage(LabConfig(offer=OfferConfig(opus=99, audio_level=7))) as scene:
        speakers = await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        await asyncio.sleep(4)
        assert names_in(call.media.recording()[8000:]) == {"ann"}
        assert names_in(speakers["ann"].mix()[8000:]) == {"phone"}


def beeps_in(recording: Samples) -> bool:
    """Whether the waiting tone is in a recording."""
    return sounds_in(425.0, recording, 8000)


async def test_what_a_phone_says_by_info_and_message_does_not_end_its_call() -> None:
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        said = [
            await call.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"),
            await call.info("application/json", b'{"t":11}'),
            await call.message("hello"),
            await call.info("text/html", b"<p>"),
        ]
        assert [outcome.status for outcome in said] == [200, 200, 200, 415]
        assert not call.is_over
        call.hang_up()
        record = await scene.over()
    assert record.end is not None
    assert record.end.reason is EndReason.CALLER_HUNG_UP
