"""Whose call a request is: by address, by registration, by digest."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from gateway.calls import gatekeeper
from gateway.calls.accounts import CallerAccount
from gateway.calls.gatekeeper import Doors, Gatekeeper
from gateway.calls.trunk import Trunk
from gateway.sip.admission import FORBID, Refusal, Verdict
from gateway.sip.digest import Credentials, DigestClient
from gateway.sip.digest_server import DigestAccount, DigestServer
from gateway.sip.flow import Flow
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.registrar import Registrar, RegistrarConfig
from tests.sip.wire import request

LISTENER = ("192.0.2.1", 5060)


def at(host: str, port: int = 5060) -> Flow:
    return Flow("udp", LISTENER, (host, port))


PBX = Trunk("pbx", (ip_network("198.51.100.0/24"),))
PROVIDER = Trunk("provider", ())  # known by our registration
GUARDED = Trunk("guarded", (ip_network("203.0.113.0/24"),), digest_user="guard")
ROAMING = Trunk("roaming", (), digest_user="roamer")
OFFICE = Trunk("office", ())

GUARD, ROAMER = DigestAccount("guard", "g"), DigestAccount("roamer", "r")
ALICE = DigestAccount("alice", "a")

AT_PBX, AT_GUARDED, ELSEWHERE = at("198.51.100.7"), at("203.0.113.7"), at("192.0.2.77")
REGISTRAR = at("192.0.2.200")

TRUNKS = (PBX, PROVIDER, GUARDED, ROAMING, OFFICE)
ALL = (
    CallerAccount(GUARD, GUARDED, GUARDED.networks),
    CallerAccount(ROAMER, ROAMING),
    CallerAccount(ALICE, OFFICE, is_user=True),
)


def registered_over(host: str, user: str | None) -> str | None:
    return "provider" if host == "192.0.2.200" and user in (None, "gw") else None


class Gate:
    """A gatekeeper, and those who come to it."""

    def __init__(self, *accounts: CallerAccount, phones: bool = True) -> None:
        self.now = 1000.0
        doors = Doors(
            DigestServer("gateway"),
            accounts,
            Registrar(RegistrarConfig()) if phones else None,
            registered_over,
        )
        self.keeper = Gatekeeper(TRUNKS, doors, FORBID, lambda: self.now)

    def judge(self, flow: Flow, asked: Request) -> Trunk | Verdict | Refusal:
        return self.keeper.judge(flow, asked)

    def call(self, flow: Flow, account: DigestAccount) -> Trunk | Verdict | Refusal:
        """What becomes of a call whose sender answers the challenge, if there is one."""
        first = self.judge(flow, made("INVITE"))
        if not isinstance(first, Refusal) or first.status != 401:
            return first
        return self.judge(flow, answered(first, account, "INVITE"))

    def register(
        self, flow: Flow, account: DigestAccount, user: str | None = None
    ) -> Refusal | Verdict:
        asked = made("REGISTER", user=user or account.name)
        admitted = self.judge(flow, asked)
        if admitted is not Verdict.ACCEPT:
            assert not isinstance(admitted, Trunk)
            return admitted
        first = self.keeper.register(flow, asked)
        assert first.status == 401
        again = answered(first, account, "REGISTER", user=user or account.name)
        assert self.judge(flow, again) is Verdict.ACCEPT
        return self.keeper.register(flow, again)


def made(
    method: str, *, uri: str = "sip:room@192.0.2.1", user: str = "room", **more: str
) -> Request:
    fields = [("Contact", "<sip:alice@10.0.0.1>")] if method == "REGISTER" else []
    data = request(method, uri=uri, fields=fields, **more)  # type: ignore[arg-type]
    message = parse_message(data.replace(b"To: <sip:room@", f"To: <sip:{user}@".encode()))
    assert isinstance(message, Request)
    return message


def answered(
    challenge: Refusal, account: DigestAccount, method: str, user: str = "room"
) -> Request:
    client = DigestClient(Credentials(account.name, account.password))
    assert client.exchange().answer(Response(401, "", Headers(challenge.headers)))
    again = made(method, user=user)
    client.authorize(again)
    return again


def is_challenge(answer: Trunk | Verdict | Refusal) -> bool:
    return isinstance(answer, Refusal) and answer.status == 401


# --- by address, and by registration ------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "BYE"])
def test_an_address_is_its_trunks_and_others_are_strangers(method: str) -> None:
    gate = Gate(phones=False)
    assert gate.judge(AT_PBX, made(method)) is PBX
    assert gate.judge(at("::ffff:198.51.100.7"), made(method)) is PBX
    assert gate.judge(ELSEWHERE, made(method)) is FORBID


def test_a_call_over_our_registration_is_that_trunks() -> None:
    gate = Gate(*ALL)
    to_us = made("INVITE", uri="sip:gw@192.0.2.1:5060")
    assert gate.judge(REGISTRAR, to_us) is PROVIDER
    assert is_challenge(gate.judge(REGISTRAR, made("INVITE")))  # for somebody else
    assert is_challenge(gate.judge(ELSEWHERE, to_us))  # by somebody else
    assert Gate().judge(ELSEWHERE, to_us) is FORBID


def test_a_request_uri_that_is_none_is_nobodys_registration() -> None:
    assert Gate().judge(REGISTRAR, made("INVITE", uri="nonsense")) is FORBID


def test_a_trunk_may_be_one_by_some_of_our_listeners_only() -> None:
    inside = replace(PBX, listeners=(("udp", *LISTENER),))
    keeper = Gatekeeper((inside,), Doors(), FORBID)
    assert keeper.judge(AT_PBX, made("INVITE")) is inside
    for listener in (
        replace(AT_PBX, transport="tcp"),
        replace(AT_PBX, listener=("192.0.2.2", 5060)),
    ):
        assert keeper.judge(listener, made("INVITE")) is FORBID


def test_not_even_a_password_lets_a_trunk_in_by_another_listener() -> None:
    inside = replace(ROAMING, listeners=(("tcp", *LISTENER),))
    doors = Doors(DigestServer("gateway"), (CallerAccount(ROAMER, inside),))
    keeper = Gatekeeper((inside,), doors, FORBID)
    for transport, expected in (("udp", FORBID), ("tcp", inside)):
        by = replace(ELSEWHERE, transport=transport)
        challenge = keeper.judge(by, made("INVITE"))
        assert isinstance(challenge, Refusal)
        assert keeper.judge(by, answered(challenge, ROAMER, "INVITE")) is expected


def test_of_two_trunks_of_one_address_the_one_that_takes_calls_has_them() -> None:
    out = replace(PBX, name="out", takes_calls=False)
    for trunks in ((out, PBX), (PBX, out)):
        assert Gatekeeper(trunks, Doors(), FORBID).judge(AT_PBX, made("INVITE")) is PBX
    assert Gatekeeper((out,), Doors(), FORBID).judge(AT_PBX, made("INVITE")) is out


# --- by digest ----------------------------------------------------------------------------------


def test_a_guarded_trunk_has_to_prove_itself() -> None:
    gate = Gate(ALL[0], phones=False)
    assert is_challenge(gate.judge(AT_GUARDED, made("INVITE")))
    assert gate.call(AT_GUARDED, GUARD) is GUARDED
    assert is_challenge(gate.call(AT_GUARDED, replace(GUARD, password="x")))
    assert is_challenge(gate.call(AT_GUARDED, DigestAccount("x", "g")))


def test_a_guarded_trunk_may_ask_how_we_are_unasked() -> None:
    assert Gate(*ALL).judge(AT_GUARDED, made("OPTIONS")) is GUARDED


def test_a_guarded_trunk_is_one_at_its_own_addresses_only() -> None:
    gate = Gate(*ALL)
    assert is_challenge(gate.call(ELSEWHERE, GUARD))
    only = Gate(ALL[0], phones=False)
    assert only.call(ELSEWHERE, GUARD) is FORBID


def test_a_trunk_without_addresses_may_call_from_anywhere() -> None:
    gate = Gate(ALL[1], phones=False)
    assert gate.call(ELSEWHERE, ROAMER) is ROAMING
    assert gate.call(AT_GUARDED, ROAMER) is ROAMING
    assert gate.judge(ELSEWHERE, made("OPTIONS")) is FORBID


def test_a_trunk_that_is_known_by_address_is_not_asked() -> None:
    assert Gate(*ALL).judge(AT_PBX, made("INVITE")) is PBX


def test_what_belongs_to_a_call_that_is_gone_is_not_asked_who_it_is() -> None:
    gate = Gate(*ALL)
    assert gate.judge(AT_GUARDED, made("INVITE", to_tag="gone")) is GUARDED
    assert gate.judge(ELSEWHERE, made("INVITE", to_tag="gone")) is FORBID


# --- phones -------------------------------------------------------------------------------------


def test_a_user_registers_and_calls() -> None:
    gate = Gate(*ALL)
    registered = gate.register(ELSEWHERE, ALICE)
    assert isinstance(registered, Refusal) and registered.status == 200
    assert gate.call(ELSEWHERE, ALICE) is OFFICE


def test_a_user_calls_without_having_registered_as_well() -> None:
    assert Gate(*ALL).call(ELSEWHERE, ALICE) is OFFICE


def test_only_a_registered_phone_may_ask_how_we_are() -> None:
    gate = Gate(*ALL)
    assert gate.judge(ELSEWHERE, made("OPTIONS")) is FORBID
    gate.register(ELSEWHERE, ALICE)
    assert gate.judge(ELSEWHERE, made("OPTIONS")) is Verdict.ACCEPT
    assert gate.judge(at("192.0.2.77", 9), made("OPTIONS")) is FORBID
    gate.now += 3600
    assert gate.judge(ELSEWHERE, made("OPTIONS")) is FORBID


def test_a_phone_at_a_trunks_address_that_has_registered_is_asked() -> None:
    gate = Gate(*ALL)
    gate.register(AT_PBX, ALICE)
    assert gate.call(AT_PBX, ALICE) is OFFICE
    assert gate.judge(at("198.51.100.7", 9), made("INVITE")) is PBX


@pytest.mark.parametrize(
    "account",
    [GUARD, ROAMER, DigestAccount("nobody", "x"), replace(ALICE, password="x")],
    ids=lambda each: each.name,
)
def test_only_users_with_their_passwords_register(account: DigestAccount) -> None:
    answer = Gate(*ALL).register(AT_GUARDED, account)
    assert isinstance(answer, Refusal) and answer.status == 401


def test_a_user_registers_nobody_else() -> None:
    assert Gate(*ALL).register(ELSEWHERE, ALICE, user="bob") == Refusal(403)


def test_users_may_be_kept_to_networks() -> None:
    gate = Gate(CallerAccount(ALICE, OFFICE, (ip_network("10.0.0.0/8"),), is_user=True))
    assert gate.register(ELSEWHERE, ALICE) is FORBID
    assert gate.call(ELSEWHERE, ALICE) is FORBID
    answer = gate.register(at("10.1.2.3"), ALICE)
    assert isinstance(answer, Refusal) and answer.status == 200


def test_without_users_register_is_what_any_other_request_is() -> None:
    gate = Gate(*ALL[:2], phones=False)
    assert gate.judge(AT_PBX, made("REGISTER")) is PBX  # and a 405 then
    assert gate.judge(ELSEWHERE, made("REGISTER")) is FORBID


class Lines:
    """Takes the place of a log."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def info(self, event: str, **fields: object) -> None:
        assert "x" not in fields.values()
        self.told.append((event, fields.get("since_last_line")))


