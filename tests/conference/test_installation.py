"""An installation: where its rooms are in a browser."""

from dataclasses import replace

import pytest

from gateway.conference.address import RoomAddress
from gateway.errors import ConferenceError
from gateway.xmpp.server import Account, Server
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


@pytest.mark.parametrize(
    ("jid", "internal"),
    [
        ("planning@conference.meet.test", "planning@conference.meet.test"),
        ("planning@conference.acme.meet.test", "[acme]planning@conference.meet.test"),
        ("7c4f@breakout.meet.test", "7c4f@breakout.meet.test"),
    ],
)
def test_the_focus_has_its_own_names_for_rooms_of_tenants(jid: str, internal: str) -> None:
    assert SITE.internal_room(jid) == internal


def test_a_node_for_visitors_is_a_server_of_its_own() -> None:
    server = Server("meet.test", None, "192.0.2.1", 5222, Account("a@meet.test", "p"), "wss://m/ws")
    node = replace(SITE, server=server).for_visitors("v1")
    assert node.server.domain == "v1.meet.jitsi"
    assert node.server.host is node.server.account is None
    assert node.server.web_socket == "wss://m/ws?vnode=v1"
    assert node.muc_domains == ("conference.v1.meet.jitsi",)
    assert node.serves("room@conference.v1.meet.jitsi")
    assert not node.serves("room@conference.meet.test")


@pytest.mark.parametrize(
    ("domain", "at_node"),
    [
        ("conference.meet.test", "conference.v1.visit.test"),
        ("conference.acme.meet.test", "conference.acme.v1.visit.test"),
        ("muc.elsewhere.test", "muc.v1.visit.test"),
    ],
)
def test_rooms_keep_their_names_at_a_node(domain: str, at_node: str) -> None:
    site = replace(SITE, visitor_domain="{vnode}.visit.test")
    address = site.at_node(RoomAddress("room", domain, "acme"), site.for_visitors("v1"))
    assert address == RoomAddress("room", at_node, "acme")


@pytest.mark.parametrize("name", ["", "v1.evil", "v1/x", "v1&token=x", "-v", "v 1", "v" * 64])
def test_what_is_no_label_of_a_domain_is_no_node(name: str) -> None:
    with pytest.raises(ConferenceError, match="no name of a node"):
        SITE.for_visitors(name)
