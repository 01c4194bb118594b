"""Requests that go another way where the first does not work (RFC 3263 4.3, RFC 3261 18.1.1)."""

from dataclasses import replace

import pytest

from gateway.sip.events import Answered, Failed
from gateway.sip.flow import Flow
from gateway.sip.locate import Destination
from gateway.sip.message import Request
from gateway.sip.session import Session
from tests.sip.wire import ANSWER, GATEWAY, OFFER, TCP, TLS, UDP, Bench, Sent, request, response

A = Flow("udp", GATEWAY, ("192.0.2.10", 5062))
B = Flow("udp", GATEWAY, ("192.0.2.20", 5060))
C = Flow("tcp", GATEWAY, ("192.0.2.30", 5060))
LONG = OFFER + b"a=x:" + b"y" * 1000 + b"\r\n"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def the_request(bench: Bench) -> tuple[Flow, Request]:
    """The only message since the last look, and where it went."""
    (sent,) = bench.take()
    message = sent.message
    assert isinstance(message, Request)
    return sent.transmission.flow, message


def fail(bench: Bench, sent: Sent) -> None:
    """What was sent could not be delivered."""
    bench.order(lambda now: bench.stack.transport_failed(sent.transmission, now))


def calling(bench: Bench, *alternatives: Flow, sdp: bytes | None = OFFER) -> tuple[Session, Sent]:
    """We call by way of A; the first INVITE as it was sent."""
    sent: list[Sent] = []
    take = bench.take

    def note() -> list[Sent]:
        sent.extend(taken := take())
        return taken

    bench.take = note  # type: ignore[method-assign]
    session, _ = bench.inviting(sdp, flow=A, alternatives=alternatives)
    bench.take = take  # type: ignore[method-assign]
    return session, sent[0]


# --- the next way -------------------------------------------------------------------------------


def test_where_it_cannot_be_delivered_the_next_is_tried(bench: Bench) -> None:
    _, first = calling(bench, B, C)
    assert isinstance(first.message, Request)
    fail(bench, first)
    flow, second = the_request(bench)
    assert flow == B
    assert second.headers.call_id == first.message.headers.call_id
    assert second.headers["CSeq"] == first.message.headers["CSeq"]
    assert second.headers["From"] == first.message.headers["From"]
    assert second.headers["Via"] != first.message.headers["Via"]
    assert len(second.headers.getlist("Via")) == 1
    assert second.body == OFFER
    bench.receive(response(second, 200, body=ANSWER))
    (answered,) = bench.events()
    assert isinstance(answered, Answered)


def test_a_way_over_another_transport_has_its_own_via_and_contact(bench: Bench) -> None:
    _, first = calling(bench, C)
    fail(bench, first)
    flow, second = the_request(bench)
    assert flow == C
    assert second.headers.via.transport == "TCP"
    assert second.headers["Contact"] == "<sip:192.0.2.1:5060;transport=tcp>"


def test_a_503_is_acknowledged_and_the_next_is_tried(bench: Bench) -> None:
    _, first = calling(bench, B)
    assert isinstance(first.message, Request)
    bench.receive(response(first.message, 100, contact=None))
    bench.receive(response(first.message, 503, contact=None, fields=[("Retry-After", "17")]))
    ack, invite = bench.take()
    assert isinstance(ack.message, Request) and ack.message.method == "ACK"
    assert (ack.transmission.flow, invite.transmission.flow) == (A, B)
    assert bench.events() == []
    assert bench.network.avoided == {A: 17}


@pytest.mark.parametrize("status", [486, 500, 603])
def test_any_other_answer_is_one(bench: Bench, status: int) -> None:
    _, first = calling(bench, B)
    assert isinstance(first.message, Request)
    bench.receive(response(first.message, status, contact=None))
    assert bench.statuses() == ["ACK"]
    failed, _ = bench.events()
    assert isinstance(failed, Failed) and failed.status == status
    assert bench.network.avoided == {}


def test_who_says_nothing_is_given_up_long_before_the_end(bench: Bench) -> None:
    calling(bench, B)
    bench.advance(3.9)
    assert {sent.transmission.flow for sent in bench.take()} == {A}
    bench.advance(0.2)
    flow, _ = the_request(bench)
    assert flow == B
    assert bench.network.avoided == {A: 60}


