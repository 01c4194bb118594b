"""How one configuration becomes that of several engines."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.media.engine_config import EngineConfig
from gateway.media.phone_sockets import PortRange


@given(st.integers(1, 60000), st.integers(1, 400), st.data())
def test_every_engine_has_ports_and_no_port_has_two_engines(
    first: int, count: int, data: st.DataObject
) -> None:
    whole = EngineConfig(first_port=first, last_port=first + count)
    pairs = list(whole.port_pairs)
    if not pairs:
        return
    parts = whole.divided(data.draw(st.integers(1, len(pairs))))
    ranges = [PortRange(part.first_port, part.last_port) for part in parts]
    sizes = [len(range_) for range_ in ranges]
    assert max(sizes) - min(sizes) <= 1
    taken = [range_.take(0.0) for range_ in ranges for _ in range(len(range_))]
    assert taken == pairs
    assert all(part.last_port <= whole.last_port for part in parts)


def test_all_else_is_the_same_for_all() -> None:
    whole = EngineConfig(
        phone_hosts=("192.0.2.1",), first_port=20000, last_port=20007, complexity=9
    )
    first, second = whole.divided(2)
    assert (first.first_port, first.last_port) == (20000, 20003)
    assert (second.first_port, second.last_port) == (20004, 20007)
    assert (second.phone_hosts, second.complexity) == (("192.0.2.1",), 9)
