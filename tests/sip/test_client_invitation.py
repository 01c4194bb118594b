"""A call made, from its INVITE to the ACK or the CANCEL."""

import pytest
from sipmessage import URI, Address

from gateway.errors import SipSyntaxError
from gateway.sip.events import Answered, Ended, Failed, HungUp, Provisional, Reoffered
from gateway.sip.message import Request, Response
from gateway.sip.reason import Reason
from tests.sip.wire import (
    ANSWER,
    OFFER,
    PEER,
    SIXTY_FOUR_T1,
    T1,
    TCP,
    UDP,
    Bench,
    request,
    response,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def in_dialog(invite: Request, method: str, cseq: int = 1, **kwargs: object) -> bytes:
    """A request of the peer in the dialog of our INVITE."""
    return request(
        method,
        branch=f"z9hG4bK-peer-{method}-{cseq}",
        call_id=invite.headers.call_id,
        from_tag="peer",
        to_tag=invite.headers.from_.tag,
        cseq=cseq,
        **kwargs,  # type: ignore[arg-type]
    )


# --- the INVITE ---------------------------------------------------------------------------------


def test_the_invite_has_all_it_needs(bench: Bench) -> None:
    _, invite = bench.inviting(OFFER, target="sip:+4930123@192.0.2.10:5062;user=phone")
    tag, branch = invite.headers.from_.tag, invite.headers.via.parameters["branch"]
    assert invite.uri == "sip:+4930123@192.0.2.10:5062;user=phone"
    assert len(tag) >= 8 and len(invite.headers.call_id) >= 16
    assert dict(invite.headers.fields()) | {"Call-ID": ""} == {
        "Max-Forwards": "70",
        "From": f'"Room" <sip:gateway@192.0.2.1>;tag={tag}',
        "To": "<sip:+4930123@192.0.2.10:5062;user=phone>",
        "Call-ID": "",
        "CSeq": "1 INVITE",
        "Contact": "<sip:192.0.2.1:5060>",
        "Allow": "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, REFER",
        "Supported": "100rel, norefersub, replaces, timer",
        "Session-Expires": "1800",
        "User-Agent": "sip-gateway",
        "Content-Type": "application/sdp",
        "Via": f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport",
        "Content-Length": str(len(OFFER)),
    }


def test_two_calls_have_nothing_in_common(bench: Bench) -> None:
    (_, one), (_, other) = bench.inviting(), bench.inviting()
    for name in ("Call-ID", "Via", "From"):
        assert one.headers[name] != other.headers[name]


def test_to_may_be_another_than_the_target(bench: Bench) -> None:
    bench.order(
        lambda now: (
            bench.stack.invite(
                "sip:trunk@192.0.2.10",
                UDP,
                from_=Address(URI("sip", "192.0.2.1"), name='Say "hi"'),
                to=Address(URI("sip", "example.com", user="bob")),
                headers=[("X-Room", "r")],
                now=now,
            )
            and None
        )
    )
    invite = bench.the_request()
    assert invite.headers.to.uri == "sip:bob@example.com"
    assert invite.headers.from_.display_name == 'Say "hi"'
    assert invite.headers["X-Room"] == "r"


@pytest.mark.parametrize("target", ["nobody", "http://x"])
def test_a_target_that_is_no_uri_is_refused(bench: Bench, target: str) -> None:
    with pytest.raises(SipSyntaxError):
        bench.inviting(target=target)
    assert bench.remains() == []


def test_an_invite_that_cannot_be_written_leaves_nothing_behind(bench: Bench) -> None:
    with pytest.raises(ValueError, match="line end"):
        bench.order(
            lambda now: (
                bench.stack.invite(
                    "sip:a@192.0.2.10",
                    UDP,
                    from_=Address(URI("sip", "192.0.2.1")),
                    headers=[("Subject", "a\r\nEvil: yes")],
                    now=now,
                )
                and None
            )
        )
    assert bench.remains() == []


# --- answers ------------------------------------------------------------------------------------


def test_a_whole_call_that_we_end(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 100))
    assert bench.events() == []
    bench.receive(response(invite, 180, "Ringing"))
    assert bench.events() == [Provisional(session, 180, "Ringing", None)]
    bench.receive(response(invite, 183, "Listen", body=ANSWER))
    assert bench.events() == [Provisional(session, 183, "Listen", ANSWER)]
    bench.receive(response(invite, 200, body=ANSWER))
    ack = bench.the_request()
    assert (ack.method, ack.uri, ack.body) == ("ACK", "sip:bob@192.0.2.10:5062", b"")
    assert (ack.headers["CSeq"], ack.headers.to.tag) == ("1 ACK", "peer")
    assert ack.headers["Via"] != invite.headers["Via"]
    (event,) = bench.events()
    assert isinstance(event, Answered) and event.sdp == ANSWER
    bench.order(lambda now: session.hang_up((Reason("Q.850", 16),), now))
    bye = bench.the_request()
    assert (bye.method, bye.headers["CSeq"], bye.headers["Reason"]) == (
        "BYE",
        "2 BYE",
        "Q.850;cause=16",
    )
    bench.receive(response(bye, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.take() == []
    assert bench.remains() == []


@pytest.mark.parametrize("status", [200, 481, 408, 500, 403])
def test_whatever_the_answer_to_our_bye_the_call_is_over(bench: Bench, status: int) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 200, body=ANSWER))
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.messages()[-1]
    assert isinstance(bye, Request)
    bench.receive(response(bye, 100))
    assert bench.event_names() == ["Answered"]
    bench.receive(response(bye, status))
    assert bench.events() == [Ended(session)]


