"""What callers who name no room are met with: a voice, a desk for their PINs, a memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.ivr.language import Language, language_for
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.pin_guard import Wait
from gateway.ivr.redial_memory import RedialMemory
from gateway.ivr.synthesis import Names


class Desk(Protocol):
    """Where PINs are looked up (`gateway.ivr.pin_desk.PinDesk`)."""

    async def present(
        self, pin: str, caller: str | None, trunk: str, *, call: str
    ) -> Meeting | NoMeeting | Wait:
        """What a PIN stands for; or how long this caller has to wait before it may ask."""
        ...


@dataclass(frozen=True, slots=True)
class Reception:
    """The same for all callers. `rules` says how PINs are typed now. `languages` are those
    offered, the first where nothing tells another; `by_number` tells it for numbers that are
    called. With `offers_languages` callers choose by a key.
    """

    desk: Desk
    names: Names
    rules: Callable[[], PinRules]
    languages: tuple[Language, ...] = (Language.ENGLISH,)
    by_number: Mapping[str, Language] = field(default_factory=dict)
    offers_languages: bool = False
    redials: RedialMemory[Meeting] = field(default_factory=RedialMemory)

    def language(self, caller: str, called: str) -> Language:
        """The language to greet a caller in."""
        return language_for(
            called=called, caller=caller, by_number=self.by_number, offered=self.languages
        )
