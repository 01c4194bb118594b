"""Which port a call gets, and how long that of another has rested before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MediaError
from gateway.media.phone_sockets import REST, PortRange


def test_a_port_that_was_given_back_rests() -> None:
    ports = PortRange(20000, 20003)
    assert [ports.take(0.0), ports.take(0.0)] == [20000, 20002]
    ports.give_back(20002, 5.0)
    for now in (5.0, 5.0 + REST - 0.001):
        with pytest.raises(MediaError, match="too small"):
            ports.take(now)
    assert ports.take(5.0 + REST) == 20002
    with pytest.raises(MediaError):
        ports.take(1e9)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, REST)), max_size=60))
def test_no_port_has_two_calls_nor_one_soon_after_another(
    steps: list[tuple[bool, float]],
) -> None:
    ports = PortRange(20000, 20009)
    now, used, left = 0.0, [], {}
    for takes, passing in steps:
        now += passing
        if takes:
            rested = [
                port
                for port in range(20000, 20010, 2)
                if port not in used and now >= left.get(port, -REST) + REST
            ]
            if not rested:
                with pytest.raises(MediaError):
                    ports.take(now)
                continue
            port = ports.take(now)
            assert port in rested
            used.append(port)
        elif used:
            left[used[0]] = now
            ports.give_back(used.pop(0), now)
