"""The stack as a whole: what it admits, refuses, drops and counts, and its limits."""

from dataclasses import asdict, replace

import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.admission import ALLOW, FORBID, Admit, Refusal, Verdict
from gateway.sip.core import StackConfig
from gateway.sip.flow import Flow
from gateway.sip.message import Request, Response
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, T1, TCP, UDP, Bench, request

STRANGER = Flow("udp", UDP.listener, ("203.0.113.66", 5060))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def counted(bench: Bench) -> dict[str, int]:
    return {name: count for name, count in asdict(bench.stack.counters).items() if count}


def only_peer(verdict: Verdict | Refusal) -> Admit:
    def admit(flow: Flow, asked: Request) -> Verdict | Refusal:
        return Verdict.ACCEPT if flow.remote == UDP.remote else verdict

    return admit


# --- what is dropped ----------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b""])
def test_a_keep_alive_is_counted(bench: Bench, data: bytes) -> None:
    bench.receive(data)
    assert counted(bench) == {"keep_alives": 1}
    assert bench.take() == []


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        bytes(range(256)),
        b"\x80\x00" + bytes(170),
        b"INVITE sip:a@b SIP/2.0\r\n\r\n".replace(b"2.0", b"x"),
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_not_sip_is_counted_and_dropped(bench: Bench, data: bytes) -> None:
    bench.receive(data)
    assert counted(bench) == {"unparsable": 1}
    assert bench.take() == []
    assert bench.remains() == []


def test_a_request_nobody_can_be_answered_about_is_counted_and_dropped(bench: Bench) -> None:
    bench.receive(b"OPTIONS sip:a@b SIP/2.0\r\nFrom: <sip:a@b>\r\n\r\n")
    assert counted(bench) == {"requests": 1, "unparsable": 1}
    assert bench.take() == []


@pytest.mark.parametrize("via", ["tcp", "udp"])
def test_a_request_with_too_large_a_header_is_answered_without_state(
    bench: Bench, via: str
) -> None:
    fields = [("X", "y")] * 300
    bench.receive(request(fields=fields), flow=TCP if via == "tcp" else UDP)
    assert counted(bench) == {"requests": 1, "malformed_requests": 1}
    (sent,) = bench.take()
    refusal = sent.message
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.phrase) == (513, "Message Too Large")
    assert bench.remains() == []


def test_an_ack_of_nothing_is_counted_and_dropped(bench: Bench) -> None:
    bench.receive(request("ACK", to_tag="x"))
    assert counted(bench) == {"requests": 1, "stray_acks": 1}
    assert bench.take() == []


def test_a_malformed_ack_is_counted_and_never_answered(bench: Bench) -> None:
    bench.receive(request("ACK", to_tag="x").replace(b"1 ACK", b"x ACK"))
    assert counted(bench) == {"requests": 1, "malformed_requests": 1}
    assert bench.take() == []


# --- strangers ----------------------------------------------------------------------------------


def only_known(flow: Flow, method: str | None) -> bool:
    return flow.remote == UDP.remote


def admit_nobody_unknown(flow: Flow, asked: Request) -> Verdict | Refusal:
    assert only_known(flow, asked.method), "read, though nobody is heard from there"
    return Verdict.ACCEPT


@pytest.fixture
def guarded() -> Bench:
    return Bench(admit=admit_nobody_unknown, hears=only_known)


@pytest.mark.parametrize(
    "data",
    [
        request("OPTIONS"),
        request("INVITE", body=OFFER),
        request("BYE", to_tag="x"),
        request("INVITE").replace(b"Call-ID", b"Call-No"),
        b"SIP/2.0 200 OK\r\nCall-ID: call-1\r\n\r\n",
        b"garbage",
    ],
)
def test_what_comes_from_where_nobody_is_heard_is_dropped_unread(
    guarded: Bench, data: bytes
) -> None:
    guarded.receive(data, STRANGER)
    assert counted(guarded) == {"dropped_strangers": 1}
    assert guarded.take() == []
    assert guarded.remains() == []


def test_a_call_goes_on_though_its_messages_come_from_elsewhere(guarded: Bench) -> None:
    """As from another proxy of the same trunk; and when the call is over, that too is."""
    _, tag = guarded.confirmed()
    folded = request("BYE", to_tag=tag, cseq=2).replace(b"Call-ID: ", b"i:\r\n\t ")
    guarded.receive(folded, STRANGER)
    assert guarded.statuses() == [200]
    guarded.advance(SIXTY_FOUR_T1)
    assert guarded.remains() == []
    guarded.receive(folded, STRANGER)
    assert guarded.take() == []
    assert guarded.stack.counters.dropped_strangers == 1


