"""A call received, from its INVITE to the ACK: real bytes in, real bytes out, time a number."""

import pytest

from gateway.sip.core import StackConfig
from gateway.sip.events import (
    Acknowledged,
    Cancelled,
    Ended,
    Failed,
    HungUp,
    InviteReceived,
    Reoffered,
)
from gateway.sip.flow import Flow
from gateway.sip.message import Request, Response
from gateway.sip.reason import Reason
from gateway.sip.timers import Timers
from tests.sip.wire import ANSWER, OFFER, PEER, SIXTY_FOUR_T1, T1, TCP, UDP, Bench, request

RINGING_AGAIN = 60.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- from the INVITE to the ACK -----------------------------------------------------------------


def test_an_invite_is_answered_100_at_once_and_told(bench: Bench) -> None:
    bench.receive(request(body=OFFER))
    trying = bench.the_response()
    assert (trying.status, trying.headers.to.tag) == (100, "")
    (event,) = bench.events()
    assert isinstance(event, InviteReceived)
    assert event.offer == OFFER
    assert event.request.uri == "sip:room@192.0.2.1"


def test_a_whole_call_that_the_caller_ends(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(180, now=now))
    ringing = bench.the_response()
    bench.order(lambda now: session.accept(ANSWER, now=now))
    ok = bench.the_response()
    assert ringing.headers.to.tag == ok.headers.to.tag != ""
    bench.receive(request("ACK", branch="z9hG4bK-2", to_tag=ok.headers.to.tag))
    assert bench.events() == [Acknowledged(session, None)]
    bench.receive(
        request(
            "BYE",
            branch="z9hG4bK-3",
            to_tag=ok.headers.to.tag,
            cseq=2,
            fields=[("Reason", "Q.850;cause=16")],
        )
    )
    assert bench.statuses() == [200]
    assert bench.events() == [HungUp(session, (Reason("Q.850", 16),)), Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_the_200_carries_what_a_dialog_needs(bench: Bench) -> None:
    session = bench.invited(fields=[("Record-Route", "<sip:192.0.2.9;lr>")])
    bench.order(lambda now: session.accept(ANSWER, headers=[("X-Room", "r")], now=now))
    ok = bench.the_response()
    assert ok.body == ANSWER
    assert dict(ok.headers.fields()) | {"To": ""} == {
        "Via": "SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1",
        "From": "Alice <sip:alice@example.com>;tag=peer",
        "To": "",
        "Call-ID": "call-1",
        "CSeq": "1 INVITE",
        "Record-Route": "<sip:192.0.2.9;lr>",
        "Contact": "<sip:192.0.2.1:5060>",
        "Allow": "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, REFER",
        "Supported": "100rel, norefersub, replaces, timer",
        "Session-Expires": "1800;refresher=uas",
        "X-Room": "r",
        "Server": "sip-gateway",
        "Content-Type": "application/sdp",
        "Content-Length": str(len(ANSWER)),
    }


def test_over_tcp_our_contact_says_so(bench: Bench) -> None:
    session = bench.invited(flow=TCP, via="SIP/2.0/TCP 192.0.2.10:5062;branch=z9hG4bK-1")
    bench.order(lambda now: session.accept(ANSWER, now=now))
    (sent,) = bench.take()
    assert sent.message.headers["Contact"] == "<sip:192.0.2.1:5060;transport=tcp>"
    assert sent.transmission.flow == TCP


def test_early_media_goes_with_183(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(183, sdp=ANSWER, now=now))
    progress = bench.the_response()
    assert (progress.status, progress.body) == (183, ANSWER)


def test_without_an_offer_we_make_it_and_the_ack_brings_the_answer(bench: Bench) -> None:
    bench.receive(request())
    (event,) = bench.events()
    assert isinstance(event, InviteReceived) and event.offer is None
    bench.order(lambda now: event.session.accept(OFFER, now=now))
    tag = bench.messages()[-1].headers.to.tag
    bench.receive(request("ACK", branch="z9hG4bK-2", to_tag=tag, body=ANSWER))
    assert bench.events() == [Acknowledged(event.session, ANSWER)]


def test_an_ack_whose_body_is_no_sdp_is_taken_without_it(bench: Bench) -> None:
    bench.receive(request())
    (event,) = bench.events()
    bench.order(lambda now: event.session.accept(OFFER, now=now))
    tag = bench.messages()[-1].headers.to.tag
    odd = request(
        "ACK", branch="z9hG4bK-2", to_tag=tag, body=b"hi", fields=[("Content-Type", "text/plain")]
    )
    bench.receive(odd)
    assert bench.events() == [Acknowledged(event.session, None)]


# --- repetitions --------------------------------------------------------------------------------


def test_a_repeated_invite_brings_the_latest_response_again_and_no_second_call(
    bench: Bench,
) -> None:
    session = bench.invited()
    bench.receive(request(body=OFFER))
    assert bench.statuses() == [100]
    bench.order(lambda now: session.progress(180, now=now))
    bench.receive(request(body=OFFER))
    assert bench.statuses() == [180, 180]
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.receive(request(body=OFFER))
    assert bench.statuses() == [200]  # the 200 keeps its own time (RFC 6026)
    assert bench.events() == []
    assert bench.stack.counters.repeated_requests == 3


def test_a_provisional_response_is_repeated_every_minute_lest_a_proxy_gives_up(
    bench: Bench,
) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(180, now=now))
    bench.order(lambda now: session.progress(183, now=now))
    bench.take()
    start = bench.now
    bench.advance(190)
    assert [(sent.at - start, sent.message.status) for sent in bench.take()] == [  # type: ignore[union-attr]
        (60.0, 183),
        (120.0, 183),
        (180.0, 183),
    ]
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.take()
    bench.advance(0.6)
    assert bench.statuses() == [200]


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_the_200_is_repeated_until_64_t1_and_then_comes_a_bye(bench: Bench, flow: Flow) -> None:
    bench.accepted(flow=flow)
    start = bench.now
    bench.advance(SIXTY_FOUR_T1 - 0.1)
    sent = bench.take()
    assert [one.at - start for one in sent] == [
        *(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)  # over TCP too (13.3.1.4)
    ]
    assert {one.transmission.data for one in sent} == {sent[0].transmission.data}
    assert bench.stack.counters.retransmissions == 10
    bench.advance(0.1)
    assert bench.statuses() == ["BYE"]
    assert bench.event_names() == ["AckMissing"]
    assert bench.stack.counters.acks_missing == 1
    bench.advance(SIXTY_FOUR_T1)  # nobody answers the BYE
    assert bench.event_names() == ["Ended"]
    bench.take()
    assert bench.remains() == []


