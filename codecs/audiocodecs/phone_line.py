"""What is done to a phone's voice before the conference hears it, each by choice of its trunk."""

from audiocodecs.echo_suppressor import EchoSuppressor
from audiocodecs.frames import Samples, audio_level
from audiocodecs.gain import GainControl
from audiocodecs.noise_gate import NoiseGate
from audiocodecs.voice_activity import VoiceActivity


class PhoneLine:
    """One phone's line of 20 ms frames: echo suppression, a noise gate, then automatic gain."""

    def __init__(self, *, gain_control: bool, noise_gate: bool, echo_suppression: bool) -> None:
        self._activity = VoiceActivity()
        self._echo = EchoSuppressor() if echo_suppression else None
        self._gate = NoiseGate() if noise_gate else None
        self._gain = GainControl() if gain_control else None
        self._is_plain = not (echo_suppression or noise_gate or gain_control)

    @property
    def listens(self) -> bool:
        """Whether it wants to know what the phone is `played`."""
        return self._echo is not None

    def played(self, samples: Samples) -> None:
        """The frame that the phone hears now."""
        if self._echo is not None:
            self._echo.played(audio_level(samples))

    def apply(self, samples: Samples) -> Samples:
        """The frame as the conference is to hear it."""
        if self._is_plain:
            return samples
        level = audio_level(samples)
        is_echo = False
        if self._echo is not None:
            samples = self._echo.apply(samples, level)
            level = audio_level(samples)
            is_echo = self._echo.is_suppressing
        is_speech = self._activity.update(level)
        if self._gate is not None:
            samples = self._gate.apply(samples, level, is_speech=is_speech)
        if self._gain is not None:
            is_voice = is_speech and not is_echo
            samples = self._gain.apply(samples, level, self._activity.noise, is_speech=is_voice)
        return samples
