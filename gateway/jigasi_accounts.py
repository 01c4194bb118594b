"""Breweries that are added and removed while the gateway runs, as Jigasi's HTTP does it."""

import base64
import binascii
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from gateway.conference.breweries import Breweries
from gateway.conference.brewery import BreweryAccount
from gateway.config.dial_out import BrewerySection
from gateway.config.problems import problems_of
from gateway.errors import ConfigError

_KEYS = {
    "user": "USER_ID",
    "password": "PASSWORD",
    "room": "BREWERY",
    "host": "SERVER_ADDRESS",
    "port": "SERVER_PORT",
}


class JigasiAccounts:
    """`account` makes an account of a section, as the configuration does."""

    def __init__(
        self, breweries: Breweries, account: Callable[[BrewerySection], BreweryAccount]
    ) -> None:
        self._breweries = breweries
        self._account = account

    def add(self, id: str, properties: Mapping[str, str]) -> None:
        """Add an account; ConfigError with every problem there is with the properties."""
        try:
            section = BrewerySection.model_validate(_values(id, properties))
        except ValidationError as error:
            raise ConfigError(
                [_in_their_terms(line) for line in problems_of(error, BrewerySection)]
            ) from None
        try:
            self._breweries.add(self._account(section))
        except ValueError as error:
            raise ConfigError([f"id: {error}"]) from None

    async def remove(self, id: str) -> bool:
        """Remove an account; whether there was one."""
        return await self._breweries.remove(id)

    def list(self) -> tuple[str, ...]:
        """The ids of all."""
        return tuple(self._breweries.present)


def _values(id_: str, properties: Mapping[str, str]) -> dict[str, str]:
    values = {"id": id_}
    for key, name in _KEYS.items():
        if name in properties:
            values[key] = properties[name]
    if "password" in values:
        values["password"] = _decode(values["password"])
    if properties.get("ALLOW_NON_SECURE", "").lower() == "true":
        values["tls"] = "off"
    return values


def _decode(password: str) -> str:
    """Jigasi has passwords in base64; ConfigError for what is none."""
    try:
        return base64.b64decode(password, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ConfigError(["PASSWORD: write it in base64"]) from None


def _in_their_terms(line: str) -> str:
    key, colon, text = line.partition(":")
    return f"{_KEYS.get(key, key)}{colon}{text}"