def test_what_belongs_to_a_call_is_nothing_to_ask_about() -> None:
    """Who is asked tells the operator of calls that come from nowhere: these are none."""
    asked: list[str | None] = []

    def hears(flow: Flow, method: str | None) -> bool:
        asked.append(method)
        return flow.remote == UDP.remote

    bench = Bench(hears=hears)
    _, tag = bench.confirmed()
    bench.receive(request(branch="z9hG4bK-re", to_tag=tag, cseq=2, body=OFFER), STRANGER)
    assert bench.event_names() == ["Reoffered"]
    assert asked == ["INVITE"]  # the first


def test_a_call_that_is_given_up_from_elsewhere_is(guarded: Bench) -> None:
    guarded.invited()
    guarded.receive(request("CANCEL"), STRANGER)
    assert guarded.statuses() == [200, 487]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "FOO"])
def test_a_stranger_is_dropped_or_refused_as_configured(method: str) -> None:
    silent, polite = Bench(admit=only_peer(Verdict.DROP)), Bench(admit=only_peer(FORBID))
    for bench in (silent, polite):
        bench.receive(request(method), STRANGER)
    assert silent.take() == []
    assert counted(silent) == {"requests": 1, "dropped_strangers": 1}
    assert polite.statuses() == [403]
    assert counted(polite) == {"requests": 1, "refused_by_admission": 1}
    assert silent.remains() == polite.remains() == []


def test_a_malformed_request_of_a_stranger_tells_him_nothing() -> None:
    bench = Bench(admit=only_peer(Verdict.DROP))
    bench.receive(request().replace(b"1 INVITE", b"x INVITE"), STRANGER)
    assert bench.take() == []
    assert counted(bench) == {"requests": 1, "dropped_strangers": 1}


@pytest.mark.parametrize("is_heard", [True, False])
def test_who_is_heard_is_told_what_is_wrong_though_admission_cannot_read_it(is_heard: bool) -> None:
    bench = Bench(
        admit=lambda flow, asked: Verdict.ACCEPT if asked.headers.to else Verdict.DROP,
        hears=lambda flow, method: flow is UDP or is_heard,
    )
    bench.receive(request())  # its Call-ID is known then
    bench.forget()
    bench.receive(request(branch="z9hG4bK-2").replace(b"To: <", b"To: "), STRANGER)
    assert bench.statuses() == ([400] if is_heard else [])


def test_a_request_that_admission_cannot_read_is_dropped() -> None:
    def admit(flow: Flow, asked: Request) -> Verdict:
        raise SipSyntaxError("odd")

    bench = Bench(admit=admit)
    bench.receive(request())
    assert bench.take() == []
    assert counted(bench) == {"requests": 1, "dropped_strangers": 1}


def test_admission_is_not_asked_about_a_call_that_is_there() -> None:
    asked: list[str] = []

    def admit(flow: Flow, about: Request) -> Verdict:
        asked.append(about.method)
        return Verdict.ACCEPT

    bench = Bench(admit=admit)
    _, tag = bench.confirmed()
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=2))
    assert asked == ["INVITE"]


def test_admission_may_say_that_there_is_no_such_room() -> None:
    bench = Bench(admit=lambda flow, asked: Refusal(404))
    bench.receive(request())
    assert bench.the_response().status == 404
    assert bench.remains() == []


# --- the right answer to the wrong thing --------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status", "field"),
    [
        (request().replace(b"1 INVITE", b"x INVITE"), 400, None),
        (request(contact=None), 400, None),
        (
            request("REGISTER"),
            405,
            ALLOW,
        ),
        (request(uri="http://a"), 416, None),
        (request(fields=[("Require", "gruu")]), 420, ("Unsupported", "gruu")),
        (request("BYE", to_tag="x"), 481, None),
        (request("CANCEL"), 481, None),
        (request("INFO"), 481, None),
        (request(to_tag="x"), 481, None),
        (request("OPTIONS", to_tag="x"), 481, None),
        (request().replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), 483, None),
        (request("FOO"), 501, None),
        (request().replace(b"192.0.2.1 SIP/2.0", b"192.0.2.1 SIP/3.0"), 505, None),
    ],
)
def test_a_wrong_request_outside_a_call_is_answered_without_state(
    bench: Bench, data: bytes, status: int, field: tuple[str, str] | None
) -> None:
    bench.receive(data)
    bench.receive(data)
    first, second = bench.messages()
    assert isinstance(first, Response)
    assert first.status == status
    assert first.headers.to.tag and first.headers["Server"] == "sip-gateway"
    if field is not None:
        assert first.headers[field[0]] == field[1]
    assert first.serialize() == second.serialize()  # the same tag each time (8.2.7)
    assert bench.remains() == []


