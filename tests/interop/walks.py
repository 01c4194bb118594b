"""Walks through the menu: every branch, in three languages, by every way of sending keys.

A branch is a story: what a caller does, who waits for what. What it must hear is a list of prompts,
which is compared with what is in the recording of its phone (`tests.helpers.transcript`), whole and
in order. `spread` says who walks which branch how.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from walking import Way

from audiocodecs.frames import Samples
from gateway.calls.end_reason import EndReason
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.speaker import Speaker
from gateway.lab.voice import Voice
from tests.behaviour.stage import RATE, TONES, Stage
from tests.helpers.listening import share_of
from tests.helpers.music import hears_music
from tests.helpers.prompts import find, prompt

LANGUAGES = ("en", "de", "ru")
NUMBERS = {"en": "4301", "de": "4302", "ru": "4303"}  # whose callers are greeted so
ANY_NUMBER = "4300"  # whose callers are greeted as in their country
COUNTRIES = {"en": "+44", "de": "+49", "ru": "+7"}
ELSEWHERE = "+81"  # a country of none of them
WRONG = "00001#"  # no PIN begins with a zero
PASSWORD = "4711"
OWNER = "Olga Owner"
_PATIENCE = 60.0  # seconds for what has to come about
_FEW_WORDS = RATE // 2  # samples of a prompt by which its beginning or end is known
_LATELY = 12_000  # samples that are listened to at a time: what is transformed fast
_LISTEN_EVERY = 0.4  # seconds
_ALONE = 0.7  # share of what is heard: nothing else is


def first_words(language: str, name: str) -> Samples:
    """Half a second of a prompt, from soon after its beginning."""
    words = prompt(language, name, RATE)
    begin = int((abs(words.astype(int)) > 1000).argmax()) + _FEW_WORDS
    return words[begin : begin + _FEW_WORDS]


class Phone(Protocol):
    """A phone that has called, or is called."""

    async def call(self) -> None:
        """Call, and return when that is answered."""

    async def answered(self) -> None:
        """Return when it has answered, or is answered."""

    async def press(self, keys: str) -> None:
        """Press keys."""

    def speak(self) -> None:
        """Say something from now on."""

    def recording(self) -> Samples:
        """What it has heard."""
        ...

    async def hang_up(self) -> None:
        """End the call."""

    async def ended(self) -> object:
        """Return when the other side has ended it."""


@dataclass
class Walk:
    """One walk. `pin` leads into `room`, where `ann` is, if anybody."""

    scene: Stage
    language: str
    room: str
    pin: str
    phone: Phone
    again: Phone | None = None  # a second call of the same caller
    ann: Speaker | None = None
    number: str = ""  # at which the phone is called
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # to be called, in a fixed order
    _heard: int = field(default=0, init=False)  # samples that have been listened to

    async def hears(self, name: str, *, language: str | None = None) -> None:
        """Return when the last words of a prompt have been heard."""
        words = prompt(language or self.language, name, RATE)
        loud = abs(words.astype(int)) > 1000
        end = len(words) - int(loud[::-1].argmax())
        await self._hears(words[end - _FEW_WORDS : end], f"the end of {name}")

    async def begins_to_hear(self, name: str) -> None:
        """Return when the first words of a prompt have been heard."""
        await self._hears(first_words(self.language, name), f"the beginning of {name}")

    async def _hears(self, words: Samples, what: str) -> None:
        begin = self._heard

        def is_heard() -> bool:
            heard = self.phone.recording()
            near = max(begin, len(heard) - _LATELY)
            found = find(words, heard[near:], RATE)
            if found.likeness > 0.8:
                self._heard = near + round(found.at * RATE) + len(words)
            return found.likeness > 0.8

        await until(is_heard, f"{what} ({self.language})")

    async def hears_music(self) -> None:
        """Return when the music of who waits is heard, and nothing else."""
        begin = self._heard = len(self.phone.recording())
        await until(lambda: hears_music(self.phone.recording()[begin:], RATE), "music")

    async def hears_the_room(self) -> None:
        """Return when the caller hears Ann, and nothing else, and she hears the caller."""
        self.phone.speak()
        await until(self._hear_each_other, f"the sound of {self.room} ({self.language})")

    def _hear_each_other(self) -> bool:
        assert self.ann is not None
        both = (
            (TONES["ann"], self.phone.recording()),
            (TONES["phone"], self.ann.mix()),
        )
        return all(
            len(heard) > RATE and share_of(tone, heard[-RATE:], RATE) > _ALONE
            for tone, heard in both
        )

    async def is_seen(self, condition: Callable[[LabOccupant], bool], what: str) -> None:
        """Return when the room sees that of the caller."""
        await until(lambda: any(condition(each) for each in self._callers()), what)

    def _callers(self) -> list[LabOccupant]:
        nicks = {record.endpoint for record in self.scene.gateway.switchboard.calls}
        return [each for each in self.scene.lab.occupants(self.room) if each.nick in nicks]

    async def comes(self) -> None:
        """Ann comes."""
        voice = Voice.of_tone(TONES["ann"])
        self.ann = await self.scene.lab.add_speaker(self.room, "ann", voice)

    async def knocks(self) -> str:
        """Return when the caller waits in the lobby; its nick there."""
        moderator = self.scene.lab.moderator(self.room)
        await until(lambda: bool(moderator.knocking), f"knocking ({self.room})")
        return moderator.knocking[0].nick

    async def is_called(self) -> None:
        """Ann has the phone called, and it answers."""
        lab, ann = self.scene.lab, self.ann
        assert ann is not None
        async with self.turn:
            lab.phones_out(self.room)[lab.nick_of(ann)].dial(self.number)
            await self.phone.answered()

    async def enters(self) -> None:
        """The caller types its PIN when it is asked to."""
        await self.phone.call()
        await self.hears("enter-pin")
        await self.phone.press(self.pin)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something; listening takes a while, and is not done too often."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while not condition():  # noqa: ASYNC110 - many kinds of condition
                await asyncio.sleep(_LISTEN_EVERY)
    except TimeoutError:
        raise AssertionError(f"{what} did not come about") from None


Story = Callable[[Walk], Awaitable[None]]
_ASKED = ("greeting", "enter-pin")
_JOINING = (*_ASKED, "joining-before")


async def right(walk: Walk) -> None:
    await walk.enters()
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def wrong_three_times(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears("enter-pin")
    for _ in range(2):
        await walk.phone.press(WRONG)
        await walk.hears("try-again")
    await walk.phone.press(WRONG)
    await walk.phone.ended()


async def nothing(walk: Walk) -> None:
    await walk.phone.call()
    await walk.phone.ended()


async def with_a_hash(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears("enter-pin")
    await walk.phone.press(walk.pin + "#")
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def starts_over(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears("enter-pin")
    await walk.phone.press("99*")
    await walk.hears("enter-pin")
    await walk.phone.press(walk.pin)
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def barges_in(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears("greeting")  # it may have words of what follows
    await walk.begins_to_hear("enter-pin")
    await walk.phone.press(walk.pin)
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def in_vain(walk: Walk) -> None:
    """Then it may try another PIN."""
    await walk.enters()
    await walk.hears("try-again")
    await walk.phone.hang_up()


async def admitted(walk: Walk) -> None:
    moderator = walk.scene.lab.moderator(walk.room)
    moderator.open_lobby()
    await walk.enters()
    nick = await walk.knocks()
    await walk.hears("lobby")
    await walk.hears_music()
    moderator.admit(nick)
    await walk.hears_the_room()
    await walk.hears("admitted")
    await walk.phone.hang_up()


async def denied(walk: Walk) -> None:
    moderator = walk.scene.lab.moderator(walk.room)
    moderator.open_lobby()
    await walk.enters()
    nick = await walk.knocks()
    await walk.hears("lobby")
    await walk.hears_music()
    moderator.deny(nick)
    await walk.phone.ended()


async def waits_for_a_host(walk: Walk) -> None:
    await walk.enters()
    await walk.hears("wait-for-host")
    await walk.hears_music()
    await walk.comes()
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def password_right(walk: Walk) -> None:
    walk.scene.lab.set_password(walk.room, PASSWORD)
    await walk.enters()
    await walk.hears("enter-password")
    await walk.phone.press(PASSWORD + "#")
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def password_wrong(walk: Walk) -> None:
    walk.scene.lab.set_password(walk.room, PASSWORD)
    await walk.enters()
    for _ in range(3):
        await walk.hears("enter-password")
        await walk.phone.press("12#")
    await walk.phone.ended()


async def in_person(walk: Walk) -> None:
    await walk.enters()
    await walk.is_seen(lambda caller: caller.display_name == OWNER, "the name of the PIN's owner")
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def directly(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def calls_again(walk: Walk) -> None:
    assert walk.again is not None
    await right(walk)
    await until(lambda: not walk._callers(), "leaving")
    walk.phone, walk.again = walk.again, walk.phone
    await directly(walk)


async def is_greeted(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears("enter-pin")
    await walk.phone.hang_up()


async def chooses_its_language(walk: Walk) -> None:
    await walk.phone.call()
    await walk.hears("choose-language-before", language=LANGUAGES[-1])
    await walk.phone.press(str(LANGUAGES.index(walk.language) + 1))
    await walk.hears("enter-pin")
    await walk.phone.hang_up()


async def joins(walk: Walk) -> None:
    await walk.is_called()
    await walk.hears("press-to-decline-before")
    await walk.phone.press("1")
    await walk.hears_the_room()
    await walk.phone.hang_up()


async def declines(walk: Walk) -> None:
    await walk.is_called()
    await walk.hears("press-to-decline-before")
    await walk.phone.press("2")
    await walk.phone.ended()


async def is_a_machine(walk: Walk) -> None:
    """It speaks all the time, and nobody in the conference hears that."""
    walk.phone.speak()
    await walk.is_called()
    await walk.phone.ended()
    assert walk.ann is not None
    assert not walk.ann.mix().any(), "Ann has heard an answering machine"


@dataclass(frozen=True, slots=True)
class Branch:
    """`hears` are the prompts, whole and in order, of the walk's language if none is named; `cut`
    are broken off. A walk ends by `end`.

    `called` has {number} for the one of the language, and {room}. Where nothing `is_pressed`, the
    way of sending keys makes no difference. With `offers` callers may choose a language. `is_empty`
    is whether nobody is in the room at first.
    """

    name: str
    story: Story
    hears: tuple[str, ...]
    end: EndReason = EndReason.CALLER_HUNG_UP
    cut: tuple[str, ...] = ()
    called: str = "{number}"
    offers: bool = False
    is_pressed: bool = True
    is_empty: bool = False
    calls: int = 1


_AGAIN = ("nothing-entered", "enter-pin")
_PASSWORD_WRONG = ("password-wrong", "enter-password")

BRANCHES = (
    Branch("the PIN is right", right, _JOINING),
    Branch(
        "the PIN is wrong three times",
        wrong_three_times,
        (*_ASKED, *("pin-wrong", "try-again") * 2, "pin-wrong", "too-many-tries"),
        EndReason.PIN_WRONG,
    ),
    Branch(
        "nothing is typed",
        nothing,
        (*_ASKED, *_AGAIN, *_AGAIN, "goodbye"),
        EndReason.NO_PIN,
        is_pressed=False,
    ),
    Branch("a shorter PIN ends with #", with_a_hash, _JOINING),
    Branch("a shorter PIN ends with a pause", right, _JOINING),
    Branch("* starts over", starts_over, (*_ASKED, "enter-pin", "joining-before")),
    Branch(
        "typed while it is asked for",
        barges_in,
        ("greeting", "joining-before"),
        cut=("enter-pin",),
    ),
    Branch("the PIN is expired", in_vain, (*_ASKED, "pin-expired", "try-again")),
    Branch("too early", in_vain, (*_ASKED, "too-early", "try-again")),
    Branch("too late", in_vain, (*_ASKED, "too-late", "try-again")),
    Branch("admitted from the lobby", admitted, (*_JOINING, "lobby", "admitted")),
    Branch("denied in the lobby", denied, (*_JOINING, "lobby", "denied"), EndReason.LOBBY_DENIED),
    Branch(
        "a host has to come first", waits_for_a_host, (*_JOINING, "wait-for-host"), is_empty=True
    ),
    Branch("the password is right", password_right, (*_JOINING, "enter-password")),
    Branch(
        "the password is wrong",
        password_wrong,
        (*_JOINING, "enter-password", *_PASSWORD_WRONG * 2, "password-wrong"),
        EndReason.PASSWORD_WRONG,
    ),
    Branch("a personal PIN", in_person, _JOINING),
    Branch("a direct number", directly, (), called="7{room}", is_pressed=False),
    Branch("calling again", calls_again, (*_JOINING, "welcome-back"), calls=2),
    Branch(
        "greeted as in the caller's country",
        is_greeted,
        _ASKED,
        called=ANY_NUMBER,
        is_pressed=False,
    ),
)
BY_NAME = {branch.name: branch for branch in BRANCHES}

OFFERED = (
    Branch(
        "a language is chosen by its key",
        chooses_its_language,
        (
            *("en:greeting", "en:choose-language-before", "de:choose-language-before"),
            *("ru:choose-language-before", "enter-pin"),
        ),
        called=ANY_NUMBER,
        offers=True,
    ),
)
_INVITED = ("invited-unnamed", "press-to-join-before", "press-to-decline-before")
CALLED = (
    Branch("called, the key to join", joins, _INVITED, called=""),
    Branch(
        "called, the key to decline",
        declines,
        (*_INVITED, "goodbye"),
        EndReason.DECLINED,
        called="",
    ),
    Branch(
        "called, a machine answers",
        is_a_machine,
        (*_INVITED, *_INVITED, "goodbye"),
        EndReason.NOT_CONFIRMED,
        called="",
        is_pressed=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who walks a branch, and how: a `way` of SIPp's, or baresip, which has RFC 4733."""

    branch: Branch
    language: str
    way: Way
    by_baresip: bool = False

    def __str__(self) -> str:
        by = "baresip" if self.by_baresip else "SIPp"
        return f"{self.branch.name}, {self.language}, {self.way}, {by}"


def spread(branches: Sequence[Branch], *, with_baresip: bool) -> tuple[Plan, ...]:
    """Every branch in every language and by every way; and by baresip in one language. Not the full
    product, since neither has to do with the other."""
    ways = tuple(Way)
    plans = []
    for at, branch in enumerate(branches):
        # Four ways in three languages: the first language comes twice, another one each time.
        for step, way in enumerate(ways if branch.is_pressed else ways[: len(LANGUAGES)]):
            plans.append(Plan(branch, LANGUAGES[(at + step) % len(LANGUAGES)], way))
        if with_baresip:
            language = LANGUAGES[(at + 1) % len(LANGUAGES)]
            plans.append(Plan(branch, language, Way.RTP, by_baresip=True))
    return tuple(plans)


WALKS = spread(BRANCHES, with_baresip=True)
WALKS_OF_OFFERED = spread(OFFERED, with_baresip=True)
WALKS_OF_CALLED = spread(CALLED, with_baresip=False)