def test_without_another_way_silence_is_waited_out(bench: Bench) -> None:
    calling(bench)
    bench.advance(31.9)
    assert bench.events() == []
    bench.advance(0.2)
    failed, _ = bench.events()
    assert isinstance(failed, Failed) and failed.status == 408


def test_who_has_said_anything_is_waited_for(bench: Bench) -> None:
    _, first = calling(bench, B)
    assert isinstance(first.message, Request)
    bench.receive(response(first.message, 100, contact=None))
    bench.advance(60.0)
    assert bench.take() == []


def test_when_all_ways_have_failed_the_last_failure_is_told(bench: Bench) -> None:
    _, first = calling(bench, B, C)
    fail(bench, first)
    for _ in range(2):
        (sent,) = bench.take()
        assert bench.events() == []
        fail(bench, sent)
    failed, _ = bench.events()
    assert isinstance(failed, Failed) and failed.status == 503
    assert set(bench.network.avoided) == {A, B, C}
    assert bench.remains() == []


def test_who_has_refused_and_is_gone_then_is_not_followed_by_another(bench: Bench) -> None:
    _, first = calling(bench, B)
    assert isinstance(first.message, Request)
    bench.receive(response(first.message, 486))
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Failed", "Ended"]
    bench.order(lambda now: bench.stack.port_unreachable(A.remote, now))
    bench.advance(100.0)
    assert bench.take() == []
    assert bench.remains() == []


# --- what is said late --------------------------------------------------------------------------


def given_up(bench: Bench) -> tuple[Session, Request, Request]:
    """A has said nothing; the INVITE there, and the one to B."""
    session, first = calling(bench, B)
    assert isinstance(first.message, Request)
    bench.advance(4.1)
    second = bench.take()[-1].message
    assert isinstance(second, Request)
    return session, first.message, second


def test_one_that_rings_late_is_cancelled_once(bench: Bench) -> None:
    _, first, _ = given_up(bench)
    bench.receive(response(first, 180))
    bench.receive(response(first, 180))
    flow, cancel = the_request(bench)
    assert (flow, cancel.method) == (A, "CANCEL")
    assert cancel.headers["Via"] == first.headers["Via"]
    bench.receive(response(first, 487, contact=None))
    assert bench.statuses() == ["ACK"]
    assert bench.events() == []


def test_one_that_rings_late_and_then_says_no_more_leaves_nothing(bench: Bench) -> None:
    _, first, second = given_up(bench)
    bench.receive(response(first, 100))
    bench.receive(response(second, 486))
    bench.advance(100.0)
    bench.forget()
    assert bench.remains() == []


@pytest.mark.parametrize("answers_first", [True, False])
def test_one_that_answers_late_is_hung_up_and_the_other_goes_on(
    bench: Bench, answers_first: bool
) -> None:
    session, first, second = given_up(bench)
    if answers_first:
        bench.receive(response(second, 200, to_tag="b", body=ANSWER))
        bench.forget()
    bench.receive(response(first, 200, to_tag="a", body=ANSWER))
    ack, bye = bench.messages()
    assert isinstance(ack, Request) and isinstance(bye, Request)
    assert (ack.method, bye.method, bye.headers.to.tag) == ("ACK", "BYE", "a")
    bench.receive(response(first, 200, to_tag="a", body=ANSWER))  # the ACK was lost
    assert bench.statuses() == ["ACK"]
    assert bench.stack.sessions == (session,)


def test_one_that_answers_late_and_then_by_the_other_way_as_well_ends_the_call(
    bench: Bench,
) -> None:
    _, first, second = given_up(bench)
    bench.receive(response(first, 200, to_tag="a", body=ANSWER))
    _, bye = bench.messages()
    assert isinstance(bye, Request)
    bench.receive(response(bye, 200))
    bench.receive(response(second, 200, to_tag="a", body=ANSWER))
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Failed", "Ended"]
    bench.advance(100.0)
    assert bench.remains() == []


