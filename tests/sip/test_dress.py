"""One message in many dresses: folded, compact, in any case, with odd line ends, cut anywhere.

Whatever a peer makes of the form (RFC 3261 section 7.3.1), what is read is the same.
"""

import itertools
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sipmessage.message import COMPACT_FORMS

from gateway.errors import SipSyntaxError
from gateway.sip.framing import StreamFramer
from gateway.sip.header_values import address, parse_name_addr, parse_parameters, split_list
from gateway.sip.headers import Headers
from gateway.sip.message import MAX_MESSAGE_SIZE, Request, Response, check, parse_message
from tests.helpers.examples import at_most
from tests.sip.wire import OFFER, Bench, request, response

SHORT = {name.lower(): short for short, name in COMPACT_FORMS.items()}
FIELDS = [
    ("Record-Route", "<sip:[2001:db8::1]:5060;lr>, <sip:192.0.2.3;lr>"),
    ("Supported", "100rel, timer"),
    ("Subject", 'a "quoted" subject: with: colons'),
    ("Allow-Events", "talk"),
    ("X-Odd-Name!", "Jörg; <>"),
]
PLAIN = request(fields=FIELDS, body=OFFER)


@st.composite
def dresses(draw: st.DrawFn, plain: bytes = PLAIN) -> bytes:
    """The same message, written in another way."""
    head, _, body = plain.partition(b"\r\n\r\n")
    start_line, *fields = head.decode().split("\r\n")
    ends = st.sampled_from(["\r\n", "\n"])
    dressed = draw(st.sampled_from(["", "\r\n", "\r\n\r\n", "\n"])) + start_line + draw(ends)
    for field in fields:
        name, _, value = field.partition(": ")
        written = draw(
            st.sampled_from([name, name.upper(), name.lower(), SHORT.get(name.lower(), name)])
        )
        colon = draw(st.sampled_from([":", ": ", " : ", "\t:\t", ":\r\n ", ":   "]))
        words = value.split(" ")
        gaps = [draw(st.sampled_from([" ", " ", "\r\n ", "\n\t", "\r\n  \t"])) for _ in words]
        value = "".join(itertools.chain(*zip(words, gaps, strict=True))).rstrip()
        dressed += f"{written}{colon}{value}{draw(st.sampled_from(['', ' ']))}{draw(ends)}"
    return dressed.encode() + draw(ends).encode() + body


def read(data: bytes) -> tuple[str, str, list[tuple[str, str]], bytes]:
    message = parse_message(data)
    check(message)
    assert isinstance(message, Request)
    fields = [(name.lower(), value) for name, value in message.headers.fields()]
    return message.method, message.uri, fields, message.body


@at_most(40)
@given(dresses())
def test_the_dress_of_a_message_changes_nothing(dressed: bytes) -> None:
    assert read(dressed) == read(PLAIN)


@at_most(25)
@given(st.lists(dresses(), min_size=1, max_size=3), st.data())
def test_nor_does_the_way_a_stream_is_cut(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    framer = StreamFramer()
    found = [
        message
        for start, end in itertools.pairwise([0, *cuts, len(stream)])
        for message in framer.feed(stream[start:end])
    ]
    assert [read(message) for message in found if message] == [read(PLAIN)] * len(messages)
    assert not framer.is_amid_message


def test_every_compact_form_is_its_long_one() -> None:
    for short, name in COMPACT_FORMS.items():
        for written in (short, short.upper()):
            message = parse_message(f"OPTIONS sip:a SIP/2.0\r\n{written}: 1\r\n\r\n".encode())
            assert message.headers.fields() == [(name, "1")]


# --- writing and reading are inverse --------------------------------------------------------------

display_names = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30
)
sip_uris = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["sip:", "sips:"]),
    st.just("")
    | st.text(string.ascii_lowercase + string.digits + "+._-", min_size=1, max_size=8).map(
        "{}@".format
    ),
    st.text(string.ascii_lowercase, min_size=1, max_size=8).map("{}.test".format)
    | st.sampled_from(["192.0.2.1", "192.0.2.9", "[2001:db8::1]", "[2001:db8::9]"]),
    st.just("") | st.integers(5000, 5099).map(":{}".format),
    st.sampled_from(["", ";transport=tcp"]),
)


@given(sip_uris, display_names)
def test_an_address_that_is_written_is_read_as_it_was(uri: str, name: str) -> None:
    read_back = parse_name_addr(f"{address(uri, name)};tag=1")
    assert (read_back.uri, read_back.display_name, read_back.tag) == (uri, name, "1")


parameter_names = st.builds(
    str.__add__,
    st.sampled_from(string.ascii_lowercase),
    st.text(string.ascii_lowercase + string.digits + "-", max_size=8),
).filter(lambda name: name != "self")
parameters = st.dictionaries(
    parameter_names,
    st.none()
    | st.text(string.ascii_letters + string.digits + ".-", min_size=1, max_size=8)
    | st.text(st.characters(codec="ascii", exclude_characters="\r\n")).map(
        lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    ),
    max_size=5,
)


