"""Sessions that are refreshed, by either side, and sessions that nobody refreshes (RFC 4028)."""

import pytest

from gateway.sip.core import StackConfig
from gateway.sip.events import Ended, HungUp, OfferAnswered, SessionExpired
from gateway.sip.message import Request
from gateway.sip.session import Session
from gateway.sip.session_timer import Wanted
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, Bench, request, response

KNOWS = ("Supported", "timer")
TAKES_UPDATE = ("Allow", "INVITE, ACK, BYE, UPDATE")
OTHER = ANSWER.replace(b"5000", b"6000")


@pytest.fixture
def bench() -> Bench:
    return Bench(StackConfig(session_timer=Wanted(600)))


def called(bench: Bench, *fields: tuple[str, str]) -> tuple[Session, str]:
    """The peer has called."""
    return bench.confirmed(fields=fields)


def calling(bench: Bench, *fields: tuple[str, str]) -> Session:
    """We have called, and the peer's 200 has these headers."""
    session, invite = bench.inviting()
    bench.receive(response(invite, 200, body=ANSWER, fields=fields))
    bench.forget()
    return session


def ended_by_us(bench: Bench, session: Session) -> None:
    bye = bench.the_request()
    assert bye.method == "BYE"
    assert bye.headers["Reason"] == 'SIP;cause=408;text="Session Timer Expired"'
    assert bench.events() == [SessionExpired(session)]
    bench.receive(response(bye, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []
    assert bench.stack.counters.sessions_expired == 1


def refresh_of(bench: Bench, after: float = 300) -> Request:
    bench.advance(after - 0.1)
    assert bench.take() == []
    bench.advance(0.1)
    return bench.the_request()


def test_the_200_tells_a_caller_that_it_is_to_refresh(bench: Bench) -> None:
    session = bench.invited(fields=[KNOWS, ("Session-Expires", "1200")])
    bench.order(lambda now: session.accept(ANSWER, now=now))
    ok = bench.the_response()
    assert ok.headers["Require"] == "timer"
    assert ok.headers["Session-Expires"] == "600;refresher=uac"


def test_a_caller_that_does_not_refresh_is_hung_up(bench: Bench) -> None:
    session, _ = called(bench, KNOWS, ("Session-Expires", "600"))
    bench.advance(567.9)
    assert (bench.take(), bench.events()) == ([], [])
    bench.advance(0.1)
    ended_by_us(bench, session)


def test_a_reinvite_of_the_caller_refreshes(bench: Bench) -> None:
    session, tag = called(bench, KNOWS, ("Session-Expires", "600"))
    bench.advance(500)
    fields = [KNOWS, ("Session-Expires", "600;refresher=uac")]
    bench.receive(request(branch="z9hG4bK-2", cseq=2, to_tag=tag, body=OFFER, fields=fields))
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.messages()[-1].headers["Session-Expires"] == "600;refresher=uac"
    bench.receive(request("ACK", branch="z9hG4bK-a2", cseq=2, to_tag=tag))
    bench.forget()
    bench.advance(567.9)
    assert bench.take() == []
    bench.advance(0.1)
    ended_by_us(bench, session)


def test_a_caller_without_timers_is_asked_by_a_reinvite_that_changes_nothing(bench: Bench) -> None:
    session, tag = called(bench)
    refresh = refresh_of(bench)
    assert (refresh.method, refresh.body) == ("INVITE", ANSWER)
    assert refresh.headers["Session-Expires"] == "600;refresher=uac"
    assert refresh.headers["Contact"] == "<sip:192.0.2.1:5060>"
    assert refresh.headers.from_.tag == tag
    for _ in range(2):  # a 200 that comes again is acknowledged again
        bench.receive(response(refresh, 200, body=OFFER))
        ack = bench.the_request()
        assert (ack.method, ack.headers["CSeq"], ack.body) == ("ACK", "1 ACK", b"")
    assert bench.events() == [OfferAnswered(session, OFFER)]
    assert refresh_of(bench).method == "INVITE"


@pytest.mark.parametrize("status", [488, 500, 501])
def test_a_caller_without_timers_is_there_whatever_it_answers(bench: Bench, status: int) -> None:
    called(bench)
    for _ in range(3):
        bench.receive(response(refresh_of(bench), status))
        assert bench.statuses() == ["ACK"]
    assert bench.events() == []


def test_a_caller_that_knows_nothing_of_the_call_any_more_is_out(bench: Bench) -> None:
    session, _ = called(bench)
    bench.receive(response(refresh_of(bench), 481))
    _, bye = bench.take()
    bench.sent = [bye]
    ended_by_us(bench, session)


def test_a_caller_that_does_not_answer_is_out(bench: Bench) -> None:
    session, _ = called(bench, TAKES_UPDATE)
    assert refresh_of(bench).method == "UPDATE"
    bench.advance(SIXTY_FOUR_T1 - 0.1)
    assert set(bench.statuses()) == {"UPDATE"}
    bench.advance(0.1)
    ended_by_us(bench, session)


def test_who_takes_updates_is_refreshed_by_one_without_an_offer(bench: Bench) -> None:
    calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    for _ in range(3):
        refresh = refresh_of(bench)
        assert (refresh.method, refresh.body) == ("UPDATE", b"")
        assert refresh.headers["Session-Expires"] == "600;refresher=uac"
        assert refresh.headers["Supported"] == "timer" or "timer" in refresh.headers["Supported"]
        bench.receive(response(refresh, 200, fields=[("Session-Expires", "600;refresher=uac")]))
    assert bench.events() == []


def test_the_callee_may_be_the_one_that_refreshes(bench: Bench) -> None:
    session = calling(bench, KNOWS, ("Session-Expires", "300;refresher=uas"))
    bench.advance(267.9)
    assert bench.take() == []
    bench.advance(0.1)
    ended_by_us(bench, session)


def test_a_2xx_without_an_interval_ends_the_timer(bench: Bench) -> None:
    session = calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    bench.receive(response(refresh_of(bench), 200))
    bench.advance(100_000)
    assert (bench.take(), bench.events()) == ([], [])
    assert bench.stack.sessions == (session,)


def test_a_refresh_may_hand_the_refreshing_over(bench: Bench) -> None:
    session = calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    fields = [("Session-Expires", "600;refresher=uas")]
    bench.receive(response(refresh_of(bench), 200, fields=fields))
    bench.advance(567.9)
    assert bench.take() == []
    bench.advance(0.1)
    ended_by_us(bench, session)


def test_an_update_that_is_refused_is_followed_by_a_reinvite(bench: Bench) -> None:
    calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    bench.receive(response(refresh_of(bench), 405))
    refresh = bench.the_request()
    assert (refresh.method, refresh.body) == ("INVITE", OFFER)
    bench.receive(response(refresh, 200, body=ANSWER, fields=[("Session-Expires", "600")]))
    assert bench.statuses() == ["ACK"]
    assert refresh_of(bench).method == "INVITE"


def test_refusals_are_followed_by_fewer_and_fewer_attempts_and_then_the_end(bench: Bench) -> None:
    session = calling(bench, KNOWS, ("Session-Expires", "600;refresher=uac"))
    attempts = 0
    for _ in range(600):
        bench.advance(1)
        for sent in bench.take():
            message = sent.message
            assert isinstance(message, Request)
            if message.method == "INVITE":
                attempts += 1
                bench.receive(response(message, 488))
            elif message.method == "BYE":
                bench.sent = [sent]
                ended_by_us(bench, session)
    assert 2 <= attempts <= 12


def test_a_reinvite_of_ours_asks_for_no_prack(bench: Bench) -> None:
    """Nobody would send one: a peer that waits for it cannot answer."""
    called(bench)
    refresh = refresh_of(bench)
    assert refresh.method == "INVITE"
    assert refresh.headers["Supported"] == "norefersub, replaces, timer"


@pytest.mark.parametrize("seconds", ["0", "600", "999999999"])
def test_who_has_us_wait_is_asked_again_in_time_and_not_at_once(bench: Bench, seconds: str) -> None:
    calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    bench.receive(response(refresh_of(bench), 500, fields=[("Retry-After", seconds)]))
    bench.advance(0.9)
    assert bench.take() == []
    bench.advance(200)
    assert "UPDATE" in bench.statuses()


def test_a_422_to_a_refresh_makes_the_interval_longer(bench: Bench) -> None:
    calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    bench.receive(response(refresh_of(bench), 422, fields=[("Min-SE", "800")]))
    again = bench.the_request()
    assert again.headers["Session-Expires"] == "800;refresher=uac"
    assert again.headers["Min-SE"] == "800"
    fields = [("Session-Expires", "800;refresher=uac")]
    bench.receive(response(again, 200, fields=fields))
    following = refresh_of(bench, 400)
    assert following.method == "UPDATE"
    assert following.headers["Min-SE"] == "800"  # said of the whole dialog (7.4)


def test_a_422_that_wants_more_each_time_is_not_done_for_ever(bench: Bench) -> None:
    calling(bench, TAKES_UPDATE, KNOWS, ("Session-Expires", "600;refresher=uac"))
    refresh = refresh_of(bench)
    for more in range(601, 605):
        bench.receive(response(refresh, 422, fields=[("Min-SE", str(more))]))
        refresh = bench.the_request()
        assert refresh.headers["Min-SE"] == str(more)
    bench.receive(response(refresh, 422, fields=[("Min-SE", "605")]))
    assert bench.take() == []
    bench.advance(200)
    assert "UPDATE" in bench.statuses()  # in time, before the session is over


def test_a_422_to_the_first_invite_is_remembered_in_refreshes(bench: Bench) -> None:
    _, invite = bench.inviting()
    bench.receive(response(invite, 422, fields=[("Min-SE", "900")]))
    _, again = bench.messages()
    assert isinstance(again, Request)
    fields = [TAKES_UPDATE, KNOWS, ("Session-Expires", "900;refresher=uac")]
    bench.receive(response(again, 200, body=ANSWER, fields=fields))
    bench.forget()
    assert refresh_of(bench, 450).headers["Min-SE"] == "900"


def test_a_422_to_the_first_invite_is_answered_by_a_longer_interval(bench: Bench) -> None:
    _, invite = bench.inviting()
    assert invite.headers["Session-Expires"] == "600"
    bench.receive(response(invite, 422, fields=[("Min-SE", "900")]))
    _, again = bench.messages()
    assert again.headers["Session-Expires"] == "900"
    assert again.headers["Min-SE"] == "900"
    assert again.headers["CSeq"] == "2 INVITE"
    assert again.headers.call_id == invite.headers.call_id
    assert isinstance(again, Request)
    bench.receive(response(again, 422, fields=[("Min-SE", "900")]))  # makes no sense
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Failed", "Ended"]


def test_a_peer_cannot_lengthen_for_ever(bench: Bench) -> None:
    _, invite = bench.inviting()
    for interval in range(1000, 9000, 1000):
        bench.receive(response(invite, 422, fields=[("Min-SE", str(interval))]))
        *_, last = bench.messages()
        assert isinstance(last, Request)
        invite = last
        if last.method == "ACK":
            break
    assert bench.event_names() == ["Failed", "Ended"]


def test_an_invite_with_too_small_an_interval_is_a_422() -> None:
    bench = Bench(StackConfig(session_timer=Wanted(1800, 300)))
    bench.receive(request(body=OFFER, fields=[KNOWS, ("Session-Expires", "120")]))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers["Min-SE"]) == (422, "300")
    assert (bench.events(), bench.remains()) == ([], [])
    session, tag = called(bench, KNOWS, ("Session-Expires", "300"))
    fields = [KNOWS, ("Session-Expires", "299")]
    bench.receive(request(branch="z9hG4bK-2", cseq=2, to_tag=tag, body=OFFER, fields=fields))
    assert bench.statuses() == [422]
    assert bench.stack.sessions == (session,)


@pytest.mark.parametrize(("made_by_us", "least", "most"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_a_reinvite_that_meets_another_waits_as_long_as_its_side_has_to(
    made_by_us: bool, least: float, most: float
) -> None:
    waits = []
    for _ in range(20):
        bench = Bench(StackConfig(session_timer=Wanted(600)))
        if made_by_us:
            calling(bench, KNOWS, ("Session-Expires", "600;refresher=uac"))
        else:
            called(bench, KNOWS, ("Session-Expires", "600;refresher=uas"))
        bench.receive(response(refresh_of(bench), 491))
        assert bench.statuses() == ["ACK"]
        before = bench.now
        bench.advance(5)
        (sent, *_) = [one for one in bench.take() if b"INVITE" in one.transmission.data[:6]]
        waits.append(sent.at - before)
    assert all(least - 1e-6 <= wait <= most + 1e-6 for wait in waits)
    assert len(set(waits)) > 1


def test_a_reinvite_of_the_peer_that_meets_ours_is_a_491(bench: Bench) -> None:
    _, tag = called(bench)
    refresh = refresh_of(bench)
    again = request(branch="z9hG4bK-2", cseq=2, to_tag=tag, body=OFFER)
    bench.receive(again)
    assert bench.statuses() == [491]
    bench.receive(response(refresh, 200, body=OFFER))
    bench.forget()
    bench.receive(request(branch="z9hG4bK-3", cseq=3, to_tag=tag, body=OFFER))
    assert bench.event_names() == ["Reoffered"]


def test_we_do_not_reinvite_while_an_invite_of_the_peer_is_pending(bench: Bench) -> None:
    session, tag = called(bench)
    bench.advance(299)
    bench.receive(request(branch="z9hG4bK-2", cseq=2, to_tag=tag, body=OFFER))
    bench.forget()
    bench.advance(10)
    assert bench.take() == []
    bench.order(lambda now: session.reject(488, now=now))
    bench.receive(request("ACK", branch="z9hG4bK-2", cseq=2, to_tag=tag))
    bench.forget()
    bench.advance(2)
    assert set(bench.statuses()) == {"INVITE"}


def test_we_do_not_reinvite_while_an_update_of_the_peer_is_pending(bench: Bench) -> None:
    session, tag = called(bench)
    bench.advance(299)
    bench.receive(request("UPDATE", branch="z9hG4bK-2", cseq=2, to_tag=tag, body=OFFER))
    bench.advance(10)
    assert bench.take() == []
    bench.order(lambda now: session.updates.accept(ANSWER, now))
    assert bench.statuses() == [200]
    bench.advance(300)
    assert "INVITE" in bench.statuses()


def test_hanging_up_during_a_refresh_ends_everything(bench: Bench) -> None:
    session, _ = called(bench)
    refresh = refresh_of(bench)
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.the_request()
    bench.receive(response(refresh, 200, body=OFFER))
    assert bench.statuses() == ["ACK"]
    bench.receive(response(bye, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(1000)
    bench.take()
    assert bench.remains() == []


def test_a_refresh_that_is_only_tried_is_not_waited_for_for_ever(bench: Bench) -> None:
    session, tag = called(bench)
    bench.receive(response(refresh_of(bench), 100))
    bench.receive(request("BYE", branch="z9hG4bK-b", cseq=2, to_tag=tag))
    assert bench.events() == [HungUp(session, ()), Ended(session)]
    bench.advance(1000)
    bench.take()
    assert bench.remains() == []


def test_a_caller_that_only_tries_to_answer_is_out(bench: Bench) -> None:
    session, _ = called(bench)
    bench.receive(response(refresh_of(bench), 183))
    bench.advance(179.9)
    assert bench.take() == []
    bench.advance(0.1)
    ended_by_us(bench, session)