def test_an_ack_stops_the_200_and_a_second_ack_is_of_no_interest(bench: Bench) -> None:
    _session, tag = bench.accepted()
    bench.advance(2 * T1)
    bench.take()
    for _ in range(2):
        bench.receive(request("ACK", branch="z9hG4bK-2", to_tag=tag))
    assert bench.event_names() == ["Acknowledged"]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []
    assert bench.event_names() == []
    assert [str(flow) for flow in bench.stack.sessions] != []


# --- ACKs that are not quite right --------------------------------------------------------------


@pytest.mark.parametrize("branch", ["z9hG4bK-1", "z9hG4bK-2"])
def test_an_ack_with_a_wrong_to_tag_is_taken_and_counted(bench: Bench, branch: str) -> None:
    """PyVoIP puts a random tag there, its To in the Request-URI and the INVITE's own branch."""
    session, _ = bench.accepted()
    bench.receive(request("ACK", branch=branch, to_tag="random", uri="sip:room@example.com"))
    assert bench.events() == [Acknowledged(session, None)]
    assert bench.stack.counters.wrong_to_tags == 1
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []


@pytest.mark.parametrize(
    ("changes", "remote"),
    [
        ({"call_id": "other"}, PEER),
        ({"from_tag": "other"}, PEER),
        ({"cseq": 2}, PEER),
        ({}, ("203.0.113.66", 5062)),
    ],
)
def test_an_ack_with_a_wrong_to_tag_must_match_in_everything_else(
    bench: Bench, changes: dict[str, object], remote: tuple[str, int]
) -> None:
    bench.accepted()
    flow = type(UDP)("udp", UDP.listener, remote)
    bench.receive(request("ACK", branch="z9hG4bK-2", to_tag="random", **changes), flow)  # type: ignore[arg-type]
    assert bench.events() == []
    assert bench.stack.counters.stray_acks == 1
    bench.advance(T1)
    assert bench.statuses() == [200]


