"""Weather: how many packets are lost, and how many of them in a row."""

import random
from itertools import groupby

import pytest

from gateway.lab.weather import Forecast, Weather

MANY = 40_000


def lost(weather: Weather, seed: int = 1) -> list[bool]:
    forecast = Forecast(weather, random.Random(seed))
    return [not forecast.delays() for _ in range(MANY)]


@pytest.mark.parametrize(
    ("share", "burst", "run"), [(0.1, None, 1 / 0.9), (0.1, 2.0, 2.0), (0.2, 5.0, 5.0)]
)
def test_as_many_packets_are_lost_as_wanted_in_runs_as_long_as_wanted(
    share: float, burst: float | None, run: float
) -> None:
    found = lost(Weather(loss=share, burst=burst))
    runs = [len(list(same)) for is_lost, same in groupby(found) if is_lost]
    assert sum(found) / MANY == pytest.approx(share, rel=0.1)
    assert sum(runs) / len(runs) == pytest.approx(run, rel=0.1)


def test_a_packet_may_come_twice_and_each_copy_waits_for_itself() -> None:
    forecast = Forecast(Weather(duplicate=0.5, jitter=0.1, reorder=0.5, hold=1.0), random.Random(3))
    delays = [forecast.delays() for _ in range(1000)]
    assert {len(each) for each in delays} == {1, 2}
    every = [delay for each in delays for delay in each]
    assert all(0 <= delay < 0.1 or 1 <= delay < 1.1 for delay in every)
    assert 0.4 < sum(delay >= 1 for delay in every) / len(every) < 0.6


def test_the_same_seed_gives_the_same_weather() -> None:
    assert lost(Weather(loss=0.1), 7) == lost(Weather(loss=0.1), 7)
    assert lost(Weather(loss=0.1), 7) != lost(Weather(loss=0.1), 8)
