"""Configuring the rooms where a focus gives orders to dial ("breweries"), as Jigasi's HTTP does."""

import json
from collections.abc import Mapping
from typing import Protocol

from gateway.errors import RemoteProtocolError


class CallControlMucs(Protocol):
    """The accounts that wait in such a room, each by an `id` of the operator's choice.

    The properties have Jigasi's names: USER_ID (a JID), PASSWORD (base64), SERVER_ADDRESS, BREWERY
    (the room's JID), DOMAIN_BASE, BOSH_URL_PATTERN, MUC_DOMAIN_PREFIX.
    """

    def add(self, id: str, properties: Mapping[str, str]) -> None:
        """Add an account; ConfigError with every problem there is with the properties."""

    async def remove(self, id: str) -> bool:
        """Remove an account; whether there was one."""

    def list(self) -> tuple[str, ...]:
        """The ids of all."""


class BadBody(RemoteProtocolError):
    """A request whose body cannot be used."""


def read_account(body: bytes) -> tuple[str, dict[str, str]]:
    """The id and the properties of an account from a JSON object; BadBody if that is not there."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBody(f"no JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadBody("the body has to be a JSON object")
    id_ = values.pop("id", None)
    if not isinstance(id_, str) or not id_:
        raise BadBody('"id" has to be a string')
    return id_, {name: _text(name, value) for name, value in values.items()}


def _text(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    raise BadBody(f"{json.dumps(name)} has to be a string")
