"""A participant's media breaks, or never comes."""

from dataclasses import replace

import pytest

from gateway.conference.awaited_offer import FIRST_OFFER_PATIENCE, OFFER_PATIENCE, RESTART_PATIENCE
from gateway.conference.events import (
    Ended,
    LeaveCause,
    MediaDown,
    MediaUp,
    Rejoined,
)
from gateway.conference.recovery import BRIDGE_PATIENCE, RETURN_PATIENCE
from tests.conference.participants import NO_BRIDGE, causes, now
from tests.conference.world import (
    INSTALLATION,
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

RATE_LIMITED = error("wait", "resource-constraint", text="rate-limited")


@in_virtual_time
async def test_media_that_breaks_is_restarted() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1", "consent expired")
        await settle()
        assert call.told() == [MediaDown("consent expired")]
        (asked,) = world.stream.of("session-terminate")
        restart = asked.jingle
        assert restart.sid == "s1"
        assert str(restart.reason) == "connectivity-error (consent expired)"
        assert restart.bridge_session is not None
        assert (restart.bridge_session.id, restart.bridge_session.restart) == ("bridge-1", True)
        await connected(call, "s2")
        await settle(RESTART_PATIENCE + 60)
        assert call.told() == [] and len(world.streams) == 1
        assert media.offers[0].ssrc != media.offers[1].ssrc


@in_virtual_time
async def test_restarts_stay_within_the_limits_of_the_focus() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        for number in range(6):
            await connected(call, f"s{number}")
            media.down(f"s{number}")
            await settle(6)
        assert len(world.streams[0].of("session-terminate")) == 5
        assert Rejoined() in call.told()  # instead of a sixth restart in a minute


@in_virtual_time
async def test_media_that_breaks_again_at_once_makes_us_rejoin() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s1")
        media.down("s1")
        await settle(1)
        await connected(call, "s2")
        media.down("s2")
        await settle(1.5)
        assert call.told() == [MediaDown("consent expired"), Rejoined()]
        assert len(world.streams[0].of("session-terminate")) == 1


@in_virtual_time
async def test_a_restart_that_is_refused_for_coming_too_often_makes_us_rejoin_at_once() -> None:
    world, media = with_alice(terminates=[RATE_LIMITED]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1")
        await settle(1.5)
        assert call.told() == [MediaDown("consent expired"), Rejoined()]


@pytest.mark.parametrize("answer", [error("cancel", "item-not-found"), None, ""])
@in_virtual_time
async def test_a_restart_that_brings_no_offer_makes_us_rejoin(answer: str | None) -> None:
    world, media = with_alice(terminates=[answer]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1")
        await settle(RESTART_PATIENCE - 0.1)
        assert call.told() == [MediaDown("consent expired")]
        await settle(2)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_while_the_server_is_cut_off_nobody_comes_anew_for_want_of_an_offer() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.stream.breaks()
        media.down("s1")
        await settle(RESTART_PATIENCE + 30)
        assert call.told() == [MediaDown("consent expired")]
        assert world.stream.of("session-terminate") == []
        world.stream.resumes()
        await settle(RESTART_PATIENCE - 1)
        assert len(world.stream.of("session-terminate")) == 1  # the focus is asked only now
        await connected(call, "s2")
        await settle(60)
        assert call.told() == [] and len(world.streams) == 1


@in_virtual_time
async def test_while_the_server_is_cut_off_nobody_comes_anew_for_want_of_a_bridge_either() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.presence("focus", extra=NO_BRIDGE)
        await settle(FIRST_OFFER_PATIENCE + 5)
        world.stream.breaks()
        await settle(BRIDGE_PATIENCE[0] + 5)
        world.stream.resumes()
        world.presence("focus")
        await settle(OFFER_PATIENCE - 1)
        await connected(call)
        assert len(world.streams) == 1


@in_virtual_time
async def test_a_server_that_is_back_without_an_offer_is_no_reason_to_wait_on() -> None:
    world, media = with_alice(terminates=[None]), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.stream.breaks()
        media.down("s1")
        await settle(RESTART_PATIENCE + 5)
        world.stream.resumes()
        await settle(RESTART_PATIENCE + 2)
        assert call.told() == [MediaDown("consent expired"), Rejoined()]


@in_virtual_time
async def test_an_offer_that_crosses_a_refused_restart_is_taken_up() -> None:
    world, media = with_alice(terminates=[None]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1")
        await settle()
        (asked,) = world.stream.of("session-terminate")
        await connected(call, "s2")
        world.stream.deliver(
            f"<iq xmlns='jabber:client' type='error' id='{asked.stanza.get('id')}' "
            f"from='{ROOM}/focus'>{RATE_LIMITED}</iq>"
        )
        await settle(60)
        assert call.told() == [] and len(world.streams) == 1


@in_virtual_time
async def test_media_that_never_comes_up_is_restarted_once_and_then_given_up() -> None:
    world, media = with_alice(), Media(connects=False)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(INSTALLATION.media_timeout + 0.1)
        (asked,) = world.stream.of("session-terminate")
        assert str(asked.jingle.reason) == "connectivity-error (no media within 15 s)"
        world.request(offer("s2"))
        await settle(INSTALLATION.media_timeout + 0.1)
        assert call.told() == [Ended(LeaveCause.MEDIA_FAILED, "no media within 15 s")]
        assert media.open_sessions == []
    assert len(world.streams) == 1


@in_virtual_time
async def test_a_path_to_the_bridge_that_is_gone_for_a_while_ends_no_call() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s0")
        media.connects = False
        media.down("s0")
        for number in range(1, 7):
            await settle(0.1)
            world.request(offer(f"s{number}"))
            await settle(INSTALLATION.media_timeout + 0.1)
        media.connects = True
        world.request(offer("s7"))
        await settle(0.1)
        assert call.told() == [MediaDown("consent expired"), MediaUp()]
        assert [str(sent.jingle.reason) for sent in world.stream.of("session-terminate")] == [
            "connectivity-error (consent expired)",
            *["connectivity-error (no media within 15 s)"] * 6,
        ]
    assert len(world.streams) == 1


@in_virtual_time
async def test_a_path_to_the_bridge_that_does_not_come_back_ends_the_call() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s0")
        media.connects = False
        gone_at = now()
        media.down("s0")
        number = 0
        while not causes(call.events):
            number += 1
            world.request(offer(f"s{number}"))
            await settle(INSTALLATION.media_timeout + 0.1)
        assert causes(call.told()) == [LeaveCause.MEDIA_FAILED]
        assert RETURN_PATIENCE < now() - gone_at < RETURN_PATIENCE + 2 * INSTALLATION.media_timeout


@in_virtual_time
async def test_the_patience_with_media_is_configured() -> None:
    world, media = with_alice(), Media(connects=False)
    patient = replace(INSTALLATION, media_timeout=60.0)
    async with Call(world, media, installation=patient) as call:
        world.request(offer("s1"))
        await settle(59)
        media.up("s1")
        await settle()
        assert call.told() == [MediaUp()]


@in_virtual_time
async def test_an_engine_that_cannot_open_the_bridge_is_tried_again() -> None:
    world, media = with_alice(), Media(failures=["no port is free"])
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(0.1)
        assert str(world.stream.of("session-terminate")[0].jingle.reason) == (
            "connectivity-error (no port is free)"
        )
        await connected(call, "s2")


@in_virtual_time
async def test_an_engine_that_fails_while_the_accept_is_under_way_is_heard() -> None:
    world, media = with_alice(accepts=[None]), Media(connects=False)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle()
        media.down("s1", "no DTLS")
        (accept,) = world.stream.of("session-accept")
        world._answer(world.stream, accept.stanza, "")
        await settle()
        assert "no DTLS" in str(world.stream.of("session-terminate")[0].jingle.reason)
        assert call.told() == []


@in_virtual_time
async def test_an_accept_that_is_refused_makes_us_rejoin_with_another_ssrc() -> None:
    taken = error("modify", "bad-request", text="SSRC is already used: 5.")
    world, media = with_alice(accepts=[taken]), Media()
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(2)
        assert call.told() == [Rejoined()]
        assert world.streams[0].kinds("conference", "join") == ["session-accept", "unavailable"]
        await connected(call, "s2")
        assert media.offers[0].ssrc != media.offers[1].ssrc


@in_virtual_time
async def test_media_that_is_up_before_the_accept_is_answered_is_up() -> None:
    world, media = with_alice(accepts=[None]), Media()
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(5)
        assert call.told() == [MediaUp()]
        (accept,) = world.stream.of("session-accept")
        world._answer(world.stream, accept.stanza, "")
        await settle(60)
        assert call.told() == [] and len(world.streams) == 1
