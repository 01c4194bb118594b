"""What one caller alone hears: tones or music instead of the conference, words over it. Pure."""

from collections import deque
from collections.abc import Callable

import numpy as np

from audiocodecs.frames import Samples
from gateway.media.announcement import Announcement
from gateway.media.messages import Event, Hush, Play, Played, Say, Silence, Tone
from gateway.media.music import Music
from gateway.media.utterance import Over, Recordings, Utterance

_MOST_BEEPS = 4
"""Tones that do not repeat, being played and waiting; who has more to be told is not told it."""

_PAUSE = 0.3
"""Seconds between two of them, by which they are told apart."""


class Earpiece:
    """The earpiece of call `call`, whose frames have `rate` Hz. `emit` is told what was played."""

    def __init__(
        self, call: str, recordings: Recordings, emit: Callable[[Event], None], *, rate: int
    ) -> None:
        self._call = call
        self._recordings = recordings
        self._emit = emit
        self._rate = rate
        self._music = Music(recordings, rate=rate)
        self._repeating: Announcement | None = None
        self._passing: deque[Announcement] = deque()
        self._saying: tuple[int, Utterance] | None = None

    def obey(self, command: Play | Silence | Say | Hush) -> None:
        """Begin or end something."""
        match command:
            case Play(_, tone):
                is_music = tone is Tone.MUSIC
                if tone.repeats:
                    # Behind the music stands a tone, which is heard if there is no recording.
                    behind = Announcement(Tone.WAITING if is_music else tone, rate=self._rate)
                    self._repeating, self._music.is_wanted = behind, is_music
                elif len(self._passing) < _MOST_BEEPS:
                    pause = _PAUSE if self._passing else 0.0
                    self._passing.append(Announcement(tone, rate=self._rate, pause=pause))
            case Silence():
                self._repeating, self._music.is_wanted = None, False
            case Say():
                self._said()
                utterance = Utterance(command.parts, self._recordings, rate=self._rate)
                self._saying = command.utterance, utterance
            case Hush():
                if self._saying is not None:
                    self._saying[1].hush()

    @property
    def is_beeping(self) -> bool:
        """Whether a tone that does not repeat is being played."""
        return bool(self._passing)

    def change_rate(self, rate: int) -> None:
        """Frames have another length from now on; a tone that repeats begins anew."""
        self._rate = rate
        self._passing.clear()
        self._music.change_rate(rate)
        if self._repeating is not None:
            self._repeating = Announcement(self._repeating.tone, rate=rate)
        if self._saying is not None:
            self._saying[1].change_rate(rate)

    def tone(self, *, hears: bool = True) -> Samples | None:
        """The next frame of what is heard instead of the conference, if anything is: with music
        that is all there is, the words over it too if the phone `hears`."""
        is_beneath = self.is_beeping or self._saying is not None
        if not is_beneath and self._repeating is None and self._music.is_over:
            return None  # the usual case
        music = self._music.next_frame(is_beneath=is_beneath)
        beep = self._beep()
        if music is not None:
            over = self.speech() if hears else None
            return _together(music, beep, over.samples if over is not None else None)
        if beep is not None:
            return beep
        if self._saying is not None or self._repeating is None:
            return None
        return self._repeating.next_frame()

    def _beep(self) -> Samples | None:
        """The next frame of the tones that do not repeat."""
        while self._passing:
            frame = self._passing[0].next_frame()
            if frame is not None:
                return frame
            self._passing.popleft()
        return None

    def speech(self) -> Over | None:
        """The next frame of what is said over the conference, if anything is."""
        if self._saying is None:
            return None
        over = self._saying[1].next_frame()
        if self._saying[1].is_over:
            self._said()
        return over

    def _said(self) -> None:
        """What is being said, if anything is, is over."""
        if self._saying is not None:
            number, utterance = self._saying
            self._saying = None
            self._emit(Played(self._call, number, utterance.complete))


def _together(music: Samples, *others: Samples | None) -> Samples:
    """The sum of what sounds, without overflow."""
    sounding = [other for other in others if other is not None]
    if not sounding:
        return music
    total = np.sum([music, *sounding], axis=0, dtype=np.int32)
    return np.clip(total, -32768, 32767).astype(np.int16)