def test_a_repeated_200_is_acknowledged_again_with_the_same_ack(bench: Bench) -> None:
    _session, invite = bench.inviting()
    ok = response(invite, 200, body=ANSWER)
    bench.receive(ok)
    (first,) = bench.take()
    bench.advance(20)
    bench.receive(ok)
    (second,) = bench.take()
    assert first.transmission == second.transmission
    assert bench.event_names() == ["Answered"]
    bench.advance(12)  # timer M is over
    bench.receive(ok)
    assert bench.take() == []
    assert bench.stack.counters.stray_responses == 1


@pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
def test_a_refusal_is_acknowledged_and_told(bench: Bench, status: int) -> None:
    session, invite = bench.inviting()
    refusal = response(invite, status, "No")
    bench.receive(refusal)
    ack = bench.the_request()
    assert (ack.method, ack.headers["Via"]) == ("ACK", invite.headers["Via"])
    failed, ended = bench.events()
    assert isinstance(failed, Failed)
    assert (failed.status, failed.phrase) == (status, "No")
    assert failed.response is not None
    assert ended == Ended(session)
    bench.receive(refusal)
    assert bench.statuses() == ["ACK"]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_peer_that_never_answers_is_a_408(bench: Bench) -> None:
    session, _ = bench.inviting()
    bench.advance(SIXTY_FOUR_T1)
    assert bench.statuses() == ["INVITE"] * 6
    assert bench.events() == [Failed(session, 408, "Request Timeout"), Ended(session)]
    assert bench.remains() == []


def test_a_peer_that_cannot_be_reached_is_a_503(bench: Bench) -> None:
    session, _ = bench.inviting()
    bench.order(lambda now: bench.stack.port_unreachable(PEER, now))
    assert bench.events() == [Failed(session, 503, "Service Unavailable"), Ended(session)]
    assert bench.remains() == []


def test_a_message_that_cannot_be_sent_is_a_503(bench: Bench) -> None:
    session: list[object] = []
    bench.order(
        lambda now: session.append(
            bench.stack.invite(
                "sip:bob@192.0.2.10", TCP, from_=Address(URI("sip", "192.0.2.1")), now=now
            )
        )
    )
    (sent,) = bench.take()
    bench.order(lambda now: bench.stack.transport_failed(sent.transmission, now))
    assert bench.event_names() == ["Failed", "Ended"]
    assert bench.remains() == []


# --- late offer ---------------------------------------------------------------------------------


def test_without_an_offer_of_ours_the_200_makes_it_and_the_ack_answers(bench: Bench) -> None:
    session, invite = bench.inviting(None)
    assert invite.body == b"" and invite.headers.get("Content-Type") is None
    ok = response(invite, 200, body=OFFER)
    bench.receive(ok)
    assert bench.take() == []
    (event,) = bench.events()
    assert isinstance(event, Answered) and event.sdp == OFFER
    bench.receive(ok)  # again, before we made up our mind
    assert bench.take() == []
    bench.order(lambda now: session.acknowledge(ANSWER, now))
    ack = bench.the_request()
    assert (ack.body, ack.headers["Content-Type"]) == (ANSWER, "application/sdp")
    bench.receive(ok)
    assert bench.the_request().body == ANSWER
    bench.order(lambda now: session.acknowledge(ANSWER, now))
    assert bench.take() == []


def test_an_offer_that_does_not_suit_us_is_acknowledged_and_hung_up(bench: Bench) -> None:
    session, invite = bench.inviting(None)
    bench.receive(response(invite, 200, body=OFFER))
    bench.order(lambda now: session.hang_up((Reason("SIP", 488),), now))
    assert bench.statuses() == ["ACK", "BYE"]


