"""Calls to servers that want to know who calls: 401 and 407 (RFC 3261 22)."""

import hashlib
import re

import pytest

from gateway.sip.digest import Credentials
from gateway.sip.events import Answered, Ended, Failed, Provisional
from gateway.sip.message import Request, Response
from gateway.sip.session import Session
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, TCP, Bench, request, response

ALICE = Credentials("alice", "open sesame")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def inviting(bench: Bench, credentials: Credentials | None = ALICE) -> tuple[Session, Request]:
    headers = [("P-Asserted-Identity", "<sip:+4930@192.0.2.1>"), ("X-A", "1"), ("X-A", "2")]
    return bench.inviting(headers=headers, credentials=credentials)


def challenge(
    to: Request, nonce: str = "n1", *, status: int = 407, realm: str = "trunk", more: str = ""
) -> bytes:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    value = f'Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=MD5{more}'
    return response(to, status, fields=[(name, value)])


def is_right(asked: Request, *, name: str = "Proxy-Authorization", realm: str = "trunk") -> bool:
    """Whether the credentials of a request are Alice's, as a server finds out (RFC 2617 3.2.2)."""
    values = asked.headers.getlist(name)
    stated = {
        key: value.strip('"')
        for text in values
        if f'realm="{realm}"' in text
        for key, value in re.findall(r'(\w+)=("[^"]*"|[^", ]+)', text)
    }

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    about = f"{asked.method}:{asked.uri}"
    if stated["qop"] == "auth-int":
        about += ":" + hashlib.md5(asked.body).hexdigest()
    secret, asks = md5(f"alice:{realm}:open sesame"), md5(about)
    parts = [stated["nonce"], stated["nc"], stated["cnonce"], stated["qop"]]
    return stated["uri"] == asked.uri and stated["response"] == md5(
        ":".join([secret, *parts, asks])
    )


@pytest.mark.parametrize("qop", ["auth-int", "AUTH-INT"])
def test_who_wants_the_body_protected_as_well_gets_a_hash_of_it(bench: Bench, qop: str) -> None:
    """RFC 7616 3.4.3: of an INVITE's offer, and of a BYE that has nothing."""
    _, invite = inviting(bench)
    more = f'Digest realm="trunk", nonce="n1", qop="{qop}", algorithm=MD5'
    bench.receive(response(invite, 407, fields=[("Proxy-Authenticate", more)]))
    _, again = bench.messages()
    assert isinstance(again, Request) and again.body == OFFER
    assert "qop=auth-int" in again.headers["Proxy-Authorization"]
    assert is_right(again)
    bench.receive(response(again, 200, body=ANSWER))
    answer = bench.events()[-1]
    assert isinstance(answer, Answered)
    bench.forget()
    bench.order(lambda now: answer.session.hang_up((), now))
    assert is_right(bench.the_request())


def test_the_body_of_a_request_within_the_call_is_hashed_as_well(bench: Bench) -> None:
    session, invite = inviting(bench)
    more = 'Digest realm="trunk", nonce="n1", qop="auth-int", algorithm=MD5'
    bench.receive(response(invite, 407, fields=[("Proxy-Authenticate", more)]))
    _, again = bench.messages()
    assert isinstance(again, Request)
    bench.receive(response(again, 200, body=ANSWER))
    bench.forget()
    bench.order(lambda now: session.request("INFO", (), b"Signal=5", told=lambda *_: None, now=now))
    info = bench.the_request()
    assert info.body == b"Signal=5"
    assert is_right(info)


def nonce_count(asked: Request) -> str:
    (found,) = re.findall(r"nc=([0-9a-f]{8})", asked.headers["Proxy-Authorization"])
    return str(found)


def answered(bench: Bench) -> tuple[Session, Request]:
    """A call that was challenged, and then answered; the INVITE that was."""
    session, invite = inviting(bench)
    bench.receive(challenge(invite))
    again = bench.messages()[-1]
    assert isinstance(again, Request)
    bench.receive(response(again, 200, body=ANSWER))
    bench.forget()
    return session, again


