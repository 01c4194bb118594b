"""Several installations of Jitsi."""

from typing import Any

import pytest

from gateway.config.configuration import parse
from gateway.errors import ConfigError
from tests.config.written import LEAST, TRUNK

TWO = {
    **LEAST,
    "installation": [{"name": "west", "domain": "west.example.org", "rooms": "[n-z].*"}],
}


def test_there_may_be_several_installations() -> None:
    config = parse({**TWO, "trunk": [{**TRUNK, "installation": "west"}]})
    first, west = config.installations()
    assert (first.name, west.name) == ("jitsi", "west")
    assert west.server.domain == "west.example.org"
    assert west.rooms is not None
    assert west.rooms.fullmatch("zulu")
    assert config.trunks[0].installation == "west"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"installation": [{"name": "jitsi", "domain": "a.test"}]},
            "installation.0.name: 'jitsi' is the name of an earlier installation as well",
        ),
        (
            {"trunk": [{**TRUNK, "installation": "east"}]},
            "trunk.0.installation: there is no 'east'; there are jitsi, west",
        ),
        (
            {"trunk": [{**TRUNK, "rule": [{"called": "1", "room": "a", "installation": "east"}]}]},
            "trunk.0.rule.0.installation: there is no 'east'; there are jitsi, west",
        ),
        (
            {
                "brewery": [
                    {"user": "a@b.test", "password": "x", "room": "c@d.test", "installation": "e"}
                ]
            },
            "brewery.0.installation: there is no 'e'; there are jitsi, west",
        ),
    ],
)
def test_a_name_of_no_installation_is_a_problem(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse({**TWO, **change})
    assert problem in refused.value.problems
