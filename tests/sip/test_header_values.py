import contextlib
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import (
    format_host,
    parse_name_addr,
    parse_parameters,
    parse_uri,
    parse_via,
    split_list,
    unquote_string,
)
from tests.helpers.examples import at_most


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('"a, b" <sip:x>, c', ['"a, b" <sip:x>', "c"]),
        ('"quote \\" comma ," <sip:x>, c', ['"quote \\" comma ," <sip:x>', "c"]),
        ("<sip:a,b@c>, d", ["<sip:a,b@c>", "d"]),
        ('"never closed, a', ['"never closed, a']),
        ("<never closed, a", ["<never closed", "a"]),
        ("a,,b", ["a", "", "b"]),
    ],
)
def test_a_list_is_cut_outside_quotes_and_brackets(value: str, elements: list[str]) -> None:
    assert split_list(value) == elements


quoted = st.text(st.characters(codec="ascii", exclude_characters='"\\\r\n')).map(
    lambda text: f'"{text}"'
)
uris = st.builds(
    "<sip:{}@{}>".format,
    st.text(string.ascii_lowercase + ",;", min_size=1, max_size=8),
    st.text(string.ascii_lowercase + ".", min_size=1, max_size=8),
)
tokens = st.text(string.ascii_lowercase + string.digits + ".", min_size=1, max_size=8)


@at_most(60)
@given(st.lists(st.tuples(quoted, uris).map(" ".join) | uris | tokens, min_size=1))
def test_joining_and_cutting_a_list_are_inverse(elements: list[str]) -> None:
    assert split_list(", ".join(elements)) == elements


@given(st.text(alphabet="ab,; \t\\>", max_size=30), st.sampled_from(",;"))
def test_a_list_without_quotes_and_brackets_is_cut_as_one_with_them(value: str, at: str) -> None:
    assert split_list(value, at) == split_list(f'{value}{at}"a{at}b"', at)[:-1]


def test_of_a_repeated_parameter_the_first_counts_and_names_ignore_case() -> None:
    assert dict(parse_parameters(["Tag=a", "tag=b", "LR", 'x="q r"', "", "e="])) == {
        "tag": "a",
        "lr": None,
        "x": "q r",
        "e": "",
    }


def test_a_parameter_may_have_any_name() -> None:
    assert dict(parse_parameters(["self=1", "kwargs=2", "key=3"])) == {"kwargs": "2", "key": "3"}


@pytest.mark.parametrize(
    ("quoted_string", "content"),
    [
        ('"a b"', "a b"),
        ('"a \\"b\\" \\\\"', 'a "b" \\'),
        ("token", "token"),
        ('"', '"'),
        ('""', ""),
    ],
)
def test_a_quoted_string_is_unquoted(quoted_string: str, content: str) -> None:
    assert unquote_string(quoted_string) == content


@pytest.mark.parametrize(
    ("value", "uri", "name", "tag"),
    [
        ("<sip:a@b>;tag=1", "sip:a@b", "", "1"),
        ("Alice <sip:a@b>", "sip:a@b", "Alice", ""),
        ('"Bell, A. \\"G\\"" <sip:a@b;x=y>;TAG = 1 ;q', "sip:a@b;x=y", 'Bell, A. "G"', "1"),
        ("caller<sip:a@b>;tag=323", "sip:a@b", "caller", "323"),
        ("sip:a@b;tag=1", "sip:a@b", "", "1"),  # without brackets it is the header's parameter
        ("< sip:a@b >", "sip:a@b", "", ""),
        ('"a;b" <sip:a@b>;tag=2', "sip:a@b", "a;b", "2"),
        ("<tel:+4930123>", "tel:+4930123", "", ""),
        ("<http://example.com/x>", "http://example.com/x", "", ""),
        ("<sip:a@b>;tag", "sip:a@b", "", ""),
    ],
)
def test_an_address_is_read(value: str, uri: str, name: str, tag: str) -> None:
    address = parse_name_addr(value)
    assert (address.uri, address.display_name, address.tag) == (uri, name, tag)


@pytest.mark.parametrize(
    "value",
    ["", "alice", "<>", "<sip:a@b", "sip:a@b>", "<sip:a b>", '"a <sip:a@b>', "a <b> <sip:c>", "*"],
)
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_name_addr(value)


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:a%20b@c", "a b"),
        ("sip:c", ""),
        ("tel:+49-30", "+49-30"),
        ("http://c", ""),
        ("sip:[", ""),
    ],
)
def test_the_user_of_an_address_is_decoded_or_empty(uri: str, user: str) -> None:
    assert parse_name_addr(f"<{uri}>").user == user


