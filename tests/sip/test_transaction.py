"""When a transaction retransmits and how long it lives (RFC 3261 table 4, RFC 6026 section 7)."""

import pytest

from gateway.sip.flow import Flow
from gateway.sip.message import Request, parse_message
from gateway.sip.transaction import acknowledge_failure
from gateway.sip.transaction_tables import Input
from tests.sip.test_transaction_tables import Walk
from tests.sip.wire import TCP, UDP, request, response

REQUEST, PROVISIONAL, SUCCESS, FAILURE = (
    Input.REQUEST,
    Input.PROVISIONAL,
    Input.SUCCESS,
    Input.FAILURE,
)


def run(walk: Walk, *, until: float = 100.0) -> tuple[list[float], float]:
    """When it sent something, and when it was over."""
    times: list[float] = []
    now = 0.0
    walk.sent.clear()
    while (due := walk.queue.next()) is not None and due <= until and not walk.is_over:
        now = due
        walk.queue.fire_due(now)
        times += [now] * len(walk.sent)
        walk.sent.clear()
    assert walk.is_over
    assert walk.queue.next() is None
    return times, now


def started(kind: str, *happened: Input, flow: Flow = UDP) -> Walk:
    walk = Walk(kind, flow)
    for step in happened:
        walk.feed(step)
    return walk


def test_timers_a_and_b_an_invite_is_sent_ever_more_slowly_for_64_t1() -> None:
    times, end = run(started("client INVITE", REQUEST))
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert end == 32.0


def test_timer_d_repeated_failures_are_acknowledged_for_64_t1() -> None:
    walk = started("client INVITE", REQUEST, FAILURE)
    assert walk.take_sent() == ["request", "ack"]
    walk.feed(FAILURE, 31.0)
    assert walk.take_sent() == ["ack"]
    assert walk.take_told() == ["message"]  # once
    assert run(walk)[1] == 32.0


def test_timer_m_repeated_successes_are_told_for_64_t1() -> None:
    walk = started("client INVITE", REQUEST, SUCCESS, SUCCESS)
    assert walk.take_told() == ["message", "message"]
    assert run(walk)[1] == 32.0


def test_timers_e_and_f_another_request_is_sent_at_most_every_t2_for_64_t1() -> None:
    times, end = run(started("client other", REQUEST))
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert end == 32.0


def test_timer_e_after_a_provisional_response_goes_on_at_t2() -> None:
    times, end = run(started("client other", REQUEST, PROVISIONAL))
    assert times == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert end == 32.0


def test_timer_k_repeated_answers_are_absorbed_for_t4() -> None:
    walk = started("client other", REQUEST, SUCCESS, SUCCESS)
    assert walk.take_told() == ["message"]
    assert run(walk) == ([], 5.0)


def test_timers_g_and_h_a_failure_is_repeated_until_the_ack_or_64_t1() -> None:
    walk = started("server INVITE", REQUEST, FAILURE)
    times, end = run(walk)
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert end == 32.0
    assert walk.take_told() == ["timeout"]
    assert walk.counters.retransmissions == 10


def test_timer_i_repeated_acks_are_absorbed_for_t4() -> None:
    assert run(started("server INVITE", REQUEST, FAILURE, Input.ACK)) == ([], 5.0)


def test_timer_j_repeated_requests_are_answered_again_for_64_t1() -> None:
    walk = started("server other", REQUEST, SUCCESS)
    walk.feed(REQUEST, 31.0)
    assert walk.take_sent() == ["response", "response"]
    assert run(walk) == ([], 32.0)


def test_timer_l_repeated_invites_are_absorbed_for_64_t1() -> None:
    walk = started("server INVITE", REQUEST, SUCCESS)
    walk.feed(REQUEST, 31.0)
    assert walk.take_sent() == ["response"]
    assert run(walk) == ([], 32.0)


@pytest.mark.parametrize(
    ("kind", "happened", "end"),
    [
        ("client INVITE", (REQUEST,), 32.0),  # B
        ("client INVITE", (REQUEST, FAILURE), 0.0),  # D
        ("client INVITE", (REQUEST, SUCCESS), 32.0),  # M
        ("client other", (REQUEST,), 32.0),  # F
        ("client other", (REQUEST, SUCCESS), 0.0),  # K
        ("server INVITE", (REQUEST, FAILURE), 32.0),  # H
        ("server INVITE", (REQUEST, FAILURE, Input.ACK), 0.0),  # I
        ("server INVITE", (REQUEST, SUCCESS), 32.0),  # L
        ("server other", (REQUEST, FAILURE), 0.0),  # J
    ],
)
def test_over_tcp_nothing_is_sent_again_and_nothing_waits_for_repetitions(
    kind: str, happened: tuple[Input, ...], end: float
) -> None:
    assert run(started(kind, *happened, flow=TCP)) == ([], end)


def test_a_late_timer_does_not_make_a_burst() -> None:
    walk = started("client INVITE", REQUEST)
    walk.sent.clear()
    walk.queue.fire_due(20.0)
    assert walk.take_sent() == ["request"]


def test_the_ack_of_a_failure_repeats_the_invite_hop_by_hop() -> None:
    invite = parse_message(
        request(
            via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
            fields=[("Route", "<sip:p1;lr>"), ("Route", "<sip:p2;lr>")],
        )
    )
    assert isinstance(invite, Request)
    failure = parse_message(response(invite, 486, to_tag="callee"))
    ack = acknowledge_failure(invite, failure)  # type: ignore[arg-type]
    assert ack.serialize().decode() == "\r\n".join(
        [
            "ACK sip:room@192.0.2.1 SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
            "Route: <sip:p1;lr>",
            "Route: <sip:p2;lr>",
            "From: Alice <sip:alice@example.com>;tag=peer",
            "To: <sip:room@example.com>;tag=callee",
            "Call-ID: call-1",
            "CSeq: 1 ACK",
            "Max-Forwards: 70",
            "Content-Length: 0",
            "",
            "",
        ]
    )


def test_an_abandoned_transaction_is_over_at_once() -> None:
    walk = started("client INVITE", REQUEST, PROVISIONAL)
    walk.transaction.abandon()
    assert walk.is_over
    assert walk.queue.next() is None
    walk.feed(SUCCESS)
    assert walk.take_told() == ["message"]  # the provisional one
