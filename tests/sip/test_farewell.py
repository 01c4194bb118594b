"""Our BYE where nobody is reached: a proxy that is being restarted, a peer that is gone."""

import pytest

from gateway.sip.events import Ended
from gateway.sip.message import Request
from gateway.sip.session import Session
from tests.sip.wire import SIXTY_FOUR_T1, T1, TCP, UDP, Bench, request, response

PAUSE = 4 * T1


@pytest.fixture
def bench() -> Bench:
    return Bench()


def hung_up(bench: Bench, flow: object = UDP) -> Session:
    session, _ = bench.confirmed(flow=flow)  # type: ignore[arg-type]
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    return session


def fail(bench: Bench) -> Request:
    """The BYE under way cannot be delivered."""
    (sent,) = bench.take()
    bench.order(lambda now: bench.stack.transport_failed(sent.transmission, now))
    bye = sent.message
    assert isinstance(bye, Request) and bye.method == "BYE"
    return bye


@pytest.mark.parametrize("flow", [UDP, TCP])
def test_a_bye_that_could_not_be_sent_is_said_again(bench: Bench, flow: object) -> None:
    session = hung_up(bench, flow)
    first = fail(bench)
    bench.advance(PAUSE - 0.01)
    assert (bench.take(), bench.events()) == ([], [])
    bench.advance(0.01)
    again = bench.the_request()
    assert (again.method, again.uri) == ("BYE", first.uri)
    assert again.headers.cseq.sequence == first.headers.cseq.sequence + 1
    bench.receive(response(again, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_it_is_given_up_when_a_silent_peer_would_be(bench: Bench) -> None:
    session = hung_up(bench)
    begun, said = bench.now, 0
    while not bench.events():
        fail(bench)
        said += 1
        if bench.stack.sessions:
            bench.advance(PAUSE)
    assert said == SIXTY_FOUR_T1 / PAUSE
    assert bench.now - begun <= SIXTY_FOUR_T1
    assert session not in bench.stack.sessions
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_peer_that_hangs_up_meanwhile_is_told_no_more(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    fail(bench)
    bench.receive(request("BYE", branch="z9hG4bK-bye", to_tag=tag, cseq=2))
    assert bench.statuses() == [200]
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []
    assert bench.remains() == []


def test_a_bye_that_nobody_answers_is_not_begun_anew(bench: Bench) -> None:
    session = hung_up(bench)
    bench.advance(SIXTY_FOUR_T1)
    assert bench.events() == [Ended(session)]
    assert len({one.transmission.data for one in bench.take()}) == 1
