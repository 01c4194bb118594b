"""A table with a size, whose entries grow old."""

from gateway.ivr.remembered import Remembered


def test_what_is_too_old_is_not_known() -> None:
    table: Remembered[str, int] = Remembered(3)
    table.put("a", 1, until=10.0)
    assert table.get("a", 9.9) == 1
    assert table.get("a", 10.0) is None
    assert len(table) == 0, "and takes no room"


def test_it_never_grows_and_the_oldest_makes_room() -> None:
    table: Remembered[int, int] = Remembered(3)
    for number in range(4):
        table.put(number, number, until=10.0)
    assert [table.get(number, 0.0) for number in range(4)] == [None, 1, 2, 3]


def test_what_is_put_in_again_is_the_newest() -> None:
    table: Remembered[int, int] = Remembered(2)
    for number in (1, 2, 1, 3):
        table.put(number, number, until=10.0)
    assert [table.get(number, 0.0) for number in (1, 2, 3)] == [1, None, 3]
    table.pop(1)
    assert table.get(1, 0.0) is None