def test_a_reinvite_before_we_answered_the_offer_is_a_491(bench: Bench) -> None:
    _session, invite = bench.inviting(None)
    bench.receive(response(invite, 200, body=OFFER))
    bench.receive(in_dialog(invite, "INVITE", body=OFFER))
    assert bench.statuses() == [491]


# --- the peer in the dialog ---------------------------------------------------------------------


def test_a_reinvite_before_our_invite_is_answered_is_a_491(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 180))
    bench.forget()
    bench.receive(in_dialog(invite, "INVITE", body=OFFER))
    assert bench.the_response().status == 491
    bench.receive(in_dialog(invite, "ACK"))
    bench.receive(response(invite, 200, body=ANSWER))
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Answered"]
    assert session.dialog is not None


def test_the_callee_may_hang_up_and_reinvite(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 200, body=ANSWER))
    bench.forget()
    bench.receive(in_dialog(invite, "INVITE", body=OFFER))
    (event,) = bench.events()
    assert isinstance(event, Reoffered)
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.statuses() == [100, 200]
    bench.receive(in_dialog(invite, "ACK"))
    bench.receive(in_dialog(invite, "BYE", 2))
    assert bench.statuses() == [200]
    assert bench.event_names() == ["Acknowledged", "HungUp", "Ended"]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_when_both_hang_up_at_once_each_gets_its_200(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 200, body=ANSWER))
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.messages()[-1]
    bench.events()
    bench.receive(in_dialog(invite, "BYE"))
    assert bench.statuses() == [200]
    assert bench.events() == [Ended(session)]
    assert isinstance(bye, Request)
    bench.receive(response(bye, 200))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.events() == []
    assert bench.remains() == []


def test_the_acks_of_a_call_through_proxies_take_their_route(bench: Bench) -> None:
    _, invite = bench.inviting()
    recorded = [("Record-Route", "<sip:192.0.2.31;lr>, <sip:192.0.2.30:5070;lr>")]
    bench.receive(response(invite, 200, body=ANSWER, fields=recorded))
    (sent,) = bench.take()
    assert sent.message.headers.getlist("Route") == [
        "<sip:192.0.2.30:5070;lr>",
        "<sip:192.0.2.31;lr>",
    ]
    assert sent.transmission.flow.remote == ("192.0.2.30", 5070)


# --- forks (13.2.2.4) ---------------------------------------------------------------------------


def test_a_second_fork_that_answers_is_acknowledged_and_hung_up(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 180, to_tag="fork-1"))
    bench.receive(response(invite, 180, to_tag="fork-2"))
    bench.receive(response(invite, 200, to_tag="fork-2", body=ANSWER))
    assert bench.statuses() == ["ACK"]
    late = response(
        invite, 200, to_tag="fork-1", body=ANSWER, contact="<sip:other@192.0.2.10:5062>"
    )
    bench.receive(late)
    ack, bye = bench.messages()
    assert isinstance(ack, Request) and isinstance(bye, Request)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert ack.headers.to.tag == bye.headers.to.tag == "fork-1"
    assert ack.uri == bye.uri == "sip:other@192.0.2.10:5062"
    bench.receive(late)
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Provisional", "Provisional", "Answered"]
    bench.receive(response(bye, 200))
    assert bench.stack.sessions == (session,)


def test_a_peer_cannot_make_us_hang_up_on_endless_forks(bench: Bench) -> None:
    _, invite = bench.inviting()
    for number in range(200):
        bench.receive(response(invite, 200, to_tag=f"fork-{number}", body=ANSWER))
    statuses = bench.statuses()
    assert statuses.count("BYE") == 15
    assert statuses.count("ACK") == 16


# --- CANCEL -------------------------------------------------------------------------------------


def test_a_cancel_waits_for_a_provisional_response(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.order(lambda now: session.hang_up((Reason("SIP", 200, "Elsewhere"),), now))
    assert bench.take() == []
    bench.receive(response(invite, 100))
    cancel = bench.the_request()
    assert cancel.serialize().decode() == "\r\n".join(
        [
            "CANCEL sip:bob@192.0.2.10:5062 SIP/2.0",
            f"Via: {invite.headers['Via']}",
            "Max-Forwards: 70",
            f"From: {invite.headers['From']}",
            f"To: {invite.headers['To']}",
            f"Call-ID: {invite.headers.call_id}",
            "CSeq: 1 CANCEL",
            'Reason: SIP;cause=200;text="Elsewhere"',
            "Content-Length: 0",
            "",
            "",
        ]
    )
    bench.receive(response(invite, 180))
    assert bench.take() == []
    bench.receive(response(cancel, 200))
    bench.receive(response(invite, 487))
    assert bench.statuses() == ["ACK"]
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_cancel_while_it_rings_goes_out_at_once_and_again(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 180))
    bench.order(lambda now: session.hang_up((), now))
    bench.advance(2 * T1)
    assert bench.statuses() == ["CANCEL", "CANCEL"]
    bench.order(lambda now: session.hang_up((), now))
    assert bench.take() == []


