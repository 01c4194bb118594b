"""What else happens within a call: INFO, OPTIONS, wrong requests, requests after the end."""

import pytest

from gateway.sip.core import StackConfig
from gateway.sip.events import Ended, InfoReceived, MessageReceived
from gateway.sip.session import Phase
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, Bench, request

RELAY = "application/dtmf-relay"
DIGIT = b"Signal=5\r\nDuration=160\r\n"


@pytest.fixture
def bench() -> Bench:
    return Bench(StackConfig(info_types=frozenset({RELAY, "application/dtmf"})))


def info(
    tag: str,
    cseq: int = 2,
    media_type: str = RELAY,
    body: bytes = DIGIT,
    fields: list[tuple[str, str]] | None = None,
) -> bytes:
    fields = [("Content-Type", media_type), *(fields or [])]
    branch = f"z9hG4bK-i{cseq}"
    return request("INFO", branch=branch, to_tag=tag, cseq=cseq, body=body, fields=fields)


def message(
    tag: str, body: bytes = b"hello", media_type: str = "text/plain", cseq: int = 2
) -> bytes:
    fields = [("Content-Type", media_type)]
    branch = f"z9hG4bK-m{cseq}"
    return request("MESSAGE", branch=branch, to_tag=tag, cseq=cseq, body=body, fields=fields)


