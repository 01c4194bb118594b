"""Which address of ours a phone is told for its RTP, when there are two IP versions."""

from typing import Any, cast

import pytest

from gateway.calls.media_hosts import MediaHosts
from gateway.sip.flow import Flow
from gateway.sip.user_agent import UserAgent

OVER_4 = Flow("udp", ("198.51.100.1", 5060), ("203.0.113.9", 5060))
OVER_6 = Flow("udp", ("2001:db8::1", 5060), ("2001:db8::9", 5060))
V4, V6 = "203.0.113.7", "2001:db8::7"  # where phones have their media
BOTH = ("0.0.0.0", "::")


class Agent:
    """Says what the system would."""

    def address(self, flow: Flow) -> str:
        return flow.listener[0]

    def local_host(self, remote_host: str) -> str:
        return "2001:db8::2" if ":" in remote_host else "198.51.100.2"


def hosts(*bound: str, **more: Any) -> MediaHosts:
    return MediaHosts(bound, cast(UserAgent, Agent()), **more)


@pytest.mark.parametrize(
    ("bound", "flow", "media_host", "told"),
    [
        (BOTH, OVER_4, V4, "198.51.100.1"),
        (BOTH, OVER_6, V6, "2001:db8::1"),
        (BOTH, OVER_4, None, "198.51.100.1"),
        (BOTH, OVER_6, None, "2001:db8::1"),
        (BOTH, OVER_6, V4, "198.51.100.2"),  # not that of its signalling
        (BOTH, OVER_4, V6, "2001:db8::2"),
        (("192.0.2.5", "2001:db8::5"), OVER_6, V4, "192.0.2.5"),
        (("192.0.2.5", "2001:db8::5"), OVER_4, V6, "2001:db8::5"),
        (("0.0.0.0",), OVER_4, V6, "198.51.100.1"),  # the other we do not have
        (("0.0.0.0",), OVER_6, V6, "198.51.100.2"),
        (("192.0.2.5",), OVER_6, None, "192.0.2.5"),
        (("2001:db8::5",), OVER_4, V4, "2001:db8::5"),
    ],
)
def test_a_phone_is_told_an_address_of_the_ip_version_that_its_media_has(
    bound: tuple[str, ...], flow: Flow, media_host: str | None, told: str
) -> None:
    assert hosts(*bound).towards(flow, media_host) == told


def test_what_is_advertised_is_for_its_own_ip_version() -> None:
    there = hosts(*BOTH, advertised="203.0.113.1")
    assert there.towards(OVER_4) == "203.0.113.1"
    assert there.towards(OVER_6, V4) == "203.0.113.1"
    assert there.towards(OVER_6) == "2001:db8::1"


def test_who_is_beyond_our_nat_is_told_by_where_it_is_seen() -> None:
    seen = (V4, OVER_4.remote[0])
    there = hosts(*BOTH, external_host=lambda remote: "203.0.113.5" if remote in seen else None)
    assert there.towards(OVER_4, "10.0.0.7") == "203.0.113.5"  # it has a NAT of its own
    assert there.towards(OVER_4, "2001:db8::7") == "2001:db8::2"
    assert there.towards(OVER_6, V4) == "203.0.113.5"
    assert there.towards(OVER_6) == "2001:db8::1"
