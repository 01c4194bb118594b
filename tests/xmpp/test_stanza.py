from xml.etree.ElementTree import Element, fromstring

from gateway.xmpp import namespaces as ns
from gateway.xmpp import stanza
from gateway.xmpp.element import element
from gateway.xmpp.stanza import StanzaError

REQUEST = fromstring("<iq xmlns='jabber:client' type='set' id='7' from='r@c/focus' to='me@d/1'/>")


def test_requests_have_random_ids() -> None:
    requests = [stanza.iq("set", "focus.d", Element("x")) for _ in range(50)]
    assert len({request.get("id") for request in requests}) == 50
    assert {request.get("to") for request in requests} == {"focus.d"}


def test_a_result_goes_back_under_the_same_id() -> None:
    answer = stanza.result(REQUEST, Element("x"))
    assert answer.attrib == {"type": "result", "id": "7", "to": "r@c/focus"}
    assert [part.tag for part in answer] == ["x"]


def test_an_error_that_we_send_is_read_as_what_it_says() -> None:
    detail = element(ns.JINGLE_ERRORS, "unknown-session")
    error = StanzaError.parse(stanza.error(REQUEST, "cancel", "item-not-found", detail))
    assert (error.type, error.condition, error.text) == ("cancel", "item-not-found", "")
    assert error.has(ns.JINGLE_ERRORS, "unknown-session")
    assert not error.has(ns.JINGLE_ERRORS, "out-of-order")


def test_the_text_of_an_error_is_kept_wherever_it_stands() -> None:
    error = StanzaError.parse(
        fromstring(
            "<iq xmlns='jabber:client' type='error'><error type='modify'>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>SSRC is already used: 1.</text>"
            "<bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )
    )
    assert str(error) == "modify/bad-request: SSRC is already used: 1."


def test_an_error_without_a_condition_is_undefined() -> None:
    for inside in ("", "<error/>", "<error type='auth'><x xmlns='urn:y'/></error>"):
        text = f"<iq xmlns='jabber:client' type='error'>{inside}</iq>"
        assert StanzaError.parse(fromstring(text)).condition == "undefined-condition"