def test_a_call_that_is_withdrawn_goes_no_further_ways(bench: Bench) -> None:
    session, first = calling(bench, B, C)
    bench.order(lambda now: session.hang_up((), now))
    bench.advance(200.0)
    assert {sent.transmission.flow for sent in bench.take()} == {A}
    assert isinstance(first.message, Request)
    assert bench.remains() == []


def test_a_challenge_is_answered_where_it_was_made(bench: Bench) -> None:
    from gateway.sip.digest import Credentials  # noqa: PLC0415

    _, invite = bench.inviting(flow=A, alternatives=[B], credentials=Credentials("a", "b"))
    asked = [("WWW-Authenticate", 'Digest realm="r", nonce="n"')]
    bench.receive(response(invite, 401, contact=None, fields=asked))
    ack, again = bench.take()
    assert isinstance(again.message, Request) and again.message.headers["Authorization"]
    assert (ack.transmission.flow, again.transmission.flow) == (A, A)


# --- too large for a datagram -------------------------------------------------------------------

OVER_TCP = Flow("tcp", GATEWAY, A.remote)


def test_a_large_request_goes_over_tcp(bench: Bench) -> None:
    _, first = calling(bench, sdp=LONG)
    assert len(first.transmission.data) > 1300
    assert first.transmission.flow == OVER_TCP
    assert isinstance(first.message, Request)
    assert first.message.headers.via.transport == "TCP"
    assert first.message.headers["Contact"] == "<sip:192.0.2.1:5060;transport=tcp>"


@pytest.mark.parametrize(("more", "transport"), [(0, "udp"), (1, "tcp")])
def test_the_limit_is_1300_octets(bench: Bench, more: int, transport: str) -> None:
    _, first = calling(bench, sdp=OFFER)
    length = len(first.transmission.data)
    padding = 1300 + more - length - 1  # Content-Length gets a digit more
    exactly = OFFER + b"a=" + b"x" * (padding - 4) + b"\r\n"
    _, again = calling(bench, sdp=exactly)
    if more == 0:
        assert len(again.transmission.data) == 1300
    assert again.transmission.flow.transport == transport


def test_where_tcp_is_refused_it_is_a_datagram_after_all(bench: Bench) -> None:
    _, first = calling(bench, sdp=LONG)
    fail(bench, first)
    flow, second = the_request(bench)
    assert flow == A
    assert second.headers.via.transport == "UDP"
    assert second.headers["Contact"] == "<sip:192.0.2.1:5060>"
    assert bench.network.avoided == {OVER_TCP: 3600}  # and the next one is a datagram at once
    _, third = calling(bench, sdp=LONG)
    assert third.transmission.flow == A


def test_before_the_next_target_the_datagram_is_tried(bench: Bench) -> None:
    _, first = calling(bench, B, sdp=LONG)
    flows = [first.transmission.flow]
    fail(bench, first)
    for _ in range(3):
        (sent,) = bench.take()
        flows.append(sent.transmission.flow)
        fail(bench, sent)
    assert flows == [OVER_TCP, A, replace(OVER_TCP, remote=B.remote), B]


@pytest.mark.parametrize("fields", [[], [("Retry-After", "0")], [("Retry-After", "17")]])
def test_who_answers_503_over_tcp_is_not_asked_again(
    bench: Bench, fields: list[tuple[str, str]]
) -> None:
    """Neither over TCP, which would go on as fast as it answers, nor by a datagram."""
    _, first = calling(bench, sdp=LONG)
    assert isinstance(first.message, Request)
    bench.receive(response(first.message, 503, contact=None, fields=fields))
    assert bench.statuses() == ["ACK"]
    failed, _ = bench.events()
    assert isinstance(failed, Failed) and failed.status == 503


def test_after_a_503_over_tcp_the_next_target_is_tried_over_tcp_too(bench: Bench) -> None:
    _, first = calling(bench, B, sdp=LONG)
    assert isinstance(first.message, Request)
    bench.receive(response(first.message, 503, contact=None))
    ack, invite = bench.take()
    over_tcp = replace(OVER_TCP, remote=B.remote)
    assert (ack.transmission.flow, invite.transmission.flow) == (OVER_TCP, over_tcp)
    fail(bench, invite)
    flow, _ = the_request(bench)
    assert flow == B


