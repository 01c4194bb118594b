"""What is measured: how many calls in which rooms, and who speaks. Pure."""

from dataclasses import dataclass, replace

FRAMES = 50
"""Frames of 20 ms in a second."""

CODECS = ("PCMU", "PCMA")
"""What the benchmark's phones speak."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`calls` phones of `codec`, `callers_a_room` in each room beside `talkers` of the conference.

    `callers_speaking` and `talkers_speaking` are how many of a room's speak, None if all do. A
    caller who does not speak sends the noise of a quiet line; a talker who does not sends that of
    a quiet room, or nothing if `muted`. `complexity` is Opus' towards the bridge.

    Callers `in_menu` are in no room: they are spoken to without end, and press a key a second, each
    of which breaks off what is said; with `tones` their phones know no telephone-event.
    """

    name: str
    about: str
    calls: int
    callers_a_room: int = 1
    talkers: int = 3
    callers_speaking: int | None = None
    talkers_speaking: int | None = None
    muted: bool = False
    codec: str = "PCMU"
    complexity: int = 5
    in_menu: bool = False
    tones: bool = False

    def __post_init__(self) -> None:
        if self.calls < 1 or self.callers_a_room < 1 or self.talkers < 0:
            raise ValueError(f"{self.name}: there have to be calls, and nobody is less than nobody")
        if self.codec not in CODECS:
            raise ValueError(f"{self.name}: phones here speak {', '.join(CODECS)}")

    def of(self, calls: int) -> "Scenario":
        """The same with another number of calls."""
        return replace(self, calls=calls)

    @property
    def rooms(self) -> int:
        """How many rooms there are; the last one may be less full."""
        return -(-self.calls // self.callers_a_room)

    def room_of(self, call: int) -> int:
        """Which room call number `call` is in."""
        return call // self.callers_a_room

    def caller_speaks(self, call: int) -> bool:
        """Whether call number `call` speaks."""
        place = call % self.callers_a_room
        return self.callers_speaking is None or place < self.callers_speaking

    def talker_speaks(self, talker: int) -> bool:
        """Whether talker number `talker` of a room speaks."""
        return self.talkers_speaking is None or talker < self.talkers_speaking

    @property
    def speaking(self) -> int:
        """How many of all calls speak."""
        return sum(self.caller_speaks(call) for call in range(self.calls))

    def sends(self, talker: int) -> bool:
        """Whether talker number `talker` of a room sends packets."""
        return self.talker_speaks(talker) or not self.muted

    @property
    def speaking_talkers(self) -> int:
        """How many talkers of a room speak."""
        return sum(self.talker_speaks(talker) for talker in range(self.talkers))


OWN_ROOMS = Scenario("own-rooms-3", "each call in a room of its own, three talkers, all speak", 50)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        OWN_ROOMS,
        Scenario(
            "room20-two-speaking",
            "twenty callers a room, of whom two speak, and three talkers",
            40,
            callers_a_room=20,
            callers_speaking=2,
        ),
        Scenario(
            "room20-all-speaking",
            "twenty callers a room, all of them speak, and three talkers",
            40,
            callers_a_room=20,
        ),
        Scenario(
            "nobody-speaks",
            "rooms of their own, open microphones, nobody speaks",
            50,
            callers_speaking=0,
            talkers_speaking=0,
        ),
        Scenario(
            "everybody-muted",
            "rooms of their own, talkers muted, callers silent",
            50,
            callers_speaking=0,
            talkers_speaking=0,
            muted=True,
        ),
        Scenario(
            "callers-silent",
            "rooms of their own, three talkers speak, no caller does",
            50,
            callers_speaking=0,
        ),
        Scenario("one-talker", "each call in a room of its own with one talker", 50, talkers=1),
        Scenario(
            "one-room-5",
            "five callers in one room with one talker, all speak",
            5,
            callers_a_room=5,
            talkers=1,
        ),
        Scenario(
            "one-room-20",
            "twenty callers in one room with one talker, all speak",
            20,
            callers_a_room=20,
            talkers=1,
        ),
        Scenario(
            "one-room-60",
            "sixty callers in one room with one talker, all speak",
            60,
            callers_a_room=60,
            talkers=1,
        ),
        Scenario(
            "menu",
            "callers who are asked for their PINs, hear prompts and type",
            200,
            talkers=0,
            callers_speaking=0,
            in_menu=True,
        ),
        Scenario(
            "menu-tones",
            "the same, of phones whose keys are tones",
            200,
            talkers=0,
            callers_speaking=0,
            in_menu=True,
            tones=True,
        ),
        Scenario("growth-20", "as own-rooms-3, with 20 calls", 20),
        Scenario("growth-100", "as own-rooms-3, with 100 calls", 100),
    )
}
