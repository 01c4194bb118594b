"""The sections about dialling in: PINs for rooms, the numbers to call, and who may ask for them."""

import datetime
import os
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from gateway.config.problems import problems_of
from gateway.config.section import Section
from gateway.config.toml_file import read_toml
from gateway.config.values import HostPort, Network, Password, Seconds, Token, is_url
from gateway.errors import ConfigError
from gateway.ivr.dial_in import DialInConfig
from gateway.ivr.dial_in_http import DialInHttpConfig
from gateway.ivr.fixed_pins import FixedPin
from gateway.ivr.mapper_search import Mapper
from gateway.ivr.meeting import Meeting
from gateway.ivr.phone_numbers import PhoneNumber
from gateway.ivr.pin_policy import LONGEST, SHORTEST, NoPinLeft, PinPolicy

DAY = 86_400.0  # seconds


def _origin(value: str) -> str:
    """Of a web page, as browsers send it."""
    if value != "*" and not re.fullmatch(r"https?://[^\s/?#@]+", value):
        hint = 'write e.g. https://meet.example.org, or "*" for all'
        raise ValueError(f"{value!r} is no origin of web pages; {hint}")
    return value.lower()


def _mapper_url(value: str) -> str:
    if not is_url(r"https?://[^\s/?#@]+([/?][^\s#]*)?", value):
        hint = "write e.g. https://mapper.example.org/conferenceMapper, and a secret as token"
        raise ValueError(f"that is no URL; {hint}")  # there may be a password in it
    return value


def _moment(value: datetime.datetime) -> datetime.datetime:
    if value.tzinfo is None:
        raise ValueError("say which time that is: write e.g. 2026-12-01T09:00:00+01:00")
    return value


Moment = Annotated[datetime.datetime, AfterValidator(_moment)]


class NumberSection(Section):
    """`[[dial_in.number]]`: a number that people can call."""

    country: str = Field(pattern=r"^([A-Z]{2}|SIP|SIP_AUDIO_ONLY)$")
    number: str = Field(min_length=1, max_length=100)
    toll_free: bool = False
    default: bool = False


class MapperSection(Section):
    """`[[dial_in.mapper]]`: a conference mapper of somebody else's."""

    url: Annotated[str, AfterValidator(_mapper_url)]
    timeout: Seconds = 3.0
    retries: int = Field(default=1, ge=0, le=5)
    token: Password | None = None
    gives_pins: bool = False


class PinSection(Section):
    """`[[pin]]` of the file of PINs."""

    pin: str = Field(pattern=rf"^[0-9]{{{SHORTEST},32}}$")
    room: str = Field(min_length=1)
    name: str | None = Field(default=None, min_length=1, max_length=100)
    moderator: bool = False
    valid_from: Moment | None = Field(default=None, alias="from")
    valid_until: Moment | None = Field(default=None, alias="until")

    @property
    def fixed(self) -> FixedPin:
        """For `gateway.ivr`."""
        return FixedPin(
            self.pin,
            Meeting(self.room, self.name, self.moderator),
            self.valid_from.timestamp() if self.valid_from is not None else None,
            self.valid_until.timestamp() if self.valid_until is not None else None,
        )


class PinsFile(Section):
    """The file of PINs that an operator writes."""

    pin: tuple[PinSection, ...] = ()

    @model_validator(mode="after")
    def _check_pins(self) -> Self:
        seen: dict[str, int] = {}
        problems = []
        for at, each in enumerate(self.pin):
            first = seen.setdefault(each.pin, at)
            if first != at:
                problems.append(f"pin.{at}.pin: is that of pin.{first} as well")
            both = (each.valid_from, each.valid_until)
            if both[0] is not None and both[1] is not None and both[0] >= both[1]:
                problems.append(f"pin.{at}.until: is not after from")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @classmethod
    def read(cls, file: Path) -> Self:
        """ConfigError with every problem there is."""
        try:
            return cls.model_validate(read_toml(file))
        except ValidationError as error:
            raise ConfigError([f"{file}: {line}" for line in problems_of(error, cls)]) from None


class DialInSection(Section):
    """`[dial_in]`: PINs for rooms, and the numbers to call, for Jitsi's web page and for PBXs."""

    listen: HostPort = None
    database: Path = Path("/var/lib/sip-gateway/pins.sqlite3")
    pins_file: Path | None = None
    record_name: bool = False
    number: tuple[NumberSection, ...] = ()
    mapper: tuple[MapperSection, ...] = ()
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] | None = None
    proxies: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))
    lookups_from: tuple[Network, ...] = ()
    lookup_token: Token | None = None
    requests_per_minute: int = Field(default=120, ge=1, le=100_000)
    pin_digits: int = Field(default=9, ge=SHORTEST, le=LONGEST)
    pin_odds: int = Field(default=100_000, ge=1_000, le=10**12)
    pin_days: float = Field(default=90.0, gt=0, le=36_500)
    max_rooms: int = Field(default=100_000, ge=1, le=10**9)

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        if self.model_fields_set and "listen" not in self.model_fields_set:
            yield 'listen: is missing; write e.g. listen = "127.0.0.1:8790", or "" for none'
        if sum(each.default for each in self.number) > 1:
            yield "number: more than one is the default"
        try:
            PinPolicy(self.pin_digits, self.pin_odds, 1).length({})
        except NoPinLeft:
            yield f"pin_odds: no PIN of at most {LONGEST} digits is as hard to guess"
        if os.path.isdir(self.database):
            yield f"database: {self.database} is a folder; name a file in it"
        if self.pins_file is not None:
            try:
                PinsFile.read(self.pins_file)
            except ConfigError as error:
                yield from (f"pins_file: {problem}" for problem in error.problems)

    @property
    def fixed_pins(self) -> tuple[FixedPin, ...]:
        """Those in the file; ConfigError if it cannot be used any more."""
        if self.pins_file is None:
            return ()
        return tuple(pin.fixed for pin in PinsFile.read(self.pins_file).pin)

    def services(self, web_urls: tuple[str, ...]) -> DialInConfig | None:
        """For `gateway.ivr`; None without them. `web_urls` are where browsers join.

        ConfigError if the file of PINs cannot be used any more.
        """
        if self.listen is None:
            return None
        origins = (_origin_of(url) for url in web_urls) if self.origins is None else self.origins
        token = self.lookup_token
        return DialInConfig(
            database=self.database,
            http=DialInHttpConfig(
                listen=self.listen,
                origins=frozenset(origins),
                proxies=self.proxies,
                lookups_from=self.lookups_from,
                lookup_token=token.get_secret_value() if token is not None else None,
                requests_a_minute=self.requests_per_minute,
            ),
            policy=PinPolicy(self.pin_digits, self.pin_odds, self.max_rooms),
            lifetime=self.pin_days * DAY,
            numbers=tuple(
                PhoneNumber(each.country, each.number, each.toll_free, each.default)
                for each in self.number
            ),
            fixed=self.fixed_pins,
            mappers=tuple(
                Mapper(
                    each.url,
                    each.timeout,
                    each.retries,
                    each.token.get_secret_value() if each.token is not None else None,
                    each.gives_pins,
                )
                for each in self.mapper
            ),
        )


def _origin_of(url: str) -> str:
    return "/".join(url.split("/")[:3]).lower()