@pytest.mark.parametrize("offer", [OFFER, None])
def test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up(
    bench: Bench, offer: bytes | None
) -> None:
    session, invite = bench.inviting(offer)
    bench.receive(response(invite, 180))
    bench.order(lambda now: session.hang_up((Reason("SIP", 480),), now))
    bench.forget()
    bench.receive(response(invite, 200, body=ANSWER))
    ack, bye = bench.messages()
    assert isinstance(ack, Request) and isinstance(bye, Request)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert bye.headers["Reason"] == "SIP;cause=480"
    assert bench.events() == [Ended(session)]
    bench.receive(response(bye, 200))
    bench.advance(SIXTY_FOUR_T1)
    bench.take()
    assert bench.remains() == []


def test_a_callee_that_hangs_up_while_it_rings_is_not_connected_any_more(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 180))
    bench.forget()
    bench.receive(in_dialog(invite, "BYE"))
    assert bench.statuses() == [200, "CANCEL"]
    assert bench.events() == [HungUp(session, ()), Ended(session)]
    bench.receive(response(invite, 200, to_tag="another", body=ANSWER))
    _, bye = bench.messages()
    assert isinstance(bye, Request) and bye.method == "BYE"
    bench.receive(response(bye, 200))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.events() == []
    bench.take()
    assert bench.remains() == []


def test_a_200_before_any_provisional_response_ends_a_call_given_up(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.order(lambda now: session.hang_up((), now))
    bench.receive(response(invite, 200, body=ANSWER))
    assert bench.statuses() == ["ACK", "BYE"]
    assert bench.events() == [Ended(session)]


def test_a_peer_that_ignores_the_cancel_does_not_keep_the_call(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 180))
    bench.events()
    bench.order(lambda now: session.hang_up((), now))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.events() == [Ended(session)]
    bench.take()
    assert bench.remains() == []


def test_a_call_given_up_that_is_never_answered_times_out(bench: Bench) -> None:
    session, _ = bench.inviting()
    bench.order(lambda now: session.hang_up((), now))
    bench.advance(SIXTY_FOUR_T1)
    assert bench.events() == [Ended(session)]
    assert bench.remains() == []


def test_a_call_that_rings_for_ever_waits_for_ever(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 180))
    bench.advance(3600)
    assert bench.stack.sessions == (session,)
    bench.receive(response(invite, 200, body=ANSWER))
    assert bench.event_names() == ["Provisional", "Answered"]


# --- answers that are not right -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Contact: <sip:bob@192.0.2.10:5062>", "Contact: <sip:bob@:x>"),
        ("CSeq: 1 INVITE", "CSeq: 1"),
        ("To: <", "To: "),
        ("SIP/2.0/UDP 192", "SIP/2.0/UDP 203.0.113.1, SIP/2.0/UDP 192"),
    ],
)
def test_a_malformed_response_is_dropped_and_counted(bench: Bench, old: str, new: str) -> None:
    _session, invite = bench.inviting()
    bench.receive(response(invite, 200, body=ANSWER).replace(old.encode(), new.encode()))
    assert (bench.take(), bench.events()) == ([], [])
    assert bench.stack.counters.malformed_responses == 1


def test_a_response_to_nothing_of_ours_is_dropped_and_counted(bench: Bench) -> None:
    _, invite = bench.inviting()
    ours = (invite.headers.via.parameters["branch"] or "").encode()
    bench.receive(response(invite, 200, body=ANSWER).replace(ours, b"z9hG4bKother"))
    assert (bench.take(), bench.events()) == ([], [])
    assert bench.stack.counters.stray_responses == 1


def test_an_answer_that_is_no_sdp_is_an_answer_without_sdp(bench: Bench) -> None:
    _, invite = bench.inviting()
    odd = response(invite, 200, body=b"hi").replace(b"application/sdp", b"text/plain")
    bench.receive(odd)
    (event,) = bench.events()
    assert isinstance(event, Answered) and event.sdp is None


def test_the_peers_events_after_a_hang_up_are_not_told(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 200, body=ANSWER))
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    bench.receive(in_dialog(invite, "INFO"))
    assert not any(isinstance(event, HungUp) for event in bench.events())
    assert isinstance(bench.messages()[-1], Response)
