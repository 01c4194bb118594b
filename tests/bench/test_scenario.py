"""Who is in which room, and who speaks; and what no engine can do with less than."""

import pytest

from gateway.bench.call import PHONE_CODECS
from gateway.bench.floor import FloorWork, UnitCosts
from gateway.bench.scenario import CODECS, FRAMES, SCENARIOS, Scenario
from gateway.bench.voices import caller_payloads

ROOM_OF_20 = Scenario("r", "", 40, callers_a_room=20, callers_speaking=2)


def test_rooms_are_filled_one_after_the_other() -> None:
    scenario = ROOM_OF_20.of(45)
    assert scenario.rooms == 3
    assert [scenario.room_of(call) for call in (0, 19, 20, 44)] == [0, 0, 1, 2]


def test_so_many_callers_speak_in_each_room() -> None:
    assert [call for call in range(40) if ROOM_OF_20.caller_speaks(call)] == [0, 1, 20, 21]
    assert ROOM_OF_20.speaking == 4
    assert Scenario("all", "", 7).speaking == 7


def test_a_talker_who_does_not_speak_sends_noise_unless_it_is_muted() -> None:
    quiet = Scenario("q", "", 1, talkers=3, talkers_speaking=1)
    assert (quiet.speaking_talkers, quiet.sends(2)) == (1, True)
    muted = Scenario("m", "", 1, talkers=3, talkers_speaking=1, muted=True)
    assert [muted.sends(talker) for talker in range(3)] == [True, False, False]


@pytest.mark.parametrize("wrong", [{"calls": 0}, {"callers_a_room": 0}, {"talkers": -1}])
def test_a_scenario_without_calls_is_a_mistake(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="nobody"):
        Scenario("wrong", "", **{"calls": 1, **wrong})


def test_a_codec_that_no_phone_here_speaks_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="PCMU, PCMA"):
        Scenario("wrong", "", 1, codec="GSM")


def test_every_scenario_is_known_by_its_name() -> None:
    assert all(scenario.name == name for name, scenario in SCENARIOS.items())


def test_the_floor_of_own_rooms_is_an_encode_and_the_talkers_decodes_a_call() -> None:
    work = FloorWork.of(Scenario("own", "", 10, talkers=3))
    assert work == FloorWork(
        encodes=10 * FRAMES, decodes=30 * FRAMES, opened=30 * FRAMES, protected=10 * FRAMES
    )


def test_the_floor_of_a_shared_room_decodes_its_talkers_once_and_encodes_who_speaks() -> None:
    work = FloorWork.of(ROOM_OF_20)
    assert (work.encodes, work.decodes) == (4 * FRAMES, 2 * 3 * FRAMES)


def test_nobody_speaks_at_no_cost() -> None:
    silent = Scenario("s", "", 5, callers_speaking=0, talkers_speaking=0)
    assert UnitCosts(50, 14, 1, 1).of(FloorWork.of(silent), 5) == 0


def test_the_floor_is_in_milliseconds_a_call_and_second() -> None:
    own = Scenario("own", "", 10, talkers=3)
    # 50 encodes of 50 us, 150 decodes of 14 us, 200 packets of 1 us.
    assert UnitCosts(50, 14, 1, 1).of(FloorWork.of(own), 10) == pytest.approx(2.5 + 2.1 + 0.2)


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_offered_and_spoken(codec: str) -> None:
    assert PHONE_CODECS[codec][1] == f"{codec}/8000"
    frames = caller_payloads(codec, None)
    assert {len(frame) for frame in frames} == {160}
