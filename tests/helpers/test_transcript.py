"""The ears of the walks hear what was said, and nothing else."""

import numpy as np
import pytest

from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import PCMA
from audiocodecs.tones import pulsed
from gateway.ivr.language import Language
from gateway.ivr.texts import Texts
from tests.helpers.prompts import prompt
from tests.helpers.transcript import RATE, prompts_in, transcript
from tests.helpers.voices import mixed, speech

pytestmark = pytest.mark.behaviour  # reading the prompts of a language takes a second

_SAID = [
    *("greeting", "choose-language-before", "enter-pin", "nothing-entered", "pin-wrong"),
    *("try-again", "too-many-tries", "too-early", "too-late", "pin-expired", "joining-before"),
    *("joining-meeting", "welcome-back", "one-moment", "wait-for-host", "lobby", "admitted"),
    *("denied", "enter-password", "password-wrong", "goodbye", "alone", "invited-unnamed"),
    *("press-to-join-before", "press-to-decline-before", "muted", "unmuted", "hand-raised"),
]


def on_the_phone(*parts: Samples) -> Samples:
    """One after the other, as they come out of a G.711 phone."""
    return PCMA.decode(PCMA.encode(np.concatenate(parts)))


def said(language: str, names: list[str]) -> Samples:
    between = silence(RATE // 10)
    return on_the_phone(
        *(part for name in names for part in (prompt(language, name, RATE), between))
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_said_is_heard_in_its_order_and_language(language: str) -> None:
    there = [name for name in _SAID if name in Texts.of(Language(language)).recordings()]
    expected = [f"{language}:{name}" for name in there]
    assert prompts_in(said(language, there), "en", "de") == expected
    assert len(there) > len(_SAID) - 3


def test_nobody_is_understood_in_another_language() -> None:
    assert transcript(said("en", _SAID), "de") == []


def test_it_is_heard_over_a_conference() -> None:
    words = said("de", ["greeting", "enter-pin"])
    beneath = np.tile(pulsed(1070.0, rate=RATE) // 4, 20)[: len(words)]
    heard = on_the_phone(mixed(words, beneath))
    assert prompts_in(heard, "en", "de") == ["de:greeting", "de:enter-pin"]


def test_what_is_broken_off_is_not_heard_to_its_end() -> None:
    words = prompt("en", "enter-pin", RATE)
    heard = on_the_phone(words[: len(words) // 2], silence(RATE))
    (found,) = transcript(heard, "en", "de")
    assert (found.name, found.is_whole) == ("enter-pin", False)
    assert 0.3 < found.share < 0.6
    assert prompts_in(heard, "en") == []


def test_a_phone_that_stretches_and_leaves_out_is_understood() -> None:
    words = prompt("en", "enter-pin", RATE)
    at = len(words) // 2
    heard = on_the_phone(words[:at], silence(700), words[at + 40 :])
    assert prompts_in(heard, "en") == ["en:enter-pin"]


def test_it_is_told_when_something_was_said() -> None:
    heard = on_the_phone(silence(2 * RATE), prompt("de", "goodbye", RATE))
    (found,) = transcript(heard, "de")
    assert 2.0 <= found.at < 2.2
    assert found.until <= len(heard) / RATE


@pytest.mark.parametrize(
    "heard",
    [
        silence(RATE * 3),
        silence(0),
        silence(7),
        speech(5.0, rate=RATE),
        np.tile(pulsed(440.0, rate=RATE), 20),
    ],
    ids=["silence", "nothing", "seven samples", "other speech", "a tone"],
)
def test_nothing_is_heard_where_nothing_is_said(heard: Samples) -> None:
    assert transcript(on_the_phone(heard), "en", "de") == []