def test_a_call_id_that_comes_again_with_a_new_from_tag_is_a_new_call(bench: Bench) -> None:
    """PyVoIP counts its Call-IDs from 1 after each start."""
    first = bench.invited()
    second = bench.invited(branch="z9hG4bK-other", from_tag="reborn")
    assert first is not second
    assert len(bench.stack.sessions) == 2


# --- refusing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 404, 486, 488, 500, 603])
def test_a_refusal_is_repeated_until_its_ack(bench: Bench, status: int) -> None:
    session = bench.invited()
    bench.order(lambda now: session.reject(status, headers=[("X-A", "b")], now=now))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers["X-A"]) == (status, "b")
    assert bench.events() == [Ended(session)]
    bench.advance(T1)
    assert bench.statuses() == [status]
    bench.receive(request("ACK", to_tag=refusal.headers.to.tag))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []
    assert bench.remains() == []


def test_a_refusal_that_is_never_acknowledged_ends_too(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.reject(486, now=now))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.statuses() == [486] * 11
    bench.events()
    assert bench.remains() == []


@pytest.mark.parametrize(
    ("reasons", "status", "written"),
    [
        ((), 480, None),
        ((Reason("SIP", 503, "Going"),), 503, 'SIP;cause=503;text="Going"'),
        ((Reason("Q.850", 16),), 480, "Q.850;cause=16"),
        ((Reason("SIP", 200),), 480, "SIP;cause=200"),
    ],
)
def test_hanging_up_a_call_not_answered_refuses_it(
    bench: Bench, reasons: tuple[Reason, ...], status: int, written: str | None
) -> None:
    session = bench.invited()
    bench.order(lambda now: session.hang_up(reasons, now))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers.get("Reason")) == (status, written)
    assert bench.events() == [Ended(session)]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([("Content-Type", "text/plain")], b"hi"),
        ([("Content-Type", "application/sdp"), ("Content-Encoding", "gzip")], OFFER),
    ],
)
def test_an_invite_with_a_body_we_do_not_understand_is_a_415(
    bench: Bench, fields: list[tuple[str, str]], body: bytes
) -> None:
    bench.receive(request(body=body, fields=fields))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers["Accept"]) == (415, "application/sdp")
    assert bench.event_names() == []
    assert bench.remains() == []  # nothing that would count as a call until its ACK has come


def test_a_body_that_need_not_be_understood_leaves_the_offer_to_us(bench: Bench) -> None:
    optional = [("Content-Type", "text/plain"), ("Content-Disposition", "x;handling=optional")]
    bench.receive(request(body=b"hi", fields=optional))
    (event,) = bench.events()
    assert isinstance(event, InviteReceived) and event.offer is None
    bench.order(lambda now: event.session.accept(OFFER, now=now))
    tag = bench.messages()[-1].headers.to.tag
    # Until the answer is there no other offer may cross ours.
    bench.receive(request(branch="z9hG4bK-2", to_tag=tag, cseq=2, body=OFFER))
    assert bench.statuses() == [491]


