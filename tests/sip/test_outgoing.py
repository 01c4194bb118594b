"""What a call made tells: early media, forks, refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.digest import Credentials
from gateway.sip.events import Answered, Ended, Failed, Provisional
from gateway.sip.message import Request
from gateway.sip.reason import Reason
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, Bench, response

OTHER = ANSWER.replace(b"5000", b"6000")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def early(bench: Bench) -> list[tuple[int, bytes | None]]:
    return [(event.status, event.sdp) for event in bench.events() if isinstance(event, Provisional)]


def refusal(bench: Bench, status: int, *fields: tuple[str, str]) -> Failed:
    _, invite = bench.inviting()
    bench.receive(response(invite, status, "No", contact=None, fields=fields))
    failed, _ = bench.events()
    assert isinstance(failed, Failed)
    return failed


def test_each_provisional_response_is_told(bench: Bench) -> None:
    _, invite = bench.inviting()
    for status in (100, 180, 181, 182, 183, 199):
        bench.receive(response(invite, status))
    assert early(bench) == [(status, None) for status in (180, 181, 182, 183, 199)]


@pytest.mark.parametrize("tag", ["peer", ""])
def test_only_the_first_early_answer_counts(bench: Bench, tag: str) -> None:
    _, invite = bench.inviting()
    bench.receive(response(invite, 180, to_tag=tag))
    first = response(invite, 183, to_tag=tag, body=ANSWER)
    bench.receive(first.replace(b";tag=\r\n", b"\r\n"))  # as phones before RFC 3261 do
    bench.receive(response(invite, 183, to_tag=tag, body=OTHER))
    assert early(bench) == [(180, None), (183, ANSWER), (183, None)]


def test_of_several_branches_each_is_heard_and_the_accepted_one_counts(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 183, to_tag="one", body=ANSWER))
    bench.receive(response(invite, 183, to_tag="two", body=OTHER))
    assert early(bench) == [(183, ANSWER), (183, OTHER)]
    bench.receive(response(invite, 200, to_tag="two", body=OTHER))
    (event,) = bench.events()
    assert isinstance(event, Answered) and event.sdp == OTHER
    assert session.dialog is not None and session.dialog.id.remote_tag == "two"


def test_a_provisional_response_makes_no_offer(bench: Bench) -> None:
    _, invite = bench.inviting(None)
    bench.receive(response(invite, 183, body=OFFER))
    assert early(bench) == [(183, None)]


def test_an_early_answer_that_cannot_be_read_leaves_room_for_the_next(bench: Bench) -> None:
    _, invite = bench.inviting()
    odd = response(invite, 183, body=b"hi").replace(b"application/sdp", b"text/plain")
    bench.receive(odd)
    bench.receive(response(invite, 183, body=ANSWER))
    assert early(bench) == [(183, None), (183, ANSWER)]


def test_a_refusal_says_why_and_when_to_try_again(bench: Bench) -> None:
    failed = refusal(
        bench,
        503,
        ("Reason", 'Q.850;cause=34;text="no circuit"'),
        ("Reason", "SIP;cause=503"),
        ("Retry-After", "120 (busy hour);duration=600"),
        ("Contact", "<sip:elsewhere@192.0.2.99>"),
    )
    assert (failed.status, failed.phrase) == (503, "No")
    assert failed.reasons == (Reason("Q.850", 34, "no circuit"), Reason("SIP", 503))
    assert failed.retry_after == 120
    assert failed.contacts == ()


def test_a_redirection_says_where_to(bench: Bench) -> None:
    failed = refusal(
        bench,
        302,
        ("Contact", '"B, b" <sip:b@192.0.2.2>;q=0.5, <sip:a@192.0.2.1>, nonsense'),
        ("Contact", "<tel:+4930123>;q=0.7"),
        ("Contact", "<sip:odd@192.0.2.3>;q=much"),
    )
    assert failed.contacts == (
        "sip:a@192.0.2.1",
        "sip:odd@192.0.2.3",
        "tel:+4930123",
        "sip:b@192.0.2.2",
    )


def test_a_refusal_that_says_nothing_says_nothing(bench: Bench) -> None:
    failed = refusal(bench, 486, ("Retry-After", "soon"), ("Reason", ""))
    assert (failed.retry_after, failed.contacts) == (None, ())
    unanswered = Failed(failed.session, 408, "Request Timeout")
    assert (unanswered.reasons, unanswered.retry_after, unanswered.contacts) == ((), None, ())


def test_endless_contacts_are_bounded(bench: Bench) -> None:
    value = ", ".join(f"<sip:{number}@192.0.2.1>" for number in range(200))
    assert len(refusal(bench, 300, ("Contact", value)).contacts) == 16


def test_a_second_branch_is_hung_up_while_the_first_goes_on(bench: Bench) -> None:
    session, invite = bench.inviting()
    bench.receive(response(invite, 200, to_tag="one", body=ANSWER))
    bench.forget()
    bench.receive(response(invite, 200, to_tag="two", body=OTHER))
    ack, bye = bench.messages()
    assert isinstance(ack, Request) and isinstance(bye, Request)
    assert (ack.method, bye.method, bye.headers.to.tag) == ("ACK", "BYE", "two")
    bench.receive(response(bye, 481))
    assert bench.events() == []
    assert bench.stack.sessions == (session,)


def test_after_a_challenge_early_media_may_come_anew(bench: Bench) -> None:
    _, invite = bench.inviting(credentials=Credentials("alice", "secret"))
    bench.receive(response(invite, 183, body=ANSWER))
    asked = [("WWW-Authenticate", 'Digest realm="r", nonce="n"')]
    bench.receive(response(invite, 401, fields=asked))
    again = bench.messages()[-1]
    assert isinstance(again, Request)
    bench.receive(response(again, 183, body=OTHER))
    assert early(bench) == [(183, ANSWER), (183, OTHER)]


# --- whatever the other side does ---------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([100, 180, 183, 200, 200, 302, 401, 407, 407, 486, 487]),
            st.sampled_from(["one", "two", ""]),  # To tag
            st.sampled_from(["n1", "n2"]),  # nonce
            st.booleans(),  # stale
        ),
        st.just("hang up"),
        st.just("wait"),
    ),
    max_size=14,
)


@given(
    steps=STEPS,
    offer=st.sampled_from([OFFER, None]),
    credentials=st.sampled_from([None, Credentials("alice", "secret")]),
)
def test_every_call_made_ends_once_and_leaves_nothing(
    steps: list[tuple[int, str, str, bool] | str],
    offer: bytes | None,
    credentials: Credentials | None,
) -> None:
    bench = Bench()
    session, invite = bench.inviting(offer, credentials=credentials)
    sent: list[Request] = [invite]

    def look() -> None:
        sent.extend(m for m in bench.messages() if isinstance(m, Request))

    for step in steps:
        latest = next(request for request in reversed(sent) if request.method == "INVITE")
        if step == "hang up":
            bench.order(lambda now: session.hang_up((), now))
        elif step == "wait":
            bench.advance(0.6)
        else:
            assert not isinstance(step, str)
            status, tag, nonce, is_stale = step
            more = ", stale=true" if is_stale else ""
            fields = [("Proxy-Authenticate", f'Digest realm="r", nonce="{nonce}"{more}')]
            if status in (180, 183) and tag and is_stale:
                fields += [("Require", "100rel"), ("RSeq", str(status - 180 + len(sent)))]
            body = ANSWER if status in (183, 200) else b""
            data = response(latest, status, to_tag=tag, fields=fields, body=body)
            bench.receive(data.replace(b";tag=\r\n", b"\r\n"))
        look()
    bench.order(lambda now: session.hang_up((), now))
    bench.advance(3 * SIXTY_FOUR_T1)
    look()

    events = bench.events()
    assert events.count(Ended(session)) == 1 and events[-1] == Ended(session)
    assert sum(isinstance(event, Answered | Failed) for event in events) <= 1
    assert len({request.headers["CSeq"] for request in sent if request.method == "INVITE"}) <= 3
    # Each dialog that was acknowledged after a 200 is hung up, and no other.
    byes = {request.headers.to.tag for request in sent if request.method == "BYE"}
    own_via = {request.headers["Via"] for request in sent if request.method == "INVITE"}
    acknowledged = {
        request.headers.to.tag
        for request in sent
        if request.method == "ACK" and request.headers["Via"] not in own_via
    }
    assert byes == acknowledged
    assert bench.remains() == []
