"""One caller's voice of the gateway: line by line, broken off by keys, quiet in the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.ivr.phrasebook import Speech
from gateway.ivr.speaker import Speaker
from gateway.ivr.speech_queue import Weight
from gateway.media.messages import Recorded


class Telephone:
    """Says a line until it is told that it is over."""

    def __init__(self) -> None:
        self.saying: asyncio.Future[bool] | None = None
        self.said: list[str] = []

    async def say(self, parts: Speech) -> bool:
        (part,) = parts
        assert isinstance(part, Recorded)
        self.said.append(part.name)
        self.saying = asyncio.get_running_loop().create_future()
        return await self.saying

    def hush(self) -> None:
        self.over(False)

    def over(self, complete: bool = True) -> None:
        assert self.saying is not None
        self.saying.set_result(complete)


def words(text: str) -> Speech:
    return (Recorded("en", text),)


@asynccontextmanager
async def speaking() -> AsyncIterator[tuple[Speaker, Telephone]]:
    telephone = Telephone()
    speaker = Speaker(telephone)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(speaker.run())
        await turns()
        yield speaker, telephone
        running.cancel()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_lines_are_said_one_after_the_other_and_then_it_is_quiet() -> None:
    async with speaking() as (speaker, telephone):
        await speaker.quiet()
        speaker.say(words("one"), "1")
        speaker.say(words("two"), "2")
        quiet = asyncio.ensure_future(speaker.quiet())
        await turns()
        assert telephone.said == ["one"]
        telephone.over()
        await turns()
        assert telephone.said == ["one", "two"]
        assert not quiet.done()
        telephone.over()
        await turns()
        assert quiet.done()


async def test_a_key_breaks_off_a_guide_and_what_is_said_next_is_the_answer() -> None:
    async with speaking() as (speaker, telephone):
        speaker.say(words("help"), "help", Weight.GUIDE)
        speaker.say(words("more help"), "more", Weight.GUIDE)
        await turns()
        speaker.pressed()
        speaker.say(words("muted"), "microphone", Weight.GUIDE)
        await turns()
        assert telephone.said == ["help", "muted"]
        telephone.over()


async def test_news_is_not_broken_off_by_a_key() -> None:
    async with speaking() as (speaker, telephone):
        speaker.say(words("recording"), "recording")
        await turns()
        speaker.pressed()
        await turns()
        assert telephone.saying is not None and not telephone.saying.done()
        telephone.over()


async def test_a_key_leaves_nothing_but_quiet_where_only_guides_waited() -> None:
    async with speaking() as (speaker, telephone):
        speaker.say(words("help"), "help", Weight.GUIDE)
        await turns()
        speaker.pressed()
        async with asyncio.timeout(1):
            await speaker.quiet()
        assert telephone.said == ["help"]


async def test_who_was_stopped_amid_a_line_says_the_news_again_when_it_runs_again() -> None:
    telephone = Telephone()
    speaker = Speaker(telephone)
    speaker.say(words("news"), "1")
    for _ in range(2):
        running = asyncio.create_task(speaker.run())
        await turns()
        running.cancel()
        await turns()
    assert telephone.said == ["news", "news"]
