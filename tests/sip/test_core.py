from dataclasses import replace

from gateway.sip.core import Core, StackConfig, content_type, new_tag
from gateway.sip.message import Request, parse_message
from tests.sip.wire import TCP, TLS, UDP, Bench, FakeNetwork, request


def parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_a_session_is_found_by_its_dialog_until_it_is_over() -> None:
    bench = Bench()
    session, tag = bench.confirmed()
    sessions = bench.stack._core.sessions
    assert sessions.find(parsed(request("BYE", to_tag=tag))) is session
    assert sessions.find(parsed(request("BYE", to_tag="other"))) is None
    assert list(sessions) == [session]
    sessions.remove(session)
    assert sessions.find(parsed(request("BYE", to_tag=tag))) is None
    assert (len(sessions), sessions._by_peer) == (0, {})


def test_a_session_is_found_without_our_tag_only_from_its_own_address() -> None:
    bench = Bench()
    session, _ = bench.confirmed()
    sessions = bench.stack._core.sessions
    ack = parsed(request("ACK", to_tag="random"))
    assert sessions.find_by_peer(ack, UDP) is session
    assert sessions.find_by_peer(ack, replace(UDP, remote=("192.0.2.10", 999))) is session
    assert sessions.find_by_peer(ack, replace(UDP, remote=("192.0.2.11", 5062))) is None


def test_of_two_sessions_of_one_peer_the_newer_is_found_and_survives_the_older() -> None:
    bench = Bench()
    first = bench.invited()
    bench.order(lambda now: first.reject(486, now=now))
    second = bench.invited(branch="z9hG4bK-2", cseq=2) if bench.take() and bench.events() else None
    sessions = bench.stack._core.sessions
    sessions.remove(first)
    assert sessions.find_by_peer(parsed(request("ACK", to_tag="x")), UDP) is second


def test_our_contact_is_the_advertised_address_of_the_flow() -> None:
    core = Core(StackConfig(), FakeNetwork())
    assert core.contact(UDP) == ("Contact", "<sip:192.0.2.1:5060>")
    v6 = replace(TCP, listener=("2001:db8::1", 5070))
    assert core.contact(TLS) == ("Contact", "<sip:192.0.2.1:5061;transport=tls>")
    assert core.contact(TLS, is_sips=True) == ("Contact", "<sips:192.0.2.1:5061>")
    assert core.contact(v6) == ("Contact", "<sip:[2001:db8::1]:5070;transport=tcp>")


def test_tags_are_long_and_do_not_repeat() -> None:
    tags = {new_tag() for _ in range(100)}
    assert len(tags) == 100
    assert all(len(tag) == 16 for tag in tags)


def test_a_body_brings_its_type() -> None:
    assert content_type(b"v=0") == (("Content-Type", "application/sdp"),)
    assert content_type(None) == ()
