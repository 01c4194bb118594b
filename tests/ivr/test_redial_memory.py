"""Coming back within two minutes."""

from gateway.ivr.redial_memory import MOST_CALLERS, REDIAL_WITHIN, RedialMemory

ANN, OURS = "+4315550101", "+4315550100"


def test_who_calls_again_within_two_minutes_needs_no_pin() -> None:
    memory: RedialMemory[str] = RedialMemory()
    memory.left(ANN, OURS, "a@c.d", 0.0)
    assert memory.returning(ANN, OURS, REDIAL_WITHIN - 0.1) == "a@c.d"
    assert memory.returning(ANN, OURS, REDIAL_WITHIN - 0.1) is None, "another call needs one"
    memory.left(ANN, OURS, "a@c.d", 0.0)
    assert memory.returning(ANN, OURS, REDIAL_WITHIN) is None


def test_another_caller_and_another_number_do() -> None:
    memory: RedialMemory[str] = RedialMemory()
    memory.left(ANN, OURS, "a@c.d", 0.0)
    assert memory.returning("+4315550102", OURS, 1.0) is None
    assert memory.returning(ANN, "+4315550199", 1.0) is None


def test_who_withholds_its_number_is_never_known() -> None:
    memory: RedialMemory[str] = RedialMemory()
    for caller in (None, ""):
        memory.left(caller, OURS, "a@c.d", 0.0)
        assert memory.returning(caller, OURS, 1.0) is None


def test_it_never_grows() -> None:
    memory: RedialMemory[int] = RedialMemory()
    for number in range(MOST_CALLERS + 1):
        memory.left(str(number), OURS, number, 0.0)
    assert memory.returning("0", OURS, 1.0) is None
    assert memory.returning("1", OURS, 1.0) == 1
