"""RFC 7395's framing: what the stream's header declares is declared in every frame."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp.websocket_framing import FRAMING, from_frame, to_frame

HEADER = (
    "<stream:stream to='meet.test' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns='jabber:client' xml:lang='en' version='1.0'>"
)


def test_a_header_becomes_an_open_and_back() -> None:
    frame = to_frame("<?xml version='1.0'?>" + HEADER)
    assert frame is not None
    opened = fromstring(frame)
    assert opened.tag == f"{{{FRAMING}}}open"
    assert (opened.get("to"), opened.get("version")) == ("meet.test", "1.0")
    header = fromstring(from_frame(frame) + "</stream:stream>")
    assert header.tag == "{http://etherx.jabber.org/streams}stream"
    assert header.get("to") == "meet.test"
    assert header.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


def test_a_footer_becomes_a_close_and_back() -> None:
    frame = to_frame("</stream:stream>")
    assert frame is not None
    assert fromstring(frame).tag == f"{{{FRAMING}}}close"
    assert from_frame(frame) == "</stream:stream>"


@pytest.mark.parametrize("space", ["", " ", "\n \t"])
def test_white_space_between_stanzas_is_no_frame(space: str) -> None:
    assert to_frame(space) is None


@pytest.mark.parametrize(
    ("piece", "tag"),
    [
        ("<presence/>", "{jabber:client}presence"),
        ("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "{jabber:client}iq"),
        ("<iq type='error' id=' xmlns=&apos;x&apos;' to='r@c/x'/>", "{jabber:client}iq"),
        ("<r xmlns='urn:xmpp:sm:3'/>", "{urn:xmpp:sm:3}r"),
        (
            "<message xmlns='jabber:client' to='a'><body>x</body></message>",
            "{jabber:client}message",
        ),
        (
            "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
            "{http://etherx.jabber.org/streams}features",
        ),
    ],
)
def test_every_frame_is_a_document_of_its_own(piece: str, tag: str) -> None:
    frame = to_frame(piece)
    assert frame is not None
    assert fromstring(frame).tag == tag
    assert from_frame(frame) == frame


@given(st.text("abc<>&'\" =/", max_size=30))
def test_what_a_stanza_says_is_not_touched(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    frame = to_frame(f"<message><body>{escaped}</body></message>")
    assert frame is not None
    assert fromstring(frame)[0].text == (text or None)


@pytest.mark.parametrize("frame", ["", "text", "<presence/>", "<a xmlns='b'><c></a>", "<a/><b/>"])
def test_a_frame_that_is_no_document_of_a_namespace_is_refused(frame: str) -> None:
    with pytest.raises(JingleError):
        from_frame(frame)
