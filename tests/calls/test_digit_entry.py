"""A number that a caller types."""

import asyncio

import pytest

from gateway.calls.digit_entry import FIRST_WITHIN, NEXT_WITHIN, DigitEntry
from gateway.ivr.typed_number import MAX_LENGTH
from tests.xmpp.virtual_time import in_virtual_time


async def typing(*keys: str | float) -> str | None:
    """The number that comes of these keys, with pauses between them."""
    entry = DigitEntry()
    reading = asyncio.create_task(entry.read())
    for key in keys:
        if isinstance(key, str):
            entry.pressed(key)
        else:
            await asyncio.sleep(key)
    return await reading


@pytest.mark.parametrize(
    ("keys", "number"),
    [
        (("4", "7", "#"), "47"),
        (("4", NEXT_WITHIN - 0.1, "7", "#"), "47"),
        (("4", NEXT_WITHIN + 0.1, "7", "#"), "4"),  # a pause ends it
        (("4", "7"), "47"),
        (("4", "*", "8", "#"), "8"),  # started over
        (("4", "*", NEXT_WITHIN + 1, "8", "#"), "8"),  # with all the time there was at first
        (("#",), None),
        ((), None),
        ((FIRST_WITHIN - 0.1, "1", "#"), "1"),
        ((FIRST_WITHIN + 0.1, "1", "#"), None),
        (("1", "A", "#"), "1A"),
        (("9" * 1 for _ in range(MAX_LENGTH - 1)), "9" * (MAX_LENGTH - 1)),
    ],
)
def test_a_number_ends_with_a_hash_or_a_pause(
    keys: tuple[str | float, ...], number: str | None
) -> None:
    @in_virtual_time
    async def run() -> None:
        assert await typing(*keys) == number

    run()


@in_virtual_time
async def test_more_keys_than_any_number_has_are_not_kept() -> None:
    assert await typing(*"1" * 500) == "1" * MAX_LENGTH


@in_virtual_time
async def test_who_asked_is_told_that_typing_has_begun() -> None:
    begun: list[str] = []
    entry = DigitEntry(lambda: begun.append("begun"))
    reading = asyncio.create_task(entry.read())
    await asyncio.sleep(1)
    assert not begun
    entry.pressed("1")
    await asyncio.sleep(0.01)
    assert begun == ["begun"]
    assert await reading == "1"
