from xml.etree.ElementTree import fromstring

import pytest

from gateway.errors import JingleError
from gateway.xmpp.conference_request import ConferenceRequest, ConferenceResult


def test_a_request_names_the_room_and_the_machine() -> None:
    request = ConferenceRequest("demo@muc.meet.test", "9f0c").to_element()
    assert request.tag == "{http://jitsi.org/protocol/focus}conference"
    assert request.attrib == {"room": "demo@muc.meet.test", "machine-uid": "9f0c"}
    assert len(request) == 0  # above all, no visitors-version


def test_a_session_and_properties_are_sent_when_there_are_any() -> None:
    request = ConferenceRequest("r@m", "u", "s1", {"rtcstatsEnabled": "false"}).to_element()
    assert request.get("session-id") == "s1"
    assert [part.attrib for part in request] == [{"name": "rtcstatsEnabled", "value": "false"}]


def result(attributes: str, inside: str = "") -> ConferenceResult:
    return ConferenceResult.parse(
        fromstring(
            "<iq xmlns='jabber:client' type='result'><conference "
            f"xmlns='http://jitsi.org/protocol/focus' {attributes}>{inside}</conference></iq>"
        )
    )


def test_a_grant_is_read() -> None:
    granted = result(
        "ready='true' focusjid='focus@auth.meet.test' session-id='s'",
        "<property name='authentication' value='true'/>",
    )
    assert granted == ConferenceResult(
        True, "focus@auth.meet.test", "s", None, {"authentication": "true"}
    )


def test_only_a_conference_that_says_so_is_ready() -> None:
    assert not result("ready='false'").ready
    assert not result("").ready
    assert result("ready='true' vnode='v1'").vnode == "v1"


def test_an_answer_without_a_conference_is_an_error() -> None:
    with pytest.raises(JingleError, match="no <conference>"):
        ConferenceResult.parse(fromstring("<iq xmlns='jabber:client' type='result'/>"))