# --- CANCEL -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_ringing", [False, True])
def test_a_cancel_before_the_answer_ends_the_call(bench: Bench, is_ringing: bool) -> None:
    session = bench.invited()
    if is_ringing:
        bench.order(lambda now: session.progress(180, now=now))
    tag = session.dialog.id.local_tag if session.dialog else ""
    bench.take()
    bench.receive(request("CANCEL", fields=[("Reason", "SIP;cause=200")]))
    ok, terminated = bench.messages()
    assert isinstance(ok, Response) and isinstance(terminated, Response)
    assert (ok.status, ok.headers["CSeq"], ok.headers.to.tag) == (200, "1 CANCEL", tag)
    assert (terminated.status, terminated.headers["CSeq"]) == (487, "1 INVITE")
    assert terminated.headers.to.tag == tag
    assert bench.events() == [Cancelled(session, (Reason("SIP", 200),)), Ended(session)]
    bench.receive(request("CANCEL"))  # again
    assert bench.statuses() == [200]
    bench.receive(request("ACK", to_tag=tag))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []
    assert bench.remains() == []


def test_an_invite_that_is_not_answered_in_its_time_has_expired(bench: Bench) -> None:
    session = bench.invited(fields=[("Expires", "30")])
    bench.order(lambda now: session.progress(180, now=now))
    bench.forget()
    bench.advance(29.9)
    assert bench.take() == []
    bench.advance(0.1)
    assert bench.statuses() == [487]
    assert bench.events() == [Cancelled(session, (Reason("SIP", 487, "Expired"),)), Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    bench.take()
    assert bench.remains() == []


@pytest.mark.parametrize("expires", ["0", "", "-1", "soon", "1 2", "9" * 30, "\u0663"])
def test_a_time_that_makes_no_sense_is_none(bench: Bench, expires: str) -> None:
    session = bench.invited(fields=[("Expires", expires)])
    bench.advance(3600)
    bench.forget()
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.statuses() == [200]


def test_a_call_that_is_answered_in_time_does_not_expire(bench: Bench) -> None:
    bench.confirmed(fields=[("Expires", "30")])
    bench.advance(60)
    assert (bench.take(), bench.events()) == ([], [])


def test_a_cancel_after_the_200_changes_nothing(bench: Bench) -> None:
    _session, tag = bench.accepted()
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200]
    assert bench.events() == []
    bench.receive(request("ACK", branch="z9hG4bK-2", to_tag=tag))
    assert bench.event_names() == ["Acknowledged"]


def test_a_cancel_after_a_refusal_is_only_answered(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.reject(486, now=now))
    bench.forget()
    bench.receive(request("CANCEL"))
    assert bench.statuses() == [200]
    assert bench.events() == []


@pytest.mark.parametrize("changes", [{"branch": "z9hG4bK-9"}, {"cseq": 2}])
def test_a_cancel_of_nothing_is_a_481(bench: Bench, changes: dict[str, object]) -> None:
    bench.invited()
    bench.receive(request("CANCEL", **changes))  # type: ignore[arg-type]
    assert bench.statuses() == [481]
    assert bench.events() == []


def test_orders_after_a_cancel_have_no_effect(bench: Bench) -> None:
    session = bench.invited()
    bench.receive(request("CANCEL"))
    bench.forget()
    bench.order(lambda now: session.progress(180, now=now))
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.order(lambda now: session.reject(486, now=now))
    bench.order(lambda now: session.hang_up((), now))
    assert (bench.take(), bench.events()) == ([], [])


# --- BYE ----------------------------------------------------------------------------------------


def test_a_bye_in_the_early_dialog_terminates_the_invite(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(180, now=now))
    tag = bench.the_response().headers.to.tag
    bench.receive(request("BYE", branch="z9hG4bK-2", to_tag=tag, cseq=2))
    assert bench.statuses() == [200, 487]
    assert bench.event_names() == ["HungUp", "Ended"]
    bench.receive(request("ACK", to_tag=tag))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_bye_instead_of_the_ack_ends_the_call(bench: Bench) -> None:
    _session, tag = bench.accepted()
    bench.receive(request("BYE", branch="z9hG4bK-2", to_tag=tag, cseq=2))
    assert bench.statuses() == [200]
    assert bench.event_names() == ["HungUp", "Ended"]
    bench.receive(request("ACK", branch="z9hG4bK-3", to_tag=tag))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []
    assert bench.remains() == []


