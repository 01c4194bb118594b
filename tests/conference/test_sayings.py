from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.sayings import Pace


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 4))
def test_no_second_sees_more_than_is_allowed(pauses: list[float], limit: int) -> None:
    pace, now, gone = Pace(limit, 1.0), 0.0, list[float]()
    for pause in pauses:
        now += pause
        recent = len(gone) - bisect_left(gone, now - 1.0 + 1e-9)
        allowed = pace.allows(now)
        assert allowed or recent >= limit  # nothing is held back without need
        if allowed:
            gone.append(now)
    for at, time in enumerate(gone):
        within = [other for other in gone[at:] if other - time < 1.0 - 1e-9]
        assert len(within) <= limit
