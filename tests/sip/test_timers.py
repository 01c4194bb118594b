from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.timers import Timer, TimerQueue, Timers
from tests.helpers.examples import at_most


def test_the_values_of_rfc_3261_table_4() -> None:
    timers = Timers()
    assert (timers.t1, timers.t2, timers.t4, timers.transaction) == (0.5, 4.0, 5.0, 32.0)


def test_timers_fire_in_order_of_their_time_and_equal_ones_in_order_of_start() -> None:
    queue, fired = TimerQueue(), list[str]()
    for due, name in [(3.0, "c"), (1.0, "a"), (1.0, "b"), (4.0, "d")]:
        queue.start(due, lambda now, name=name: fired.append(f"{name}@{now}"))  # type: ignore[misc]
    assert queue.next() == 1.0
    queue.fire_due(3.5)
    assert fired == ["a@3.5", "b@3.5", "c@3.5"]
    assert queue.next() == 4.0


def test_a_cancelled_timer_does_not_fire_and_is_not_waited_for() -> None:
    queue, fired = TimerQueue(), list[float]()
    timer = queue.start(1.0, fired.append)
    assert timer.is_running
    timer.cancel()
    timer.cancel()
    assert not timer.is_running
    assert queue.next() is None
    queue.fire_due(2.0)
    assert fired == []


def test_a_timer_may_start_and_cancel_others_when_it_fires() -> None:
    queue, fired = TimerQueue(), list[str]()
    victim: list[Timer] = []

    def first(now: float) -> None:
        victim[0].cancel()
        queue.start(now, lambda _: fired.append("started"))

    queue.start(1.0, first)
    victim.append(queue.start(1.5, lambda _: fired.append("victim")))
    queue.fire_due(2.0)
    assert fired == ["started"]


def test_a_timer_fires_once_at_most() -> None:
    fired: list[float] = []
    timer = Timer(fired.append)
    timer.fire(1.0)
    timer.fire(2.0)
    assert fired == [1.0]


def test_cancelled_timers_do_not_pile_up() -> None:
    queue = TimerQueue()
    keep = queue.start(1e9, lambda now: None)
    for number in range(20_000):
        queue.start(1e6 + number, lambda now: None).cancel()
    assert len(queue._heap) < 5000
    assert keep.is_running
    assert queue.next() == 1e9


@at_most(60)
@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=40), st.floats(0, 100))
def test_exactly_the_timers_that_are_due_and_not_cancelled_fire(
    timers: list[tuple[float, bool]], now: float
) -> None:
    queue, fired = TimerQueue(), list[float]()
    for due, is_cancelled in timers:
        timer = queue.start(due, lambda _, due=due: fired.append(due))  # type: ignore[misc]
        if is_cancelled:
            timer.cancel()
    queue.fire_due(now)
    assert fired == sorted(due for due, is_cancelled in timers if not is_cancelled and due <= now)
    assert queue.next() == min(
        (due for due, is_cancelled in timers if not is_cancelled and due > now), default=None
    )
