"""An installation: where its rooms are in a browser."""

from dataclasses import replace

import pytest

from tests.conference.world import INSTALLATION

SITE = replace(INSTALLATION, web_url="https://meet.test", tenants=True)


@pytest.mark.parametrize(
    ("jid", "url"),
    [
        ("planning@conference.meet.test", "https://meet.test/planning"),
        ("planning@conference.acme.meet.test", "https://meet.test/acme/planning"),
        ("caf%c3%a9@conference.meet.test", "https://meet.test/caf%c3%a9"),
    ],
)
def test_a_meeting_is_where_browsers_go(jid: str, url: str) -> None:
    assert SITE.meeting_url(jid) == url
