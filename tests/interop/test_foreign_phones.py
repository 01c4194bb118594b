"""pyVoIP and baresip, SIP phones by other people, call the gateway: are heard, and hear."""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from audiocodecs.frames import Samples
from gateway.calls.end_reason import EndReason
from gateway.calls.media_session import MediaSession
from gateway.lab.lab import LabConfig
from gateway.lab.lab_config import Allocation
from gateway.lab.speaker import Speaker
from gateway.media.messages import DigitReceived, Event
from tests.behaviour.stage import RATE, Stage, eventually, names_in, stage, voice_of
from tests.phones import baresip, pyvoip
from tests.phones.foreign import ForeignCall, Refused

pytestmark = pytest.mark.interop

ROOM = "room1"
USER = "71"

_UNDER_WAY = 0.5  # seconds of what was said before and is still to be heard
_LISTEN = 3.0  # seconds in which everybody's tone comes ten times


@dataclass(frozen=True)
class Caller:
    """A foreign phone, and how it calls."""

    phone: str
    transport: str = "udp"
    codec: str = "PCMU"
    encryption: str | None = None  # of baresip's

    def __str__(self) -> str:
        parts = (self.phone, self.transport, self.codec, self.encryption)
        return "-".join(part for part in parts if part is not None)

    @property
    def acknowledges_wrongly(self) -> bool:
        """Whether the To tag of its ACKs is not ours."""
        return self.phone == "pyvoip"

    def dial(
        self, scene: Stage, folder: Path, user: str = USER, *, name: str = "phone"
    ) -> AbstractAsyncContextManager[ForeignCall]:
        """Let it call, speaking as `name`."""
        missing = {"pyvoip": pyvoip.missing, "baresip": baresip.missing}[self.phone]()
        if missing is not None:
            give_up: Callable[[str], None] = (
                pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            )
            give_up(missing)
        own = folder / self.phone
        own.mkdir()
        uri = scene.uri(user, self.transport)
        if self.phone == "pyvoip":
            return pyvoip.pyvoip(own, uri, says=voice_of(name), codec=self.codec)
        return baresip.baresip(
            own, uri, says=voice_of(name), codec=self.codec, encryption=self.encryption
        )


PYVOIP = Caller("pyvoip")
BARESIP = Caller("baresip")
BARESIP_TCP = Caller("baresip", "tcp")

each_phone = pytest.mark.parametrize("caller", [PYVOIP, BARESIP, BARESIP_TCP], ids=str)


@pytest.mark.parametrize(
    "caller",
    [
        PYVOIP,
        Caller("pyvoip", codec="PCMA"),
        BARESIP,
        Caller("baresip", codec="PCMA"),
        Caller("baresip", codec="G722"),
        Caller("baresip", codec="OPUS"),
        BARESIP_TCP,
        Caller("baresip", encryption="srtp"),
        Caller("baresip", codec="OPUS", encryption="srtp-mand"),
        Caller("baresip", encryption="dtls_srtp"),
        Caller("baresip", encryption="dtls_srtp;medianat=ice"),
    ],
    ids=str,
)
async def test_a_foreign_phone_and_two_speakers_hear_exactly_each_other(
    caller: Caller, tmp_path: Path
) -> None:
    must_be = "required" if caller.encryption is not None else "off"
    async with stage(trunk={"srtp": must_be}) as scene:
        speakers = await scene.speakers(ROOM, "ann", "bob")
        async with caller.dial(scene, tmp_path) as call:
            await call.answered()
            assert await heard_by(scene, speakers, phone=call) == {
                "phone": {"ann", "bob"},
                "ann": {"phone", "bob"},
                "bob": {"phone", "ann"},
            }
            await call.hang_up()
            record = await scene.over()
        counters = scene.gateway.user_agent.counters
    assert record.end is not None
    assert record.end.reason is EndReason.CALLER_HUNG_UP
    assert (counters.wrong_to_tags > 0) is caller.acknowledges_wrongly
    assert counters.acks_missing == counters.unparsable == counters.malformed_requests == 0


async def test_two_foreign_phones_hear_each_other_and_not_themselves(tmp_path: Path) -> None:
    async with stage() as scene:
        speakers = await scene.speakers(ROOM, "ann")
        async with (
            PYVOIP.dial(scene, tmp_path) as first,
            BARESIP.dial(scene, tmp_path, name="phone 2") as second,
        ):
            await first.answered()
            await second.answered()
            assert await heard_by(scene, speakers, phone=first, **{"phone 2": second}) == {
                "phone": {"phone 2", "ann"},
                "phone 2": {"phone", "ann"},
                "ann": {"phone", "phone 2"},
            }


