"""A call whose caller presses keys and is spoken to: what is said is heard in words."""

import asyncio

from gateway.calls.reception import Reception
from gateway.ivr.language import Language
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.texts import Texts
from gateway.media import messages as m
from tests.calls.fake_phone import FakePhone
from tests.calls.states_scene import EFFECT, Scene
from tests.conference.world import ROOM, settle

PIN = "123456"
TO_VISITORS = "<conference xmlns='http://jitsi.org/protocol/focus' ready='true' vnode='v1'/>"
_TEXTS = Texts.of(Language.ENGLISH)
_WORDS = {**_TEXTS.recordings(), **_TEXTS.characters()}


class Desk:
    """Knows one PIN, of `owner` if it is somebody's."""

    def __init__(self, owner: str | None = None) -> None:
        self._meeting = Meeting(ROOM, owner)

    async def present(
        self, pin: str, caller: str | None, trunk: str, *, call: str
    ) -> Meeting | NoMeeting:
        return self._meeting if pin == PIN else NoMeeting.UNKNOWN


def reception(owner: str | None = None) -> Reception:
    """Where callers are asked for it."""
    return Reception(Desk(owner), lambda: PinRules(longest=len(PIN)))


class KeypadScene(Scene):
    """Like `Scene`, for trunks that speak; `asks` is whether callers are asked for a PIN."""

    _said_before = 0

    def begins(self) -> None:
        super().begins()
        if self._party is not None:
            self._said_before = len(self.party.media.said)

    def caller(self) -> str:
        """What is said, then what goes on; nothing of the latter if the phone is hung up."""
        said = [f'"{_sentence(parts)}"' for parts in self.party.media.said[self._said_before :]]
        return ", ".join([*said, *self._sound()])

    def _sound(self) -> list[str]:
        if self.party.is_over:
            return [self._last_word()]
        return [self._goes_on_hearing()]

    # The phone

    async def calls_and_is_asked(self) -> None:
        """It names no room."""
        self._party = await self._there.call_in(FakePhone("4300", ""))
        await settle(EFFECT)

    async def calls_to_listen(self) -> None:
        """As a visitor."""
        self.world.conference.append(TO_VISITORS)
        phone = FakePhone("room", "room", headers="Jitsi-Visitor: true\r\n")
        self._party = await self._there.call_in(phone)
        await settle(EFFECT)

    async def answers_and_is_asked(self) -> None:
        """It is called; it has been asked once."""
        self.phone.answers()
        await settle(0.5)

    async def presses(self, keys: str, *, apart: float = 0.0) -> None:
        """One key after the other."""
        for key in keys:
            self._there.engine.presses(self.party.call, key)
            await asyncio.sleep(apart)
        await settle(EFFECT)


def _sentence(parts: tuple[m.SpeechPart, ...]) -> str:
    words = [_WORDS[part.name].strip(",") for part in parts if isinstance(part, m.Recorded)]
    return " ".join(words)
