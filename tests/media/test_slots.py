"""Where rooms are ticked and callers encoded: together, and no slot in the next one's way."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from gateway.media.call_media import CallMedia
from gateway.media.clock import SLOTS
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Inlet
from gateway.media.slots import Slots


def unexpected(_: RoomBus) -> None:
    raise AssertionError("no room fails")


@pytest.fixture
def slots() -> Slots:
    return Slots(unexpected)


def media() -> CallMedia:
    return cast(CallMedia, object())


def room_of(slots: Slots, callers: int) -> int:
    """A room with so many callers; its slot."""
    number = slots.for_room()
    slots[number].rooms[RoomBus()] = None
    for caller in range(callers):
        slots[number].inlets[cast(Inlet, object())] = None
        slots.for_encoding(number, caller + 1).encoding.append(media())
    return number


def counts(slots: Slots, what: Callable[[Any], int]) -> list[int]:
    return [what(slot) for slot in slots]


def test_ten_calls_are_done_at_once_before_another_slot_begins_to_be_filled(slots: Slots) -> None:
    assert [room_of(slots, 1) for _ in range(21)] == [0] * 10 + [5] * 10 + [3]
    assert counts(slots, lambda slot: len(slot.encoding)) == [10, 0, 0, 1, 0, 10, 0, 0, 0, 0]


def test_many_calls_are_spread_over_all_slots_alike(slots: Slots) -> None:
    for _ in range(100):
        room_of(slots, 1)
    work = counts(slots, lambda slot: slot.work)
    assert sum(work) == 400
    assert max(work) - min(work) <= 4


def test_a_large_room_is_encoded_soon_after_it_is_ticked(slots: Slots) -> None:
    number = room_of(slots, 20)
    encoding = counts(slots, lambda slot: len(slot.encoding))
    assert sum(encoding) == sum(encoding[number : number + 7]) == 20
    assert encoding[number] == 1
    assert max(encoding) <= 6
    assert slots.for_room() != number, "it has enough to do"


def test_who_has_left_is_encoded_and_ticked_no_more(slots: Slots) -> None:
    bus, caller = RoomBus(), media()
    slots[3].rooms[bus] = None
    slots[4].encoding.append(caller)
    slots.no_longer_encode(caller)
    slots.remove(bus)
    assert counts(slots, lambda slot: slot.work) == [0] * SLOTS
