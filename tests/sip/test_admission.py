import pytest

from gateway.sip.admission import ALLOW, METHODS, Refusal, find_fault, unavailable
from gateway.sip.message import Request, parse_message
from tests.sip.wire import UDP, request


def fault(data: bytes) -> Refusal | None:
    message = parse_message(data)
    assert isinstance(message, Request)
    return find_fault(message, UDP)


def status(data: bytes) -> int | None:
    refusal = fault(data)
    return refusal.status if refusal is not None else None


@pytest.mark.parametrize("method", METHODS)
def test_what_we_serve_has_no_fault(method: str) -> None:
    assert fault(request(method)) is None


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH"])
def test_a_known_method_we_do_not_serve_is_a_405_that_says_what_we_do(method: str) -> None:
    refusal = fault(request(method))
    assert refusal is not None
    assert refusal.status == 405
    assert refusal.headers == (ALLOW,)


def test_an_unknown_method_is_a_501() -> None:
    assert status(request("FROBNICATE")) == 501
    assert status(request("invite")) == 501  # methods are case-sensitive


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:room@example.com;user=phone", None),
        ("SIP:room@EXAMPLE.com", None),
        ("tel:+4930123", None),
        ("sips:room@example.com", 416),  # there is no TLS here
        ("http://example.com/", 416),
        ("nobody", 400),
    ],
)
def test_sip_uris_and_telephone_numbers_are_served(uri: str, expected: int | None) -> None:
    assert status(request(uri=uri)) == expected


def test_an_extension_we_lack_is_a_420_that_names_it() -> None:
    refusal = fault(request(fields=[("Require", "gruu"), ("Require", "timer , precondition")]))
    assert refusal == Refusal(420, headers=(("Unsupported", "gruu, precondition"),))


def test_an_invite_without_a_hop_left_is_a_483_and_options_are_not() -> None:
    spent = (b"Max-Forwards: 70", b"Max-Forwards: 0")
    assert status(request().replace(*spent)) == 483
    assert status(request("OPTIONS").replace(*spent)) is None


def test_the_first_fault_in_the_order_of_the_rfc_is_told() -> None:
    everything_wrong = [("Require", "x")]
    assert status(request("PUBLISH", uri="http://a", fields=everything_wrong)) == 405
    assert status(request(uri="http://a", fields=everything_wrong)) == 416
    assert status(request(fields=everything_wrong).replace(b"s: 70", b"s: 0")) == 420


def test_unavailable_says_when_to_try_again() -> None:
    assert unavailable(17) == Refusal(503, headers=(("Retry-After", "17"),))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/sdp", None),
        ("Application/SDP;level=1, text/plain", None),
        ("application/*", None),
        ("text/html, */*;q=0.1", None),
        ("", None),
        ("text/plain", 406),
        ("application/dtmf-relay", 406),
    ],
)
def test_an_invite_has_to_accept_what_it_will_be_answered(
    accept: str, expected: int | None
) -> None:
    assert status(request(fields=[("Accept", accept)])) == expected
    assert status(request("OPTIONS", fields=[("Accept", accept)])) is None


def test_a_malformed_uri_is_found_before_a_method_we_do_not_serve() -> None:
    assert status(request("REGISTER", uri="sip:2001:db8::10")) == 400
    assert status(request("REGISTER", uri="soap.beep://a")) == 405
    assert status(request("OPTIONS", uri="soap.beep://a")) == 416
