"""Orders to dial and to hang up, as Jicofo and browsers send them."""

from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from gateway.errors import JingleError
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.rayo import Dial, HangUp
from gateway.xmpp.reception import Reception
from tests.xmpp.traces import trace

FOCUS = "jigasibrewery@internal.auth.meet.test/focus"


def recorded() -> Element:
    """The order of the real focus."""
    (order,) = [
        entry.stanza
        for entry in trace("dial-out-from-brewery")
        if entry.stanza.find("{urn:xmpp:rayo:1}dial") is not None
    ]
    return order


def order(inside: str, to: str = "+15550100") -> Element:
    return fromstring(
        f"<iq xmlns='jabber:client' type='set' id='1' from='{FOCUS}'>"
        f"<dial xmlns='urn:xmpp:rayo:1' to='{to}'>{inside}</dial></iq>"
    )


def test_a_real_order_is_understood_and_answered_as_it_was() -> None:
    dial = Dial.parse(recorded())
    assert (dial.to, dial.from_, dial.room) == (
        "+15550100",
        "fromnumber",
        "tdial@conference.meet.test",
    )
    assert dial.sender == FOCUS
    assert (dial.password, dict(dial.headers)) == (None, {})
    answer = dial.reference("tdial@conference.meet.test/deadbeef")
    (was,) = [
        e.stanza for e in trace("dial-out-from-brewery") if e.stanza.find(".//{*}ref") is not None
    ]
    assert (answer.get("id"), answer.get("to")) == (was.get("id"), was.get("to"))
    assert tostring(answer[0]) == tostring(was[0])


def test_headers_come_along_but_for_room_and_password() -> None:
    dial = Dial.parse(
        order(
            "<header name='JvbRoomName' value='r@conference.meet.test'/>"
            "<header name='JvbRoomPassword' value='geheim'/>"
            "<header name='X-outbound-call-initiator-user' value='ann'/>"
        )
    )
    assert dial.password == "geheim"
    assert dict(dial.headers) == {"X-outbound-call-initiator-user": "ann"}
    assert "geheim" not in repr(dial)


@pytest.mark.parametrize(
    ("inside", "to"),
    [
        ("", "+1"),
        ("<header name='JvbRoomName' value='no-address'/>", "+1"),
        ("<header name='JvbRoomName' value='r@m'/>", ""),
        ("<header value='r@m'/>", "+1"),
    ],
)
def test_an_order_without_number_or_room_is_none(inside: str, to: str) -> None:
    with pytest.raises(JingleError):
        Dial.parse(order(inside, to))


def test_only_who_is_in_a_brewery_takes_orders_to_dial() -> None:
    caller = Reception(Capabilities(), "r@m/focus")
    answer, received = caller.receive(recorded())
    assert received is None
    assert answer is not None
    assert answer.find(".//{*}service-unavailable") is not None
    waiting = Reception(Capabilities(), FOCUS, takes_dials=True)
    answer, received = waiting.receive(recorded())
    assert answer is None  # only when it is known what became of it
    assert isinstance(received, Dial)
    answer, received = waiting.receive(order(""))
    assert received is None
    assert answer is not None
    assert answer.find(".//{*}bad-request") is not None


def test_hanging_up_is_for_the_room_to_judge() -> None:
    request = fromstring(
        "<iq xmlns='jabber:client' type='set' id='7' from='r@m/ann'>"
        "<hangup xmlns='urn:xmpp:rayo:1'/></iq>"
    )
    answer, received = Reception(Capabilities(), "r@m/focus").receive(request)
    assert answer is None
    assert isinstance(received, HangUp)
    assert received.sender == "r@m/ann"
    assert received.granted().get("type") == "result"
    assert received.refused().find(".//{*}forbidden") is not None


@pytest.mark.parametrize(
    "reception",
    [
        Reception(Capabilities(), "r@m/focus"),  # knocking at the lobby of another room
        Reception(Capabilities(), "b@m/focus", takes_dials=True),
    ],
)
def test_there_is_nothing_to_hang_up_in_lobbies_and_breweries(reception: Reception) -> None:
    request = fromstring(
        "<iq xmlns='jabber:client' type='set' id='7' from='b@m/ann'>"
        "<hangup xmlns='urn:xmpp:rayo:1'/></iq>"
    )
    answer, received = reception.receive(request)
    assert received is None
    assert answer is not None
    assert answer.find(".//{*}service-unavailable") is not None