def test_the_tag_of_a_stateless_answer_is_not_to_be_guessed() -> None:
    tags = set()
    for _ in range(2):
        bench = Bench()
        bench.receive(request("BYE", to_tag=""))
        tags.add(bench.the_response().headers.to.tag)
    assert len(tags) == 2


def test_what_is_wrong_is_in_the_reason_phrase(bench: Bench) -> None:
    bench.receive(request().replace(b"1 INVITE", b"x INVITE"))
    assert bench.the_response().phrase == "Malformed CSeq"
    assert counted(bench) == {"requests": 1, "malformed_requests": 1}


def test_a_request_that_came_on_two_paths_is_a_482(bench: Bench) -> None:
    bench.invited()
    bench.receive(request(branch="z9hG4bK-2", body=OFFER))
    assert bench.statuses() == [482]
    assert bench.events() == []


def test_responses_go_to_the_address_seen(bench: Bench) -> None:
    bench.receive(request("OPTIONS", via="SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK-1"))
    (sent,) = bench.take()
    assert sent.transmission.flow == UDP
    assert sent.message.headers["Via"] == (
        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK-1;rport=5062;received=192.0.2.10"
    )


# --- OPTIONS and draining -----------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"a question"])
def test_options_are_answered_with_what_we_can(bench: Bench, body: bytes) -> None:
    bench.receive(request("OPTIONS", body=body, fields=[("Content-Type", "text/plain")]))
    answer = bench.the_response()
    assert answer.status == 200
    assert (
        answer.headers["Allow"]
        == "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, REFER"
    )
    assert answer.headers["Accept"] == "application/sdp"
    assert answer.headers["Supported"] == "100rel, norefersub, replaces, timer"
    assert bench.remains() == []


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_a_draining_stack_says_so(method: str) -> None:
    bench = Bench(StackConfig(retry_after=7))
    bench.stack.is_draining = True
    bench.receive(request(method))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers["Retry-After"]) == (503, "7")
    assert bench.remains() == []


def test_a_draining_stack_serves_the_calls_it_has(bench: Bench) -> None:
    _, tag = bench.confirmed()
    bench.stack.is_draining = True
    bench.receive(request(branch="z9hG4bK-re", to_tag=tag, cseq=2, body=OFFER))
    assert bench.statuses() == [100]
    assert bench.event_names() == ["Reoffered"]


# --- limits -------------------------------------------------------------------------------------


def test_above_the_number_of_calls_there_is_a_503_with_retry_after() -> None:
    bench = Bench(StackConfig(max_sessions=2, retry_after=11))
    for number in range(2):
        bench.invited(branch=f"z9hG4bK-{number}", call_id=f"call-{number}")
    bench.receive(request(branch="z9hG4bK-9", call_id="call-9"))
    refusal = bench.the_response()
    assert (refusal.status, refusal.headers["Retry-After"]) == (503, "11")
    assert counted(bench)["refused_by_limits"] == 1
    assert len(bench.stack.sessions) == 2
    bench.receive(request(branch="z9hG4bK-0", call_id="call-0", body=OFFER))
    assert bench.statuses() == [100]  # a repeated INVITE is no new call


def test_with_all_calls_taken_those_that_are_there_are_served() -> None:
    bench = Bench(StackConfig(max_sessions=1))
    session, tag = bench.confirmed()
    bench.receive(request(branch="z9hG4bK-re", to_tag=tag, cseq=2, body=OFFER))
    assert bench.event_names() == ["Reoffered"]
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.statuses() == [100, 200]
    bench.receive(request("ACK", branch="z9hG4bK-a", to_tag=tag, cseq=2))
    bench.receive(request("INFO", branch="z9hG4bK-i", to_tag=tag, cseq=3))
    bench.receive(request("OPTIONS", branch="z9hG4bK-o"))
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=4))
    assert bench.statuses() == [200, 200, 200]
    bench.events()
    bench.invited(branch="z9hG4bK-new", call_id="call-2")


def test_above_the_number_of_transactions_only_a_bye_is_taken() -> None:
    bench = Bench(StackConfig(max_transactions=10))
    _, tag = bench.confirmed()
    for cseq in range(2, 30):
        bench.receive(request("INFO", branch=f"z9hG4bK-{cseq}", to_tag=tag, cseq=cseq))
    statuses = bench.statuses()
    assert (statuses.count(200), statuses.count(503)) == (9, 19)
    assert bench.stack.transaction_count == 10
    bench.receive(request("BYE", branch="z9hG4bK-b", to_tag=tag, cseq=99))
    assert bench.statuses() == [200]
    bench.advance(SIXTY_FOUR_T1)
    bench.events()
    assert bench.remains() == []


