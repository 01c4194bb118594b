"""Configurations as they are written, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.configuration import parse
from gateway.errors import ConfigError

SAMPLE = Path(__file__).parents[2] / "config" / "gateway.toml"
REGISTER: dict[str, Any] = {"registrar": "sip:provider.test", "user": "4312345", "password": "p"}
TRUNK: dict[str, Any] = {"name": "pbx", "from": ["192.0.2.1"]}
USER: dict[str, Any] = {"name": "alice", "password": "long enough"}
LEAST: dict[str, Any] = {"jitsi": {"domain": "meet.example.org"}, "trunk": [TRUNK]}


def problems(values: dict[str, Any], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(values, environment)
    return caught.value.problems


def with_jitsi(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "jitsi": {**LEAST["jitsi"], **keys}}


def with_trunk(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "trunk": [{**TRUNK, **keys}]}


def with_sip(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "sip": keys}


def with_media(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "media": keys}
