from xml.etree.ElementTree import fromstring

import pytest

from gateway.errors import JingleError
from gateway.xmpp.mute import MuteOrder, unmute_request


def parse(text: str) -> MuteOrder:
    return MuteOrder.parse(fromstring(text))


def test_an_order_may_name_the_moderator_behind_it() -> None:
    audio = "xmlns='http://jitsi.org/jitmeet/audio'"
    assert parse(f"<mute {audio} actor='r@m/mod'> true </mute>") == MuteOrder(True, "r@m/mod")
    assert parse(f"<mute {audio}>false</mute>") == MuteOrder(False, None)


@pytest.mark.parametrize("text", ["", "1", "TRUE", "yes"])
def test_an_order_that_is_neither_is_an_error(text: str) -> None:
    with pytest.raises(JingleError, match="mute"):
        parse(f"<mute>{text}</mute>")


def test_who_asks_to_be_heard_names_itself() -> None:
    request = unmute_request("r@m/1a2b3c4d")
    assert request.attrib == {"jid": "r@m/1a2b3c4d"}
    assert MuteOrder.parse(request) == MuteOrder(False, None)
