"""Provisional responses that arrive for certain, ours and the peer's (RFC 3262)."""

import pytest

from gateway.sip.events import Answered, OfferAnswered, Provisional, Reoffered
from gateway.sip.message import Request, Response
from gateway.sip.session import Session
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, T1, TCP, UDP, Bench, request, response

REQUIRES = ("Require", "100rel")
SUPPORTS = ("Supported", "100rel")
OTHER = ANSWER.replace(b"5000", b"6000")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def progress(
    bench: Bench, session: Session, status: int = 180, sdp: bytes | None = None
) -> Response:
    bench.order(lambda now: session.progress(status, sdp=sdp, now=now))
    return bench.the_response()


def prack(
    of: Response, cseq: int = 2, *, body: bytes = b"", invite: int = 1, ahead: int = 0
) -> bytes:
    rack = f"{int(of.headers['RSeq']) + ahead} {invite} INVITE"
    return request(
        "PRACK",
        branch=f"z9hG4bK-p{cseq}",
        cseq=cseq,
        to_tag=of.headers.to.tag,
        fields=[("RAck", rack)],
        body=body,
    )


# --- ours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [REQUIRES, SUPPORTS])
def test_who_wants_it_is_sent_numbered_responses(bench: Bench, field: tuple[str, str]) -> None:
    session = bench.invited(fields=[field])
    ringing = progress(bench, session)
    assert ringing.headers["Require"] == "100rel"
    assert 1 <= int(ringing.headers["RSeq"]) < 2**31
    bench.receive(prack(ringing))
    assert bench.statuses() == [200]
    again = progress(bench, session, 183, ANSWER)
    assert int(again.headers["RSeq"]) == int(ringing.headers["RSeq"]) + 1
    assert again.body == ANSWER


def test_who_does_not_know_it_is_not_bothered(bench: Bench) -> None:
    session = bench.invited()
    ringing = progress(bench, session)
    assert "RSeq" not in ringing.headers.keys()  # noqa: SIM118
    assert ringing.headers.get("Require") is None


@pytest.mark.parametrize("flow", [UDP, TCP])
def test_one_is_repeated_until_its_prack_comes(bench: Bench, flow: object) -> None:
    session = bench.invited(fields=[REQUIRES], flow=flow)
    ringing = progress(bench, session)
    start = bench.now
    bench.advance(8 * T1)
    sent = bench.take()
    assert [one.at - start for one in sent] == [T1, 3 * T1, 7 * T1]
    assert {one.transmission.data for one in sent} == {ringing.serialize()}
    bench.receive(prack(ringing), flow)  # type: ignore[arg-type]
    assert bench.statuses() == [200]
    bench.advance(50)
    assert bench.take() == []


def test_one_that_nobody_acknowledges_ends_the_call(bench: Bench) -> None:
    session = bench.invited(fields=[REQUIRES])
    progress(bench, session)
    bench.advance(SIXTY_FOUR_T1 - 0.1)
    bench.forget()
    bench.advance(0.1)
    refusal = bench.the_response()
    assert (refusal.status, refusal.phrase) == (504, "No PRACK")
    assert bench.event_names() == ["AckMissing", "Ended"]
    bench.advance(SIXTY_FOUR_T1)
    bench.take()
    assert bench.remains() == []


def test_the_next_waits_for_the_prack_of_the_one_before(bench: Bench) -> None:
    session = bench.invited(fields=[REQUIRES])
    ringing = progress(bench, session)
    bench.order(lambda now: session.progress(183, sdp=ANSWER, now=now))
    assert bench.take() == []
    bench.receive(prack(ringing))
    assert bench.statuses() == [183, 200]


@pytest.mark.parametrize(
    "changes", [{"ahead": 1}, {"ahead": -1}, {"invite": 2}], ids=["next", "before", "other"]
)
def test_a_prack_of_nothing_is_a_481(bench: Bench, changes: dict[str, int]) -> None:
    session = bench.invited(fields=[REQUIRES])
    ringing = progress(bench, session)
    bench.receive(prack(ringing, **changes))  # type: ignore[arg-type]
    assert bench.statuses() == [481]
    bench.receive(prack(ringing, 3))
    bench.receive(prack(ringing, 4))
    assert bench.statuses() == [200, 481]


