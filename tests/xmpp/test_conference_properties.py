"""What the focus says about the whole conference."""

from xml.etree.ElementTree import fromstring

from gateway.xmpp.presence import OccupantPresence, parse_presence


def told(inside: str) -> frozenset[str]:
    stanza = f"<presence xmlns='jabber:client' from='r@muc.d/focus'>{inside}</presence>"
    seen = parse_presence(fromstring(stanza))
    assert isinstance(seen, OccupantPresence)
    return seen.properties


def test_what_is_true_of_the_conference_is_told() -> None:
    assert told(
        "<conference-properties xmlns='http://jitsi.org/protocol/focus'>"
        "<property key='bridge-count' value='1'/><property value='true'/><property/>"
        "<property key='audio-recording-enabled' value='true'/>"
        "<property key='audio-limit-reached' value='false'/></conference-properties>"
    ) == {"", "audio-recording-enabled"}


def test_nobody_need_say_anything_about_the_conference() -> None:
    assert told("") == frozenset()
    assert told("<conference-properties xmlns='elsewhere'/>") == frozenset()
