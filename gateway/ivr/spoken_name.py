"""What a caller has said for its name, made fit to be played to others. Pure."""

from audiocodecs.g711 import PCMU
from audiocodecs.loudness import levelled, speech_level, trimmed
from audiocodecs.resampling import NARROW
from gateway.ivr.phrasebook import Speech
from gateway.media.messages import Spoken

LASTS = 4.0
"""Seconds that a name may take; and those in which it has to begin."""

_SHORTEST = 0.2  # seconds; a click is no name
_SOFTEST = 55.0  # -dBov: what is softer is the noise of a line


def as_name(spoken: Spoken) -> Speech:
    """A name as loud as all that is said; empty if nobody has said anything."""
    samples = trimmed(PCMU.decode(spoken.ulaw), NARROW)
    level = speech_level(samples, NARROW)
    if len(samples) < _SHORTEST * NARROW or level is None or level > _SOFTEST:
        return ()
    return (Spoken(PCMU.encode(levelled(samples, NARROW))),)
