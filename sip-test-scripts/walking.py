"""Phones that walk through the menu, each at its own pace, in one run of SIPp.

SIPp signals, and sends keys by INFO; the media agent listens to what is said, and presses all other
keys. Where they go, and what they must hear on the way, is `tests/interop/walks.py`'s.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from media_agent import EVENT_TYPE, TONES, Caller
from sipp import HOST, Report, Sipp

from audiocodecs.frames import Samples

PATIENCE = 150  # seconds until SIPp stops by itself: time-outs of the menu are waited for


class Way(StrEnum):
    """How keys are sent."""

    RTP = "RFC 4733"
    RELAY = "INFO, application/dtmf-relay"
    BARE = "INFO, application/dtmf"
    TONES = "tones"


@dataclass(frozen=True, slots=True)
class Walking:
    """A SIPp scenario that walks."""

    name: str
    proves: str
    rfc: str

    @property
    def file(self) -> str:
        """The SIPp scenario."""
        return f"{self.name}.xml"


DIAL_IN = Walking(
    "dial-in",
    "who names no room is asked for a PIN: every branch of the menu, keys by all ways",
    "4733; 6086; ITU-T Q.24",
)
DIALLED_IN_WORDS = Walking(
    "dialled-in-words",
    "who is called hears who invites, and joins by a key, sent by all ways",
    "4733; 6086; ITU-T Q.24",
)
WALKING = (DIAL_IN, DIALLED_IN_WORDS)


@dataclass(frozen=True, slots=True)
class Plan:
    """One call: who calls whom, by numbers (of one that is called only the name counts), by which
    way keys are sent, and what is spoken."""

    name: str
    number: str
    called: str
    way: Way
    tone: float = TONES[0]


class WalkingPhone:
    """One call of SIPp's; made by `walking_phones`."""

    def __init__(self, plan: Plan, media: Caller, sipp: Sipp) -> None:
        self.media = media
        self._plan = plan
        self._sipp = sipp
        self._pressed = 0

    async def call(self) -> None:
        """Call, and return when it is answered."""
        await self._sipp.has_reported(self._plan.name, "ready")
        self._sipp.go(self._plan.name)
        await self.answered()

    async def answered(self) -> None:
        """Return when it is answered; ScenarioFailed if it never is."""
        await self._sipp.has_reported(self._plan.name, "answered")

    async def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        match self._plan.way:
            case Way.RTP:
                self.media.press_events(keys)
            case Way.TONES:
                self.media.press(keys)
            case _:
                for key in keys:
                    self._sipp.go(self._plan.name, order=f"press {key}")
                    self._pressed += 1
                    await self._sipp.has_reported(self._plan.name, "pressed", self._pressed)

    def speak(self) -> None:
        """Say something from now on."""
        self.media.speak(True)

    def recording(self) -> Samples:
        """What has been sent to it so far, 8 kHz; not to be written to."""
        return self.media.tape

    async def hang_up(self) -> None:
        """End the call."""
        self._sipp.go(self._plan.name, order="hang up")

    async def ended(self) -> None:
        """Return when the gateway has hung up."""
        await self._sipp.has_reported(self._plan.name, "hung up on")


@asynccontextmanager
async def walking_phones(
    walking: Walking,
    plans: Sequence[Plan],
    *,
    remote: tuple[str, int] | None = None,
    port: int = 0,
) -> AsyncIterator[dict[str, WalkingPhone]]:
    """Phones by name, that call the `remote`, or are called at the `port`, in the order of the
    `plans`."""
    async with AsyncExitStack() as parts:
        media: dict[str, Caller] = {}
        for plan in plans:
            media[plan.name] = Caller(plan.name, plan.tone)
            await media[plan.name].open(HOST)
            parts.push_async_callback(media[plan.name].close)

        def connect(report: Report) -> None:
            if report.media is not None:
                media[report.caller].connect(report.media)

        sipp = Sipp(
            walking.file,
            [_fields(plan, media[plan.name].port) for plan in plans],
            remote,
            transport="udp",
            port=port,
            options=("-timeout", PATIENCE),
            on_report=connect,
        )
        await parts.enter_async_context(sipp)
        yield {plan.name: WalkingPhone(plan, media[plan.name], sipp) for plan in plans}
        await sipp.succeeded()


def _fields(plan: Plan, port: int) -> tuple[str | int, ...]:
    if plan.way is Way.TONES:
        types, about = "0", "a=ptime:20"
    else:
        types, about = f"0 {EVENT_TYPE}", f"a=rtpmap:{EVENT_TYPE} telephone-event/8000"
    if plan.way is Way.RELAY:
        info = ("application/dtmf-relay", "Signal=", "Duration=160")
    else:
        info = ("application/dtmf", "", "")
    return plan.name, plan.number, port, plan.called, types, about, *info
