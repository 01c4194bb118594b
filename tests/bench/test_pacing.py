"""The loop of the load: what is due in which slot, and what is read meanwhile."""

import socket
from collections.abc import Iterator

import pytest

from gateway.bench.pacing import PERIOD, Pacing


@pytest.fixture
def pacing() -> Iterator[Pacing]:
    made = Pacing()
    yield made
    made.close()


def test_everything_comes_round_once_in_twenty_slots(pacing: Pacing) -> None:
    sent: list[tuple[str, int]] = []
    pacing.every_20_ms(3, lambda: sent.append(("a", pacing.slots)))
    pacing.every_20_ms(PERIOD + 7, lambda: sent.append(("b", pacing.slots)))
    assert pacing.run_until(lambda: pacing.slots >= 2 * PERIOD, timeout=10)
    assert sent[:4] == [("a", 3), ("b", 7), ("a", 23), ("b", 27)]


def test_what_has_come_is_read(pacing: Pacing) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        got: list[bytes] = []
        pacing.read(ours.fileno(), lambda: got.append(ours.recv(100)))
        theirs.send(b"one")
        theirs.send(b"two")
        assert pacing.run_until(lambda: len(got) == 2, timeout=10)
    assert got == [b"one", b"two"]


def test_it_looks_at_the_time_now_and_then(pacing: Pacing) -> None:
    looks: list[float] = []
    pacing.watch(looks.append)
    assert pacing.run_until(lambda: len(looks) > 2, timeout=10)
    assert looks == sorted(looks)


def test_what_never_happens_is_given_up(pacing: Pacing) -> None:
    assert not pacing.run_until(lambda: False, timeout=0.02)


def test_after_a_stall_what_was_missed_is_late_and_left_out() -> None:
    now = 0.0
    pacing = Pacing(lambda: now)
    sent: list[int] = []
    pacing.every_20_ms(0, lambda: sent.append(pacing.slots))
    now = 0.0205
    pacing.run_for(0.0)
    assert sent == [0, 20]
    now = 1.0005  # 979 slots after the last one
    pacing.run_for(0.0)
    assert len(sent) <= 3
    assert pacing.slots == 1001
    assert pacing.late > 950
    pacing.close()