@given(parameters)
def test_parameters_that_are_written_are_read_as_they_were(written: dict[str, str | None]) -> None:
    text = ";".join(name if value is None else f"{name}={value}" for name, value in written.items())
    found = parse_parameters(split_list(text, ";"))
    assert list(found) == list(written)
    for name, value in written.items():
        if value is None or not value.startswith('"'):
            assert found[name] == value
        else:
            assert found[name] == value[1:-1].replace('\\"', '"').replace("\\\\", "\\")


header_names = st.text(
    string.ascii_letters + string.digits + "!%*_+`'~.-", min_size=1, max_size=10
).map("X-{}".format)
header_values = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda text: text == text.strip())


@at_most(60)
@given(
    st.sampled_from([200, 404, None]),
    st.lists(st.tuples(header_names, header_values), max_size=6),
    st.binary(max_size=100),
)
def test_a_message_that_is_written_is_read_as_it_was(
    status: int | None, fields: list[tuple[str, str]], body: bytes
) -> None:
    headers = Headers([*fields, ("Content-Length", str(len(body)))])
    written: Request | Response = Request("INFO", "sip:a@[::1]", headers, body)
    if status is not None:
        written = Response(status, "Phrase", headers, body)
    once = parse_message(written.serialize())
    assert once.headers.fields() == headers.fields()
    assert once.body == body
    assert once.serialize() == written.serialize()


# --- lengths that lie -----------------------------------------------------------------------------


def stating(length: int, plain: bytes = PLAIN) -> bytes:
    truth = b"Content-Length: %d" % len(OFFER)
    assert truth in plain
    return plain.replace(truth, b"Content-Length: %d" % length)


@at_most(60)
@given(st.integers(0, 2 * len(OFFER)))
def test_a_datagram_is_cut_to_its_length_and_one_that_lacks_some_is_refused(length: int) -> None:
    bench = Bench()
    bench.receive(stating(length))
    if length > len(OFFER):
        assert bench.the_response().status == 400
        return
    (event,) = bench.events()
    assert (event.offer or b"") == OFFER[:length]


@at_most(80)
@example(108, 3)  # the third begins amid a Via
@given(st.integers(0, 2 * len(OFFER)), st.integers(1, 3))
def test_a_stream_whose_lengths_lie_gives_no_message_that_is_none(length: int, count: int) -> None:
    framer, found = StreamFramer(), []
    try:
        for message in framer.feed(stating(length) * count):
            found.append(message)
    except SipSyntaxError:
        assert length != len(OFFER)
    assert len(found) <= count
    for message in found:
        assert message.partition(b"\r\n")[0].endswith(b"SIP/2.0")
    if length == len(OFFER):
        assert found == [PLAIN] * count
    if OFFER[length:].strip() and count > 1:
        assert len(found) == 1  # what follows is no SIP: the connection is given up


# --- sizes ----------------------------------------------------------------------------------------


def padded(size: int) -> bytes:
    """An INVITE of that many octets whose SDP is the last part of its body."""
    mark = b"--b\r\nContent-Type: application/sdp\r\n\r\n"
    tail = b"\r\n" + mark + OFFER + b"--b--"
    kind = [("Content-Type", "multipart/mixed;boundary=b")]
    empty = request(body=b"x" * 10_000 + tail, fields=kind)
    return request(body=b"x" * (10_000 + size - len(empty)) + tail, fields=kind)


def test_a_message_of_64_kib_is_served_whole_over_a_stream() -> None:
    invite = padded(MAX_MESSAGE_SIZE)
    assert len(invite) == MAX_MESSAGE_SIZE == 65_535
    framer, bench = StreamFramer(), Bench()
    for at in range(0, len(invite), 1460):
        for message in framer.feed(invite[at : at + 1460]):
            bench.receive(message)
    assert bench.statuses() == [100]
    (event,) = bench.events()
    assert event.offer == OFFER


def test_one_octet_more_is_too_much() -> None:
    with pytest.raises(SipSyntaxError, match="large"):
        list(StreamFramer().feed(padded(MAX_MESSAGE_SIZE + 1)))


def test_a_response_in_another_dress_is_the_same() -> None:
    bench = Bench()
    _, invite = bench.inviting()
    ringing = response(invite, 180, "Ringing").decode()
    for name, short in (("Via", "v"), ("From", "F"), ("To", "t"), ("Call-ID", "I")):
        ringing = ringing.replace(f"\r\n{name}: ", f"\n{short} :\r\n\t")
    bench.receive(ringing.encode())
    assert bench.event_names() == ["Provisional"]