def test_hanging_up_waits_for_the_ack(bench: Bench) -> None:
    session, tag = bench.accepted()
    bench.order(lambda now: session.hang_up((Reason("Q.850", 16),), now))
    assert bench.take() == []
    bench.receive(request("ACK", branch="z9hG4bK-2", to_tag=tag))
    bye = bench.the_request()
    assert (bye.method, bye.headers["Reason"]) == ("BYE", "Q.850;cause=16")
    assert bench.events() == []


def test_hanging_up_while_the_ack_never_comes_says_bye_in_the_end(bench: Bench) -> None:
    session, _ = bench.accepted()
    bench.order(lambda now: session.hang_up((), now))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.statuses()[-1] == "BYE"
    bench.advance(SIXTY_FOUR_T1)
    assert bench.events() == [Ended(session)]
    bench.take()
    assert bench.remains() == []


# --- a caller that is gone ----------------------------------------------------------------------


def test_a_caller_whose_port_is_closed_has_given_up(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(180, now=now))
    bench.take()
    bench.order(lambda now: bench.stack.port_unreachable(PEER, now))
    assert bench.events() == [Cancelled(session, ()), Ended(session)]
    bench.advance(RINGING_AGAIN)
    assert bench.take() == []
    assert bench.remains() == []


def test_a_200_that_could_not_be_sent_is_repeated(bench: Bench) -> None:
    session = bench.invited()
    bench.order(lambda now: session.accept(ANSWER, now=now))
    (sent,) = bench.take()
    bench.order(lambda now: bench.stack.transport_failed(sent.transmission, now))
    assert bench.events() == []
    bench.advance(T1)
    assert bench.statuses() == [200]
    assert bench.stack.counters.transport_errors == 1


# --- re-INVITE ----------------------------------------------------------------------------------


def reinvite(tag: str, cseq: int = 2, **kwargs: object) -> bytes:
    branch = f"z9hG4bK-re{cseq}"
    return request(branch=branch, to_tag=tag, cseq=cseq, **{"body": OFFER, **kwargs})  # type: ignore[arg-type]


def test_a_reinvite_is_told_and_can_be_accepted(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag))
    assert bench.statuses() == [100]
    (event,) = bench.events()
    assert isinstance(event, Reoffered) and event.offer == OFFER
    bench.order(lambda now: session.accept(ANSWER, now=now))
    ok = bench.the_response()
    assert (ok.status, ok.headers["CSeq"], ok.headers.to.tag) == (200, "2 INVITE", tag)
    bench.receive(request("ACK", branch="z9hG4bK-9", to_tag=tag, cseq=2))
    assert bench.events() == [Acknowledged(session, None)]
    assert bench.stack.sessions == (session,)


def test_a_reinvite_can_be_refused_and_the_call_goes_on(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag))
    bench.order(lambda now: session.reject(488, now=now))
    assert bench.statuses() == [100, 488]
    bench.receive(request("ACK", branch="z9hG4bK-re2", to_tag=tag, cseq=2))
    bench.events()
    bench.receive(reinvite(tag, 3))
    assert bench.event_names() == ["Reoffered"]


def test_a_reinvite_with_a_strange_body_is_a_415_and_the_call_goes_on(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag, body=b"hi", fields=[("Content-Type", "text/plain")]))
    assert bench.statuses() == [100, 415]
    assert bench.stack.sessions == (session,)


def test_a_reinvite_without_an_offer_is_answered_with_one(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag, body=b""))
    (event,) = bench.events()
    assert isinstance(event, Reoffered) and event.offer is None
    bench.order(lambda now: session.accept(OFFER, now=now))
    bench.receive(request("ACK", branch="z9hG4bK-9", to_tag=tag, cseq=2, body=ANSWER))
    assert bench.events() == [Acknowledged(session, ANSWER)]


def test_a_second_invite_while_the_first_is_not_answered_is_a_500_with_retry_after(
    bench: Bench,
) -> None:
    session = bench.invited()
    bench.order(lambda now: session.progress(180, now=now))
    tag = bench.the_response().headers.to.tag
    bench.receive(reinvite(tag))
    refusal = bench.the_response()
    assert refusal.status == 500
    assert 0 <= int(refusal.headers["Retry-After"]) <= 10


