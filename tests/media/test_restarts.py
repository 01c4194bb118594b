"""When a worker that has died is replaced."""

from gateway.media.restarts import LONG, Restarts


def test_who_dies_once_is_replaced_at_once() -> None:
    assert Restarts().wait(lived=0.1) == 0


def test_who_dies_again_and_again_is_replaced_more_and_more_slowly() -> None:
    restarts = Restarts()
    assert [restarts.wait(lived=1) for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]


def test_a_long_life_makes_up_for_earlier_deaths() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.wait(lived=1)
    assert [restarts.wait(lived=LONG), restarts.wait(lived=1)] == [0, 1]
