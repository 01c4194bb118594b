"""What a visitor is told."""

from xml.etree.ElementTree import fromstring

import pytest

from gateway.xmpp.caps import Capabilities
from gateway.xmpp.reception import Reception
from gateway.xmpp.visitors import Promotion


def told(inside: str) -> tuple[str | None, object]:
    request = fromstring(
        "<iq xmlns='jabber:client' type='set' id='1' from='r@m'>"
        f"<visitors xmlns='jitsi:visitors' room='r@m'>{inside}</visitors></iq>"
    )
    answer, received = Reception(Capabilities(), focus="r@m/focus").receive(request)
    assert answer is not None
    return answer.get("type"), received


@pytest.mark.parametrize(
    ("attributes", "promotion"),
    [
        ("allow='true' username='5f6a' jid='me@v1.d'", Promotion("r@m", True, "5f6a")),
        ("allow='true'", Promotion("r@m", True)),
        ("allow='false' username=''", Promotion("r@m", False)),
        ("", Promotion("r@m", False)),
    ],
)
def test_a_promotion_is_acknowledged_and_read(attributes: str, promotion: Promotion) -> None:
    assert told(f"<promotion-response {attributes}/>") == ("result", promotion)


def test_anything_else_about_visitors_is_not_understood() -> None:
    assert told("<disconnect-vnode vnode='v1'/>") == ("error", None)
