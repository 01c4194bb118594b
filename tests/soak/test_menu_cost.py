"""A caller in the menu beside a call in a room, without sockets and clocks."""

import pytest

from tests.soak.menu_cost import compare


def test_both_do_their_work() -> None:
    """Keys are told, prompts are said, the conference hears: nothing else would be comparable."""
    assert "in the menu" in compare(2, rounds=1)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("callers", [20, 40])
def test_what_a_caller_in_the_menu_costs(callers: int) -> None:
    print("\n" + compare(callers))
