"""Whether somebody who wants to join has answered a phone that we call: a key says so.

Answering machines press none. Until the key is pressed the phone is to be out of the conference.
"""

import asyncio
from typing import NoReturn

import structlog

from gateway.calls.end_reason import CallEnd, EndReason, Over
from gateway.calls.voice import Voice
from gateway.ivr.prompt import Prompt

log = structlog.get_logger(__name__)

AGAIN_AFTER = 5.0  # seconds from the invitation to its repetition
WITHIN = 15.0  # seconds from that to the key
_SAID_WITHIN = 20.0  # seconds in which it has been said; to a phone on hold it never is
_GOODBYE_WITHIN = 5.0

_JOIN, _DECLINE = "1", "2"
_DECLINING = frozenset({_DECLINE, "*"})


class Confirmation:
    """Asks a phone that has answered, by `voice`, which somebody else runs.

    `inviter` is the name of who has had it called, if that is known.
    """

    def __init__(self, voice: Voice, inviter: str | None) -> None:
        self._voice = voice
        self._inviter = inviter
        self._joins: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def pressed(self, key: str) -> None:
        """The phone presses a key; what is no answer changes nothing."""
        if not self._joins.done() and (key == _JOIN or key in _DECLINING):
            self._voice.pressed()
            self._joins.set_result(key == _JOIN)

    async def run(self) -> None:
        """Return when it wants to join; Over if it does not, or nobody says so."""
        for patience in (AGAIN_AFTER, WITHIN):
            await self._invite()
            if await self._is_decided(patience):
                break
        else:
            await self._part(EndReason.NOT_CONFIRMED, "nobody pressed the key to join")
        if not self._joins.result():
            await self._part(EndReason.DECLINED, "the key to decline was pressed")

    async def _invite(self) -> None:
        voice = self._voice
        name = await voice.name(self._inviter) if self._inviter is not None else ()
        if name:
            voice.guide(Prompt.INVITED, name)
        else:
            voice.guide(Prompt.INVITED_UNNAMED)
        voice.guide(Prompt.PRESS_TO_JOIN, voice.book.keys(_JOIN))
        voice.guide(Prompt.PRESS_TO_DECLINE, voice.book.keys(_DECLINE))

    async def _is_decided(self, patience: float) -> bool:
        """Whether a key comes while it is being said, or within `patience` after that."""
        quiet = asyncio.ensure_future(self._voice.quiet())
        try:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait((quiet, self._joins), timeout=_SAID_WITHIN, return_when=first)
        finally:
            quiet.cancel()
        await asyncio.wait((self._joins,), timeout=patience)
        return self._joins.done()

    async def _part(self, reason: EndReason, text: str) -> NoReturn:
        self._voice.news(Prompt.GOODBYE)
        try:
            async with asyncio.timeout(_GOODBYE_WITHIN):
                await self._voice.quiet()
        except TimeoutError:
            log.info("the farewell was not heard")
        raise Over(CallEnd(reason, text))
