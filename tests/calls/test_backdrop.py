"""What a caller hears while there is no conference to hear."""

import asyncio
from collections.abc import Callable, Coroutine

from gateway.calls.backdrop import ALONE_AFTER, NOTICED_AFTER, Backdrop, WhileWaiting
from gateway.calls.reminder import Repair, Wait
from gateway.conference import events as conference
from gateway.media.messages import Tone
from tests.xmpp.virtual_time import in_virtual_time

LOBBY = conference.Waiting(conference.WaitingFor.LOBBY)
JOINED = conference.OccupantJoined("alice", "Alice")
DOWN = conference.MediaDown("consent expired")


class Phone:
    """Keeps what was played, None for silence, and when; and what it was told of repairs, and of
    what it waits for."""

    def __init__(self) -> None:
        self.played: list[tuple[float, Tone | None]] = []
        self.told: list[str] = []
        self.waits: list[tuple[float, Wait | None]] = []

    def _note(self, tone: Tone | None) -> None:
        self.played.append((round(asyncio.get_running_loop().time(), 3), tone))

    def play(self, tone: Tone) -> None:
        self._note(tone)

    def silence(self) -> None:
        self._note(None)

    def repairing(self, repair: Repair) -> None:
        self.told.append("interrupted" if repair.was_heard else "not there yet")

    def resumed(self) -> None:
        self.told.append("resumed")

    def still_waits(self, wait: Wait) -> None:
        self.waits.append((round(asyncio.get_running_loop().time(), 3), wait))

    def waits_no_more(self) -> None:
        self.waits.append((round(asyncio.get_running_loop().time(), 3), None))


Story = Callable[[Backdrop], Coroutine[None, None, None]]


async def heard(
    story: Story, waiting: WhileWaiting = WhileWaiting.MUSIC
) -> list[tuple[float, Tone | None]]:
    return (await attended(story, waiting)).played


async def attended(story: Story, waiting: WhileWaiting = WhileWaiting.MUSIC) -> Phone:
    phone = Phone()
    backdrop = Backdrop(phone, phone, waiting)
    running = asyncio.create_task(backdrop.run())
    await story(backdrop)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    return phone


@in_virtual_time
async def test_who_joins_and_has_media_at_once_hears_no_tone() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        await asyncio.sleep(0.5)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(60)

    assert await heard(story) == []


@in_virtual_time
async def test_before_the_door_is_reached_there_is_nothing_to_hear() -> None:
    assert await heard(lambda backdrop: asyncio.sleep(60)) == []


@in_virtual_time
async def test_who_waits_at_the_door_hears_it_until_it_is_inside() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.told(LOBBY)
        await asyncio.sleep(30)
        backdrop.entered()
        await asyncio.sleep(0.5)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(1)

    assert await heard(story) == [(0, Tone.MUSIC), (30, None)]
    assert await heard(story, WhileWaiting.TONE) == [(30.5 + 1, Tone.WAITING), (61.5, None)]
    assert await heard(story, WhileWaiting.SILENCE) == []


@in_virtual_time
async def test_who_is_on_its_way_hears_the_tone_whatever_it_hears_while_it_waits() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.comes()
        await asyncio.sleep(5)
        backdrop.told(LOBBY)
        await asyncio.sleep(5)
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(5)

    assert await heard(story) == [(0, Tone.WAITING), (5, Tone.MUSIC), (10, None)]
    assert await heard(story, WhileWaiting.SILENCE) == [(15, Tone.WAITING), (20, None)]


@in_virtual_time
async def test_who_is_alone_for_a_moment_only_hears_nothing_of_it() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        for _ in range(5):
            backdrop.told(conference.Alone())
            await asyncio.sleep(ALONE_AFTER - 0.1)
            backdrop.told(JOINED)
            await asyncio.sleep(0.1)

    assert await heard(story) == []


@in_virtual_time
async def test_who_comes_from_the_lobby_into_an_empty_room_hears_the_music_go_on() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.told(LOBBY)
        await asyncio.sleep(5)
        backdrop.entered()
        backdrop.told(conference.Alone())
        await asyncio.sleep(5)

    assert await heard(story) == [(0, Tone.MUSIC)]


@in_virtual_time
async def test_who_is_alone_hears_it_until_somebody_comes() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.Alone())
        await asyncio.sleep(30)
        backdrop.told(JOINED)
        await asyncio.sleep(0.5)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(10)
        backdrop.told(conference.Alone())  # the session is still up
        await asyncio.sleep(10)
        backdrop.told(DOWN)
        await asyncio.sleep(10)

    music = [(ALONE_AFTER, Tone.MUSIC), (30, None), (40.5 + ALONE_AFTER, Tone.MUSIC)]
    assert await heard(story) == music
    tones = [(60.5, Tone.WAITING), (90.5, None), (101, Tone.WAITING)]
    assert await heard(story, WhileWaiting.TONE) == tones
    assert await heard(story, WhileWaiting.SILENCE) == []


@in_virtual_time
async def test_media_that_is_down_long_enough_to_be_noticed_is_told_of_until_it_is_back() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(10)
        backdrop.told(DOWN)
        await asyncio.sleep(NOTICED_AFTER + 5)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(10)

    assert await heard(story) == [(12, Tone.REPAIRING), (17, None)]