@each_phone
async def test_a_foreign_phone_is_hung_up(caller: Caller, tmp_path: Path) -> None:
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        async with caller.dial(scene, tmp_path) as call:
            await call.answered()
            await scene.media_up()
            (record,) = scene.gateway.switchboard.calls
            scene.lab.kick(f"{ROOM}@{scene.lab.muc_domain}", record.endpoint, "noise")
            assert await call.ended()
            record = await scene.over()
            assert record.end is not None
            assert record.end.reason is EndReason.KICKED


@each_phone
async def test_a_foreign_phone_shows_that_its_call_is_refused(
    caller: Caller, tmp_path: Path
) -> None:
    async with stage() as scene, caller.dial(scene, tmp_path, "nobody") as call:
        with pytest.raises(Refused) as refused:
            await call.answered()
        assert refused.value.status == 404


@pytest.mark.parametrize("caller", [BARESIP, BARESIP_TCP], ids=str)
async def test_baresip_gives_up_while_it_rings(caller: Caller, tmp_path: Path) -> None:
    never = LabConfig(allocations=(Allocation.NO_REPLY,))
    async with stage(never) as scene, caller.dial(scene, tmp_path) as call:
        assert isinstance(call, baresip.BaresipCall)
        await call.ringing()
        await call.hang_up()
        await call.ended()
        record = await scene.over()
        assert record.end is not None
        assert record.end.reason is EndReason.CALLER_CANCELLED


@pytest.mark.parametrize(
    "caller", [BARESIP, pytest.param(BARESIP_TCP, marks=pytest.mark.soak)], ids=str
)
async def test_baresip_on_hold_neither_hears_nor_is_missed_and_resumes(
    caller: Caller, tmp_path: Path
) -> None:
    # It offers sendonly, and sends nothing: that must not be taken for a phone that is gone.
    async with stage(media={"no_rtp_timeout": 2.0}) as scene:
        speakers = await scene.speakers(ROOM, "ann", "bob")
        async with caller.dial(scene, tmp_path) as call:
            assert isinstance(call, baresip.BaresipCall)
            await call.answered()
            await scene.media_up()
            await call.hold()
            assert await heard_by(scene, speakers) == {"ann": {"bob"}, "bob": {"ann"}}
            await call.resume()
            await call.echo()  # what comes back from it, it has heard
            both = {"ann", "bob"}
            assert await heard_by(scene, speakers) == {"ann": both, "bob": both}
            await call.hang_up()
            report = (await scene.over()).report
    held = _LISTEN / 0.020  # packets that neither side sent
    assert report.to_phone.packets - report.from_phone.packets < held / 2


async def test_keys_pressed_on_baresip_arrive_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits: list[str] = []
    receive = MediaSession.receive

    def listen(session: MediaSession, event: Event) -> None:
        if isinstance(event, DigitReceived):
            digits.append(event.digit)
        receive(session, event)

    monkeypatch.setattr(MediaSession, "receive", listen)
    async with stage() as scene, BARESIP.dial(scene, tmp_path) as call:
        assert isinstance(call, baresip.BaresipCall)
        await call.answered()
        await call.press("1990#*")
        await eventually(lambda: len(digits) >= 6, "six digits")
        await call.hang_up()
        await scene.over()
    assert digits == list("1990#*")


async def heard_by(
    scene: Stage, speakers: dict[str, Speaker], **phones: ForeignCall
) -> dict[str, set[str]]:
    """Whom each of them hears from now on."""
    await scene.media_up()
    begun = {name: len(phone.recording()) for name, phone in phones.items()}
    for speaker in speakers.values():
        speaker.forget()

    def heard() -> dict[str, Samples]:
        by_phones = {name: phone.recording()[begun[name] :] for name, phone in phones.items()}
        return {**by_phones, **{name: speaker.mix() for name, speaker in speakers.items()}}

    skipped, enough = round(_UNDER_WAY * RATE), round((_UNDER_WAY + _LISTEN) * RATE)
    await eventually(
        lambda: all(len(samples) >= enough for samples in heard().values()), "audio for everybody"
    )
    return {name: names_in(samples[skipped:]) for name, samples in heard().items()}