# --- the INVITE ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "name"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_a_challenged_invite_is_repeated_with_credentials(
    bench: Bench, status: int, name: str
) -> None:
    session, invite = inviting(bench)
    bench.receive(challenge(invite, status=status))
    ack, again = bench.messages()
    assert isinstance(ack, Request) and isinstance(again, Request)
    assert (ack.method, ack.headers["CSeq"]) == ("ACK", "1 ACK")
    assert ack.headers["Via"] == invite.headers["Via"]
    assert ack.headers.to.tag == "peer"
    assert bench.events() == []

    assert is_right(again, name=name)
    new = {"CSeq", "Via", name}
    assert again.headers["CSeq"] == "2 INVITE"
    assert again.headers["Via"] != invite.headers["Via"]
    assert again.headers.to.tag == ""
    assert [field for field in again.headers.fields() if field[0] not in new] == [
        field for field in invite.headers.fields() if field[0] not in new
    ]
    assert (again.uri, again.body) == (invite.uri, OFFER)

    bench.receive(response(again, 183, body=ANSWER))
    bench.receive(response(again, 200, body=ANSWER))
    early, final = bench.events()
    assert isinstance(early, Provisional) and isinstance(final, Answered)
    (ack,) = bench.messages()
    assert isinstance(ack, Request)
    assert ack.headers["CSeq"] == "2 ACK"
    assert ack.headers[name] == again.headers[name]  # 13.2.2.4
    assert bench.stack.sessions == (session,)


def test_a_challenge_that_comes_again_is_only_acknowledged(bench: Bench) -> None:
    _, invite = inviting(bench)
    asked = challenge(invite)
    bench.receive(asked)
    bench.receive(asked)
    assert bench.statuses() == ["ACK", "INVITE", "ACK"]


def test_an_ack_that_cannot_be_sent_does_not_end_what_was_sent_after_it(bench: Bench) -> None:
    session, invite = bench.inviting(flow=TCP, credentials=ALICE)
    bench.receive(challenge(invite), TCP)
    ack, again = bench.take()
    bench.order(lambda now: bench.stack.transport_failed(ack.transmission, now))
    assert bench.events() == []
    bench.order(lambda now: bench.stack.transport_failed(again.transmission, now))
    assert bench.events() == [Failed(session, 503, "Service Unavailable"), Ended(session)]
    assert bench.remains() == []


def test_without_credentials_a_challenge_is_a_refusal(bench: Bench) -> None:
    session, invite = inviting(bench, credentials=None)
    bench.receive(challenge(invite))
    assert bench.statuses() == ["ACK"]
    failed, ended = bench.events()
    assert isinstance(failed, Failed) and failed.status == 407
    assert ended == Ended(session)


@pytest.mark.parametrize("more", ["", ", stale=false"])
@pytest.mark.parametrize("nonce", ["n1", "n2"])
def test_wrong_credentials_are_a_refusal(bench: Bench, nonce: str, more: str) -> None:
    session, invite = inviting(bench)
    bench.receive(challenge(invite, "n1"))
    again = bench.messages()[-1]
    assert isinstance(again, Request)
    bench.receive(challenge(again, nonce, more=more))
    assert bench.statuses() == ["ACK"]
    failed, ended = bench.events()
    assert isinstance(failed, Failed) and failed.status == 407
    assert ended == Ended(session)
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_stale_nonce_is_replaced_once(bench: Bench) -> None:
    _, invite = inviting(bench)
    bench.receive(challenge(invite, "n1"))
    for nonce in ("n2", "n3"):
        latest = bench.messages()[-1]
        assert isinstance(latest, Request) and is_right(latest)
        bench.receive(challenge(latest, nonce, more=", stale=true"))
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Failed", "Ended"]


def test_two_proxies_on_the_way_are_both_answered(bench: Bench) -> None:
    _, invite = inviting(bench)
    bench.receive(challenge(invite, realm="one"))
    second = bench.messages()[-1]
    assert isinstance(second, Request)
    bench.receive(challenge(second, realm="two"))
    third = bench.messages()[-1]
    assert isinstance(third, Request)
    assert is_right(third, realm="one") and is_right(third, realm="two")
    assert third.headers["CSeq"] == "3 INVITE"


def test_a_server_that_asks_without_end_is_given_up(bench: Bench) -> None:
    """Each time it is another realm, so that no answer was ever refused."""
    _, latest = inviting(bench)
    invites = 1
    for number in range(50):
        bench.receive(challenge(latest, realm=f"realm {number}"))
        sent = [message for message in bench.messages() if isinstance(message, Request)]
        if sent[-1].method != "INVITE":
            break
        latest, invites = sent[-1], invites + 1
    assert invites == 6
    assert bench.event_names() == ["Failed", "Ended"]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("Proxy-Authenticate", 'Digest nonce="n"')],
        [("Proxy-Authenticate", f'Digest realm="r", nonce="{"n" * 8000}"')],
        [("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth-conf"')],
        [("Proxy-Authenticate", "Basic realm=r")],
    ],
)
def test_a_challenge_that_has_no_answer_is_a_refusal(
    bench: Bench, fields: list[tuple[str, str]]
) -> None:
    _, invite = inviting(bench)
    bench.receive(response(invite, 407, fields=fields))
    assert bench.statuses() == ["ACK"]
    assert bench.event_names() == ["Failed", "Ended"]


