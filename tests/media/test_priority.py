"""Media comes first where the operator allows it."""

import os
import resource

import pytest
from structlog.testing import capture_logs

from gateway.media.priority import come_first


def let(monkeypatch: pytest.MonkeyPatch, most: int, refusal: OSError | None = None) -> list[int]:
    """Priorities up to `most` are permitted; which are asked for, in vain if that is refused."""
    asked: list[int] = []

    def schedule(pid: int, policy: int, parameters: os.sched_param) -> None:
        assert (pid, policy) == (0, os.SCHED_RR | os.SCHED_RESET_ON_FORK)
        asked.append(parameters.sched_priority)
        if refusal is not None:
            raise refusal

    monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_RTPRIO: (most, most)}.__getitem__)
    monkeypatch.setattr(os, "sched_setscheduler", schedule)
    return asked


@pytest.mark.parametrize("most", [1, 99, resource.RLIM_INFINITY])
def test_it_has_the_least_real_time_priority_there_is(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = let(monkeypatch, most)
    come_first()
    assert asked == [os.sched_get_priority_min(os.SCHED_RR)]


def test_it_is_as_everybody_where_nothing_is_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = let(monkeypatch, 0)
    come_first()
    assert asked == []


def test_a_kernel_that_refuses_is_told_of_and_no_call_suffers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let(monkeypatch, 1, PermissionError(1, "Operation not permitted"))
    with capture_logs() as said:
        come_first()
    (entry,) = said
    assert entry["reason"] == "Operation not permitted"
    assert "container" in entry["remedy"]
