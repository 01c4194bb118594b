"""A phone that is called, as a trunk would have it ring: it answers, or does not, as it is told.

async with AnsweringPhone("127.0.0.1") as phone:
    call = await phone.called()
    call.ring()
    await call.answer(speaks=samples)
"""

import asyncio
from types import TracebackType
from typing import Self

from audiocodecs.frames import Samples, silence
from gateway.lab.phone import payload_of
from gateway.lab.phone_media import PhoneMedia
from gateway.sdp.offer_answer import make_answer
from gateway.sdp.session_description import Origin, SessionDescription
from gateway.sip.admission import Verdict
from gateway.sip.call import Call
from gateway.sip.events import Cancelled, HungUp
from gateway.sip.header_values import parse_uri
from gateway.sip.network import Listen
from gateway.sip.reason import Reason
from gateway.sip.user_agent import UserAgent, UserAgentConfig

_G711 = ("PCMU", "PCMA")


class AnsweringPhone:
    """A phone on `host`, reached by UDP and TCP at `address`; `async with` it.

    Of what it is offered it takes the first of `codecs`.
    """

    def __init__(self, host: str, port: int = 0, *, codecs: tuple[str, ...] = _G711) -> None:
        self._host = host
        self._codecs = codecs
        listen = (Listen("udp", host, port), Listen("tcp", host, port))
        self._user_agent = UserAgent(UserAgentConfig(listen), lambda flow, request: Verdict.ACCEPT)
        self._calls: list[CallToPhone] = []

    async def __aenter__(self) -> Self:
        await self._user_agent.__aenter__()
        self._incoming = self._user_agent.incoming_calls()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close_calls()
        await self._user_agent.__aexit__(exc_type, exc, traceback)

    async def close_calls(self) -> None:
        """Hang up every call."""
        calls, self._calls = self._calls, []
        for call in calls:
            await call.close()

    def address(self, transport: str = "udp") -> tuple[str, int]:
        """Where it can be called."""
        at = next(each for each in self._user_agent.listening if each.transport == transport)
        return at.host, at.port

    async def called(self) -> "CallToPhone":
        """Return when somebody calls; it has heard nothing from us then but 100."""
        call = CallToPhone(await anext(self._incoming), self._host, self._codecs)
        self._calls.append(call)
        return call


class CallToPhone:
    """One call; until it is answered the other side may give it up (`ended`)."""

    def __init__(self, call: Call, host: str, codecs: tuple[str, ...]) -> None:
        self.media: PhoneMedia | None = None
        self._call = call
        self._host = host
        self._codecs = codecs
        self._description = b""

    @property
    def number(self) -> str:
        """Who was called."""
        return parse_uri(self._call.request.uri).user or ""

    def header(self, name: str) -> str | None:
        """A header of the INVITE."""
        fields = self._call.request.headers.fields()
        return next((value for key, value in fields if key.lower() == name.lower()), None)

    def ring(self) -> None:
        """Say that it rings."""
        self._call.ring()

    async def progress(self, speaks: Samples) -> None:
        """Say something before the answer (183), over and over."""
        self._call.progress(183, sdp=await self._open(speaks))

    async def answer(self, speaks: Samples | None = None) -> None:
        """Take the call and say that (at the rate of the codec), or what was said before."""
        await self._call.answer(await self._open(silence(0) if speaks is None else speaks))

    def refuse(self, status: int, phrase: str | None = None) -> None:
        """Do not take the call."""
        self._call.reject(status, phrase)

    def hang_up(self) -> None:
        """End the call."""
        self._call.hang_up()

    async def ended(self) -> tuple[Reason, ...]:
        """Return when the other side has hung up or given up; the reasons it gave."""
        async for event in self._call.events:
            if isinstance(event, HungUp | Cancelled):
                return event.reasons
        return ()

    async def close(self) -> None:
        """Hang up and free the port."""
        self.hang_up()
        if self.media is not None:
            await self.media.close()
        await asyncio.sleep(0)

    async def _open(self, speaks: Samples) -> bytes:
        """The description of our media, which flows from now on; after 183 it is the same."""
        if self.media is not None:
            return self._description
        offer = SessionDescription.parse(self._call.offer or b"")
        _, seen = make_answer(offer, (self._host, 9), Origin(self._host), self._codecs)
        events = [payload_of(each) for each in seen.formats if each.is_event]
        self.media = PhoneMedia(speaks, payload_of(seen.formats[0]), events[0] if events else None)
        local = await self.media.open(self._host)
        answer, agreed = make_answer(offer, local, Origin(self._host), self._codecs)
        if agreed.remote is not None:
            self.media.connect(agreed.remote)
        self._description = answer.serialize()
        return self._description
