"""What one caller alone hears: tones instead of the conference, words over it. Pure."""

from collections.abc import Callable

from audiocodecs.frames import Samples
from gateway.media.announcement import Announcement
from gateway.media.messages import Event, Hush, Play, Played, Say, Silence
from gateway.media.utterance import Over, Recordings, Utterance


class Earpiece:
    """The earpiece of call `call`, whose frames have `rate` Hz. `emit` is told what was played."""

    def __init__(
        self, call: str, recordings: Recordings, emit: Callable[[Event], None], *, rate: int
    ) -> None:
        self._call = call
        self._recordings = recordings
        self._emit = emit
        self._rate = rate
        self._repeating: Announcement | None = None
        self._passing: Announcement | None = None
        self._saying: tuple[int, Utterance] | None = None

    def obey(self, command: Play | Silence | Say | Hush) -> None:
        """Begin or end something."""
        match command:
            case Play(_, tone):
                announcement = Announcement(tone, rate=self._rate)
                if tone.repeats:
                    self._repeating = announcement
                else:
                    self._passing = announcement
            case Silence():
                self._repeating = None
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
        return self._passing is not None

    def change_rate(self, rate: int) -> None:
        """Frames have another length from now on; a tone that repeats begins anew."""
        self._rate = rate
        self._passing = None
        if self._repeating is not None:
            self._repeating = Announcement(self._repeating.tone, rate=rate)
        if self._saying is not None:
            self._saying[1].change_rate(rate)

    def tone(self) -> Samples | None:
        """The next frame of what is heard instead of the conference, if anything is."""
        if self._passing is not None:
            frame = self._passing.next_frame()
            if frame is not None:
                return frame
            self._passing = None
        if self._saying is not None or self._repeating is None:
            return None
        return self._repeating.next_frame()

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
