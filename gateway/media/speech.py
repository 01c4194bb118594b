"""What the engine can be told to say to a caller: recordings it has, and speech sent to it. And to
let it hear nothing else; and to record what a caller says."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording the engine has, by language and name: `de`, `goodbye`. What is in no language
    has none: `""`."""

    language: str
    name: str


MUSIC = Recorded("", "music")
"""What who waits hears round and round."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was spoken just now: int16 samples, little-endian, mono, at 16 kHz."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a caller has said: G.711 mu-law at 8 kHz, a quarter of `Sampled`, since it is sent once
    for each who hears it. Empty: it has said nothing."""

    ulaw: bytes = field(repr=False)


SpeechPart = Recorded | Sampled | Spoken


@dataclass(frozen=True, slots=True)
class Say:
    """Say something to the phone alone, over the conference, which is 12 dB softer meanwhile.

    It ends what was being said. Answered by `Played` with the same `utterance`, when it has been
    said or something has ended it. A tone that repeats waits for the end, music goes on beneath.
    While the phone hears nothing, since it is not connected yet or on hold, nothing is said.
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


@dataclass(frozen=True, slots=True)
class RecordVoice:
    """Record what the phone says once the tone that is being played is over, from its first word to
    a pause, for `seconds` at most (ten whatever is asked for). Answered by `VoiceRecorded`; it ends
    a recording there is. Nothing is kept."""

    call: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording, if there is one."""

    call: str


@dataclass(frozen=True, slots=True)
class VoiceRecorded:
    """What the phone has said; empty if it has said nothing for the whole time."""

    call: str
    spoken: Spoken
