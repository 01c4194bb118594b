"""Trunks that register, or prove who they are; phones."""

from typing import Any

import pytest

from gateway.config.configuration import parse
from gateway.sip.digest import Credentials
from gateway.sip.digest_server import DigestAccount
from gateway.sip.locate import Destination
from gateway.sip.probe import ProbeConfig
from gateway.sip.registration import RegistrationConfig
from tests.config.written import LEAST, REGISTER, TRUNK, USER, problems, with_trunk


def test_a_trunk_that_registers_needs_no_addresses() -> None:
    trunk = {"name": "provider", "register": REGISTER}
    config = parse({**LEAST, "trunk": [trunk]})
    (liaison,) = config.liaisons
    assert (liaison.name, liaison.probe) == ("provider", None)
    assert liaison.registrar == Destination(None, "provider.test", None)
    registration = liaison.registration
    assert registration is not None
    assert (registration.user, registration.contact_user) == ("4312345", "4312345")
    assert registration.credentials == Credentials("4312345", "p")
    assert config.trunks[0].networks == ()


def test_who_we_are_to_a_trunk_is_who_calls_through_it_or_who_registers() -> None:
    out = {"host": "sbc.test", "prefixes": ["+"]}
    caller = {**out, "user": "out", "password": "o", "realm": "r"}
    for sections, known in (
        ({"register": REGISTER, "dial_out": caller}, Credentials("out", "o", "r")),
        ({"register": REGISTER, "dial_out": out}, Credentials("4312345", "p")),
        ({"register": REGISTER}, Credentials("4312345", "p")),
        ({"dial_out": out}, None),
    ):
        (trunk,) = parse(with_trunk(**sections)).trunks
        assert trunk.credentials == known


def test_where_and_as_whom_a_trunk_registers_can_be_said_otherwise() -> None:
    register = {
        **REGISTER,
        "registrar": "sip:[2001:db8::1]:5080;transport=tcp",
        "auth_user": "auth",
        "realm": "r",
        "contact": "gw",
        "expires": 600,
        "refresh": 300,
    }
    (liaison,) = parse(with_trunk(register=register)).liaisons
    assert liaison.registrar == Destination("tcp", "2001:db8::1", 5080)
    assert liaison.registration == RegistrationConfig(
        "sip:[2001:db8::1]:5080;transport=tcp",
        "4312345",
        "gw",
        Credentials("auth", "p", "r"),
        600,
        300,
    )
    by_proxy = {**register, "host": "proxy.test", "port": 5099, "transport": "udp"}
    (liaison,) = parse(with_trunk(register=by_proxy)).liaisons
    assert liaison.registrar == Destination("udp", "proxy.test", 5099)


def test_a_trunk_is_asked_at_the_hop_its_calls_go_to() -> None:
    out = {"host": "sbc.test", "port": 5070, "prefixes": ["+"]}
    both = with_trunk(probe=30, probe_answers=2, probe_failures=4, dial_out=out, register=REGISTER)
    (liaison,) = parse(both).liaisons
    assert liaison.probe == ProbeConfig("sip:sbc.test", 30, 2, 4)
    assert liaison.probed == Destination(None, "sbc.test", 5070)
    (liaison,) = parse(with_trunk(probe=30, register=REGISTER)).liaisons
    assert liaison.probe is not None and liaison.probe.target == "sip:provider.test"
    assert liaison.probed == liaison.registrar
    assert parse(with_trunk(dial_out=out)).liaisons == ()


def test_a_trunk_with_digest_is_asked_who_it_is() -> None:
    values = with_trunk(digest={"user": "guard", "password": "secret"}, max_calls=3)
    config = parse(values)
    assert (config.trunks[0].digest_user, config.trunks[0].max_calls) == ("guard", 3)
    (account,) = config.accounts
    assert account.digest == DigestAccount("guard", "secret")
    assert (account.trunk, account.is_user) == (config.trunks[0], False)
    assert account.may_be_at("192.0.2.1") and not account.may_be_at("192.0.2.2")


