"""Short runs from end to end: everything flows, in the right numbers. No timing is judged."""

import json
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from gateway.bench import command
from gateway.bench.scenario import FRAMES, OWN_ROOMS, SCENARIOS
from gateway.bench.trial import run_trial

pytestmark = pytest.mark.behaviour  # real time passes in every one of them

ABOUT_50 = pytest.approx(FRAMES, rel=0.1)


@pytest.mark.soak
def test_a_short_run_writes_what_has_flowed_and_draws_it(tmp_path: Path) -> None:
    written, drawn = tmp_path / "bench.json", tmp_path / "bench.svg"
    command.bench(
        command.Request(
            ("own-rooms-3", "room20-two-speaking"),
            quick=True,
            seconds=2,
            changes={"calls": 2, "codec": "PCMA"},
            json=written,
            plot=drawn,
        )
    )
    report = json.loads(written.read_text())
    assert report["machine"]["opus"].startswith("libopus")
    own, shared = report["results"]
    for result in (own, shared):
        measured = result["measurement"]
        assert measured["to_phones"] == ABOUT_50
        assert measured["to_bridge"] == ABOUT_50
        assert measured["cpu_ms"] > 0
    assert own["floor_ms"] > shared["floor_ms"] > 0  # three talkers decoded twice, or once
    assert "own-rooms-3 (2)" in "".join(fromstring(drawn.read_text()).itertext())


def test_the_profile_names_where_the_time_goes() -> None:
    outcome = run_trial(OWN_ROOMS.of(1), 1.0, profile=True)
    assert "opus.py" in outcome.profile
    assert "floor.py" not in outcome.profile


@pytest.mark.soak
def test_aiortc_does_the_same_work() -> None:
    measured = run_trial(OWN_ROOMS.of(1), 2.0, engine="aiortc").measurement
    assert measured.to_phones == ABOUT_50
    assert measured.to_bridge == ABOUT_50


@pytest.mark.parametrize("name", ["menu", pytest.param("menu-tones", marks=pytest.mark.soak)])
def test_who_is_in_the_menu_hears_it_and_types(name: str) -> None:
    """A caller whose keys nobody has heard, or who was told nothing, would end the trial."""
    measured = run_trial(SCENARIOS[name].of(2), 2.0).measurement
    assert measured.to_phones == ABOUT_50
    assert measured.to_bridge == 0
