"""A stage on which the conference has phones called: a moderator, a gateway that waits, a trunk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.calls import outgoing
from gateway.calls.end_reason import EndReason
from gateway.calls.record import CallRecord
from gateway.lab.answering_phone import AnsweringPhone, CallToPhone
from gateway.lab.lab import LabConfig
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.phones_out import PhoneOut, PhonesOut
from gateway.lab.speaker import Speaker
from tests.behaviour.meeting import hears, listen
from tests.behaviour.stage import HOST, Stage, eventually, stage, voice_of

ROOM = "room1"
NUMBER = "+49 30 1234"
DIALLED = "+49301234"
ACCOUNTS = {"jigasi": "secret"}


@dataclass
class Dialling:
    """A room with Ann, its moderator; `trunk` is where calls go out to."""

    scene: Stage
    ann: Speaker
    trunk: AnsweringPhone

    @property
    def phones(self) -> PhonesOut:
        """What Ann has called."""
        return self.scene.lab.phones_out(ROOM)[self.scene.lab.nick_of(self.ann)]

    async def dial(self, number: str = NUMBER, **options: Any) -> PhoneOut:
        """Ann has a number called; return when the focus has answered her."""
        phone = self.phones.dial(number, **options)
        await eventually(lambda: phone.is_decided, "an answer to the order to dial")
        return phone

    async def ringing(self, **options: Any) -> tuple[PhoneOut, CallToPhone]:
        """A phone that rings."""
        phone = await self.dial(**options)
        assert phone.refusal is None, phone.refusal
        call = await self.called()
        call.ring()
        await self.shows(phone, "Ringing")
        return phone, call

    async def talking(self, **options: Any) -> tuple[PhoneOut, CallToPhone]:
        """A phone that talks with Ann."""
        phone, call = await self.ringing(**options)
        await call.answer(voice_of("phone"))
        await self.shows(phone, "Connected")
        await self.scene.media_up(call)
        return phone, call

    async def called(self) -> CallToPhone:
        async with asyncio.timeout(20):
            return await self.trunk.called()

    async def shows(self, phone: PhoneOut, status: str) -> None:
        """Return when the phone's participant has said that."""
        await eventually(lambda: status in phone.statuses, f"{status!r}, not {phone.statuses}")

    async def hear_each_other(self, call: CallToPhone) -> None:
        assert call.media is not None
        await asyncio.gather(
            listen(call.media.recording, {"ann"}, "the phone"), hears(self.ann, {"phone"})
        )

    async def over(self, phone: PhoneOut) -> CallRecord:
        """Return when the participant has left and nothing of the call is left; its record."""
        await eventually(lambda: phone.over, "the participant's leaving")
        return await self.scene.over()

    def participant(self, phone: PhoneOut) -> LabOccupant:
        """The phone, as the others see it."""
        return next(o for o in self.scene.lab.occupants(ROOM) if o.nick == phone.nick)


async def ended(call: CallToPhone) -> int | None:
    """The cause with which the gateway gives a call up, or ends it."""
    async with asyncio.timeout(20):
        reasons = await call.ended()
    return reasons[0].cause if reasons else None


def reason_of(record: CallRecord) -> EndReason:
    assert record.end is not None
    return record.end.reason


@pytest.fixture
def soon_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not reached shows why for a moment only."""
    monkeypatch.setattr(outgoing, "_SHOWN_FOR", 1.5)


@asynccontextmanager
async def dialling(
    config: LabConfig | None = None,
    *,
    through: dict[str, Any] | None = None,
    transport: str = "udp",
    **sections: Any,
) -> AsyncIterator[Dialling]:
    """The stage, when the gateway waits in the brewery; `through` is laid over the trunk's."""
    async with AnsweringPhone(HOST) as trunk:
        host, port = trunk.address(transport)
        dial_out = {
            "host": host,
            "port": port,
            "transport": transport,
            "prefixes": ["+49"],
            "caller": "4930999",
            **(through or {}),
        }
        sections["trunk"] = {"dial_out": dial_out, **sections.get("trunk", {})}
        async with stage(config or LabConfig(accounts=ACCOUNTS), **sections) as scene:
            speakers = await scene.speakers(ROOM, "ann")
            await eventually(lambda: scene.lab.waiting_gateways, "a gateway in the brewery")
            try:
                yield Dialling(scene, speakers["ann"], trunk)
            finally:
                await trunk.close_calls()