def test_a_large_request_within_a_call_goes_over_tcp_too(bench: Bench) -> None:
    session, _ = bench.confirmed()
    told: list[int] = []
    headers = (("Content-Type", "text/plain"),)
    bench.order(
        lambda now: session.request(
            "INFO",
            headers,
            b"x" * 1200,
            told=lambda outcome, at: told.append(outcome.status),
            now=now,
        )
    )
    (first,) = bench.take()
    assert first.transmission.flow.transport == "tcp"
    fail(bench, first)
    flow, second = the_request(bench)
    assert flow.transport == "udp"
    bench.receive(response(second, 200))
    assert told == [200]


# --- next hops that are names -------------------------------------------------------------------

PROXY = "<sip:proxy.example.org;lr>"
NAME = Destination(None, "proxy.example.org")


def hung_up(bench: Bench, *flows: Flow, came: Flow = UDP) -> Sent:
    """A call by way of a proxy that has a name is hung up by us; the BYE."""
    session, _ = bench.confirmed(flow=came, fields=[("Record-Route", PROXY)])
    bench.network.names[NAME] = flows
    bench.order(lambda now: session.hang_up((), now))
    (bye,) = bench.take()
    return bye


def test_a_name_that_is_not_known_is_where_the_call_came_from(bench: Bench) -> None:
    assert hung_up(bench).transmission.flow == UDP


def test_a_name_that_is_known_is_gone_to(bench: Bench) -> None:
    bye = hung_up(bench, B, C)
    assert (bye.transmission.flow, bye.transmission.fallback) == (B, B.remote)
    fail(bench, bye)
    (again,) = bench.take()
    assert isinstance(again.message, Request)
    assert (again.transmission.flow, again.message.method) == (C, "BYE")
    assert again.message.headers["Route"] == PROXY
    fail(bench, again)
    (third,) = bench.take()
    assert third.transmission.flow == UDP  # as a last resort the way the call came
    assert isinstance(third.message, Request)
    bench.receive(response(third.message, 200))
    assert bench.event_names() == ["Ended"]


def test_of_several_targets_the_one_in_use_is_kept_while_it_is_good(bench: Bench) -> None:
    in_use = replace(TCP, connection=0, remote=(TCP.remote[0], 5060))
    assert hung_up(bench, C, in_use, came=TCP).transmission.flow == TCP  # on its connection
    other = Bench()
    other.network.avoid(in_use, 60)
    assert hung_up(other, C, in_use, came=TCP).transmission.flow == C


def test_on_a_new_connection_the_one_in_use_has_to_prove_its_name(bench: Bench) -> None:
    """Not its address, which is in few certificates."""
    there = Flow("tls", TLS.listener, (TLS.remote[0], 5061), server_name="proxy.example.org")
    sent = hung_up(bench, there, came=TLS).transmission
    assert (sent.flow.connection, sent.flow.server_name) == (TLS.connection, "proxy.example.org")
    assert sent.fallback == there.remote


def test_a_peer_that_says_nothing_within_a_call_is_given_up_for_the_next(bench: Bench) -> None:
    hung_up(bench, B, C)
    bench.advance(3.9)
    assert {sent.transmission.flow for sent in bench.take()} == {B}
    bench.advance(0.2)
    assert bench.take()[-1].transmission.flow == C
    bench.advance(200.0)
    assert bench.event_names() == ["Ended"]


def test_where_it_is_known_the_ack_goes_there_as_well(bench: Bench) -> None:
    _, invite = bench.inviting(flow=A)
    bench.network.names[NAME] = (B,)
    bench.receive(response(invite, 200, body=ANSWER, fields=[("Record-Route", PROXY)]))
    flow, ack = the_request(bench)
    assert (flow, ack.method) == (B, "ACK")


def test_a_call_received_asks_for_nothing_of_all_this(bench: Bench) -> None:
    bench.receive(request("BYE"))
    assert bench.statuses() == [481]
    assert bench.network.avoided == {}
