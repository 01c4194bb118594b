"""UPDATEs of the peer: in early and in confirmed dialogs, with an offer and without (RFC 3311)."""

import pytest

from gateway.sip.core import StackConfig
from gateway.sip.events import Ended, PartyStated, Reoffered
from gateway.sip.message import Request
from gateway.sip.session import Session
from gateway.sip.session_timer import Wanted
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, Bench, request, response

HOLD = OFFER.replace(b"1 1 IN", b"1 2 IN") + b"a=sendonly\r\n"
HELD = ANSWER.replace(b"2 1 IN", b"2 2 IN") + b"a=recvonly\r\n"


@pytest.fixture
def bench() -> Bench:
    return Bench(StackConfig(session_timer=Wanted(600)))


def update(tag: str, cseq: int = 2, body: bytes = HOLD, **kwargs: object) -> bytes:
    branch = f"z9hG4bK-u{cseq}"
    return request("UPDATE", branch=branch, cseq=cseq, to_tag=tag, body=body, **kwargs)  # type: ignore[arg-type]


def accept(bench: Bench, session: Session, sdp: bytes = HELD) -> None:
    bench.order(lambda now: session.updates.accept(sdp, now))


def test_an_offer_is_told_and_answered_without_an_ack(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(update(tag))
    assert bench.take() == []
    (event,) = bench.events()
    assert isinstance(event, Reoffered)
    assert (event.offer, event.request.method) == (HOLD, "UPDATE")
    accept(bench, session)
    ok = bench.the_response()
    assert (ok.status, ok.body) == (200, HELD)
    assert ok.headers["Contact"] == "<sip:192.0.2.1:5060>"
    assert "UPDATE" in ok.headers["Allow"]
    bench.receive(update(tag))  # again
    assert bench.the_response().body == HELD
    assert bench.events() == []
    accept(bench, session)
    assert bench.take() == []


def test_an_offer_can_be_refused_and_the_call_goes_on(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(update(tag))
    bench.forget()
    bench.order(lambda now: session.updates.reject(488, now))
    assert bench.statuses() == [488]
    bench.receive(update(tag, 3))
    assert bench.event_names() == ["Reoffered"]


def test_one_without_an_offer_refreshes_session_and_target(bench: Bench) -> None:
    fields = [("Supported", "timer"), ("Session-Expires", "600;refresher=uac")]
    session, tag = bench.confirmed(fields=fields)
    bench.advance(500)
    moved = [*fields, ("Contact", "<sip:alice@192.0.2.77:5090>")]
    bench.receive(update(tag, body=b"", fields=moved))
    ok = bench.the_response()
    assert (ok.status, ok.headers["Session-Expires"]) == (200, "600;refresher=uac")
    assert ok.headers["Require"] == "timer"
    assert bench.events() == []
    bench.advance(500)
    assert bench.take() == []
    bench.order(lambda now: session.hang_up((), now))
    assert bench.the_request().uri == "sip:alice@192.0.2.77:5090"


BY = "P-Asserted-Identity"


@pytest.mark.parametrize("name", [BY, "Remote-Party-ID"])
@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_who_is_at_the_other_end_is_told_if_a_network_says_so(
    bench: Bench, method: str, name: str
) -> None:
    _, tag = bench.confirmed()
    field = (name, '"Erika" <sip:erika@pbx.test>')
    bench.receive(request(method, branch="z9hG4bK-2", cseq=2, to_tag=tag, fields=[field]))
    told = bench.events()[0]
    assert isinstance(told, PartyStated)
    assert told.headers[name] == field[1]


def test_who_is_at_the_other_end_is_not_told_to_who_has_hung_up(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.order(lambda now: session.hang_up((), now))
    bench.receive(update(tag, fields=[(BY, "<sip:erika@pbx.test>")]))
    assert bench.events() == []


def test_what_we_have_described_last_is_what_we_refresh_with(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(update(tag))
    accept(bench, session)
    bench.forget()
    bench.advance(300)
    assert bench.the_request().body == HELD


@pytest.mark.parametrize("media_type", ["text/plain", "application/isup"])
def test_a_strange_body_is_a_415(bench: Bench, media_type: str) -> None:
    _, tag = bench.confirmed()
    bench.receive(update(tag, fields=[("Content-Type", media_type)]))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers["Accept"]) == (415, "application/sdp")
    assert bench.events() == []


def test_a_second_offer_before_the_first_is_answered_is_a_500(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(update(tag))
    bench.receive(update(tag, 3))
    refusal = bench.the_response()
    assert refusal.status == 500
    assert 0 <= int(refusal.headers["Retry-After"]) <= 10
    bench.receive(request(branch="z9hG4bK-4", cseq=4, to_tag=tag, body=OFFER))
    assert bench.statuses()[-1] == 500
    assert bench.event_names() == ["Reoffered"]


def test_an_offer_beside_one_in_a_reinvite_is_a_500(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(request(branch="z9hG4bK-2", cseq=2, to_tag=tag, body=OFFER))
    bench.forget()
    bench.receive(update(tag, 3))
    assert bench.statuses() == [500]


@pytest.mark.parametrize("offers", ["200 of a late offer", "refresh"])
def test_an_offer_that_crosses_ours_is_a_491(bench: Bench, offers: str) -> None:
    if offers == "refresh":
        _, tag = bench.confirmed()
        bench.advance(300)
        assert bench.the_request().method == "INVITE"
    else:
        _, tag = bench.accepted(body=b"")
    bench.receive(update(tag))
    assert bench.statuses() == [491]
    assert bench.events() == []


def test_before_our_answer_there_can_be_no_other_offer(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(183, sdp=ANSWER, now=now))  # not for certain
    tag = bench.the_response().headers.to.tag
    bench.receive(update(tag))
    assert bench.statuses() == [500]
    bench.receive(update(tag, 3, body=b""))
    ok = bench.the_response()
    assert ok.status == 200
    assert "Session-Expires" not in ok.headers.keys()  # noqa: SIM118 -- not a mapping
    assert bench.events() == []


def test_a_phone_that_we_call_may_change_what_it_has_answered_for_certain(bench: Bench) -> None:
    session, invite = bench.inviting()
    reliably = [("Require", "100rel"), ("RSeq", "7")]
    bench.receive(response(invite, 183, body=ANSWER, fields=reliably))
    assert bench.statuses() == ["PRACK"]
    bench.events()
    asked = {"call_id": invite.headers.call_id, "from_tag": "peer", "body": HOLD}
    bench.receive(update(invite.headers.from_.tag, 1, **asked))  # type: ignore[arg-type]
    assert bench.event_names() == ["Reoffered"]
    accept(bench, session)
    assert bench.statuses() == [200]


@pytest.mark.parametrize("status", [180, 183])
def test_while_our_offer_has_no_certain_answer_theirs_is_a_491(bench: Bench, status: int) -> None:
    _, invite = bench.inviting()
    bench.receive(response(invite, status, body=ANSWER if status == 183 else b""))
    bench.forget()
    asked = {"call_id": invite.headers.call_id, "from_tag": "peer", "body": HOLD}
    bench.receive(update(invite.headers.from_.tag, 1, **asked))  # type: ignore[arg-type]
    assert bench.statuses() == [491]
    bench.receive(update(invite.headers.from_.tag, 2, **asked | {"from_tag": "no"}))  # type: ignore[arg-type]
    assert bench.statuses() == [481]


def test_hanging_up_ends_a_pending_one(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(update(tag))
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    refusal, bye = bench.messages()
    assert isinstance(bye, Request)
    assert (refusal.headers["CSeq"], bye.method) == ("2 UPDATE", "BYE")
    bench.receive(update(tag, 3))
    assert bench.statuses() == [481]
    bench.receive(response(bye, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_peer_that_hangs_up_ends_its_own(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(update(tag))
    bench.forget()
    bench.receive(request("BYE", branch="z9hG4bK-b", cseq=3, to_tag=tag))
    assert bench.statuses() == [200, 487]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def pending_early(bench: Bench) -> tuple[Session, str]:
    """A caller whose offer has been answered for certain, and who makes another before our 200."""
    session = bench.invited(fields=[("Supported", "100rel")])
    bench.order(lambda now: session.progress(183, sdp=ANSWER, now=now))
    early = bench.the_response()
    tag, rack = early.headers.to.tag, f"{early.headers['RSeq']} 1 INVITE"
    bench.receive(request("PRACK", branch="z9hG4bK-p", to_tag=tag, cseq=2, fields=[("RAck", rack)]))
    bench.receive(update(tag, 3))
    bench.forget()
    return session, tag


def test_a_caller_that_gives_up_ends_its_own(bench: Bench) -> None:
    _, tag = pending_early(bench)
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200, 487, 487]
    bench.receive(request("ACK", to_tag=tag))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.event_names() == ["Cancelled", "Ended"]
    assert bench.remains() == []


def test_refusing_the_call_ends_a_pending_one(bench: Bench) -> None:
    session, tag = pending_early(bench)
    bench.order(lambda now: session.hang_up((), now))
    assert bench.statuses() == [480, 487]
    bench.receive(request("ACK", to_tag=tag))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.event_names() == ["Ended"]
    assert bench.remains() == []
