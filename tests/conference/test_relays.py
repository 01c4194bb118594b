"""When relays are asked for and when they are used, in virtual time."""

from dataclasses import replace

from gateway.conference.events import Ended, LeaveCause, MediaUp
from gateway.media.messages import TurnServer
from tests.conference.world import INSTALLATION, Call, Media, World, error, offer, settle
from tests.xmpp.virtual_time import in_virtual_time

WITH_TURN = replace(INSTALLATION, turn=True)
EXPIRED = "2001-01-01T00:00:00Z"
REFUSED = error("cancel", "service-unavailable")


def services(password: str, expires: str = "2099-01-01T00:00:00Z", version: int = 2) -> str:
    """TURN in three ways, one of them by two servers, and what is of no use."""
    own = f"username='u' password='{password}' expires='{expires}'"
    return (
        f"<services xmlns='urn:xmpp:extdisco:{version}'>"
        "<service type='stun' host='s' port='1' transport='udp'/>"
        "<service type='turn' host='open' port='1' transport='udp'/>"
        f"<service type='turns' host='t' port='443' transport='tcp' {own}/>"
        f"<service type='turn' host='t' port='3478' transport='udp' {own}/>"
        f"<service type='turn' host='other' port='3478' transport='udp' {own}/>"
        f"<service type='turn' host='t' port='3478' transport='tcp' {own}/></services>"
    )


def relays(password: str) -> tuple[TurnServer, ...]:
    return (
        TurnServer("t", 443, "tls", "u", password),
        TurnServer("t", 3478, "udp", "u", password),
        TurnServer("t", 3478, "tcp", "u", password),
    )


async def fail(call: Call, sid: str) -> None:
    """A session is offered, and its media never comes up."""
    call.world.request(offer(sid))
    await settle(INSTALLATION.media_timeout + 0.1)


@in_virtual_time
async def test_a_bridge_out_of_reach_is_tried_once_more_through_the_relays() -> None:
    world, media = World(occupants={"ann": ""}, services=[services("p")]), Media(connects=False)
    async with Call(world, media, installation=WITH_TURN) as call:
        assert len(world.stream.of("services")) == 1
        await fail(call, "s1")
        media.connects = True
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == [MediaUp()]
        await settle(6)
        media.down("s2")  # later, too, the direct way is not tried again
        world.request(offer("s3"))
        await settle(0.1)
    assert [each.relays for each in media.offers] == [(), relays("p"), relays("p")]
    assert len(world.stream.of("services")) == 1


@in_virtual_time
async def test_relays_that_do_not_help_are_the_end() -> None:
    world, media = World(occupants={"ann": ""}, services=[services("p")]), Media(connects=False)
    async with Call(world, media, installation=WITH_TURN) as call:
        await fail(call, "s1")
        await fail(call, "s2")
        assert call.told() == [Ended(LeaveCause.MEDIA_FAILED, "no media within 15 s")]


@in_virtual_time
async def test_credentials_that_have_expired_are_asked_for_again() -> None:
    world = World(occupants={"ann": ""}, services=[services("old", EXPIRED), services("new")])
    media = Media(connects=False)
    async with Call(world, media, installation=WITH_TURN) as call:
        await fail(call, "s1")
        await fail(call, "s2")
    assert [each.relays for each in media.offers] == [(), relays("new")]


@in_virtual_time
async def test_an_older_server_is_asked_in_the_older_way() -> None:
    world = World(occupants={"ann": ""}, services=[REFUSED, services("p", version=1)])
    media = Media(connects=False)
    async with Call(world, media, installation=WITH_TURN) as call:
        await fail(call, "s1")
        await fail(call, "s2")
        asked = [sent.stanza[0].tag for sent in world.stream.of("services")]
    assert asked == ["{urn:xmpp:extdisco:2}services", "{urn:xmpp:extdisco:1}services"]
    assert media.offers[1].relays == relays("p")


@in_virtual_time
async def test_a_server_that_tells_occupants_only_is_asked_again_by_one() -> None:
    # Prosody with `extdisco_occpuant_check`, as its module calls it.
    forbidden = error("auth", "forbidden")
    world = World(occupants={"ann": ""}, services=[forbidden, forbidden, services("p")])
    media = Media(connects=False)
    async with Call(world, media, installation=WITH_TURN) as call:
        await fail(call, "s1")
        await fail(call, "s2")
    assert [each.relays for each in media.offers] == [(), relays("p")]


@in_virtual_time
async def test_a_server_without_relays_changes_nothing() -> None:
    world, media = World(occupants={"ann": ""}), Media(connects=False)
    async with Call(world, media, installation=WITH_TURN) as call:
        await fail(call, "s1")
        await fail(call, "s2")
        assert call.told() == [Ended(LeaveCause.MEDIA_FAILED, "no media within 15 s")]
        assert len(world.stream.of("services")) == 2
    assert [each.relays for each in media.offers] == [(), ()]


@in_virtual_time
async def test_nobody_is_asked_for_relays_unless_it_is_configured() -> None:
    world, media = World(occupants={"ann": ""}, services=[services("p")]), Media(connects=False)
    async with Call(world, media) as call:
        await fail(call, "s1")
        await fail(call, "s2")
        assert world.stream.of("services") == []
    assert [each.relays for each in media.offers] == [(), ()]
