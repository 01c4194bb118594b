"""The voice of the gateway for one caller: its queue, said line by line. [io]"""

import asyncio
from typing import Protocol

from gateway.ivr.phrasebook import Speech
from gateway.ivr.speech_queue import Line, SpeechQueue, Weight


class Player(Protocol):
    """Where speech is played (`gateway.calls.media_session.MediaSession`)."""

    async def say(self, parts: Speech) -> bool:
        """Say something; whether it was said to its end."""
        ...

    def hush(self) -> None:
        """Break off what is being said."""
        ...


class Speaker:
    """Says what it is given, as long as it is `run`."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._queue = SpeechQueue()
        self._changed = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def say(self, speech: Speech, topic: str, weight: Weight = Weight.NEWS) -> None:
        """Say something soon."""
        self._queue.put(Line(speech, topic, weight), _now())
        self._quiet.clear()
        self._changed.set()

    def pressed(self) -> None:
        """The caller has pressed a key: what only guides it ends at once."""
        if self._queue.press():
            self._player.hush()
        self._changed.set()

    def drop(self, topic: str) -> None:
        """What is about this is true no longer: say it no more."""
        if self._queue.drop(topic):
            self._player.hush()
        self._changed.set()

    async def quiet(self) -> None:
        """Return when everything has been said: before hanging up, for instance."""
        await self._quiet.wait()

    async def run(self) -> None:
        """Say what there is to say, without end."""
        while True:
            self._changed.clear()
            line = self._queue.take(_now())
            if line is not None:
                complete = False
                try:
                    complete = await self._player.say(line.speech)
                finally:  # who stops to run may run again
                    self._queue.played(_now(), complete=complete)
                continue
            if self._queue.is_empty:
                self._quiet.set()
            await self._changed.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