def test_guesses_are_logged_once_a_second_and_phones_as_they_come_and_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = Lines()
    monkeypatch.setattr(gatekeeper, "log", lines)
    gate = Gate(*ALL)
    for wait in (0.0, 0.1, 0.1, 1.0):
        gate.now += wait
        gate.call(ELSEWHERE, replace(ALICE, password="x"))
    for _ in range(2):
        gate.register(ELSEWHERE, ALICE)
    assert lines.told == [
        ("credentials not taken", 1),
        ("credentials not taken", 3),
        ("phone registered", None),
    ]


def test_a_call_of_no_trunk_s_is_told_once_a_minute_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = Lines()
    monkeypatch.setattr(gatekeeper, "log", lines)
    gate = Gate(phones=False)
    dropping = Gatekeeper(TRUNKS, gate.keeper._doors, Verdict.DROP, lambda: gate.now)
    for wait in (0.0, 1.0, 58.0, 1.0):
        gate.now += wait
        assert gate.judge(ELSEWHERE, made("INVITE")) is FORBID
        assert not dropping.hears(ELSEWHERE, "INVITE"), "which is told without reading it"
        gate.judge(ELSEWHERE, made("OPTIONS"))
        gate.judge(AT_PBX, made("INVITE"))
    once, later = ("a call of no trunk's", 1), ("a call of no trunk's", 3)
    assert lines.told == [once, once, later, later]


