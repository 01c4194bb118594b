"""What waits to be said: news is never lost, chatter is, a key ends what only guides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr.speech_queue import CHATTER_KEEPS, Line, SpeechQueue, Weight
from gateway.media.messages import Recorded
from tests.helpers.examples import at_most

NEWS, GUIDE, CHATTER = Weight.NEWS, Weight.GUIDE, Weight.CHATTER


def line(topic: str, weight: Weight = NEWS, text: str = "") -> Line:
    return Line((Recorded("en", text or topic),), topic, weight)


def said(queue: SpeechQueue, now: float = 0.0) -> list[str]:
    """Everything that is said from now on, at once."""
    found = []
    while (taken := queue.take(now)) is not None:
        (part,) = taken.speech
        assert isinstance(part, Recorded)
        found.append(part.name)
        queue.played(now, complete=True)
    return found


def test_one_line_is_said_at_a_time() -> None:
    queue = SpeechQueue()
    queue.put(line("one"), 0.0)
    queue.put(line("two"), 0.0)
    assert queue.take(0.0) == line("one")
    assert queue.take(0.0) is None
    queue.played(1.0, complete=True)
    assert queue.take(1.0) == line("two")
    assert not queue.is_empty
    queue.played(2.0, complete=True)
    assert queue.is_empty


def test_the_heavier_is_said_first_and_equals_in_their_order() -> None:
    queue = SpeechQueue()
    for topic, weight in [("c", CHATTER), ("g1", GUIDE), ("n1", NEWS), ("g2", GUIDE), ("n2", NEWS)]:
        queue.put(line(topic, weight), 0.0)
    assert said(queue) == ["n1", "n2", "g1", "g2", "c"]


def test_of_one_topic_only_the_latest_is_said() -> None:
    queue = SpeechQueue()
    queue.put(line("microphone", NEWS, "muted"), 0.0)
    queue.put(line("recording"), 0.0)
    queue.put(line("microphone", NEWS, "unmuted"), 0.0)
    assert said(queue) == ["recording", "unmuted"]


def test_chatter_is_dropped_when_it_is_old_or_too_much() -> None:
    queue = SpeechQueue()
    for number in range(5):
        queue.put(line(f"{number}", CHATTER), float(number))
    assert said(queue, 3.0 + CHATTER_KEEPS) == ["3", "4"]
    for number in range(5):
        queue.put(line(f"{number}", CHATTER), 20.0)
    assert said(queue, 20.0) == ["2", "3", "4"]


def test_news_waits_as_long_as_it_takes() -> None:
    queue = SpeechQueue()
    queue.put(line("recording"), 0.0)
    assert said(queue, 1000.0) == ["recording"]


@pytest.mark.parametrize(("weight", "ends"), [(NEWS, False), (GUIDE, True), (CHATTER, True)])
def test_a_key_ends_all_but_news(weight: Weight, ends: bool) -> None:
    queue = SpeechQueue()
    queue.put(line("now", weight), 0.0)
    assert queue.take(0.0) is not None
    for topic, other in [("news", NEWS), ("guide", GUIDE), ("chatter", CHATTER)]:
        queue.put(line(topic, other), 0.0)
    assert queue.press() is ends
    queue.played(0.0, complete=not ends)
    assert said(queue) == ["news"]


def test_news_that_was_broken_off_is_said_again_unless_there_is_newer() -> None:
    queue = SpeechQueue()
    queue.put(line("one", NEWS, "old"), 0.0)
    assert queue.take(0.0) is not None
    queue.put(line("two"), 0.0)
    queue.played(0.0, complete=False)
    assert said(queue) == ["old", "two"]
    queue.put(line("one", NEWS, "old"), 0.0)
    assert queue.take(0.0) is not None
    queue.put(line("one", NEWS, "new"), 0.0)
    queue.played(0.0, complete=False)
    assert said(queue) == ["new"]


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abcde"), st.sampled_from(list(Weight))),
        st.sampled_from(["take", "played", "broken", "press"]),
    ),
    max_size=40,
)


@at_most(50)
@given(steps)
def test_no_topic_of_news_is_ever_lost(steps: list[tuple[str, Weight] | str]) -> None:
    queue, now = SpeechQueue(), 0.0
    expected: set[str] = set()
    saying: Line | None = None
    for step in steps:
        now += 1.0
        if isinstance(step, tuple):
            topic = f"{step[0]}{step[1].name}"
            queue.put(line(topic, step[1]), now)
            expected |= {topic} if step[1] is NEWS else set()
        elif step == "take" and saying is None:
            saying = queue.take(now)
        elif step == "press":
            queue.press()
        elif saying is not None and step in ("played", "broken"):
            queue.played(now, complete=step == "played")
            waits_again = step == "broken" or queue_has(queue, saying.topic)
            expected -= set() if waits_again else {saying.topic}
            saying = None
    if saying is not None:
        queue.played(now, complete=False)
    assert expected <= set(said(queue, now))


def queue_has(queue: SpeechQueue, topic: str) -> bool:
    return topic in queue._waiting


def test_what_is_true_no_longer_is_dropped_and_ended_if_it_is_being_said() -> None:
    queue = SpeechQueue()
    queue.put(line("wait", GUIDE), 0.0)
    queue.put(line("other"), 0.0)
    assert not queue.drop("wait")
    assert not queue.drop("nothing")
    assert said(queue) == ["other"]
    queue.put(line("wait", GUIDE), 1.0)
    assert queue.take(1.0) is not None
    assert not queue.drop("other")
    assert queue.drop("wait")
    queue.played(1.1, complete=False)
    assert said(queue, 1.1) == []
