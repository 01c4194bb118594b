"""A meeting for behaviour tests, with its moderator, and who hears whom there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from audiocodecs.frames import Samples
from gateway.lab.lab_config import LabConfig
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.moderator import Moderator
from gateway.lab.phone import PhoneCall
from gateway.lab.speaker import Speaker
from tests.behaviour.stage import RATE, Stage, eventually, names_in, stage
from tests.helpers.music import hears_music, music_was_heard
from tests.helpers.prompts import prompt, share_of_words

ROOM = "room1"
USER = "71"
EXCERPT = 4800  # samples: two pulses of every tone
_LISTEN_EVERY = 0.4  # seconds: listening takes a while, and runs here too


@dataclass
class Meeting:
    """A meeting with Ann, its moderator."""

    scene: Stage
    ann: Speaker

    @property
    def moderator(self) -> Moderator:
        return self.scene.lab.moderator(ROOM)

    @property
    def phone(self) -> LabOccupant:
        """The phone, as the others see it in the room it is in."""
        (record,) = self.scene.gateway.switchboard.calls
        rooms = [ROOM, *self.moderator.breakouts]
        found = [o for room in rooms for o in self.scene.lab.occupants(room)]
        return next(o for o in found if o.nick == record.endpoint)

    async def joined(self, **options: object) -> PhoneCall:
        """A call whose audio flows both ways."""
        call = await self.scene.dial(USER, **options)
        await self.scene.media_up(call)
        await self.hear_each_other(call)
        return call

    async def hear_each_other(self, call: PhoneCall) -> None:
        await asyncio.gather(phone_hears(call, {"ann"}), hears(self.ann, {"phone"}))


@asynccontextmanager
async def meeting(config: LabConfig | None = None, **sections: object) -> AsyncIterator[Meeting]:
    """The meeting, before a phone calls."""
    async with stage(config, **sections) as scene:
        speakers = await scene.speakers(ROOM, "ann")
        yield Meeting(scene, speakers["ann"])


async def listen(recording: Callable[[], Samples], names: set[str], who: str) -> None:
    """Return when exactly these are heard for a while, of what is recorded from now on."""
    start = len(recording())

    def heard() -> bool:
        samples = recording()[start:]
        return len(samples) >= EXCERPT and names_in(samples[-EXCERPT:]) == names

    await eventually(heard, f"{who} hearing {names or 'nobody'}")


async def phone_hears(call: PhoneCall, names: set[str]) -> None:
    await listen(call.media.recording, names, "the phone")


async def hears(speaker: Speaker, names: set[str]) -> None:
    await listen(speaker.mix, names, speaker.name)


async def ends(call: PhoneCall) -> int:
    """The cause a phone is hung up with."""
    async with asyncio.timeout(20):
        (reason,) = await call.ended()
    assert reason.cause is not None
    return reason.cause


async def phone_hears_music(call: PhoneCall) -> None:
    """Return when it hears the music for who waits, and nothing else."""
    async with asyncio.timeout(20):
        while not hears_music(call.media.recording(), RATE):  # noqa: ASYNC110 - it is sent
            await asyncio.sleep(_LISTEN_EVERY)


async def waits_with_music(call: PhoneCall, words: str) -> None:
    """Return when the phone has heard these words, and hears music."""
    said = prompt("en", words, RATE)
    async with asyncio.timeout(20):
        while share_of_words(said, call.media.recording(), RATE) < 0.62:  # noqa: ASYNC110
            await asyncio.sleep(_LISTEN_EVERY)
    await phone_hears_music(call)


async def hears_no_music(at: Meeting, call: PhoneCall) -> None:
    """Whoever waits no more; the others have never heard any."""
    before = len(call.media.recording())
    await eventually(lambda: len(call.media.recording()) > before + 2 * RATE, "two seconds")
    assert not music_was_heard(call.media.recording()[before:], RATE)
    assert not music_was_heard(at.ann.mix(), RATE)


async def ann_comes(scene: Stage, call: PhoneCall) -> Meeting:
    """The first who comes to where a phone waits: they hear each other, and no music."""
    ann = (await scene.speakers(ROOM, "ann"))["ann"]
    await scene.media_up(call)
    at = Meeting(scene, ann)
    await at.hear_each_other(call)
    await hears_no_music(at, call)
    return at