def test_a_connection_on_which_nothing_has_come_is_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A port scanner's, or a load balancer's that looks whether we are there."""
    lines = Lines()
    monkeypatch.setattr(gatekeeper, "log", lines)
    keeper = Gatekeeper(TRUNKS, Doors(), Verdict.DROP)
    assert not keeper.hears(ELSEWHERE, None)
    assert keeper.hears(AT_PBX, None)
    assert lines.told == []


# --- who is heard at all -------------------------------------------------------------------------


def test_only_who_may_not_be_dropped_is_heard() -> None:
    doors = Gate(*ALL).keeper._doors
    keeper = Gatekeeper(TRUNKS, doors, Verdict.DROP)
    for method in ("OPTIONS", "INVITE", "REGISTER", "SIP/2.0"):
        assert keeper.hears(AT_PBX, method)
        assert keeper.hears(REGISTRAR, method), "it calls over our registration"
    assert keeper.hears(ELSEWHERE, "INVITE"), "it may prove to be a roaming trunk, or a user"
    assert keeper.hears(ELSEWHERE, "REGISTER")
    assert keeper.hears(ELSEWHERE, None), "whatever it may say"
    assert not keeper.hears(ELSEWHERE, "OPTIONS")
    assert not keeper.hears(ELSEWHERE, "SIP/2.0")


@pytest.mark.parametrize("accounts", [(), ALL[:1], ALL[1:2], ALL])
@pytest.mark.parametrize("flow", [AT_PBX, AT_GUARDED, ELSEWHERE, REGISTRAR])
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "BYE"])
def test_who_is_not_heard_would_have_been_dropped(
    accounts: tuple[CallerAccount, ...], flow: Flow, method: str
) -> None:
    keeper = Gatekeeper(TRUNKS, Gate(*accounts).keeper._doors, Verdict.DROP)
    judged = {
        keeper.judge(flow, made(method, uri=uri)) is Verdict.DROP
        for uri in ("sip:gw@192.0.2.1", "sip:room@192.0.2.1")
    }
    assert keeper.hears(flow, method) is (judged != {True})


def test_a_registered_phone_is_heard_and_whoever_is_to_be_told_so() -> None:
    gate = Gate(*ALL)
    keeper = Gatekeeper(TRUNKS, gate.keeper._doors, Verdict.DROP, lambda: gate.now)
    assert not keeper.hears(ELSEWHERE, "OPTIONS")
    gate.register(ELSEWHERE, ALICE)
    assert keeper.hears(ELSEWHERE, "OPTIONS")
    assert gate.keeper.hears(at("192.0.2.99"), "OPTIONS"), "others are answered 403"
