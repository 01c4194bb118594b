"""The torture messages of RFC 4475 and RFC 5118, each with the answer that `torture/` states."""

import re
from pathlib import Path

import pytest

from gateway.sdp.session_description import SessionDescription
from gateway.sip.header_values import parse_uri
from gateway.sip.message import Message, Request, check, parse_message
from tests.sip.wire import Bench

TORTURE = Path(__file__).parent / "torture"
_ROW = re.compile(r"\| ([\w-]+) \| ([\d.]+) \| (nothing|[\d ]+) \| .+ \|")


def table(rfc: str) -> list[tuple[str, list[int]]]:
    """The messages of an RFC and what each is answered, as the tables say."""
    _, _, rest = (TORTURE / "README.md").read_text().partition(f"## RFC {rfc}\n")
    rows = _ROW.findall(rest.partition("\n## ")[0])
    return [
        (name, [int(status) for status in answer.split()] if answer != "nothing" else [])
        for name, _, answer in rows
    ]


def stored(rfc: str) -> set[str]:
    return {file.stem for file in (TORTURE / f"rfc{rfc}").glob("*.dat")}


def torture(name: str) -> bytes:
    """A message of RFC 4475."""
    return (TORTURE / "rfc4475" / f"{name}.dat").read_bytes()


def torture_v6(name: str) -> bytes:
    """A message of RFC 5118, made fit for the wire."""
    head, _, body = (TORTURE / "rfc5118" / f"{name}.dat").read_bytes().partition(b"\n\n")
    body = body.replace(b"\n", b"\r\n")
    stated = b"Content-Length: %d" % len(body)
    head = re.sub(rb"Content-Length: \d+", stated, head.rstrip(b"\n")).replace(b"\n", b"\r\n")
    return head + b"\r\n\r\n" + body


def understood(data: bytes) -> Message:
    message = parse_message(data)
    check(message)
    return message


def test_the_tables_have_every_message() -> None:
    assert len(table("4475")) == 49
    assert {name for name, _ in table("4475")} == stored("4475")
    assert {name for name, _ in table("5118")} == stored("5118")


@pytest.mark.parametrize(("name", "statuses"), table("4475"))
def test_each_of_rfc_4475_gets_its_answer(name: str, statuses: list[int]) -> None:
    bench = Bench()
    bench.receive(torture(name))
    assert bench.statuses() == statuses


@pytest.mark.parametrize(("name", "statuses"), table("5118"))
def test_each_of_rfc_5118_gets_its_answer(name: str, statuses: list[int]) -> None:
    bench = Bench()
    bench.receive(torture_v6(name))
    assert bench.statuses() == statuses


@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("badinv01", "Malformed Via"),
        ("clerr", "Content-Length exceeds the body"),
        ("insuf", "Missing From"),
        ("ncl", "Malformed Content-Length"),
        ("mismatch01", "CSeq does not match the method"),
        ("multi01", "Repeated Call-ID"),
        ("badvers", "Version Not Supported"),
    ],
)
def test_the_fault_is_named(name: str, phrase: str) -> None:
    bench = Bench()
    bench.receive(torture(name))
    assert bench.the_response().phrase == phrase


def test_a_short_tortuous_invite_is_understood_to_the_last_parameter() -> None:
    message = understood(torture("wsinv"))
    assert isinstance(message, Request)
    headers = message.headers
    assert headers.to.tag == "1918181833n"
    assert (headers.from_.display_name, headers.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert headers.max_forwards == 68
    assert (headers.cseq.sequence, headers.cseq.method) == (9, "INVITE")
    assert (headers.via.host, headers.via.parameters["branch"]) == ("192.0.2.2", "390skdjuw")
    assert len(headers.values("Via")) == 3
    assert headers["Subject"] == ""
    assert headers["NewFangledHeader"] == "newfangled value continued newfangled value"
    assert headers.contact is not None
    assert headers.contact.display_name == 'Quoted string ""'
    assert dict(headers.contact.parameters) == {
        "newparam": "newvalue",
        "secondparam": None,
        "q": "0.33",
    }
    assert len(message.body) == 150


def test_escapes_are_decoded_where_they_are_escapes() -> None:
    headers = understood(torture("esc01")).headers
    assert headers.to.user == "user"
    assert headers.from_.user == "I have spaces"
    assert headers.contact is not None
    assert headers.contact.user == "caller"
    assert understood(torture("escnull")).headers.to.user == "null-\0-null"


def test_percent_is_not_an_escape_in_a_method_or_a_name() -> None:
    message = understood(torture("esc02"))
    assert isinstance(message, Request)
    assert message.method == "RE%47IST%45R"
    assert message.headers.to.display_name == "%Z%45"
    assert len(message.headers.values("Contact")) == 2


def test_an_unusual_reason_phrase_is_kept() -> None:
    assert "простое" in understood(torture("unreason")).serialize().decode()


def test_a_port_within_the_brackets_of_an_ipv6_reference_is_none() -> None:
    ambiguous = parse_uri("sip:[2001:db8::10:5070]")
    assert (ambiguous.host, ambiguous.port) == ("[2001:db8::10:5070]", None)
    plain = parse_uri("sip:[2001:db8::10]:5070")
    assert (plain.host, plain.port) == ("[2001:db8::10]", 5070)


@pytest.mark.parametrize("bracketed", ["no", "with"])
def test_received_may_have_brackets_or_not(bracketed: str) -> None:
    via = understood(torture_v6(f"via-received-param-{bracketed}-delim")).headers.via
    assert (via.parameters["received"] or "").strip("[]") == "2001:db8::9:255"


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("ipv6-in-sdp", ["2001:db8::20", "2001:db8::20"]),
        ("mult-ip-in-sdp", ["192.0.2.1", "2001:db8::1"]),
        ("ipv4-mapped-ipv6", ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]),
    ],
)
def test_sdp_has_addresses_of_both_families(name: str, addresses: list[str]) -> None:
    description = SessionDescription.parse(understood(torture_v6(name)).body)
    assert [description.connection_of(media) for media in description.media] == addresses
