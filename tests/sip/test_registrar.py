"""The registrar: what phones say, and what it then knows and answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.admission import Refusal
from gateway.sip.headers import Headers
from gateway.sip.message import Request, parse_message
from gateway.sip.registrar import Registrar, RegistrarConfig
from tests.helpers.examples import at_most
from tests.sip.wire import PEER, TCP, UDP, request

CONFIG = RegistrarConfig(min_expires=60, max_expires=600, max_contacts=3)
NOW = 1000.0
DESK = "<sip:alice@10.0.0.7:5062>"
SOFT = "<sip:alice@10.0.0.8;transport=tcp>"


def register(
    *contacts: str,
    expires: str | None = None,
    cseq: int = 1,
    call_id: str = "phone",
    user: str = "alice",
) -> Request:
    fields = [("Contact", contact) for contact in contacts]
    if expires is not None:
        fields.append(("Expires", expires))
    data = request("REGISTER", uri="sip:gateway", cseq=cseq, call_id=call_id, fields=fields)
    message = parse_message(data.replace(b"To: <sip:room@", f"To: <sip:{user}@".encode()))
    assert isinstance(message, Request)
    return message


def contacts(answer: Refusal) -> list[str]:
    assert answer.status == 200
    assert {name for name, _ in answer.headers} <= {"Contact"}
    return [value for _, value in answer.headers]


@pytest.fixture
def registrar() -> Registrar:
    return Registrar(CONFIG)


def places(registrar: Registrar, now: float = NOW) -> list[str]:
    return [each.contact for each in registrar.bindings(now).get("alice", ())]


def test_a_phone_registers_and_is_told_for_how_long(registrar: Registrar) -> None:
    answer = registrar.register("alice", register(DESK, expires="120"), UDP, NOW)
    assert contacts(answer) == [f"{DESK};expires=120"]
    (binding,) = registrar.bindings(NOW)["alice"]
    assert (binding.contact, binding.flow) == (DESK.strip("<>"), UDP)
    assert registrar.is_bound(PEER, NOW)
    assert not registrar.is_bound((PEER[0], 9), NOW)


def test_all_contacts_there_are_are_told_to_who_only_asks(registrar: Registrar) -> None:
    registrar.register("alice", register(DESK, expires="120"), UDP, NOW)
    registrar.register("alice", register(SOFT, expires="300", call_id="other"), TCP, NOW + 10)
    answer = registrar.register("alice", register(call_id="who asks"), UDP, NOW + 20.5)
    assert contacts(answer) == [f"{DESK};expires=100", f"{SOFT};expires=290"]


def test_what_a_phone_asked_for_is_what_it_is_told_whatever_the_clock_says(
    registrar: Registrar,
) -> None:
    for step in range(100):
        now = NOW + step / 7  # sums of these are no whole numbers
        answer = registrar.register("alice", register(DESK, expires="120", cseq=step), UDP, now)
        assert contacts(answer) == [f"{DESK};expires=120"]


def test_a_binding_ends_when_it_expires(registrar: Registrar) -> None:
    registrar.register("alice", register(DESK, expires="120"), UDP, NOW)
    assert places(registrar, NOW + 119)
    assert not places(registrar, NOW + 120)
    assert not registrar.is_bound(PEER, NOW + 120)
    assert contacts(registrar.register("alice", register(), UDP, NOW + 121)) == []


@pytest.mark.parametrize(
    ("parameter", "header", "kept"),
    [
        (None, None, 600),
        (None, "90", 90),
        ("100", "90", 100),
        ("100000", None, 600),
        ("99999999999999999999", None, 600),
        ("soon", "90", 90),
        (None, "soon", 600),
    ],
)
def test_the_contacts_own_word_counts_and_nothing_lasts_too_long(
    registrar: Registrar, parameter: str | None, header: str | None, kept: int
) -> None:
    contact = DESK if parameter is None else f"{DESK};expires={parameter}"
    answer = registrar.register("alice", register(contact, expires=header), UDP, NOW)
    assert contacts(answer) == [f"{DESK};expires={kept}"]


def test_what_is_too_brief_is_a_423_and_changes_nothing(registrar: Registrar) -> None:
    answer = registrar.register("alice", register(SOFT, f"{DESK};expires=59"), UDP, NOW)
    assert answer == Refusal(423, headers=(("Min-Expires", "60"),))
    assert not places(registrar)


def test_a_contact_is_taken_back_alone_or_with_all_others(registrar: Registrar) -> None:
    registrar.register("alice", register(DESK, SOFT), UDP, NOW)
    answer = registrar.register("alice", register(f"{DESK};expires=0", cseq=2), UDP, NOW)
    assert contacts(answer) == [f"{SOFT};expires=600"]
    registrar.register("alice", register(DESK, cseq=3), UDP, NOW)
    assert contacts(registrar.register("alice", register("*", expires="0", cseq=4), UDP, NOW)) == []
    assert not places(registrar)


@pytest.mark.parametrize(
    "wrong",
    [
        register("*"),
        register("*", expires="60"),
        register("*", DESK, expires="0"),
        register("nonsense"),
        register("<mailto:alice@example.com>"),
        register(f"<sip:{'a' * 600}@10.0.0.1>"),
        register(SOFT, "<sip:a@b:99999>"),
    ],
)
def test_what_makes_no_sense_is_a_400_and_changes_nothing(
    registrar: Registrar, wrong: Request
) -> None:
    registrar.register("alice", register(DESK, call_id="before"), UDP, NOW)
    assert registrar.register("alice", wrong, UDP, NOW).status == 400
    assert places(registrar) == [DESK.strip("<>")]


def test_a_request_that_was_overtaken_changes_nothing(registrar: Registrar) -> None:
    registrar.register("alice", register(DESK, cseq=5), UDP, NOW)
    for late in (register(f"{DESK};expires=0", cseq=4), register("*", expires="0", cseq=5)):
        assert registrar.register("alice", late, UDP, NOW).status == 500
    assert places(registrar)
    restarted = register(f"{DESK};expires=0", cseq=1, call_id="after a restart")
    assert contacts(registrar.register("alice", restarted, UDP, NOW)) == []


def test_a_place_may_be_named_twice_in_one_request(registrar: Registrar) -> None:
    former, latter = "<sip:alice@10.0.0.7:5062;line=1>", "<sip:alice@10.0.0.7:5062;line=2>"
    assert contacts(registrar.register("alice", register(former, former), UDP, NOW)) == [
        f"{former};expires=600"
    ]
    both = register(f"{former};expires=0, {latter}", cseq=2)
    assert contacts(registrar.register("alice", both, UDP, NOW)) == [f"{latter};expires=600"]
    assert registrar.register("alice", both, UDP, NOW).status == 500


def test_a_user_changes_no_bindings_but_its_own(registrar: Registrar) -> None:
    assert registrar.register("bob", register(DESK), UDP, NOW) == Refusal(403)
    assert registrar.bindings(NOW) == {}


def test_the_same_place_written_otherwise_is_one_contact(registrar: Registrar) -> None:
    registrar.register("alice", register("<sip:alice@PHONE.test>"), UDP, NOW)
    other = register("Alice <SIP:alice@phone.test:5060;transport=UDP>;q=0.5", cseq=2)
    assert len(contacts(registrar.register("alice", other, UDP, NOW))) == 1


def test_of_too_many_contacts_the_oldest_goes(registrar: Registrar) -> None:
    for number in range(5):
        phone = register(f"<sip:alice@10.0.0.{number}>", call_id=str(number))
        registrar.register("alice", phone, replace(UDP, remote=(f"10.0.0.{number}", 1)), NOW)
    assert places(registrar) == [f"sip:alice@10.0.0.{number}" for number in (2, 3, 4)]


@at_most(40)
@given(st.lists(st.text(max_size=40), max_size=4), st.text(max_size=12))
def test_whatever_a_phone_says_is_answered(contacts: list[str], expires: str) -> None:
    clean = [" ".join(contact.split()) for contact in contacts]
    headers = Headers([("Contact", contact) for contact in clean])
    for name, value in (("To", "<sip:alice@gateway>"), ("Call-ID", "1"), ("CSeq", "1 REGISTER")):
        headers.add(name, value)
    headers.add("Expires", expires)
    asked = Request("REGISTER", "sip:gateway", headers)
    registrar = Registrar(CONFIG)
    assert registrar.register("alice", asked, UDP, NOW).status in (200, 400, 423)
    assert len(places(registrar)) <= CONFIG.max_contacts
