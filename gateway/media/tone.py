"""The tones that the engine has: what a caller is told without words."""

from enum import StrEnum


class Tone(StrEnum):
    """What a caller can be told without words.

    The first four repeat, instead of the conference, until `Silence`; the others are over soon.
    """

    WAITING = "waiting"  # for company, or to be let in: two soft beeps every few seconds
    MUSIC = "music"  # while waiting for the same: a recording, or `WAITING` if there is none
    REPAIRING = "repairing"  # the conference cannot be heard, and will be: soft ticks
    PASSWORD = "password"  # the room's password is to be typed: two quick beeps, again and again
    MUTED = "muted"  # two beeps, falling
    UNMUTED = "unmuted"  # two beeps, rising
    HAND = "hand"  # the raised hand is shown: one high beep
    MAY_SPEAK = "may-speak"  # a moderator says that the caller may unmute: three rising beeps
    REFUSED = "refused"  # what was typed is wrong: one long low beep
    RECORDING = "recording"  # what is said is kept from now on: three equal beeps
    RECORDING_OVER = "recording-over"  # and no longer: three falling beeps
    NOT_HEARD = "not-heard"  # others have encryption on that we cannot do: low, high, low, high
    SPEAK = "speak"  # what is said from now on is wanted: one long beep
    CONGESTION = "congestion"  # the call cannot go on and is about to end

    @property
    def repeats(self) -> bool:
        return self in (Tone.WAITING, Tone.MUSIC, Tone.REPAIRING, Tone.PASSWORD)
