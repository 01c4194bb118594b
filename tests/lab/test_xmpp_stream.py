"""Framing: octets to stanzas and back, and what is no XMPP stream."""

import pytest

from gateway.lab.xmpp_stream import (
    StreamClosed,
    StreamError,
    StreamOpened,
    StreamParser,
    serialize,
)
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element

HEADER = (
    b"<?xml version='1.0'?><stream:stream to='lab.test' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)


def opened(**options) -> StreamParser:
    parser = StreamParser(**options)
    assert parser.receive(HEADER) == [StreamOpened("lab.test")]
    return parser


def test_stanzas_are_found_however_they_are_cut() -> None:
    text = (
        HEADER
        + "<message to='a'><body>h\u00e9llo &amp; bye</body></message> "
        "<presence/></stream:stream>".encode()
    )
    for size in (1, 2, 7, len(text)):
        parser = StreamParser()
        parsed = [
            part
            for at in range(0, len(text), size)
            for part in parser.receive(text[at : at + size])
        ]
        header, message, presence, end = parsed
        assert header == StreamOpened("lab.test")
        assert message.tag == f"{{{ns.CLIENT}}}message"
        assert child(message, ns.CLIENT, "body").text == "h\u00e9llo & bye"
        assert presence.tag == f"{{{ns.CLIENT}}}presence"
        assert end == StreamClosed()


def test_a_stanza_survives_writing_and_reading() -> None:
    inner = element("urn:lab:x", "x", {"a": "<&\"'>"}, element("urn:lab:y", "y", text="a<b"))
    stanza = element(ns.CLIENT, "iq", {"type": "get"}, inner)
    stanza.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    inner.set("{urn:lab:z}foreign", "1")
    inner.tail = "tail"
    (read,) = opened().receive(serialize(stanza).encode())
    assert serialize(read) == serialize(stanza)
    assert read.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert read[0].get("{urn:lab:z}foreign") == "1"
    assert read[0].get("a") == "<&\"'>"


def test_elements_of_the_stream_have_its_prefix() -> None:
    features = element(ns.STREAM, "features", None, element("urn:lab:x", "x"))
    assert serialize(features) == '<stream:features><x xmlns="urn:lab:x"/></stream:features>'


@pytest.mark.parametrize(
    ("octets", "condition"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "bad-format"),
        (b"<message><body></message>", "not-well-formed"),
        (b"<!-- a comment -->", "restricted-xml"),
        (b"<?php ?>", "restricted-xml"),
        (b"<message>&lol;</message>", "not-well-formed"),
    ],
)
def test_what_xmpp_forbids_ends_the_stream(octets: bytes, condition: str) -> None:
    with pytest.raises(StreamError) as raised:
        opened().receive(octets)
    assert raised.value.condition == condition


def test_a_document_type_is_forbidden() -> None:
    with pytest.raises(StreamError) as raised:
        StreamParser().receive(b"<!DOCTYPE x [<!ENTITY lol 'lol'>]>" + HEADER)
    assert raised.value.condition == "restricted-xml"


def test_another_document_is_no_stream() -> None:
    with pytest.raises(StreamError) as raised:
        StreamParser().receive(b"<html>")
    assert raised.value.condition == "invalid-namespace"


def test_a_stanza_must_not_be_endless() -> None:
    parser = opened(max_stanza=1000)
    for _ in range(5):
        parser.receive(b"<message><body>" + b"x" * 900 + b"</body></message>")
    with pytest.raises(StreamError) as raised:
        for _ in range(100):
            parser.receive(b"<message>" * 2 + b"x" * 50)
    assert raised.value.condition == "policy-violation"


def test_elements_must_not_be_nested_without_end() -> None:
    with pytest.raises(StreamError) as raised:
        opened().receive(b"<a>" * 100)
    assert raised.value.condition == "policy-violation"
