"""The ten slots of the 20 ms, and in which of them more is done. No IO and no clock.

What is done together costs much less than what is done apart, after sleep. So slots are filled one
after the other, and the clock sleeps through those that are empty. The next to be filled is not the
next in time: on a slow machine what fills one takes 9 ms.
"""

from collections.abc import Callable, Iterator

from gateway.media.call_media import CallMedia
from gateway.media.clock import SLOTS
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Slot

_FULL = 40  # the work that a slot gets while others have less: ten calls
_FULL_AHEAD = 24  # the same of a slot with large rooms, which are encoded in those that come next
_ORDER = (0, 5, 3, 8, 1, 6, 4, 9, 2, 7)  # in which slots are filled
_A_ROOM, _A_CALL = 2, 4  # with one caller, without its encoder and with it
_IN_TIME = 12  # the work that is done within 2 ms on a slow machine
_ENCODE_WITHIN = 5  # slots in a row in which callers of one room are encoded


class Slots:
    """`failed` is told of a room that has met a mistake of ours."""

    def __init__(self, failed: Callable[[RoomBus], None]) -> None:
        self._slots = [Slot(failed) for _ in range(SLOTS)]

    def __getitem__(self, number: int) -> Slot:
        return self._slots[number]

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def for_room(self) -> int:
        """The slot in which another room is ticked."""
        roomy = (number for number in _ORDER if _is_roomy(self._slots[number]))
        return next(roomy, min(_ORDER, key=lambda number: self._slots[number].work))

    def for_encoding(self, room_slot: int, callers: int) -> Slot:
        """Where another caller of a room is encoded: with the room if it is the only one, else as
        soon as the room itself is done with."""
        own = self._slots[room_slot]
        if callers == 1 and own.work < _FULL + _A_CALL:
            return own
        begin = room_slot + 1 + own.work // _IN_TIME
        following = [self._slots[(begin + step) % SLOTS] for step in range(_ENCODE_WITHIN)]
        roomy = (slot for slot in following if slot.work < _IN_TIME)
        return next(roomy, min(following, key=lambda slot: slot.work))

    def no_longer_encode(self, media: CallMedia) -> None:
        """It has left its room."""
        for slot in self._slots:
            if media in slot.encoding:
                slot.encoding.remove(media)

    def remove(self, bus: RoomBus) -> None:
        """Tick a room no more."""
        for slot in self._slots:
            slot.rooms.pop(bus, None)


def _is_roomy(slot: Slot) -> bool:
    """Whether another room may be ticked there though there are slots with less to do."""
    has_large_rooms = len(slot.inlets) > 2 * len(slot.rooms)
    return slot.work + _A_ROOM <= (_FULL_AHEAD if has_large_rooms else _FULL)
