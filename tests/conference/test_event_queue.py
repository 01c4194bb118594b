"""Events that wait for a call that reads them slowly."""

import asyncio

from gateway.conference.event_queue import MAX_UNREAD, EventQueue
from gateway.conference.events import (
    Alone,
    ChatReceived,
    CompanyChanged,
    EncryptionChanged,
    Knocked,
    OccupantJoined,
)


async def drained(queue: EventQueue, count: int) -> list[object]:
    async with asyncio.timeout(1):
        return [await queue.get() for _ in range(count)]


async def test_news_are_dropped_when_too_much_is_unread_and_what_matters_is_not() -> None:
    queue = EventQueue()
    for _ in range(MAX_UNREAD):
        queue.put(OccupantJoined("a", "A"))
    queue.put(ChatReceived("a", "A", "dropped", private=False))
    queue.put(OccupantJoined("b", "dropped"))
    queue.put(Knocked("dropped"))
    queue.put(Alone())
    events = await drained(queue, MAX_UNREAD + 1)
    assert events == [OccupantJoined("a", "A")] * MAX_UNREAD + [Alone()]


async def test_of_a_state_the_last_is_told_once_there_is_room() -> None:
    queue = EventQueue()
    for _ in range(MAX_UNREAD):
        queue.put(OccupantJoined("a", "A"))
    for people in range(5):
        queue.put(CompanyChanged(people, 0))
    queue.put(EncryptionChanged(True, ("A",)))
    events = await drained(queue, MAX_UNREAD + 2)
    assert events[-2:] == [CompanyChanged(4, 0), EncryptionChanged(True, ("A",))]


async def test_a_late_state_does_not_come_after_a_newer_one() -> None:
    queue = EventQueue()
    for _ in range(MAX_UNREAD + 1):
        queue.put(Alone())
    queue.put(CompanyChanged(1, 0))  # late
    await drained(queue, 1)
    queue.put(CompanyChanged(2, 0))  # late, in place of the other
    events = await drained(queue, MAX_UNREAD + 1)
    assert events[-1] == CompanyChanged(2, 0) and CompanyChanged(1, 0) not in events
