"""The built-in test phone: an own small caller on our user agent, with a voice and an ear.

async with TestPhone("127.0.0.1") as phone:
    call = await phone.dial("sip:700@127.0.0.1:5060", speaks=samples)
    await call.answered()
    ...
    call.hang_up()
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from sipmessage import URI, Address

from audiocodecs.frames import Samples
from gateway.errors import GatewayError
from gateway.lab.phone_media import PhoneMedia
from gateway.media.messages import Payload
from gateway.sdp.formats import Format, offered_formats
from gateway.sdp.offer_answer import Agreement, make_offer, read_answer
from gateway.sdp.session_description import Origin, SessionDescription
from gateway.sip.admission import Verdict
from gateway.sip.call import Call
from gateway.sip.client_request import Outcome
from gateway.sip.digest import Credentials
from gateway.sip.events import Answered, Failed, HungUp, Provisional
from gateway.sip.locate import Destination
from gateway.sip.network import Listen
from gateway.sip.reason import Reason
from gateway.sip.responses import HeaderFields
from gateway.sip.tls import TlsConfig
from gateway.sip.user_agent import UserAgent, UserAgentConfig


class NotAnswered(GatewayError):
    """The call was refused; `status` is the final response."""

    def __init__(self, status: int, phrase: str) -> None:
        super().__init__(f"{status} {phrase}")
        self.status = status


class TestPhone:
    """A phone on `host`, whose calls go out by UDP, TCP and, with `tls`, TLS; `async with` it."""

    __test__ = False  # no test of pytest's, whatever its name says

    def __init__(
        self, host: str, *, name: str = "Test phone", tls: TlsConfig | None = None
    ) -> None:
        self._host = host
        self._name = name
        transports = ("udp", "tcp", "tls") if tls is not None else ("udp", "tcp")
        listen = tuple(Listen(transport, host, 0) for transport in transports)
        config = UserAgentConfig(listen, tls=tls)
        self._user_agent = UserAgent(config, lambda flow, request: Verdict.DROP)
        self._calls: list[PhoneCall] = []

    async def __aenter__(self) -> Self:
        await self._user_agent.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for call in self._calls:
            await call.close()
        await self._user_agent.__aexit__(exc_type, exc, traceback)

    async def forget_calls(self) -> None:
        """Close the calls that are over."""
        over = [call for call in self._calls if call.is_over]
        self._calls = [call for call in self._calls if not call.is_over]
        for call in over:
            await call.close()

    async def dial(
        self,
        target: str,
        *,
        speaks: Samples,
        name: str | None = None,
        codec: str = "PCMU",
        headers: HeaderFields = (),
        destination: Destination | None = None,
        credentials: Credentials | None = None,
    ) -> "PhoneCall":
        """Call a SIP URI, to say `speaks` over and over once it is answered.

        It is sampled at 8 kHz, at 16 where the `codec` is G722 or OPUS. With `credentials` the
        phone says who it is where it is asked.
        """
        formats = offered_formats((codec,))
        media = PhoneMedia(speaks, payload_of(formats[0]), payload_of(formats[1]))
        address = await media.open(self._host)
        offer = make_offer(address, Origin(self._host), formats=formats)
        user = "".join(part for part in (name or self._name) if part.isalnum()).lower()
        uri = URI(scheme="sip", user=user or "phone", host=self._host)
        try:
            call = await self._user_agent.invite(
                target,
                offer.serialize(),
                from_=Address(uri, name or self._name),
                headers=headers,
                destination=destination,
                credentials=credentials,
            )
        except BaseException:
            await media.close()
            raise
        made = PhoneCall(call, media, offer)
        self._calls.append(made)
        return made


def payload_of(part: Format) -> Payload:
    """A format of a description in the terms of the media."""
    return Payload(
        part.payload_type, part.encoding, part.clock_rate, part.channels, part.parameters
    )


Through = Callable[[tuple[str, int]], Awaitable[tuple[str, int]]]
"""Puts something between a phone and where its media goes; the address to send to instead."""


class PhoneCall:
    """A call being made, going on, or over. `statuses` are the responses so far.

    Media goes `through` what is set there before the answer, a bad network for instance.
    """

    def __init__(self, call: Call, media: PhoneMedia, offer: SessionDescription) -> None:
        self.media = media
        self.statuses: list[int] = []
        self.set_up_in = 0.0  # seconds from INVITE to 200
        self.through: Through | None = None
        self.dialled_at = time.monotonic()
        self._call = call
        self._offer = offer

    async def answered(self) -> None:
        """Return when media can flow. NotAnswered: the call has failed instead."""
        early: bytes | None = None  # an answer given for certain is not repeated in the 200
        async for event in self._call.events:
            match event:
                case Provisional(status=status):
                    self.statuses.append(status)
                    early = event.sdp or early
                case Answered(sdp=sdp):
                    self.statuses.append(200)
                    self.set_up_in = time.monotonic() - self.dialled_at
                    agreement = read_answer(
                        self._offer, SessionDescription.parse(sdp or early or b"")
                    )
                    await self._connect(agreement)
                    return
                case Failed(status=status, phrase=phrase):
                    self.statuses.append(status)
                    raise NotAnswered(status, phrase)
        raise NotAnswered(487, "hung up by us")

    async def _connect(self, agreement: Agreement) -> None:
        remote = agreement.remote
        assert remote is not None
        self.media.connect(await self.through(remote) if self.through is not None else remote)

    async def ended(self) -> tuple[Reason, ...]:
        """Return when the other side has hung up, or we have; the reasons it gave."""
        async for event in self._call.events:
            if isinstance(event, HungUp):
                return event.reasons
        return ()

    async def info(self, media_type: str, body: bytes) -> Outcome:
        """Send an INFO; what became of it."""
        return await self._call.info(media_type, body)

    async def message(self, text: str) -> Outcome:
        """Send a MESSAGE; what became of it."""
        return await self._call.message(text)

    @property
    def is_over(self) -> bool:
        """Whether one side has hung up, or nobody answered."""
        return self._call.is_over

    def hang_up(self) -> None:
        """End the call, or give it up."""
        self._call.hang_up()

    async def close(self) -> None:
        """Hang up and free the port."""
        self.hang_up()
        await self.media.close()
        await asyncio.sleep(0)