@in_virtual_time
async def test_a_short_interruption_is_not_told_of() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        for _ in range(10):
            backdrop.told(conference.MediaUp())
            await asyncio.sleep(1)
            backdrop.told(DOWN)
            await asyncio.sleep(NOTICED_AFTER - 0.1)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(10)

    assert await heard(story) == []


@in_virtual_time
async def test_other_news_neither_hastens_nor_delays_the_tone() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        for _ in range(6):
            await asyncio.sleep(0.5)
            backdrop.told(JOINED)

    assert await heard(story) == [(NOTICED_AFTER, Tone.REPAIRING)]


@in_virtual_time
async def test_coming_back_without_media_goes_on_as_a_repair() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        backdrop.told(DOWN)
        await asyncio.sleep(5)
        backdrop.told(conference.Rejoined())
        await asyncio.sleep(1)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(1)

    assert await heard(story) == [(2, Tone.REPAIRING), (6, None)]


@in_virtual_time
async def test_who_was_alone_is_not_so_in_another_room_until_that_is_told() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.Alone())
        await asyncio.sleep(10)
        backdrop.told(conference.Moved("7c4f@breakout.meet.test"))
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(1)

    assert await heard(story) == [(ALONE_AFTER, Tone.MUSIC), (10, None)]


@in_virtual_time
async def test_a_lobby_on_the_way_back_is_waited_in_as_the_first_time() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        backdrop.told(DOWN)
        backdrop.told(LOBBY)
        await asyncio.sleep(60)
        backdrop.told(conference.Rejoined())
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(1)

    assert await heard(story) == [(0, Tone.MUSIC), (60, None)]


@in_virtual_time
async def test_each_repair_that_is_noticed_is_told_of_and_its_end() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        await asyncio.sleep(NOTICED_AFTER + 1)  # it has not been there yet
        for pause in (NOTICED_AFTER + 1, NOTICED_AFTER - 1, NOTICED_AFTER + 1):
            backdrop.told(conference.MediaUp())
            await asyncio.sleep(1)
            backdrop.told(DOWN)
            await asyncio.sleep(pause)
        backdrop.told(JOINED)
        backdrop.told(conference.Rejoined())
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(1)

    told = (await attended(story)).told
    assert told == ["not there yet", *("interrupted", "resumed") * 2]


@in_virtual_time
async def test_who_is_alone_or_at_the_door_after_a_repair_is_told_that_instead() -> None:
    for instead in (conference.Alone(), LOBBY):

        async def story(backdrop: Backdrop, instead: conference.Event = instead) -> None:
            backdrop.entered()
            backdrop.told(conference.MediaUp())
            backdrop.told(DOWN)
            await asyncio.sleep(NOTICED_AFTER + 1)
            backdrop.told(instead)
            await asyncio.sleep(5)
            backdrop.told(conference.MediaUp())
            await asyncio.sleep(5)

        assert (await attended(story)).told == ["interrupted"]


@in_virtual_time
async def test_what_is_waited_for_is_told_again_and_again_until_it_is_there() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.told(LOBBY)
        await asyncio.sleep(100)
        backdrop.told(conference.Waiting(conference.WaitingFor.LOBBY, password_refused=True))
        await asyncio.sleep(100)
        backdrop.entered()
        backdrop.told(conference.Alone())
        await asyncio.sleep(40)
        backdrop.told(JOINED)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(600)

    waits = [
        (0, None),  # another wait, of which nothing has been told yet
        *((30, LOBBY), (90, LOBBY), (200, None)),
        *((230, conference.Alone()), (240, None)),
    ]
    assert (await attended(story)).waits == waits
    for waiting in (WhileWaiting.TONE, WhileWaiting.SILENCE):
        told = (await attended(story, waiting)).waits
        assert [wait for _, wait in told] == [wait for _, wait in waits]


@in_virtual_time
async def test_audio_that_does_not_come_is_waited_for_in_words_too() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(JOINED)
        await asyncio.sleep(60)
        backdrop.told(conference.Rejoined())  # which changes nothing for the caller
        await asyncio.sleep(60)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(600)

    phone, repair = await attended(story), Repair(was_heard=False)
    assert phone.told == ["not there yet"]
    begin = NOTICED_AFTER
    assert phone.waits == [
        *((begin, None), (begin + 30, repair), (begin + 90, repair), (120, None))
    ]


@in_virtual_time
async def test_audio_that_stays_away_is_told_of_again() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        backdrop.told(DOWN)
        await asyncio.sleep(50)
        backdrop.told(conference.MediaUp())
        await asyncio.sleep(600)

    phone, begin = await attended(story), NOTICED_AFTER
    assert phone.told == ["interrupted", "resumed"]
    repair = Repair(was_heard=True)
    assert phone.waits == [(begin, None), (begin + 30, repair), (50, None)]


@in_virtual_time
async def test_of_a_call_that_ends_nothing_more_is_told_and_what_is_heard_stays() -> None:
    async def story(backdrop: Backdrop) -> None:
        backdrop.told(LOBBY)
        await asyncio.sleep(1)
        backdrop.ends()
        backdrop.entered()
        backdrop.told(conference.MediaUp())
        backdrop.told(DOWN)
        await asyncio.sleep(600)

    phone = await attended(story)
    assert (phone.played, phone.told) == ([(0, Tone.MUSIC)], [])
