"""What may be negotiated with the videobridge, in whole calls: redundancy, feedback, its channel,
and packets sent again."""

import asyncio

import pytest

from gateway.lab.calm import in_calm
from gateway.lab.faults import Faults
from gateway.lab.lab import LabConfig
from gateway.lab.lab_config import OfferConfig
from gateway.media import messages as media
from tests.behaviour.stage import Stage, eventually, names_in, stage

pytestmark = [pytest.mark.behaviour, pytest.mark.timeout(180)]

WITH_RED = LabConfig(offer=OfferConfig(opus=109, red=63, telephone_event=101, audio_level=3))
SECONDS = 5


async def lossy_call(scene: Stage) -> media.StreamReport:
    """Ann speaks, and a tenth of what the bridge sends is lost; what came of it."""
    scene.lab.bridge.faults = Faults(loss=0.10, seed=3)
    speakers = await scene.speakers("room1", "ann")
    call = await scene.dial("71")
    await scene.media_up(call)
    await asyncio.sleep(SECONDS)
    assert names_in(call.media.recording()) == {"ann"}
    assert names_in(speakers["ann"].mix()[8000:]) == {"phone"}
    call.hang_up()
    record = await scene.over()
    return record.report.from_bridge


async def test_redundancy_makes_losses_good_that_are_heard_without_it() -> None:
    async with stage(WITH_RED) as scene:
        red = await lossy_call(scene)
    async with stage(WITH_RED, media={"red": False}) as scene:
        plain = await lossy_call(scene)
    assert plain.lost > 5  # others came in time when they were asked for
    assert red.lost > 20
    assert (plain.recovered, red.recovered > 0.6 * red.lost) == (0, True)
    assert red.concealed < 0.5 * plain.concealed


@pytest.mark.parametrize("wanted", [True, False])
async def test_arrivals_are_told_both_ways_only_if_that_is_wanted(wanted: bool) -> None:
    async with stage(media={"transport_cc": wanted}) as scene:
        await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        await asyncio.sleep(3)
        feedback = scene.lab.endpoint("room1", phone_nick(scene)).feedback
        assert (feedback.feedbacks > 15) == wanted
        assert feedback.told_lost == 0
        assert names_in(call.media.recording()) == {"ann"}


async def test_what_the_bridge_has_lost_of_a_phone_is_sent_again() -> None:
    async with stage() as scene:
        speakers = await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        await asyncio.sleep(1)
        endpoint = scene.lab.endpoint("room1", phone_nick(scene))
        (phone,) = speakers["ann"].heard

        async def listen() -> None:
            before, missed = len(endpoint.feedback.requested), speakers["ann"].concealed(phone)
            endpoint.lose_every = 15
            await asyncio.sleep(5)
            endpoint.lose_every = 0
            await asyncio.sleep(0.5)
            lost = len(endpoint.feedback.requested) - before
            assert lost > 10
            assert endpoint.lost == 0  # every one of them has come
            # The first may have come too late for an ear that had learnt to wait for nothing.
            assert speakers["ann"].concealed(phone) - missed < 0.5 * lost * 0.020

        await in_calm(scene.gateway.engine.clock, listen)


async def test_the_bridge_channel_is_there_while_the_session_is() -> None:
    config = LabConfig(bridge_channel=True)
    async with stage(config, jitsi={"bridge_channel": True}) as scene:
        channel = scene.lab.bridge.channel
        assert channel is not None
        await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        nick = phone_nick(scene)
        await eventually(lambda: channel.received[nick], "a message of the gateway")
        await channel.hang_up(nick, 1000)
        await eventually(lambda: channel.opened[nick] == 2, "another channel")
        await asyncio.sleep(1.5)
        assert names_in(call.media.recording()[-8000:]) == {"ann"}
        call.hang_up()
        await scene.over()
        assert channel.open == frozenset()


async def test_a_call_does_not_need_the_bridge_channel() -> None:
    config = LabConfig(bridge_channel=True)
    async with stage(config, jitsi={"bridge_channel": True}) as scene:
        channel = scene.lab.bridge.channel
        assert channel is not None
        channel.accepts = False
        await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        await asyncio.sleep(2)
        assert names_in(call.media.recording()) == {"ann"}
        assert channel.refused == {phone_nick(scene): 1}


def phone_nick(scene: Stage) -> str:
    """The endpoint of the one phone."""
    lab = scene.lab
    own = {lab.nick_of(speaker) for speaker in lab.speakers("room1")}
    (nick,) = {occupant.nick for occupant in lab.occupants("room1")} - own
    return nick
