"""The sections about phones that register here."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Self

from pydantic import Field, SecretStr, model_validator

from gateway.calls.accounts import CallerAccount
from gateway.calls.backdrop import WhileWaiting
from gateway.calls.trunk import IpNetwork, RoomRule, Trunk
from gateway.config.section import Section
from gateway.config.trunk import RuleSection, TrunkSection
from gateway.config.values import AccountName, Codecs, Network
from gateway.sip.digest_server import DigestAccount
from gateway.sip.registrar import RegistrarConfig

_ANY_ROOM = RoomRule(re.compile(r"(.+)"), r"\1")
_LEAST = 8  # characters of a password: everybody may try


class RegistrarSection(Section):
    """`[registrar]`: from where phones may register and call, and for how long."""

    networks: tuple[Network, ...] = Field(default=(), alias="from")
    min_expires: int = Field(default=60, ge=10, le=3600)
    max_expires: int = Field(default=3600, ge=60, le=86_400)
    max_contacts: int = Field(default=8, ge=1, le=100)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.min_expires > self.max_expires:
            raise ValueError("min_expires: is above max_expires; nothing would be long enough")
        return self

    @property
    def config(self) -> RegistrarConfig:
        """For `gateway.sip`."""
        return RegistrarConfig(self.min_expires, self.max_expires, self.max_contacts)


class UserSection(Section):
    """`[[user]]`: a phone that registers here, and where its calls go."""

    name: AccountName
    password: SecretStr
    trunk: str | None = None
    rule: tuple[RuleSection, ...] = ()
    default_room: str | None = None
    installation: str | None = None
    codecs: Codecs | None = None
    legacy_digest: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = []
        if len(self.password.get_secret_value()) < _LEAST:
            problems.append(f"password: has to have {_LEAST} characters at least")
        if self.trunk is not None and (self.rule or self.default_room or self.installation):
            problems.append("trunk: has rules of its own; give a trunk, or rules, not both")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def account(
        self,
        trunks: Mapping[str, Trunk],
        codecs: tuple[str, ...],
        networks: tuple[IpNetwork, ...],
        waiting: WhileWaiting,
    ) -> CallerAccount:
        """For `gateway.calls`; a user without rules dials rooms by their names.

        `codecs` are those of users that name none and have no trunk, which hear `waiting`.
        """
        if self.trunk is not None:
            trunk = trunks[self.trunk]
            trunk = replace(trunk, codecs=self.codecs or trunk.codecs)
        else:
            rules = tuple(RoomRule(each.called, each.room, each.installation) for each in self.rule)
            by_name = () if rules or self.default_room else (_ANY_ROOM,)
            trunk = Trunk(
                self.name,
                (),
                rules=rules or by_name,
                default_room=self.default_room,
                installation=self.installation,
                codecs=self.codecs or codecs,
                waiting=waiting,
            )
        password = self.password.get_secret_value()
        digest = DigestAccount(self.name, password, is_legacy=self.legacy_digest)
        return CallerAccount(digest, trunk, networks, is_user=True)


def guarded_trunks(
    sections: Iterable[TrunkSection], trunks: Mapping[str, Trunk]
) -> Iterator[CallerAccount]:
    """For `gateway.calls`: the trunks that are told by digest, from where they may call."""
    for section in sections:
        if section.digest is not None:
            yield CallerAccount(section.digest.account, trunks[section.name], section.networks)


def account_problems(
    trunks: tuple[TrunkSection, ...], users: tuple[UserSection, ...]
) -> Iterator[str]:
    """Names that two have, and trunks that there are not."""
    names = {trunk.name for trunk in trunks}
    taken: set[str] = set()
    for at, trunk in enumerate(trunks):
        if trunk.digest is not None:
            if trunk.digest.user in taken:
                yield f"trunk.{at}.digest.user: {trunk.digest.user!r} is an earlier trunk's as well"
            taken.add(trunk.digest.user)
    for at, user in enumerate(users):
        if user.name in taken:
            yield f"user.{at}.name: {user.name!r} is an earlier user, or the user of a trunk"
        taken.add(user.name)
        if user.trunk is not None and user.trunk not in names:
            there = ", ".join(sorted(names))
            yield f"user.{at}.trunk: there is no {user.trunk!r}; there are {there}"
        if user.trunk is None and user.name in names:
            yield f"user.{at}.name: {user.name!r} is the name of a trunk; say trunk, or rename it"
