"""Who comes and goes is told at once, then seldom, and in a crowd not at all."""

from gateway.ivr.comings import Comings, Movement
from gateway.ivr.language import Language
from gateway.ivr.phrasebook import Phrasebook
from gateway.media.messages import Recorded, Sampled

NAME = (Sampled(b"\0\0"),)


def test_the_first_is_told_at_once_and_those_of_the_next_seconds_together() -> None:
    comings = Comings(every=8.0)
    assert comings.due() is None
    comings.joined("ann", 1)
    assert comings.take(100.0) == (Movement(True, ("ann",)),)
    comings.joined("bob", 2)
    comings.joined("cec", 3)
    comings.left("ann", 2)
    assert comings.take(107.9) == ()
    assert comings.due() == 108.0
    assert comings.take(108.0) == (Movement(True, ("bob", "cec")), Movement(False, ("ann",)))
    assert comings.take(120.0) == ()


def test_who_comes_and_goes_meanwhile_is_not_told() -> None:
    comings = Comings(every=8.0)
    comings.joined("ann", 1)
    comings.take(0.0)
    comings.joined("bob", 2)
    comings.left("bob", 1)
    comings.left("ann", 0)
    comings.joined("ann", 1)  # with a bad network
    assert comings.due() is None


def test_nobody_is_told_above_a_size() -> None:
    comings = Comings(up_to=3)
    comings.joined("ann", 3)
    comings.joined("bob", 4)
    assert comings.take(0.0) == ()
    comings.left("bob", 3)
    assert comings.take(0.0) == (Movement(False, ("bob",)),)


def test_thousands_who_come_and_go_cost_nothing() -> None:
    comings = Comings(up_to=10_000)
    for number in range(5000):
        comings.joined(f"{number}", number)
    ((movement),) = comings.take(0.0)
    assert len(movement.people) == 100


def test_one_is_named_and_several_are_counted() -> None:
    book = Phrasebook.of(Language.ENGLISH)
    one, two = ("ann",), ("ann", "bob")
    assert Movement(True, one).speech(book) == (Recorded("en", "somebody-joined"),)
    assert Movement(False, one).speech(book) == (Recorded("en", "somebody-left"),)
    after = Recorded("en", "name-joined-after")
    assert Movement(True, one).speech(book, NAME) == (*NAME, after)
    assert Movement(True, two).speech(book, NAME) == (Recorded("en", "several-joined-2"),)
    assert Movement(False, two).speech(book) == (Recorded("en", "several-left-2"),)
