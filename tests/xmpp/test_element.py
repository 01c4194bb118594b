from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp.element import Printed, attribute, child_text, element, integer


@given(st.text(), st.text())
def test_whatever_text_is_put_in_the_element_stays_well_formed(text: str, value: str) -> None:
    made = element("urn:x", "a", {"b": value}, text=text)
    read = fromstring(tostring(made))
    for before, after in ((text, read.text or ""), (value, read.get("b", ""))):
        kept = [character for character in before if character > "\x1f" and character.isprintable()]
        assert [c for c in after if c in kept] == kept


def test_attributes_without_a_value_are_left_out() -> None:
    assert element("urn:x", "a", {"b": None, "c": ""}).attrib == {"c": ""}


def test_a_missing_or_empty_attribute_is_named() -> None:
    for wrong in (Element("{urn:x}a"), Element("{urn:x}a", {"sid": ""})):
        with pytest.raises(JingleError, match="<a> has no 'sid'"):
            attribute(wrong, "sid")


@pytest.mark.parametrize("value", ["", "-1", "+1", "1_0", "0x1", "1.0", "٣", "65536", "9" * 30])
def test_a_number_must_be_one_and_in_its_range(value: str) -> None:
    with pytest.raises(JingleError, match="port"):
        integer(Element("a", {"port": value}), "port", 0, 65535)


def test_a_number_that_is_missing_has_its_default_if_there_is_one() -> None:
    assert integer(Element("a"), "port", 0, 65535, default=7) == 7
    with pytest.raises(JingleError, match="port"):
        integer(Element("a"), "port", 0, 65535)


def test_text_of_a_child_is_stripped_and_empty_text_is_none() -> None:
    parent = fromstring("<a xmlns='urn:x'><b> c </b><d>  </d></a>")
    assert child_text(parent, "urn:x", "b") == "c"
    assert child_text(parent, "urn:x", "d") is None
    assert child_text(parent, "urn:x", "e") is None


def test_what_is_printed_for_the_log_can_be_read_again() -> None:
    text = "<iq xmlns='jabber:client' to='a@b'><x xmlns='urn:y'>1 &lt; 2<z /></x></iq>"
    printed = fromstring(str(Printed(fromstring(text))))
    assert tostring(printed) == tostring(fromstring(text))


def test_passwords_and_tokens_are_not_printed() -> None:
    stanza = fromstring(
        "<presence xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc'>"
        "<password>geheim</password></x><conference token='eyJhbGciOi' room='r'/></presence>"
    )
    printed = str(Printed(stanza))
    assert "geheim" not in printed and "eyJhbGciOi" not in printed
    assert 'room="r"' in printed


@pytest.mark.parametrize(
    "secret",
    [
        "<header name='JvbRoomPassword' value='geheim'/>",
        "<header name='X-Auth-Token' value='geheim'/>",
        "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='geheim'/>",
        "<web-socket url='wss://jvb.test/colibri-ws/default-id/1/2?pwd=geheim&amp;x=y'/>",
        "<a url='https://meet.test/http-bind?room=r&amp;token=geheim'/>",
    ],
)
def test_other_secrets_are_not_printed_either(secret: str) -> None:
    assert "geheim" not in str(Printed(fromstring(f"<iq xmlns='jabber:client'>{secret}</iq>")))
    shown = "<header name='JvbRoomName' value='room@conference'/>"
    assert "room@conference" in str(Printed(fromstring(shown)))


def test_a_stanza_nested_without_end_is_printed_down_to_some_depth() -> None:
    deep = fromstring(f"<iq xmlns='jabber:client' id='7'>{'<a>' * 2000}{'</a>' * 2000}</iq>")
    printed = str(Printed(deep))
    assert "id='7'" in printed.replace('"', "'") and "..." in printed
