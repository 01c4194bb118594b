"""What is done to a phone's voice before the conference hears it, each by choice of its trunk."""

from audiocodecs.frames import Samples, audio_level
from audiocodecs.gain import GainControl
from audiocodecs.noise_gate import NoiseGate
from audiocodecs.voice_activity import VoiceActivity


class PhoneLine:
    """One phone's line of 20 ms frames: a noise gate, then automatic gain."""

    def __init__(self, *, gain_control: bool, noise_gate: bool) -> None:
        self._activity = VoiceActivity()
        self._gate = NoiseGate() if noise_gate else None
        self._gain = GainControl() if gain_control else None

    def apply(self, samples: Samples) -> Samples:
        """The frame as the conference is to hear it."""
        if self._gate is None and self._gain is None:
            return samples
        level = audio_level(samples)
        is_speech = self._activity.update(level)
        if self._gate is not None:
            samples = self._gate.apply(samples, level, is_speech=is_speech)
        if self._gain is not None:
            samples = self._gain.apply(samples, level, self._activity.noise, is_speech=is_speech)
        return samples
