"""A participant is muted."""

from gateway.conference.events import (
    MediaUp,
    MutedByModerator,
    Rejoined,
)
from tests.conference.participants import is_muted, mute
from tests.conference.world import (
    ROOM,
    Call,
    Media,
    connected,
    offer,
    settle,
    terminate,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_order_to_mute_is_answered_obeyed_and_published() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        assert not is_muted(world)
        order = world.request(mute())
        assert len(world.answers(order)) == 1  # at once
        await settle()
        assert world.answers(order)[0].get("type") == "result"
        assert call.told() == [MutedByModerator("Alice")]
        assert ("mute", True) in media.log
        assert is_muted(world)
        (published,) = world.stream.of("presence")
        assert published.stanza.get("to") == f"{ROOM}/1a2b3c40"
        assert published.stanza.find("{http://jabber.org/protocol/muc}x") is None
        assert world.stream.of("session-terminate") == []  # the source stays


@in_virtual_time
async def test_the_rules_of_the_conference_may_mute_as_well() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.request(mute(actor=None))
        await settle()
        assert call.told() == [MutedByModerator(None)]


@in_virtual_time
async def test_being_muted_twice_is_being_muted() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        for _ in range(3):
            assert world.answers(world.request(mute()))[0].get("type") == "result"
        await settle(2)
        assert len(call.told()) == 1
        assert media.log == [("mute", True)]
        assert len(world.stream.of("presence")) == 1


@in_virtual_time
async def test_nobody_can_unmute_a_caller_and_nobody_but_the_focus_can_mute_it() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        unmute = world.request(mute("false"))
        forged = world.request(mute(), sender=f"{ROOM}/alice")
        await settle()
        assert world.answers(unmute)[0].get("type") == "result"
        assert world.answers(forged)[0].get("type") == "error"
        assert call.told() == [] and media.log == []


@in_virtual_time
async def test_a_session_may_begin_muted() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.request(offer("s1", muted=True))
        await settle(0.1)
        assert call.told() == [MutedByModerator(None), MediaUp()]
        assert media.log == [("mute", True), ("open", "s1")]
        assert is_muted(world)


@in_virtual_time
async def test_who_speaks_is_not_muted_because_its_session_is_replaced() -> None:
    # Jicofo has all sessions begin muted that begin while many are there, not newcomers' only.
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(terminate("s1", "success", "moving"))
        world.request(offer("s2", muted=True))
        await settle(0.1)
        assert ("mute", True) not in media.log
        assert MutedByModerator(None) not in call.told()


@in_virtual_time
async def test_who_speaks_is_not_muted_because_it_had_to_come_back() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.lose()
        await settle(2)
        world.request(offer("s2", muted=True))
        await settle(0.1)
        assert ("mute", True) not in media.log
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_with_audio_moderation_a_session_that_replaces_another_begins_muted() -> None:
    # The videobridge holds back its audio, even of who has been approved.
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.moderates(enabled=True)
        world.moderates(approved=True)
        await settle()
        assert call.participant.set_muted(False)
        call.told()
        world.request(offer("s2", muted=True))
        await settle(0.1)
        assert MutedByModerator(None) in call.told()
        assert media.log.count(("mute", True)) == 2


@in_virtual_time
async def test_who_was_muted_comes_back_muted() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.request(mute())
        await settle(1)
        world.lose()
        await settle(2)
        assert call.told()[-1] == Rejoined()
        assert world.stream.kinds() == ["conference", "join"]
        assert is_muted(world)