def test_a_via_is_read() -> None:
    via = parse_via("SIP / 2.0/udp  PBX.example.com : 5070 ; Branch = z9hG4bKx;rport")
    assert (via.transport, via.host, via.port) == ("UDP", "pbx.example.com", 5070)
    assert dict(via.parameters) == {"branch": "z9hG4bKx", "rport": None}


def test_a_via_may_name_an_ipv6_address_and_no_port() -> None:
    via = parse_via("SIP/2.0/TCP [2001:db8::9]")
    assert (via.host, via.port) == ("[2001:db8::9]", None)


def test_a_via_of_another_version_can_be_read_so_that_it_can_be_answered() -> None:
    assert parse_via("SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw").host == "c.example.com"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 host",
        "HTTP/1.1/TCP host",
        "SIP/2.0/UDP a b",
        "SIP/2.0/UDP host:",
        "SIP/2.0/UDP host:0",
        "SIP/2.0/UDP host:65536",
        "SIP/2.0/UDP host:٥٠٦٠",
        "SIP/2.0/UDP host:" + "9" * 5000,
    ],
)
def test_what_is_no_via_is_refused(value: str) -> None:
    with pytest.raises(SipSyntaxError):
        parse_via(value)


def test_a_sip_uri_is_read() -> None:
    uri = parse_uri("SIP:al%69ce:pass@Example.COM:5070;transport=TCP;lr?subject=x")
    assert (uri.scheme, uri.user, uri.password) == ("sip", "alice", "pass")
    assert (uri.host, uri.port) == ("example.com", 5070)
    assert dict(uri.parameters) == {"transport": "TCP", "lr": None}


@pytest.mark.parametrize(
    ("text", "user", "host"),
    [
        ("sip:pbx1", None, "pbx1"),
        ("sip:*72#@pbx1", "*72#", "pbx1"),
        ("sip:a@[2001:db8::1]:5060", "a", "[2001:db8::1]"),
        ("sip:user;par=u%40example.net@example.com", "user;par=u@example.net", "example.com"),
        ("sips:a_b@host_name", "a_b", "host_name"),
        ("sip:a@b@c", "a@b", "c"),
    ],
)
def test_uris_as_peers_write_them_are_read(text: str, user: str | None, host: str) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host) == (user, host)


def test_a_tel_uri_has_its_number_as_user() -> None:
    uri = parse_uri("tel:+49-30-1234;ext=5")
    assert (uri.scheme, uri.user, uri.host) == ("tel", "+49-30-1234", "")
    assert dict(uri.parameters) == {"ext": "5"}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("http://example.com", 416),
        ("mailto:a@b", 416),
        ("sip:", 400),
        ("sip:a@", 400),
        ("sip:a b@c", 400),
        ("sip:a@b:0", 400),
        ("sip:a@b:123456", 400),
        ("tel:abc-xyz", 400),
        ("example.com", 400),
        ("", 400),
    ],
)
def test_what_is_no_uri_is_refused_with_the_right_status(text: str, status: int) -> None:
    with pytest.raises(SipSyntaxError) as raised:
        parse_uri(text)
    assert raised.value.status == status


def test_only_ipv6_addresses_get_brackets() -> None:
    assert format_host("2001:db8::1") == "[2001:db8::1]"
    assert format_host("[2001:db8::1]") == "[2001:db8::1]"
    assert format_host("192.0.2.1") == "192.0.2.1"


@at_most(60)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_name_addr, parse_via, parse_uri):
        try:
            parse(text)
        except SipSyntaxError as error:
            assert error.status in (400, 416)


@pytest.mark.parametrize(
    "evil",
    [
        '"' * 8000,
        "<" * 8000,
        '"' + "\\" * 8000,
        "a" * 8000,
        " " * 8000,
        ";" * 8000,
        "sip:" * 2000,
        "sip:a@" * 1300,
        "sip:a;" * 1300,
        "SIP/2.0/UDP " + " " * 8000 + ":",
        'a"<' * 2600,
    ],
)
def test_reading_takes_time_linear_in_the_length(evil: str) -> None:
    started = time.process_time()
    for parse in (parse_name_addr, parse_via, parse_uri, split_list, lambda s: split_list(s, ";")):
        with contextlib.suppress(SipSyntaxError):
            parse(evil)
    assert time.process_time() - started < 0.25