def test_a_reinvite_before_the_ack_shows_that_the_200_arrived(bench: Bench) -> None:
    """RFC 5407 3.1.4: the ACK was lost or overtaken."""
    session, tag = bench.accepted()
    bench.receive(reinvite(tag))
    assert bench.statuses() == [100]
    assert bench.event_names() == ["Acknowledged", "Reoffered"]
    bench.receive(request("ACK", branch="z9hG4bK-9", to_tag=tag))  # the late one
    assert bench.events() == []
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.statuses() == [200]


def test_a_reinvite_that_crosses_our_offer_is_a_491(bench: Bench) -> None:
    _session, tag = bench.accepted(body=b"")  # our 200 made the offer
    bench.receive(reinvite(tag))
    assert bench.statuses() == [491]
    assert bench.events() == []


def test_a_reinvite_that_comes_out_of_order_is_a_500(bench: Bench) -> None:
    _session, tag = bench.confirmed()
    bench.receive(request("INFO", branch="z9hG4bK-2", to_tag=tag, cseq=9))
    bench.receive(reinvite(tag, 5))
    assert bench.statuses() == [200, 500]


def test_a_cancelled_reinvite_leaves_the_call_as_it_was(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag))
    assert session.is_pending
    bench.forget()
    bench.receive(request("CANCEL", branch="z9hG4bK-re2", to_tag=tag, cseq=2))
    assert bench.statuses() == [200, 487]
    assert not session.is_pending
    assert bench.events() == []
    assert bench.stack.sessions == (session,)
    bench.receive(reinvite(tag, 3))
    assert bench.event_names() == ["Reoffered"]


def test_an_expired_reinvite_leaves_the_call_as_it_was(bench: Bench) -> None:
    session, tag = bench.confirmed()
    fields = [("Expires", "5")]
    bench.receive(request(branch="z9hG4bK-re2", to_tag=tag, cseq=2, body=OFFER, fields=fields))
    bench.forget()
    bench.advance(5)
    assert bench.statuses() == [487]
    assert (bench.events(), bench.stack.sessions) == ([], (session,))
    assert not session.is_pending


def test_a_reinvite_whose_ack_is_missing_ends_the_call(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag))
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.forget()
    bench.advance(SIXTY_FOUR_T1)
    assert bench.statuses()[-1] == "BYE"
    assert bench.event_names() == ["AckMissing"]


def test_hanging_up_terminates_a_pending_reinvite(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag))
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    assert bench.statuses() == [487, "BYE"]
    bench.receive(reinvite(tag, 3))
    assert bench.statuses() == [481]


def test_a_peer_that_hangs_up_terminates_its_own_reinvite(bench: Bench) -> None:
    _session, tag = bench.confirmed()
    bench.receive(reinvite(tag))
    bench.forget()
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=3))
    assert bench.statuses() == [200, 487]
    assert bench.event_names() == ["HungUp", "Ended"]
    bench.receive(request("ACK", branch="z9hG4bK-re2", to_tag=tag, cseq=2))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_reinvite_moves_our_requests_to_its_contact(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(reinvite(tag, contact="<sip:alice@192.0.2.99:7000>"))
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.receive(request("ACK", branch="z9hG4bK-9", to_tag=tag, cseq=2))
    bench.take()
    bench.order(lambda now: session.hang_up((), now))
    (sent,) = bench.take()
    assert isinstance(sent.message, Request)
    assert sent.message.uri == "sip:alice@192.0.2.99:7000"
    assert sent.transmission.flow.remote == ("192.0.2.99", 7000)


def test_timers_can_be_made_small() -> None:
    bench = Bench(StackConfig(timers=Timers(t1=0.01, t2=0.08, t4=0.1)))
    bench.accepted()
    bench.advance(0.64)
    assert bench.statuses() == [200] * 10 + ["BYE"]
    assert not any(isinstance(event, Failed) for event in bench.events())
