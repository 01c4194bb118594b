"""Speech to measure with: what espeak-ng says, in several voices, at the level of a good phone."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from audiocodecs.frames import Samples
from gateway.lab.voice import read_audio

VOICES = ("en-gb", "en-us+f3", "de+m3", "fr+f2")
"""Two men and two women, three languages."""

_SENTENCES = {
    "en": "The train to the coast leaves at ten past nine. Would you ask her to bring the blue"
    " folder? It has been raining since Tuesday, and nobody knows where the cat has gone.",
    "de": "Der Zug an die Küste fährt um zehn nach neun. Kannst du sie bitten, die blaue Mappe"
    " mitzubringen? Seit Dienstag regnet es, und niemand weiß, wo die Katze ist.",
    "fr": "Le train pour la côte part à neuf heures dix. Peux-tu lui demander d'apporter le dossier"
    " bleu? Il pleut depuis mardi, et personne ne sait où est le chat.",
}
_ACTIVE_LEVEL = -26.0  # dBov, as ITU-T P.830 wants speech
_NOISE = 12.0  # the room of the speaker, r.m.s. of samples: -69 dBov
_LEAD = 0.6  # seconds of the room before the first word, and after the last


def is_available() -> bool:
    """Whether espeak-ng is installed."""
    return shutil.which("espeak-ng") is not None


@cache
def spoken(voice: str, rate: int) -> Samples:
    """About ten seconds of `voice` in a room that is never quite silent, at `rate` Hz."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        options = ["-v", voice, "-s", "150", "-w", str(file)]
        subprocess.run(["espeak-ng", *options, _SENTENCES[voice[:2]]], check=True)
        speech = read_audio(file, rate).astype(np.float64)
    active = np.abs(speech) > np.abs(speech).max() * 0.02
    level = np.sqrt(np.mean(speech[active] ** 2))
    speech *= 32767.0 * 10 ** (_ACTIVE_LEVEL / 20) / level
    lead = np.zeros(round(_LEAD * rate))
    room = np.concatenate((lead, speech, lead))
    noise = np.random.default_rng(len(voice)).normal(0.0, _NOISE, len(room))
    whole = np.clip(room + noise, -32768, 32767).astype(np.int16)
    return whole[: len(whole) // (rate // 50) * (rate // 50)]
