"""What the engine can be told to say to a caller: recordings it has, and speech sent to it. And to
let it hear nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording the engine has, by language and name: `de`, `goodbye`."""

    language: str
    name: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was spoken just now: int16 samples, little-endian, mono, at 16 kHz."""

    pcm: bytes


SpeechPart = Recorded | Sampled


@dataclass(frozen=True, slots=True)
class Say:
    """Say something to the phone alone, over the conference, which is 12 dB softer meanwhile.

    It ends what was being said. Answered by `Played` with the same `utterance`, when it has been
    said or something has ended it. A tone that repeats waits for the end. While the phone hears
    nothing, since it is not connected yet or on hold, nothing is said.
    """

    call: str
    utterance: int
    parts: tuple[SpeechPart, ...]


@dataclass(frozen=True, slots=True)
class Hush:
    """Say no more of what is being said. Answered by `Played` if something is."""

    call: str


@dataclass(frozen=True, slots=True)
class Played:
    """What `Say` wanted is over; `complete` says that all of it was played."""

    call: str
    utterance: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Seclude:
    """Keep the phone out of the conference, or let it in (at first it is).

    Secluded, it is not heard there, whatever `Mute` says, and hears only what is played and said to
    it; its keys are told.
    """

    call: str
    secluded: bool