@pytest.mark.parametrize("is_late", [False, True], ids=["before-the-ack", "after-it"])
def test_the_200_does_not_wait_for_a_response_that_says_nothing(
    bench: Bench, is_late: bool
) -> None:
    """Its PRACK crosses the 200: whoever is answered 481 hangs up (Asterisk 22)."""
    session = bench.invited(fields=[REQUIRES])
    ringing = progress(bench, session)
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.the_response().body == ANSWER
    ack = request("ACK", branch="z9hG4bK-a", to_tag=ringing.headers.to.tag)
    for each in (ack, prack(ringing)) if is_late else (prack(ringing), ack):
        bench.receive(each)
    assert bench.statuses() == [200]
    bench.receive(prack(ringing, 3))
    assert bench.statuses() == [481]
    assert bench.event_names() == ["Acknowledged"]


def test_the_200_waits_for_a_response_with_the_answer_which_it_does_not_repeat(
    bench: Bench,
) -> None:
    session = bench.invited(fields=[SUPPORTS])
    early = progress(bench, session, 183, ANSWER)
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.take() == []
    bench.receive(prack(early))
    ok, acknowledged = bench.messages()
    assert isinstance(ok, Response) and isinstance(acknowledged, Response)
    by_method = {message.headers.cseq.method: message for message in (ok, acknowledged)}
    assert (by_method["INVITE"].body, by_method["PRACK"].body) == (b"", b"")
    bench.receive(request("ACK", branch="z9hG4bK-a", to_tag=early.headers.to.tag))
    assert bench.event_names() == ["Acknowledged"]


def test_giving_up_while_the_200_waits_ends_the_call(bench: Bench) -> None:
    session = bench.invited(fields=[SUPPORTS])
    early = progress(bench, session, 183, ANSWER)
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200, 487]
    assert bench.event_names() == ["Cancelled", "Ended"]
    bench.receive(prack(early))
    assert bench.statuses() == [481]


def test_a_prack_may_make_an_offer_once_ours_is_answered(bench: Bench) -> None:
    session = bench.invited(fields=[SUPPORTS])
    early = progress(bench, session, 183, ANSWER)
    bench.receive(prack(early, body=OFFER))
    (event,) = bench.events()
    assert isinstance(event, Reoffered) and event.offer == OFFER
    bench.order(lambda now: session.updates.accept(OTHER, now))
    ok = bench.the_response()
    assert (ok.headers["CSeq"], ok.body) == ("2 PRACK", OTHER)


def test_without_an_offer_the_first_that_is_reliable_makes_it(bench: Bench) -> None:
    session = bench.invited(body=b"", fields=[REQUIRES])
    bench.order(lambda now: session.progress(180, now=now))
    assert bench.take() == []  # it has none to make
    early = progress(bench, session, 183, OFFER)
    bench.receive(prack(early, body=ANSWER))
    assert bench.statuses() == [200]
    assert bench.events() == [OfferAnswered(session, ANSWER)]
    bench.order(lambda now: session.accept(OFFER, now=now))
    ok = bench.the_response()
    assert (ok.status, ok.body) == (200, b"")
    bench.receive(request("ACK", branch="z9hG4bK-a", to_tag=early.headers.to.tag))
    assert bench.event_names() == ["Acknowledged"]
    # and others may follow
    bench.receive(request(branch="z9hG4bK-3", cseq=3, to_tag=early.headers.to.tag, body=OFFER))
    assert bench.event_names() == ["Reoffered"]


def test_who_only_supports_it_hears_ringing_before_there_is_an_offer(bench: Bench) -> None:
    session = bench.invited(body=b"", fields=[SUPPORTS])
    assert progress(bench, session).headers.get("RSeq") is None


def test_ringing_goes_on_reliably_every_minute(bench: Bench) -> None:
    session = bench.invited(fields=[REQUIRES])
    ringing = progress(bench, session)
    bench.receive(prack(ringing))
    bench.forget()
    bench.advance(60)
    again = bench.the_response()
    assert again.status == 180
    assert int(again.headers["RSeq"]) == int(ringing.headers["RSeq"]) + 1


# --- the peer's ---------------------------------------------------------------------------------


