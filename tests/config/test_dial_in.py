"""The configuration of dialling in."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.config.configuration import parse
from gateway.config.dial_in import DialInSection
from gateway.errors import ConfigError
from gateway.ivr.dial_in import DialInConfig
from gateway.ivr.mapper_search import Mapper
from gateway.ivr.meeting import Meeting
from gateway.ivr.phone_numbers import PhoneNumber
from tests.config.written import LEAST, SAMPLE, problems

ON = {"listen": "127.0.0.1:8790"}


def with_dial_in(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "dial_in": {**ON, **keys}}


def services(**keys: Any) -> DialInConfig:
    config = parse(with_dial_in(**keys)).dial_in_services()
    assert config is not None
    return config


def test_without_a_listener_there_is_nothing() -> None:
    assert parse(LEAST).dial_in_services() is None
    assert parse({**LEAST, "dial_in": {"listen": ""}}).dial_in_services() is None


def test_a_listener_is_all_that_is_needed() -> None:
    config = services()
    assert (config.policy.digits, config.policy.odds, config.lifetime) == (9, 100_000, 7_776_000.0)
    assert config.http.origins == {"https://meet.example.org"}
    assert not config.http.lookups_from and config.http.lookup_token is None


def test_the_sample_states_the_defaults() -> None:
    stated = tomllib.loads(SAMPLE.read_text())["dial_in"]
    shown = {"listen", "origins", "lookups_from", "number", "mapper"}
    for key in stated.keys() - shown:
        kept = DialInSection.model_validate({**ON, key: stated[key]})
        assert getattr(kept, key) == DialInSection.model_fields[key].default, key


def test_numbers_and_mappers_are_read() -> None:
    config = services(
        number=[{"country": "AT", "number": "+43 1 5550100", "toll_free": True, "default": True}],
        mapper=[{"url": "https://a.example/m?key=1", "timeout": 1.5, "retries": 0, "token": "t"}],
    )
    assert config.numbers == (PhoneNumber("AT", "+43 1 5550100", True, True),)
    assert config.mappers == (Mapper("https://a.example/m?key=1", 1.5, 0, "t"),)


def test_pages_of_all_installations_may_ask() -> None:
    more = [{"name": "b", "domain": "b.example.org", "public_url": "https://Web.b.example.org/x"}]
    config = parse({**with_dial_in(), "installation": more}).dial_in_services()
    assert config is not None
    assert config.http.origins == {"https://meet.example.org", "https://web.b.example.org"}
    assert services(origins=["*"]).http.origins == {"*"}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"listen": "localhost:1"}, "dial_in.listen: 'localhost:1' is no address"),
        ({"pin_digits": 3}, "dial_in.pin_digits: "),
        ({"pin_digits": 16}, "dial_in.pin_digits: "),
        ({"pin_odds": 10**12, "pin_digits": 4, "max_rooms": 0}, "dial_in.max_rooms: "),
        ({"pin_odds": 5}, "dial_in.pin_odds: "),
        ({"pin_days": 0}, "dial_in.pin_days: "),
        ({"requests_per_minute": 0}, "dial_in.requests_per_minute: "),
        ({"origins": ["meet.example.org"]}, "dial_in.origins.0: 'meet.example.org' is no origin"),
        ({"proxies": ["nginx"]}, "dial_in.proxies.0: 'nginx' is no network"),
        ({"lookups_from": ["pbx"]}, "dial_in.lookups_from.0: 'pbx' is no network"),
        ({"lookup_token": "short"}, "dial_in.lookup_token: make it 16 characters or more"),
        ({"number": [{"country": "Austria", "number": "1"}]}, "dial_in.number.0.country: "),
        ({"mapper": [{"url": "ftp://a"}]}, "dial_in.mapper.0.url: that is no URL"),
        ({"mapper": [{"url": "https://a:99999/x"}]}, "dial_in.mapper.0.url: that is no URL"),
        ({"mapper": [{"url": "https://u:p@a"}]}, "dial_in.mapper.0.url: that is no URL"),
        ({"pins_file": "/nowhere.toml"}, "dial_in.pins_file: /nowhere.toml: No such file"),
        ({"lookup_form": []}, "dial_in.lookup_form: no such key; did you mean 'lookups_from'?"),
    ],
)
def test_a_problem_names_its_key_and_the_way_out(keys: dict[str, Any], told: str) -> None:
    (found,) = problems(with_dial_in(**keys))
    assert found.startswith(told)


def test_services_that_listen_nowhere_are_told() -> None:
    (found,) = problems({**LEAST, "dial_in": {"pin_digits": 10}})
    assert found.startswith("dial_in.listen: is missing; write e.g.")


@pytest.mark.parametrize(
    ("all_trunks", "trunk", "asks"),
    [(False, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_a_trunk_asks_for_names_as_it_says_itself_or_as_all_do(
    all_trunks: bool, trunk: bool | None, asks: bool
) -> None:
    own = {} if trunk is None else {"record_name": trunk}
    values = with_dial_in(record_name=all_trunks)
    asking = {**values["trunk"][0], "ask_pin": True, **own}
    silent = {**values["trunk"][0], "name": "other", "rule": [{"called": ".*", "room": "a"}]}
    config = parse({**values, "trunk": [asking, silent]})
    assert [each.asks_name for each in config.trunks] == [asks, False]


def test_names_are_asked_for_where_pins_are() -> None:
    trunk = {**LEAST["trunk"][0], "record_name": True}
    (found,) = problems({**LEAST, "trunk": [trunk]})
    assert found == "trunk.0.record_name: goes with ask_pin; set that, or leave this out"


def test_two_numbers_cannot_be_the_default() -> None:
    number = {"country": "AT", "number": "1", "default": True}
    (found,) = problems(with_dial_in(number=[number, number]))
    assert found == "dial_in.number: more than one is the default"


def test_the_sample_of_pins_is_good() -> None:
    pins = services(pins_file=str(SAMPLE.parent / "pins.toml")).fixed
    assert [pin.is_shown for pin in pins] == [True, False, False]
    assert pins[1].meeting == Meeting("board", "Ann Example", moderator=True)
    assert pins[2].valid_from is not None and pins[2].valid_until is not None
    assert pins[2].valid_until - pins[2].valid_from == 3 * 3600


def test_what_is_wrong_with_pins_is_told_without_them(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    file.write_text(
        """
        [[pin]]
        pin = 13579
        room = "a"
        [[pin]]
        pin = "24680x"
        room = "a"
        form = "x"
        [[pin]]
        room = ""
        pin = "1357"
        from = 2026-12-01T09:00:00
        """
    )
    found = problems(with_dial_in(pins_file=str(file)))
    place = f"dial_in.pins_file: {file}: pin."
    assert sorted(line.removeprefix(place).partition(":")[0] for line in found) == [
        "0.pin",
        "1.form",
        "1.pin",
        "2.from",
        "2.room",
    ]
    assert "1357" not in str(found) and "24680" not in str(found)


def test_pins_are_for_one_thing_and_for_rooms_that_are_served(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    file.write_text('[[pin]]\npin = "1357"\nroom = "a"\n[[pin]]\npin = "1357"\nroom = "b"\n')
    (found,) = problems(with_dial_in(pins_file=str(file)))
    assert found == f"dial_in.pins_file: {file}: pin.1.pin: is that of pin.0 as well"
    file.write_text('[[pin]]\npin = "1357"\nroom = "a@elsewhere.org"\n')
    (found,) = problems(with_dial_in(pins_file=str(file)))
    assert found.startswith(f"dial_in.pins_file: {file}: pin.0.room: rooms of 'elsewhere.org'")


def test_a_file_that_has_gone_is_told_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "pins.toml"
    file.write_text("")
    config = parse(with_dial_in(pins_file=str(file)))
    file.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        config.dial_in_services()


def test_no_token_is_printed() -> None:
    token = "a-token-of-some-length"
    config = parse(with_dial_in(lookup_token=token, mapper=[{"url": "https://a", "token": token}]))
    assert token not in repr(config) and token not in repr(config.dial_in_services())
