"""Rates, by their definition: no period of that length holds more."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.rate_limit import RateLimit

QUARTERS = st.integers(0, 12).map(lambda number: number / 4)  # which floats add exactly


@given(
    st.integers(1, 5),
    QUARTERS.filter(bool),
    st.lists(QUARTERS, min_size=1, max_size=60),
)
def test_no_period_ever_holds_more_and_nobody_waits_longer_than_one(
    most: int, period: float, pauses: list[float]
) -> None:
    limit, now, taken = RateLimit(most, period), 0.0, []
    for pause in pauses:
        now += pause
        wait = limit.wait(now)
        assert 0 <= wait <= period
        if wait == 0:
            # The earliest of the last `most` is over a period ago; else we would have to wait.
            assert len([at for at in taken if at + period > now]) < most
        else:
            assert len([at for at in taken if at + period > now]) == most
        now += wait
        limit.take(now)
        taken.append(now)
