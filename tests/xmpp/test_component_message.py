from xml.etree.ElementTree import fromstring

import pytest

from gateway.errors import JingleError
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.component_message import ComponentMessage, Components
from gateway.xmpp.reception import Received, Reception
from tests.xmpp.traces import trace

AVM = "avmoderation.meet.test"


def received(text: str, *, type_: str = "normal") -> Received | None:
    message = fromstring(
        f"<message xmlns='jabber:client' from='{AVM}' type='{type_}'>"
        f"<json-message xmlns='http://jitsi.org/jitmeet'>{text}</json-message></message>"
    )
    answer, found = Reception(Capabilities(), focus="r@m/focus").receive(message)
    assert answer is None
    return found


def test_a_message_of_a_component_is_an_object_and_its_sender() -> None:
    assert received('{"type":"x","n":1}') == ComponentMessage(AVM, {"type": "x", "n": 1})


@pytest.mark.parametrize("text", ["", "{]", "5", "[1]", "[" * 100_000])
def test_what_is_no_object_is_a_fault(text: str) -> None:
    with pytest.raises(JingleError, match=AVM):
        received(text)


@pytest.mark.parametrize("type_", ["groupchat", "error"])
def test_what_is_said_in_the_room_is_not_for_us(type_: str) -> None:
    assert received('{"type":"lobby-notify"}', type_=type_) is None


def test_only_a_text_is_a_text() -> None:
    message = ComponentMessage(AVM, {"a": "b", "n": 1})
    assert (message.text("a"), message.text("n"), message.text("x")) == ("b", None, None)


def test_a_real_server_names_its_components() -> None:
    (answer, *_) = (
        entry.stanza
        for entry in trace("av-moderation")
        if entry.incoming and entry.stanza.get("from") == "meet.test"
    )
    components = Components.parse(answer)
    assert components.addresses["av_moderation"] == AVM
    assert components.addresses["breakout_rooms"] == "breakout.meet.test"
    assert "im" not in components.addresses  # the server itself is none
    assert components.is_from(ComponentMessage(AVM, {}), "av_moderation")
    assert not components.is_from(ComponentMessage(f"{AVM}/x", {}), "av_moderation")


def test_an_answer_without_components_names_none() -> None:
    assert Components.parse(fromstring("<iq xmlns='jabber:client'/>")) == Components()
