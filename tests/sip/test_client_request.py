"""Requests of ours within a call: one after the other, each with an outcome."""

from collections.abc import Callable

import pytest

from gateway.sip.client_request import Outcome
from gateway.sip.events import Ended, HungUp
from gateway.sip.message import Request
from gateway.sip.session import Session
from tests.sip.wire import (
    ANSWER,
    OFFER,
    PEER,
    SIXTY_FOUR_T1,
    Bench,
    request,
    response,
)

JSON = (("Content-Type", "application/json"),)


class Sender:
    """Sends INFOs on a session, and keeps what became of them."""

    def __init__(self, bench: Bench, session: Session) -> None:
        self.bench = bench
        self.session = session
        self.outcomes: list[Outcome] = []

    def send(self, body: bytes, method: str = "INFO") -> None:
        def told(outcome: Outcome, now: float) -> None:
            self.outcomes.append(outcome)

        self.bench.order(lambda now: self.session.request(method, JSON, body, told=told, now=now))

    @property
    def statuses(self) -> list[int]:
        return [outcome.status for outcome in self.outcomes]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def sender(bench: Bench) -> Sender:
    session, _ = bench.confirmed()
    return Sender(bench, session)


def test_an_info_is_sent_in_the_dialog(bench: Bench, sender: Sender) -> None:
    sender.send(b'{"t":11}')
    info = bench.the_request()
    assert (info.method, info.uri) == ("INFO", "sip:alice@192.0.2.10:5062")
    assert (info.headers["CSeq"], info.body) == ("1 INFO", b'{"t":11}')
    assert info.headers["Content-Type"] == "application/json"
    assert info.headers.to.tag == "peer"
    assert sender.outcomes == []
    answer = response(info, 200, "Heard")
    bench.receive(response(info, 100))
    bench.receive(answer)
    bench.receive(answer)
    (outcome,) = sender.outcomes
    assert (outcome.status, outcome.phrase, outcome.is_success) == (200, "Heard", True)
    assert bench.events() == []


def test_they_go_one_after_the_other(bench: Bench, sender: Sender) -> None:
    sender.send(b"1")
    sender.send(b"2", "MESSAGE")
    sender.send(b"3")
    for body, status in ((b"1", 200), (b"2", 415), (b"3", 200)):
        sent = bench.the_request()
        assert sent.body == body
        bench.receive(response(sent, status))
    assert bench.take() == []
    assert sender.statuses == [200, 415, 200]


def test_one_that_nobody_answers_is_a_408_and_the_call_goes_on(
    bench: Bench, sender: Sender
) -> None:
    sender.send(b"1")
    sender.send(b"2")
    bench.advance(SIXTY_FOUR_T1)
    assert sender.statuses == [408]
    assert bench.messages()[-1].body == b"2"
    assert bench.events() == []


def test_one_that_cannot_be_sent_is_a_503(bench: Bench, sender: Sender) -> None:
    sender.send(b"1")
    bench.order(lambda now: bench.stack.port_unreachable(PEER, now))
    (outcome,) = sender.outcomes
    assert (outcome.status, outcome.is_success, outcome.response) == (503, False, None)
    assert outcome.text == "not reached"


def test_a_peer_that_knows_the_call_no_more_has_hung_up(bench: Bench, sender: Sender) -> None:
    sender.send(b"1")
    bench.receive(response(bench.the_request(), 481))
    assert sender.statuses == [481]
    assert bench.events() == [HungUp(sender.session, ())]
    bye = bench.the_request()
    bench.receive(response(bye, 481))
    assert bench.events() == [Ended(sender.session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_what_waits_when_the_call_ends_is_not_sent(bench: Bench, sender: Sender) -> None:
    sender.send(b"1")
    sender.send(b"2")
    first = bench.the_request()
    bench.order(lambda now: sender.session.hang_up((), now))
    bye = bench.the_request()
    bench.receive(response(first, 200))
    bench.receive(response(bye, 200))
    sender.send(b"3")
    assert bench.take() == []
    assert sender.outcomes == []
    bench.advance(SIXTY_FOUR_T1)
    bench.events()
    assert bench.remains() == []


def test_more_than_anybody_answers_are_not_kept(bench: Bench, sender: Sender) -> None:
    for number in range(100):
        sender.send(str(number).encode())
    assert sender.statuses == [503] * 35
    assert len(bench.messages()) == 1


# --- not before the call is answered ------------------------------------------------------------


def waits_until(bench: Bench, sender: Sender, *steps: Callable[[], None]) -> None:
    """An INFO goes after the last of the steps and not before."""
    sender.send(b"hello")
    for step in steps:
        assert not any(isinstance(m, Request) and m.method == "INFO" for m in bench.messages())
        step()
    assert [m.body for m in bench.messages() if isinstance(m, Request)][-1] == b"hello"


def test_on_a_call_received_it_waits_for_the_ack(bench: Bench) -> None:
    session = bench.invited()
    tag = session.dialog.id.local_tag if session.dialog is not None else ""
    waits_until(
        bench,
        Sender(bench, session),
        lambda: bench.order(lambda now: session.progress(180, now=now)),
        lambda: bench.order(lambda now: session.accept(ANSWER, now=now)),
        lambda: bench.receive(request("ACK", branch="z9hG4bK-a", to_tag=tag)),
    )


def test_on_a_call_made_it_waits_for_the_answer(bench: Bench) -> None:
    session, invite = bench.inviting()
    waits_until(
        bench,
        Sender(bench, session),
        lambda: bench.receive(response(invite, 183, body=ANSWER)),
        lambda: bench.receive(response(invite, 200, body=ANSWER)),
    )


def test_on_a_call_made_without_an_offer_it_waits_for_ours(bench: Bench) -> None:
    session, invite = bench.inviting(None)
    waits_until(
        bench,
        Sender(bench, session),
        lambda: bench.receive(response(invite, 200, body=OFFER)),
        lambda: bench.order(lambda now: session.acknowledge(ANSWER, now)),
    )


def test_on_a_call_refused_it_is_never_sent(bench: Bench) -> None:
    session, invite = bench.inviting()
    sender = Sender(bench, session)
    sender.send(b"hello")
    bench.receive(response(invite, 486))
    assert bench.statuses() == ["ACK"]
    assert bench.events()[-1] == Ended(session)
    assert sender.outcomes == []