def test_a_flood_of_invites_keeps_no_more_than_the_limit() -> None:
    bench = Bench(StackConfig(max_sessions=50))
    for number in range(2000):
        bench.receive(request(branch=f"z9hG4bK-f{number}", call_id=f"flood-{number}"))
    assert len(bench.stack.sessions) == 50
    assert bench.stack.transaction_count == 50
    assert bench.statuses().count(503) == 1950
    for session in bench.stack.sessions:
        bench.order(lambda now, session=session: session.reject(480, now=now))  # type: ignore[misc]
    bench.advance(SIXTY_FOUR_T1)
    bench.forget()
    assert bench.remains() == []


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "INFO"])
def test_a_flood_of_other_requests_leaves_nothing(bench: Bench, method: str) -> None:
    for number in range(300):
        bench.receive(request(method, branch=f"z9hG4bK-f{number}", call_id=f"flood-{number}"))
    bench.take()
    assert bench.remains() == []


def test_a_flood_of_cancels_makes_one_transaction(bench: Bench) -> None:
    bench.invited()
    for _ in range(300):
        bench.receive(request("CANCEL"))
    assert bench.stack.transaction_count == 2


def test_many_calls_begin_and_end_and_nothing_is_left(bench: Bench) -> None:
    for number in range(100):
        branch, call_id = f"z9hG4bK-{number}", f"call-{number}"
        bench.receive(request(branch=branch, call_id=call_id, body=OFFER))
        session = bench.events()[-1].session
        if number % 3 == 0:
            bench.receive(request("CANCEL", branch=branch, call_id=call_id))
        elif number % 3 == 1:
            bench.order(lambda now, session=session: session.reject(486, now=now))  # type: ignore[misc]
        else:
            bench.order(lambda now, session=session: session.accept(ANSWER, now=now))  # type: ignore[misc]
        bench.advance(0.3 * T1)
    bench.advance(2 * SIXTY_FOUR_T1)
    bench.forget()
    assert bench.remains() == []


def test_a_message_on_a_connection_is_answered_on_it(bench: Bench) -> None:
    bench.receive(request("OPTIONS", via="SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK-1"), TCP)
    (sent,) = bench.take()
    assert sent.transmission.flow == TCP
    assert sent.transmission.fallback == ("192.0.2.10", 5060)


def test_the_same_call_over_two_flows_is_told_apart_by_the_senders(bench: Bench) -> None:
    other = replace(UDP, remote=("192.0.2.11", 5062))
    bench.invited()
    bench.receive(
        request(via="SIP/2.0/UDP 192.0.2.11:5062;branch=z9hG4bK-1", call_id="call-2", from_tag="b"),
        other,
    )
    assert bench.statuses() == [100]
    assert len(bench.stack.sessions) == 2


# --- what is sent --------------------------------------------------------------------------------


def test_responses_are_counted_by_status_each_once() -> None:
    bench = Bench(admit=only_peer(FORBID))
    bench.receive(request("OPTIONS"))
    bench.receive(request("OPTIONS"), STRANGER)
    invite = request("INVITE", body=OFFER)
    bench.receive(invite)
    bench.receive(invite)
    assert bench.stack.responses_sent == {200: 1, 403: 1, 100: 1}


# --- REGISTER -----------------------------------------------------------------------------------


def registering(answer: Refusal) -> tuple[Bench, list[Request]]:
    """A stack with a registrar that always says the same."""
    asked: list[Request] = []

    def register(flow: Flow, request: Request) -> Refusal:
        asked.append(request)
        return answer

    return Bench(register=register), asked


def test_a_register_goes_to_the_registrar_and_its_repetition_does_not() -> None:
    contact = ("Contact", "<sip:a@b>;expires=60")
    bench, asked = registering(Refusal(200, headers=(contact,)))
    for _ in range(2):
        bench.receive(request("REGISTER"))
        answer = bench.the_response()
        assert (answer.status, answer.headers["Contact"]) == (200, contact[1])
        assert answer.headers.to.tag
    assert len(asked) == 1
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_who_may_not_register_leaves_no_state() -> None:
    bench, asked = registering(Refusal(401, headers=(("WWW-Authenticate", "Digest"),)))
    bench.receive(request("REGISTER"))
    answer = bench.the_response()
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Digest")
    assert len(asked) == 1
    assert bench.remains() == []


def test_a_register_that_requires_what_we_lack_is_a_420() -> None:
    bench, asked = registering(Refusal(200))
    bench.receive(request("REGISTER", fields=[("Require", "path")]))
    assert bench.statuses() == [420]
    assert asked == []


def test_without_a_registrar_register_is_not_allowed() -> None:
    bench = Bench()
    bench.receive(request("REGISTER"))
    assert bench.statuses() == [405]
