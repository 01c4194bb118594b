"""REFERs of the peer, and what it is told about them (RFC 3515, RFC 4488)."""

import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.events import Ended, Referred
from gateway.sip.headers import Headers
from gateway.sip.message import Request
from gateway.sip.referral import ReferTo, is_elsewhere
from gateway.sip.session import Session
from tests.sip.wire import OFFER, SIXTY_FOUR_T1, Bench, request, response

THERE = ("Refer-To", "<sip:hall@192.0.2.1>")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refer(tag: str, *fields: tuple[str, str], cseq: int = 2) -> bytes:
    contact = ("Contact", "<sip:alice@192.0.2.10:5062>")
    branch = f"z9hG4bK-r{cseq}"
    return request(
        "REFER", branch=branch, cseq=cseq, to_tag=tag, fields=[*(fields or (THERE,)), contact]
    )


def referred(bench: Bench, *fields: tuple[str, str]) -> tuple[Session, str]:
    session, tag = bench.confirmed()
    bench.receive(refer(tag, *fields))
    (event,) = bench.events()
    assert isinstance(event, Referred)
    return session, tag


def test_a_target_is_read_with_its_headers() -> None:
    uri = "sip:hall@GW.test:5070?Jitsi-Conference-Room=big%20hall&X-Pass=a%26b&x"
    target = ReferTo.parse(Headers([("Refer-To", f'"The hall" <{uri}>')]))
    assert target == ReferTo(
        "hall", "gw.test", {"jitsi-conference-room": "big hall", "x-pass": "a&b"}
    )
    assert ReferTo.parse(Headers([("Refer-To", "sip:[2001:db8::1]")])).host == "2001:db8::1"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([], 400),
        (["<sip:a@b>", "<sip:c@d>"], 400),
        (["nonsense"], 400),
        (["<tel:+4312345>"], 416),
        (["<http://example.org>"], 416),
    ],
)
def test_what_is_no_single_target_is_refused(values: list[str], status: int) -> None:
    with pytest.raises(SipSyntaxError) as caught:
        ReferTo.parse(Headers([("Refer-To", value) for value in values]))
    assert caught.value.status == status


def test_elsewhere_is_another_host_or_another_call() -> None:
    ours = frozenset({"gw.test", "192.0.2.1"})
    assert not is_elsewhere(ReferTo("hall", "GW.test"), ours)
    assert is_elsewhere(ReferTo("hall", "other.test"), ours)
    assert is_elsewhere(ReferTo("hall", "gw.test", {"replaces": "x"}), ours)


def test_what_comes_of_it_is_told_until_the_end(bench: Bench) -> None:
    session, _ = referred(bench)
    bench.order(session.referrals.accept)
    accepted, trying = bench.messages()
    assert (accepted.headers["CSeq"], accepted.headers["Contact"]) == (
        "2 REFER",
        "<sip:192.0.2.1:5060>",
    )
    assert isinstance(trying, Request)
    assert (trying.method, trying.headers["Event"]) == ("NOTIFY", "refer")
    assert trying.headers["Subscription-State"] == "active;expires=60"
    assert trying.headers["Content-Type"] == "message/sipfrag;version=2.0"
    assert trying.headers["Contact"] == "<sip:192.0.2.1:5060>"
    assert trying.body == b"SIP/2.0 100 Trying\r\n"
    bench.order(lambda now: session.referrals.report(200, now))
    assert bench.take() == []  # one after the other
    bench.receive(response(trying, 200))
    last = bench.the_request()
    assert last.headers["Subscription-State"] == "terminated;reason=noresource"
    assert last.body == b"SIP/2.0 200 OK\r\n"
    bench.receive(response(last, 200))
    bench.order(lambda now: session.referrals.report(200, now))
    assert bench.take() == []


def test_a_refer_is_accepted_with_202(bench: Bench) -> None:
    session, _ = referred(bench)
    bench.order(session.referrals.accept)
    assert bench.statuses() == [202, "NOTIFY"]


def test_who_wants_to_hear_nothing_hears_nothing(bench: Bench) -> None:
    session, _ = referred(bench, THERE, ("Refer-Sub", "false"), ("Require", "norefersub"))
    bench.order(session.referrals.accept)
    ok = bench.the_response()
    assert (ok.status, ok.headers["Refer-Sub"]) == (200, "false")
    bench.order(lambda now: session.referrals.report(200, now))
    assert bench.take() == []


@pytest.mark.parametrize("status", [403, 603])
def test_a_refused_refer_changes_nothing(bench: Bench, status: int) -> None:
    session, tag = referred(bench)
    bench.order(lambda now: session.referrals.reject(status, now))
    assert bench.statuses() == [status]
    bench.order(lambda now: session.referrals.report(200, now))
    assert bench.take() == []
    bench.receive(refer(tag, cseq=3))
    assert bench.event_names() == ["Referred"]


def test_one_at_a_time_and_later_ones_are_told_apart(bench: Bench) -> None:
    session, tag = referred(bench)
    bench.receive(refer(tag, cseq=3))
    assert bench.statuses() == [491]
    bench.order(session.referrals.accept)
    _, trying = bench.messages()
    assert isinstance(trying, Request)
    bench.receive(response(trying, 200))
    bench.receive(refer(tag, cseq=4))
    assert bench.statuses() == [491]
    bench.order(lambda now: session.referrals.report(503, now))
    bench.receive(response(bench.the_request(), 200))
    bench.receive(refer(tag, cseq=5))
    bench.order(session.referrals.accept)
    assert bench.messages()[-1].headers["Event"] == "refer;id=5"


@pytest.mark.parametrize(
    ("fields", "status"),
    [([("Refer-To", "<sip:a@b>, <sip:c@d>")], 400), ([("Refer-To", "<tel:+431>")], 416)],
)
def test_a_refer_that_cannot_be_read_is_answered_so(
    bench: Bench, fields: list[tuple[str, str]], status: int
) -> None:
    _, tag = bench.confirmed()
    bench.receive(refer(tag, *fields))
    assert bench.statuses() == [status]
    assert bench.events() == []


def test_a_refer_outside_a_call_is_forbidden(bench: Bench) -> None:
    bench.receive(request("REFER", fields=[THERE]))
    assert bench.statuses() == [403]
    bench.receive(refer("of-nobody"))
    assert bench.statuses() == [481]
    assert bench.remains() == []


def test_a_refer_before_the_ack_comes_too_early(bench: Bench) -> None:
    _, tag = bench.accepted(body=OFFER)
    bench.receive(refer(tag))
    assert bench.statuses() == [491]
    assert bench.events() == []


def test_a_peer_that_does_not_listen_is_told_no_more(bench: Bench) -> None:
    session, _ = referred(bench)
    bench.order(session.referrals.accept)
    _, trying = bench.messages()
    assert isinstance(trying, Request)
    bench.receive(response(trying, 405))
    bench.order(lambda now: session.referrals.report(200, now))
    assert bench.take() == []
    assert bench.stack.sessions == (session,)


def test_hanging_up_ends_it(bench: Bench) -> None:
    session, _ = referred(bench)
    bench.order(lambda now: session.hang_up((), now))
    refusal, bye = bench.messages()
    assert refusal.headers["CSeq"] == "2 REFER"
    assert isinstance(bye, Request)
    bench.receive(response(bye, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []
