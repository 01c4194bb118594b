from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.sayings import Pace


@given(st.lists(st.integers(0, 2000), max_size=60), st.integers(1, 4))
def test_no_second_sees_more_than_is_allowed(pauses: list[int], limit: int) -> None:
    # In milliseconds: whole numbers, so that nothing is rounded.
    pace, now, gone = Pace(limit, 1000), 0, list[int]()
    for pause in pauses:
        now += pause
        recent = [time for time in gone if now - time < 1000]
        assert pace.allows(now) is (len(recent) < limit)
        if len(recent) < limit:
            gone.append(now)