def test_a_challenge_too_large_to_be_a_message_is_dropped(bench: Bench) -> None:
    _, invite = inviting(bench)
    bench.receive(challenge(invite, "n" * 10_000))
    assert (bench.take(), bench.events()) == ([], [])
    assert bench.stack.counters.malformed_responses == 1


def test_a_challenge_to_our_ack_is_dropped(bench: Bench) -> None:
    _, invite = inviting(bench)
    bench.receive(response(invite, 200, body=ANSWER))
    ack = bench.the_request()
    bench.events()
    bench.receive(challenge(ack))
    assert (bench.take(), bench.events()) == ([], [])
    assert bench.stack.counters.stray_responses == 1


# --- giving up meanwhile ------------------------------------------------------------------------


def test_a_call_given_up_before_the_challenge_is_not_tried_again(bench: Bench) -> None:
    session, invite = inviting(bench)
    bench.order(lambda now: session.hang_up((), now))
    bench.receive(challenge(invite))
    assert bench.statuses() == ["ACK"]
    assert bench.events() == [Ended(session)]


def test_a_call_given_up_after_the_challenge_cancels_what_was_sent_last(bench: Bench) -> None:
    session, invite = inviting(bench)
    bench.receive(challenge(invite))
    again = bench.messages()[-1]
    assert isinstance(again, Request)
    bench.order(lambda now: session.hang_up((), now))
    assert bench.take() == []  # nothing provisional yet: 9.1
    bench.receive(response(again, 180))
    cancel = bench.the_request()
    assert (cancel.headers["CSeq"], cancel.headers["Via"]) == ("2 CANCEL", again.headers["Via"])
    bench.receive(challenge(cancel))  # which nobody may do (22.1)
    bench.receive(response(again, 487))
    assert bench.statuses() == ["ACK"]
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


# --- within the dialog --------------------------------------------------------------------------


def test_later_requests_carry_credentials_unasked(bench: Bench) -> None:
    session, invite = answered(bench)
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.the_request()
    assert (bye.method, bye.headers["CSeq"]) == ("BYE", "3 BYE")
    assert is_right(bye)
    assert (nonce_count(invite), nonce_count(bye)) == ("00000001", "00000002")


def test_a_challenged_bye_is_repeated(bench: Bench) -> None:
    session, _ = answered(bench)
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.the_request()
    bench.receive(challenge(bye, "fresh"))
    again = bench.the_request()
    assert (again.method, again.headers["CSeq"]) == ("BYE", "4 BYE")
    assert is_right(again) and nonce_count(again) == "00000001"
    assert bench.events() == []
    bench.receive(response(again, 200))
    assert bench.events() == [Ended(session)]
    bench.advance(SIXTY_FOUR_T1)
    assert bench.remains() == []


def test_a_bye_whose_credentials_are_refused_ends_the_call(bench: Bench) -> None:
    session, _ = answered(bench)
    bench.order(lambda now: session.hang_up((), now))
    bench.receive(challenge(bench.the_request(), "n1"))
    assert bench.take() == []
    assert bench.events() == [Ended(session)]


def test_a_first_challenge_may_come_for_the_bye(bench: Bench) -> None:
    session, invite = inviting(bench)
    bench.receive(response(invite, 200, body=ANSWER))
    bench.forget()
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.the_request()
    assert bye.headers.get("Proxy-Authorization") is None
    bench.receive(challenge(bye))
    assert is_right(bench.the_request())


@pytest.mark.parametrize("known", [True, False])
def test_in_a_call_that_has_come_a_challenge_is_answered_if_we_are_somebody_there(
    bench: Bench, known: bool
) -> None:
    session, _ = bench.confirmed()
    if known:
        session.identify(ALICE)
    bench.order(lambda now: session.hang_up((), now))
    bye = bench.the_request()
    assert bye.headers.get("Proxy-Authorization") is None
    bench.receive(challenge(bye))
    assert [is_right(sent.message) for sent in bench.take()] == ([True] if known else [])  # type: ignore[arg-type]


def test_the_bye_to_a_second_branch_carries_credentials(bench: Bench) -> None:
    _, invite = answered(bench)
    bench.receive(response(invite, 200, to_tag="second", body=ANSWER))
    ack, bye = bench.messages()
    assert isinstance(ack, Request) and isinstance(bye, Request)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert is_right(bye)
    bench.receive(challenge(bye, "fresh"))
    assert is_right(bench.the_request())


def test_calls_received_answer_no_challenge(bench: Bench) -> None:
    session, tag = bench.confirmed()
    bench.order(lambda now: session.hang_up((), now))
    bench.receive(challenge(bench.the_request()))
    assert bench.take() == []
    assert bench.events() == [Ended(session)]
    bench.receive(request("INFO", branch="z9hG4bK-i", to_tag=tag, cseq=9))
    assert isinstance(bench.the_response(), Response)
