"""A socket that is read when it suits."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from gateway.rtp.datagrams import DatagramSocket


def bound(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((host, 0))
    return made


@pytest.fixture(params=["127.0.0.1", "::1"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[DatagramSocket, DatagramSocket]]:
    ours, theirs = (DatagramSocket(bound(request.param)) for _ in range(2))
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_what_came_is_read_in_order_with_where_it_came_from(
    both: tuple[DatagramSocket, DatagramSocket],
) -> None:
    ours, theirs = both
    assert ours.read() == []
    for number in range(5):
        theirs.sendto(bytes([number]), ours.address)
    assert [(data, source) for data, source, _ in ours.read()] == [
        (bytes([number]), theirs.address) for number in range(5)
    ]
    assert ours.read() == []


def test_it_came_when_the_kernel_had_it_and_not_when_it_was_read(
    both: tuple[DatagramSocket, DatagramSocket],
) -> None:
    ours, theirs = both
    for _ in range(50):  # the kernel begins to note arrivals a moment after it has been asked to
        before = time.monotonic()
        theirs.sendto(b"x", ours.address)
        time.sleep(0.02)
        after = time.monotonic()
        ((_, _, arrival),) = ours.read()
        assert before <= arrival
        if arrival < after - 0.01:
            return
    raise AssertionError("arrivals are not noted")


def test_who_is_held_up_between_two_clocks_does_not_say_that_it_came_before_it_was_sent(
    both: tuple[DatagramSocket, DatagramSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = both
    monotonic, wall = time.monotonic, time.time

    def held_up(clock: Callable[[], float]) -> float:
        said = clock()
        time.sleep(0.002)
        return said

    for _ in range(50):
        sent = monotonic()
        theirs.sendto(b"x", ours.address)
        with monkeypatch.context() as busy:
            busy.setattr(time, "monotonic", lambda: held_up(monotonic))
            busy.setattr(time, "time", lambda: held_up(wall))
            ((_, _, arrival),) = ours.read()
        assert sent <= arrival <= monotonic()


def test_what_has_waited_for_seconds_is_not_taken_for_newer_than_what_has_not(
    both: tuple[DatagramSocket, DatagramSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = both
    later, later_by_the_wall = time.monotonic, time.time
    for _ in range(50):
        with monkeypatch.context() as stalled:
            theirs.sendto(b"x", ours.address)
            stalled.setattr(time, "monotonic", lambda: later() + 3.0)
            stalled.setattr(time, "time", lambda: later_by_the_wall() + 3.0)
            ((_, _, arrival),) = ours.read()
        if arrival < later():
            return
    raise AssertionError("what came first would be heard last")


def test_a_clock_that_was_set_meanwhile_does_not_count(
    both: tuple[DatagramSocket, DatagramSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = both
    set_clock = time.time
    for error in (3600.0, -3600.0, -3599.5):
        theirs.sendto(b"x", ours.address)
        monkeypatch.setattr(time, "time", lambda error=error: set_clock() + error)
        before = time.monotonic()
        ((_, _, arrival),) = ours.read()
        assert before <= arrival <= time.monotonic()


def test_a_flood_is_read_in_portions(both: tuple[DatagramSocket, DatagramSocket]) -> None:
    ours, theirs = both
    for _ in range(300):
        theirs.sendto(b"x", ours.address)
    first, second = len(ours.read()), len(ours.read())
    assert first == 256
    assert 0 < second <= 44


def test_an_empty_datagram_is_passed_over_and_a_closed_socket_reads_nothing(
    both: tuple[DatagramSocket, DatagramSocket],
) -> None:
    ours, theirs = both
    theirs.sendto(b"", ours.address)
    theirs.sendto(b"x", ours.address)
    assert [data for data, _, _ in ours.read()] == [b"x"]
    ours.close()
    ours.close()
    assert ours.read() == []
    with pytest.raises(OSError, match="descriptor"):
        ours.sendto(b"x", theirs.address)