def reliably(invite: Request, rseq: int, body: bytes = b"", **kwargs: str) -> bytes:
    fields = [REQUIRES, ("RSeq", str(rseq))]
    return response(invite, 183, body=body, fields=fields, **kwargs)  # type: ignore[arg-type]


def test_an_invite_supports_it_if_it_makes_the_offer(bench: Bench) -> None:
    _, invite = bench.inviting()
    assert "100rel" in invite.headers.tokens("Supported")
    _, invite = bench.inviting(None)
    assert "100rel" not in invite.headers.tokens("Supported")


def test_each_is_acknowledged_and_told_once_in_its_order(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(reliably(invite, 41))
    first = bench.the_request()
    assert first.method == "PRACK"
    assert first.uri == "sip:bob@192.0.2.10:5062"
    assert (first.headers["RAck"], first.headers["CSeq"]) == ("41 1 INVITE", "2 PRACK")
    assert first.headers.to.tag == "peer"
    bench.receive(reliably(invite, 41))  # again
    bench.receive(reliably(invite, 43))  # too early
    assert bench.take() == []
    bench.receive(reliably(invite, 42, ANSWER))
    assert bench.the_request().headers["RAck"] == "42 1 INVITE"
    told = [event.sdp for event in bench.events() if isinstance(event, Provisional)]
    assert told == [None, ANSWER]
    # later requests go on counting
    bench.receive(response(invite, 200))
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    assert bench.messages()[-1].headers["CSeq"] == "4 BYE"


def test_a_prack_is_repeated_until_it_is_answered(bench: Bench) -> None:
    _, invite = bench.inviting()
    bench.receive(reliably(invite, 1))
    bench.advance(T1)
    one, two = bench.messages()
    assert one.serialize() == two.serialize()
    assert isinstance(one, Request)
    bench.receive(response(one, 200))
    bench.advance(10)
    assert bench.take() == []


def test_an_answer_for_certain_is_not_changed_by_the_200(bench: Bench) -> None:
    _, invite = bench.inviting()
    bench.receive(reliably(invite, 1, ANSWER))
    bench.forget()
    bench.receive(response(invite, 200, body=OTHER))
    (event,) = bench.events()
    assert isinstance(event, Answered) and event.sdp is None


def test_each_branch_has_its_own_numbers_and_its_own_answer(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(reliably(invite, 7, ANSWER, to_tag="one"))
    bench.receive(reliably(invite, 90, OTHER, to_tag="two"))
    assert [message.headers.get("RAck") for message in bench.messages()] == [
        "7 1 INVITE",
        "90 1 INVITE",
    ]
    bench.events()
    bench.receive(response(invite, 200, to_tag="one"))
    (event,) = bench.events()
    assert isinstance(event, Answered) and event.sdp == ANSWER
    assert session.dialog is not None and session.dialog.id.remote_tag == "one"


def test_branches_without_end_are_bounded(bench: Bench) -> None:
    _, invite = bench.inviting()
    for number in range(40):
        bench.receive(reliably(invite, 1, to_tag=f"branch-{number}"))
    assert len({message.headers.to.tag for message in bench.messages()}) == 16


def test_a_200_that_crosses_the_cancel_is_hung_up_after_what_was_said_before(
    bench: Bench,
) -> None:
    session, invite = bench.inviting()
    bench.receive(reliably(invite, 1, ANSWER))
    prack = bench.the_request()
    bench.receive(response(prack, 200))
    bench.order(lambda now: session.hang_up((), now))
    bench.forget()
    bench.receive(response(invite, 200))
    ack, bye = bench.messages()
    assert (prack.headers["CSeq"], ack.headers["CSeq"]) == ("2 PRACK", "1 ACK")
    assert bye.headers["CSeq"] == "3 BYE"  # or it would be refused (RFC 3261 12.2.2)


def test_a_second_branch_is_hung_up_after_what_was_said_before(bench: Bench) -> None:
    _, invite = bench.inviting()
    bench.receive(reliably(invite, 1, to_tag="two"))
    bench.receive(response(invite, 200, to_tag="one", body=ANSWER))
    bench.forget()
    bench.receive(response(invite, 200, to_tag="two", body=ANSWER))
    assert [message.headers["CSeq"] for message in bench.messages()] == ["1 ACK", "3 BYE"]
