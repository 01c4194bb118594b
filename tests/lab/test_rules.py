"""Every rule of the lab is tested, and so is that the lab notices who breaks it."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.lab.rules import RULES

TESTS = Path(__file__).parent.parent
LAB = TESTS.parent / "gateway" / "lab"


@cache
def functions_of(module: str) -> frozenset[str]:
    folder, _, name = module.partition("/")
    tree = ast.parse((TESTS / folder / f"test_{name}.py").read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def blamed_rules() -> set[int]:
    """The rules the lab says are broken, by the numbers in its code."""
    blame = re.compile(r"(?:blame|violation|watch|_Watch)\(\s*(?:\w+, )?(\d+)\b")
    return {int(number) for file in LAB.glob("*.py") for number in blame.findall(file.read_text())}


def test_every_rule_is_listed() -> None:
    assert sorted(RULES) == list(range(1, 43))


@pytest.mark.parametrize("number", RULES)
def test_a_rule_is_tested_where_the_list_says(number: int) -> None:
    rule = RULES[number]
    assert rule.tests or rule.wrong
    for test in (*rule.tests, *rule.wrong):
        module, _, function = test.partition("::")
        assert function in functions_of(module), f"rule {number}: there is no {test}"


def test_a_rule_that_clients_can_break_is_broken_on_purpose_somewhere() -> None:
    assert blamed_rules() == {number for number, rule in RULES.items() if rule.wrong}
