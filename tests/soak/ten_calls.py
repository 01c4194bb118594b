"""Ten calls that talk in pairs while something is done to their gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from audiocodecs.frames import Samples
from gateway.lab.lab import Lab
from gateway.lab.listening import listen_for
from gateway.lab.phone import PhoneCall, TestPhone
from tests.behaviour.stage import (
    HOST,
    PULSE,
    RATE,
    TONES,
    eventually,
    gateway_tables,
    names_in,
    voice_of,
)
from tests.soak.lone_gateway import LoneGateway, Look

PHONES, STRANGER = "127.0.0.2", HOST  # some scanners have no choice where they are
ROOMS = 5  # with two phones each
NAMES = ("phone", "phone 2")
_SETTLING = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class TenCalls:
    """They are up, and everybody is heard."""

    gateway: LoneGateway
    calls: dict[tuple[int, str], PhoneCall]

    def forget(self) -> None:
        """Begin to listen anew."""
        for call in self.calls.values():
            call.media.frames.clear()

    def recordings(self) -> "Recordings":
        """What everybody has heard since, by room and name."""
        return {key: call.media.recording() for key, call in self.calls.items()}


Recordings = dict[tuple[int, str], Samples]


def longest_hole(recordings: Recordings) -> float:
    """The longest time anybody did not hear whom they should, in seconds of media time.

    AssertionError if there is one who did not hear the other at all, or somebody else. To find that
    out takes seconds in which the lab could not work: ask when the calls are over.
    """
    holes = []
    for (_, name), recording in recordings.items():
        other = NAMES[1 - NAMES.index(name)]
        assert names_in(recording) == {other}
        holes.append(listen_for(TONES[other], recording, RATE).longest_absence - PULSE)
    return max(0.0, *holes)


@asynccontextmanager
async def ten_calls(**sections: Any) -> AsyncIterator[TenCalls]:
    """A gateway that knows the phones' address only; afterwards nothing is left of anything."""
    async with Lab() as lab:
        trunk = {"from": [f"{PHONES}/32"], **sections.pop("trunk", {})}
        media = {"workers": 1}
        tables = gateway_tables(lab, media=media, trunk=trunk, **sections)
        async with LoneGateway(tables) as gateway, TestPhone(PHONES) as phone:
            empty = await gateway.look()
            host, port = empty.addresses["udp"]
            calls = {}
            for room in range(ROOMS):
                for name in NAMES:
                    target = f"sip:7{room}@{host}:{port}"
                    call = await phone.dial(target, speaks=voice_of(name), name=name)
                    await call.answered()
                    calls[room, name] = call
            for call in calls.values():
                await _audible(call)
            yield TenCalls(gateway, calls)
            for call in calls.values():
                call.hang_up()
            await nothing_left(gateway, empty)
            await eventually(lambda: lab.session_count == 0, "the end of every XMPP session")
        # On a machine with too much to do reports may be late (rule 37); all else is a mistake.
        assert [each for each in lab.violations if each.rule != 37] == []


async def _audible(call: PhoneCall) -> None:
    """Return when the other phone is heard; to look all the time would be a load of its own."""
    for _ in range(30):
        if names_in(call.media.recording()[-RATE:]):
            return
        await asyncio.sleep(_SETTLING)
    raise AssertionError("nobody is heard")


async def nothing_left(gateway: LoneGateway, empty: Look) -> None:
    """Return when there is no more of anything than there was when there was no call.

    A phone that is gone is waited for: 32 s for its ACK, and as long while our BYE does not go out.
    """
    for _ in range(160):
        look = await gateway.look()
        if not look.calls and not look.transactions and look.remains <= empty.remains:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"{look} is left; before the first call there was {empty}")
