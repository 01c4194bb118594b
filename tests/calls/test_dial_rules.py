"""Whom the conference may have called, and how often."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import (
    DAY,
    DialLedger,
    DialLimits,
    DialRefusal,
    DialRefused,
    choose_trunk,
    read_number,
)
from gateway.calls.trunk import Trunk


def trunk(name: str, *prefixes: str, deny: tuple[str, ...] = ()) -> Trunk:
    return Trunk(name, (), dial_out=DialOut("sip.test", prefixes, deny=deny))


def refusal(number: str, *trunks: Trunk) -> DialRefusal:
    with pytest.raises(DialRefused) as refused:
        choose_trunk(read_number(number), trunks)
    return refused.value.refusal


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+43 1 234-567", "+431234567"),
        (" (0043) 1/234.567 ", "+431234567"),
        ("01234567", "01234567"),
        ("100", "100"),
        ("1\r\n2", "12"),  # space is no part of it, whatever space
        ("+1\u00a0555\u20110100", "+15550100"),
    ],
)
def test_a_number_is_read_as_people_write_it(written: str, number: str) -> None:
    assert read_number(written) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "+", "alice", "sip:1@evil.test", "1;x=y", "1@evil.test", "1" * 33, "++1", "٣٤٥"),
        *("+0043900", "000043900", "00 00 43 900", "+", "00", "1,,2", "+43p1", "＋43"),
    ],
)
def test_what_is_no_number_is_not_called(text: str) -> None:
    with pytest.raises(DialRefused) as refused:
        read_number(text)
    assert refused.value.refusal is DialRefusal.NOT_A_NUMBER


@given(st.text(max_size=40))
def test_a_number_is_digits_with_a_plus_before_them_at_most(text: str) -> None:
    try:
        number = read_number(text)
    except DialRefused:
        return
    assert number.removeprefix("+").isascii()
    assert number.removeprefix("+").isdigit()


def test_nothing_can_be_dialled_without_a_prefix_that_allows_it() -> None:
    assert refusal("+4312345") is DialRefusal.NOT_ALLOWED
    assert refusal("+4312345", Trunk("in only", ())) is DialRefusal.NOT_ALLOWED
    assert refusal("+4312345", trunk("a", "+49")) is DialRefusal.NOT_ALLOWED
    assert refusal("4312345", trunk("a", "+43")) is DialRefusal.NOT_ALLOWED


def test_what_is_denied_is_not_allowed_by_any_prefix() -> None:
    premium = trunk("a", "+43", deny=("+43900",))
    assert choose_trunk("+4390", (premium,)) is premium
    assert refusal("+43900123", premium) is DialRefusal.NOT_ALLOWED


def test_the_longest_prefix_chooses_the_trunk_the_first_of_those() -> None:
    world, austria, vienna = trunk("w", "+"), trunk("a", "+43"), trunk("v", "+431", "+43")
    trunks = (world, austria, vienna)
    assert choose_trunk("+49123", trunks) is world
    assert choose_trunk("+43512", trunks) is austria
    assert choose_trunk("+43123", trunks) is vienna


def test_a_trunk_is_called_the_way_it_wants_numbers() -> None:
    through = DialOut("192.0.2.1", ("+",), strip="+", prepend="00", caller="4312345")
    assert through.target("+49123") == "sip:0049123@192.0.2.1"
    assert through.caller_uri == "sip:4312345@192.0.2.1"
    silent = DialOut("192.0.2.1", ("+",), prepend="#31#")
    assert silent.target("+49123") == "sip:%2331%23+49123@192.0.2.1"
    assert DialOut("2001:db8::1", ("+",)).target("+49123") == "sip:+49123@[2001:db8::1]"


def test_a_trunk_is_told_who_calls_the_way_it_wants_that() -> None:
    plain = DialOut("sip.test", ("+",), caller="+431", name="Meeting")
    assert (plain.caller_uri, plain.caller_name) == ("sip:+431@sip.test", "Meeting")
    assert plain.identity_headers == []
    asserted = ("P-Asserted-Identity", '"Meeting" <sip:+431@sip.test>')
    both = replace(plain, assert_identity=True)
    assert (both.caller_uri, both.identity_headers) == ("sip:+431@sip.test", [asserted])
    secret = replace(both, withhold_caller=True)
    assert secret.caller_uri == "sip:anonymous@anonymous.invalid"
    assert secret.caller_name == "Anonymous"
    assert secret.identity_headers == [asserted, ("Privacy", "id")]


# --- limits --------------------------------------------------------------------------------------


def too_many(ledger: DialLedger, room: str, initiator: str | None, now: float) -> bool:
    try:
        ledger.begin(room, initiator, now)
    except DialRefused as refused:
        assert refused.refusal is DialRefusal.TOO_MANY
        return True
    return False


def test_a_room_and_a_person_have_so_many_calls_at_a_time() -> None:
    ledger = DialLedger(DialLimits(per_room=2, per_initiator=1))
    first = ledger.begin("a", "ann", 0.0)
    assert too_many(ledger, "b", "ann", 0.0)
    ledger.begin("a", "bob", 0.0)
    assert too_many(ledger, "a", "eve", 0.0)
    assert not too_many(ledger, "b", None, 0.0)
    assert not too_many(ledger, "b", None, 0.0)  # nobody knows that it is the same person
    ledger.ended(first)
    assert not too_many(ledger, "a", "ann", 0.0)


def test_a_day_has_so_many_calls() -> None:
    ledger = DialLedger(DialLimits(per_day=2))
    ledger.ended(ledger.begin("a", None, 0.0))
    ledger.ended(ledger.begin("b", None, 10.0))
    assert too_many(ledger, "c", None, DAY - 1)
    assert not too_many(ledger, "c", None, DAY)
    assert too_many(ledger, "c", None, DAY + 9)
    assert not too_many(ledger, "c", None, DAY + 10)


def test_without_limits_there_may_be_any_number() -> None:
    ledger = DialLedger(DialLimits())
    assert not any(too_many(ledger, "a", "ann", 0.0) for _ in range(500))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab"), st.sampled_from("xy"))))
def test_no_order_of_calls_gets_above_a_limit(steps: list[tuple[bool, str, str]]) -> None:
    ledger = DialLedger(DialLimits(per_room=2, per_initiator=3))
    running = []
    for begins, room, initiator in steps:
        if begins:
            try:
                running.append(ledger.begin(room, initiator, 0.0))
            except DialRefused:
                of_room = sum(ticket.room == room for ticket in running)
                of_person = sum(ticket.initiator == initiator for ticket in running)
                assert of_room == 2 or of_person == 3
        elif running:
            ledger.ended(running.pop(0))
        assert all(sum(t.room == name for t in running) <= 2 for name in "ab")
        assert all(sum(t.initiator == name for t in running) <= 3 for name in "xy")


def test_a_trunk_that_is_not_usable_is_passed_over_for_one_that_is() -> None:
    best, other = trunk("best", "+43"), trunk("other", "+")
    assert choose_trunk("+431", (best, other)) is best
    assert choose_trunk("+431", (best, other), lambda each: each is other) is other


def test_where_no_trunk_is_usable_it_is_not_for_the_number() -> None:
    with pytest.raises(DialRefused, match=r"down, or full: best") as refused:
        choose_trunk("+431", (trunk("best", "+43"), trunk("foreign", "+1")), lambda _: False)
    assert refused.value.refusal is DialRefusal.NOT_NOW
