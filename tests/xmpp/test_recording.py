from xml.etree.ElementTree import Element, fromstring

import pytest

from gateway.xmpp.recording import (
    MAX_RECORDINGS,
    RecordingStatus,
    parse_recordings,
)


def presence(inside: str) -> Element:
    return fromstring(f"<presence xmlns='jabber:client' from='r@muc.d/focus'>{inside}</presence>")


def status(attributes: str) -> str:
    return f"<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' {attributes}/>"


def test_recordings_and_streams_are_told_apart() -> None:
    told = presence(
        status("status='on' session_id='a' recording_mode='file' initiator='r@muc.d/x'")
        + status("status='off' session_id='b' recording_mode='stream' failure_reason='busy'")
    )
    assert parse_recordings(told) == (
        RecordingStatus("a", "on"),
        RecordingStatus("b", "off", is_stream=True, failure="busy"),
    )


@pytest.mark.parametrize("inside", ["", status(""), status("status='undefined' session_id='a'")])
def test_what_is_no_status_is_left_out(inside: str) -> None:
    assert parse_recordings(presence(inside)) == ()


def test_a_flood_of_recordings_is_cut() -> None:
    told = presence(status("status='on'") * (MAX_RECORDINGS + 5))
    assert len(parse_recordings(told)) == MAX_RECORDINGS