def test_an_info_we_understand_is_answered_and_told(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.receive(info(tag, media_type="Application/DTMF-Relay"))
    assert bench.statuses() == [200]
    assert bench.events() == [InfoReceived(session, RELAY, DIGIT)]


def test_a_repeated_info_is_answered_again_and_told_once(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(info(tag))
    bench.receive(info(tag))
    assert bench.statuses() == [200, 200]
    assert bench.event_names() == ["InfoReceived"]


def test_an_info_we_do_not_understand_is_a_415_that_says_what_we_do(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(info(tag, media_type="text/plain"))
    refusal = bench.the_response()
    assert refusal.status == 415
    assert refusal.headers["Accept"] == "application/dtmf, application/dtmf-relay"
    assert bench.events() == []


def test_an_empty_info_shows_that_the_call_is_alive(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(request("INFO", branch="z9hG4bK-2", to_tag=tag, cseq=2))
    assert bench.statuses() == [200]
    assert bench.events() == []


def test_an_info_without_a_media_type_is_answered_and_not_told(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(info(tag).replace(b"Content-Type: application/dtmf-relay\r\n", b""))
    assert bench.statuses() == [200]
    assert bench.events() == []


def test_an_info_of_a_package_is_a_469_that_says_we_take_part_in_none(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(info(tag, fields=[("Info-Package", "g.3gpp.ussd")]))
    refusal = bench.the_response()
    assert (refusal.status, refusal.phrase) == (469, "Bad Info Package")
    assert refusal.headers["Recv-Info"] == ""
    assert bench.events() == []


@pytest.mark.parametrize(("size", "status"), [(8192, 200), (8193, 413)])
def test_an_info_may_be_as_large_as_anybody_needs(bench: Bench, size: int, status: int) -> None:
    _, tag = bench.confirmed()
    bench.receive(info(tag, body=b"x" * size))
    assert bench.statuses() == [status]
    assert bool(bench.events()) is (status == 200)


def test_digits_and_json_are_what_a_stack_takes_by_itself() -> None:
    bench = Bench()
    session, tag = bench.confirmed()
    bench.receive(info(tag, media_type="application/json; charset=utf-8", body=b"{}"))
    assert bench.events() == [InfoReceived(session, "application/json", b"{}")]
    bench.receive(info(tag, 3, media_type="application/sdp"))
    accept = bench.messages()[-1].headers["Accept"]
    assert accept == "application/dtmf, application/dtmf-relay, application/json"


@pytest.mark.parametrize(
    ("body", "media_type", "text"),
    [
        (b"hello", "text/plain", "hello"),
        ("Grüße".encode(), "Text/Plain; charset=UTF-8", "Grüße"),
        (b"hello", "text/plain;charset=us-ascii", "hello"),
        (b"x" * 1300, "text/plain", "x" * 1300),
    ],
)
def test_a_message_is_answered_and_told(
    bench: Bench, body: bytes, media_type: str, text: str
) -> None:
    session, tag = bench.confirmed()
    bench.receive(message(tag, body, media_type))
    bench.receive(message(tag, body, media_type))  # again
    assert bench.statuses() == [200, 200]
    assert bench.events() == [MessageReceived(session, text)]


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"", "text/plain", 200),
        (b"<b>hi</b>", "text/html", 415),
        (b"hello", "text/plain;charset=koi8-r", 415),
        (b"\xff\xfe", "text/plain", 400),
        (b"x" * 1301, "text/plain", 413),
    ],
)
def test_a_message_that_cannot_be_read_is_not_told(
    bench: Bench, body: bytes, media_type: str, status: int
) -> None:
    _, tag = bench.confirmed()
    bench.receive(message(tag, body, media_type))
    answer = bench.the_response()
    assert answer.status == status
    assert (answer.headers.get("Accept") == "text/plain") is (status == 415)
    assert bench.events() == []


def test_a_message_outside_a_call_is_a_405_that_says_what_we_take_there(bench: Bench) -> None:
    bench.receive(request("MESSAGE", contact=None, body=b"hello"))
    refusal = bench.the_response()
    assert refusal.status == 405
    assert (
        refusal.headers["Allow"] == "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE, REFER"
    )
    bench.receive(message("of-nobody"))
    assert bench.statuses() == [481]
    assert bench.remains() == []


def test_options_within_a_call_are_answered_with_what_we_can(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(request("OPTIONS", branch="z9hG4bK-2", to_tag=tag, cseq=2))
    answer = bench.the_response()
    assert (answer.status, answer.headers["Accept"]) == (200, "application/sdp")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("SUBSCRIBE", branch="z9hG4bK-2", cseq=2, to_tag="TAG"), 405),
        (request("PRACK", branch="z9hG4bK-2", cseq=2, to_tag="TAG"), 481),
        (request("FOO", branch="z9hG4bK-2", cseq=2, to_tag="TAG"), 501),
        (request(branch="z9hG4bK-2", cseq=2, to_tag="TAG", fields=[("Require", "gruu")]), 420),
        (request("INFO", branch="z9hG4bK-2", cseq=1, to_tag="TAG"), 500),
        (request("INFO", branch="z9hG4bK-2", cseq=0, to_tag="TAG"), 500),
        (request("BYE", branch="z9hG4bK-2", cseq=2, to_tag="other"), 481),
        (request("BYE", branch="z9hG4bK-2", cseq=2, to_tag="TAG", from_tag="other"), 481),
        (request("BYE", branch="z9hG4bK-2", cseq=2, to_tag="TAG", call_id="other"), 481),
        (request("BYE", branch="z9hG4bK-2", cseq=2), 481),
    ],
)
def test_a_wrong_request_is_answered_and_the_call_goes_on(
    bench: Bench, data: bytes, status: int
) -> None:
    session, tag = bench.confirmed()
    bench.receive(data.replace(b"TAG", tag.encode()))
    assert bench.statuses() == [status]
    assert bench.events() == []
    assert session.phase is Phase.CONFIRMED
    # ... and a right one is still taken
    bench.receive(info(tag, 3))
    assert bench.statuses() == [200]


def test_requests_while_our_bye_is_on_its_way_are_answered_and_not_told(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.order(lambda now: session.hang_up((), now))
    bench.take()
    bench.receive(info(tag, 2))
    bench.receive(request(branch="z9hG4bK-re", to_tag=tag, cseq=3, body=OFFER))
    assert bench.statuses() == [200, 481]
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=4))
    assert bench.statuses() == [200]
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    bench.take()
    assert bench.remains() == []


def test_after_the_end_requests_are_a_481(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=2))
    bench.take()
    bench.receive(info(tag, 3))
    assert bench.statuses() == [481]
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=2))
    assert bench.statuses() == [200]  # the repeated BYE


def test_orders_that_make_no_sense_have_no_effect(bench: Bench) -> None:
    session, _ = bench.confirmed()
    bench.order(lambda now: session.progress(180, now=now))
    bench.order(lambda now: session.accept(ANSWER, now=now))
    bench.order(lambda now: session.reject(486, now=now))
    bench.order(lambda now: session.acknowledge(ANSWER, now))
    assert (bench.take(), bench.events()) == ([], [])
    bench.order(lambda now: session.hang_up((), now))
    bench.order(lambda now: session.hang_up((), now))
    assert bench.statuses() == ["BYE"]
