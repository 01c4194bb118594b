"""What callers who name no room are met with: a voice, a desk for their PINs, a memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.ivr.language import Language
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.pin_guard import Wait
from gateway.ivr.redial_memory import RedialMemory


class Desk(Protocol):
    """Where PINs are looked up (`gateway.ivr.pin_desk.PinDesk`)."""

    async def present(
        self, pin: str, caller: str | None, trunk: str, *, call: str
    ) -> Meeting | NoMeeting | Wait:
        """What a PIN stands for; or how long this caller has to wait before it may ask."""
        ...


@dataclass(frozen=True, slots=True)
class Reception:
    """The same for all callers. `rules` says how PINs are typed now. Of several `languages` callers
    may choose one by a key."""

    desk: Desk
    rules: Callable[[], PinRules]
    languages: tuple[Language, ...] = ()
    redials: RedialMemory[Meeting] = field(default_factory=RedialMemory)