def test_a_user_dials_rooms_by_name_or_by_its_rules_or_as_a_trunk_does() -> None:
    rule = {"called": "7(.)", "room": r"room\1"}
    users = [
        USER,
        {**USER, "name": "bob", "rule": [rule], "legacy_digest": True},
        {**USER, "name": "cec", "trunk": "pbx"},
    ]
    values = {**LEAST, "user": users, "registrar": {"from": ["10.0.0.0/8"], "max_contacts": 2}}
    config = parse(values)
    alice, bob, cec = config.accounts
    assert (alice.trunk.name, bob.trunk.name, cec.trunk) == ("alice", "bob", config.trunks[0])
    (by_name,), (by_rule,) = alice.trunk.rules, bob.trunk.rules
    assert by_name.called.fullmatch("welcome") and by_rule.called.pattern == "7(.)"
    assert [each.digest.is_legacy for each in config.accounts] == [False, True, False]
    assert all(each.is_user for each in config.accounts)
    assert alice.may_be_at("10.1.1.1") and not alice.may_be_at("192.0.2.1")
    assert config.registrar.config.max_contacts == 2
    assert parse({**LEAST, "user": [USER]}).accounts[0].may_be_at("192.0.2.1")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({**LEAST, "trunk": [{"name": "t"}]}, "trunk.0.from: is missing; write where calls come"),
        (
            with_trunk(direction="in", dial_out={"host": "a", "prefixes": ["+"]}),
            'trunk.0.direction: "in" goes without',
        ),
        (with_trunk(direction="out"), 'trunk.0.direction: "out" goes with [trunk.dial_out]'),
        (
            with_trunk(listeners=["udp:192.0.2.1:5060"]),
            "trunk.0.listeners: udp:192.0.2.1:5060 is none of sip.listen",
        ),
        (
            with_trunk(dial_out={"host": "a", "prefixes": ["+"], "headers": {"Via": "x"}}),
            "trunk.0.dial_out.headers.Via",
        ),
        (
            with_trunk(dial_out={"host": "a", "prefixes": ["+"], "headers": {"X-A": "x\r\ny"}}),
            "trunk.0.dial_out.headers.X-A",
        ),
        (
            with_trunk(
                dial_out={"host": "a", "prefixes": ["+"], "confirm": True, "early_media": True}
            ),
            "trunk.0.dial_out.confirm: goes without early_media",
        ),
        (with_trunk(probe=30), "trunk.0.probe: there is nobody to ask"),
        (
            with_trunk(register={**REGISTER, "registrar": "provider"}),
            "trunk.0.register.registrar: 'provider' is no registrar",
        ),
        (
            with_trunk(register={**REGISTER, "registrar": "sip:me@provider"}),
            "trunk.0.register.registrar: 'sip:me@provider' is no registrar",
        ),
        (with_trunk(register={**REGISTER, "user": "a b"}), "trunk.0.register.user: 'a b' is no"),
        (
            with_trunk(register={**REGISTER, "auth_user": ""}),
            "trunk.0.register.auth_user: '' is no",
        ),
        (
            with_trunk(dial_out={"host": "a", "prefixes": ["+"], "user": "", "password": "x"}),
            "trunk.0.dial_out.user: '' is no",
        ),
        (with_trunk(register={**REGISTER, "pasword": "x"}), "trunk.0.register.pasword: no such"),
        (with_trunk(digest={"user": "x"}), "trunk.0.digest.password: is missing"),
        ({**LEAST, "user": [{**USER, "password": "short"}]}, "user.0.password: has to have 8"),
        (
            {**LEAST, "user": [{**USER, "trunk": "x", "default_room": "y"}]},
            "user.0.trunk: has rules of its own",
        ),
        ({**LEAST, "user": [{**USER, "trunk": "x"}]}, "user.0.trunk: there is no 'x'; there are"),
        ({**LEAST, "user": [{**USER, "name": "pbx"}]}, "user.0.name: 'pbx' is the name of a trunk"),
        ({**LEAST, "user": [USER, USER]}, "user.1.name: 'alice' is an earlier user"),
        ({**LEAST, "user": [{**USER, "installation": "x"}]}, "user.0.installation: there is no"),
        ({**LEAST, "user": [{**USER, "default_room": "a@b"}]}, "user.0.default_room: "),
        (
            {**LEAST, "registrar": {"min_expires": 600, "max_expires": 60}},
            "registrar.min_expires: is above max_expires",
        ),
        ({**LEAST, "sip": {"realm": 'a"b'}}, "sip.realm: 'a\"b' is no realm"),
        ({**LEAST, "sip": {"digest_algorithms": ["MD4"]}}, "sip.digest_algorithms.0: 'MD4' is no"),
    ],
)
def test_what_is_wrong_with_registering_and_phones_is_told(
    values: dict[str, Any], told: str
) -> None:
    (problem,) = problems(values)
    assert problem.startswith(told)


def test_a_trunk_has_a_direction_listeners_and_headers_of_its_own() -> None:
    out = {"host": "a.test", "prefixes": ["+"], "headers": {"X-Account": "4711"}}
    only_out = {"name": "out", "direction": "out", "dial_out": out}
    listening = {**TRUNK, "listeners": ["tcp:0.0.0.0:5060"]}
    first, second = parse({**LEAST, "trunk": [only_out, listening]}).trunks
    assert (first.takes_calls, first.networks, second.takes_calls) == (False, (), True)
    assert first.dial_out is not None
    assert first.dial_out.headers == (("X-Account", "4711"),)
    assert second.listeners == (("tcp", "0.0.0.0", 5060),)


def test_stronger_algorithms_are_offered_where_that_is_wanted() -> None:
    assert parse(LEAST).sip.digest_algorithms == ("MD5",)
    wanted = parse({**LEAST, "sip": {"digest_algorithms": ["sha-256", "MD5"]}})
    assert wanted.sip.digest_algorithms == ("SHA-256", "MD5")


def test_two_trunks_have_two_digest_users() -> None:
    digest = {"user": "alice", "password": "x"}
    first, second = ({"name": name, "digest": digest} for name in "ab")
    found = problems({**LEAST, "trunk": [first, second], "user": [USER]})
    assert [line.partition(":")[0] for line in found] == ["trunk.1.digest.user", "user.0.name"]
