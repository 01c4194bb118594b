import pytest

from gateway.calls.keypad import ALL_COMMANDS, COMMAND_KEYS, PATIENCE, Keypad, KeypadCommand

TOGGLE = KeypadCommand.TOGGLE_MICROPHONE


def commands(
    keys: str, apart: float = 0.5, known: frozenset[KeypadCommand] = ALL_COMMANDS
) -> list[KeypadCommand]:
    keypad = Keypad(known)
    found = [keypad.pressed(key, number * apart) for number, key in enumerate(keys)]
    return [command for command in found if command is not None]


def test_star_six_is_the_microphone() -> None:
    assert commands("*6") == [TOGGLE]
    assert commands("*6*6") == [TOGGLE, TOGGLE]


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("9", KeypadCommand.TOGGLE_HAND),
        ("5", KeypadCommand.TOGGLE_HAND),
        ("#", KeypadCommand.COUNT),
        ("1", KeypadCommand.HELP),
        ("0", KeypadCommand.LEAVE),
        ("2", KeypadCommand.ADMIT),
        ("3", KeypadCommand.MUTE_ALL),
        ("4", KeypadCommand.END),
        ("7", KeypadCommand.RECORD),
        ("8", KeypadCommand.LOCK),
    ],
)
def test_other_keys_after_a_star_are_other_commands(key: str, command: KeypadCommand) -> None:
    assert commands(f"*{key}") == [command]


def test_a_key_that_the_trunk_has_not_does_nothing() -> None:
    known = frozenset({KeypadCommand.TOGGLE_MICROPHONE, KeypadCommand.HELP})
    assert commands("*9*0*#*6", known=known) == [TOGGLE]
    assert commands("*6*9*0*#*1", known=frozenset()) == []


def test_of_two_keys_for_one_command_callers_are_told_the_first() -> None:
    assert COMMAND_KEYS[KeypadCommand.TOGGLE_HAND] == "9"


@pytest.mark.parametrize("keys", ["6", "66", "*", "**", "*A", "#6", "6*", "1234#"])
def test_other_keys_are_no_command(keys: str) -> None:
    assert commands(keys) == []


def test_a_second_star_begins_anew() -> None:
    assert commands("**6") == [TOGGLE]


def test_one_star_is_good_for_one_command() -> None:
    assert commands("*66") == [TOGGLE]


def test_a_digit_that_comes_too_late_is_just_a_digit() -> None:
    assert commands("*6", apart=PATIENCE) == [TOGGLE]
    assert commands("*6", apart=PATIENCE + 0.1) == []
