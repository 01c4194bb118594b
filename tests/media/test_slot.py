"""What comes for the calls of a slot is taken in before they are ticked, in the order it came."""

from dataclasses import dataclass, field

import pytest

from gateway.media.slot import Arrival, Slot


@dataclass(eq=False)
class Call:
    """Both what is read and what takes it (`CallMedia`)."""

    call: str
    taken: list[tuple[str, bytes, float]]
    waiting: list[tuple[float, bytes]] = field(default_factory=list)
    mistake: type[Exception] | None = None

    def read(self) -> list[Arrival]:
        if self.mistake is not None:
            raise self.mistake("ours")
        arrivals = [(at, self, data) for at, data in self.waiting]
        self.waiting = []
        return arrivals  # type: ignore[return-value]

    def receive_from_bridge(self, data: bytes, now: float) -> None:
        if data == b"mistake":
            raise KeyError(data)
        self.taken.append((self.call, data, now))


def unexpected(_: object) -> None:
    raise AssertionError("no room fails")


def slot_of(*calls: Call) -> Slot:
    slot = Slot(unexpected)
    slot.inlets.update(dict.fromkeys(calls))
    return slot


def test_copies_for_several_callers_are_taken_in_the_order_in_which_they_came() -> None:
    taken: list[tuple[str, bytes, float]] = []
    first = Call("first", taken, [(1.000, b"a"), (1.020, b"b")])
    second = Call("second", taken, [(0.999, b"A"), (1.021, b"B")])
    slot = slot_of(first, second)
    slot.tick(1.03)
    assert taken == [
        ("second", b"A", 0.999),
        ("first", b"a", 1.000),
        ("first", b"b", 1.020),
        ("second", b"B", 1.021),
    ]
    slot.tick(1.05)
    assert len(taken) == 4


@pytest.mark.parametrize("is_read", [True, False])
def test_a_mistake_of_ours_costs_a_call_its_datagrams_and_others_nothing(is_read: bool) -> None:
    taken: list[tuple[str, bytes, float]] = []
    mistaken = Call("mistaken", taken, [(1.0, b"mistake"), (1.2, b"b")])
    mistaken.mistake = None if is_read else ValueError
    slot = slot_of(mistaken, Call("other", taken, [(1.1, b"A")]))
    slot.tick(1.3)
    assert taken[:1] == [("other", b"A", 1.1)]
    assert taken[1:] == ([("mistaken", b"b", 1.2)] if is_read else [])
