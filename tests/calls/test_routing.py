import ipaddress
import re

import pytest

from gateway.calls.routing import Called, RoomRule, Route, Trunk, find_route, trunk_of
from gateway.conference.address import RoomAddress
from gateway.errors import ConferenceError, JoinFailure

DOMAINS = ("conference.meet.test", "muc.other.test")


def trunk(
    *rules: tuple[str, str], default: str | None = None, networks: tuple[str, ...] = ("0.0.0.0/0",)
) -> Trunk:
    return Trunk(
        "carrier",
        tuple(ipaddress.ip_network(network) for network in networks),
        rules=tuple(RoomRule(re.compile(called), room) for called, room in rules),
        default_room=default,
    )


def called(*users: str, **headers: str) -> Called:
    return Called(users, {name.replace("_", "-").lower(): text for name, text in headers.items()})


def room(name: str) -> RoomAddress:
    return RoomAddress(name, DOMAINS[0])


# --- which room ----------------------------------------------------------------------------------


def test_the_header_goes_before_everything() -> None:
    everything = trunk((".*", "by-rule"), default="by-default")
    invite = called("100", Jitsi_Conference_Room="By-Header")
    assert find_route(invite, everything, DOMAINS) == Route(room("by-header"), None, "header")


def test_a_rule_goes_before_the_default_room() -> None:
    both = trunk(("100", "by-rule"), default="by-default")
    assert find_route(called("100"), both, DOMAINS) == Route(room("by-rule"), None, "called number")
    assert find_route(called("101"), both, DOMAINS) == Route(room("by-default"), None, "default")


def test_without_header_rule_and_default_there_is_no_room() -> None:
    for users in (("101",), ()):
        with pytest.raises(ConferenceError, match="no room for calls to") as refused:
            find_route(called(*users), trunk(("100", "a")), DOMAINS)
        assert refused.value.cause is JoinFailure.NOT_FOUND


def test_an_empty_header_says_nothing() -> None:
    invite = called("100", Jitsi_Conference_Room="  ")
    assert find_route(invite, trunk(("100", "by-rule")), DOMAINS).found_by == "called number"


def test_the_first_of_the_named_headers_that_says_something_counts() -> None:
    several = Trunk("t", (), room_headers=("X-First", "X-Second"), default_room="default")
    assert find_route(called(X_Second="b"), several, DOMAINS).room == room("b")
    assert find_route(called(X_Second="b", X_First="a"), several, DOMAINS).room == room("a")
    assert find_route(called(X_Second="b", X_First=""), several, DOMAINS).room == room("b")
    invite = called(Jitsi_Conference_Room="not-named-by-this-trunk")
    assert find_route(invite, several, DOMAINS).found_by == "default"


def test_the_password_header_goes_with_any_way_to_a_room() -> None:
    invite = called("100", Jitsi_Conference_Room_Pass=" geheim ")
    for way in (trunk(("100", "a")), trunk(default="a")):
        assert find_route(invite, way, DOMAINS).password == "geheim"
    invite = called(Jitsi_Conference_Room="a", Jitsi_Conference_Room_Pass="p")
    assert find_route(invite, trunk(), DOMAINS) == Route(room("a"), "p", "header")


def test_a_header_that_names_a_foreign_domain_is_no_reason_to_look_further() -> None:
    everything = trunk((".*", "by-rule"), default="by-default")
    invite = called("100", Jitsi_Conference_Room="room@conference.evil.test")
    with pytest.raises(ConferenceError) as refused:
        find_route(invite, everything, DOMAINS)
    assert refused.value.cause is JoinFailure.NOT_FOUND


@pytest.mark.parametrize("at", ["@", "%40"])
def test_a_header_may_name_any_domain_that_is_configured(at: str) -> None:
    invite = called(Jitsi_Conference_Room=f"room{at}muc.other.test")
    assert find_route(invite, trunk(), DOMAINS).room == RoomAddress("room", "muc.other.test")


def test_a_rule_must_match_the_whole_number() -> None:
    partial = trunk(("100", "a"), default="default")
    for number in ("1000", "0100", "10", "+100"):
        assert find_route(called(number), partial, DOMAINS).found_by == "default"


def test_the_first_rule_that_matches_counts() -> None:
    overlapping = trunk((r"1\d\d", "hundreds"), ("100", "one-hundred"))
    assert find_route(called("100"), overlapping, DOMAINS).room == room("hundreds")


def test_the_request_uri_is_tried_with_every_rule_before_the_to_header() -> None:
    rules = trunk(("200", "by-to"), ("100", "by-uri"))
    assert find_route(called("100", "200"), rules, DOMAINS).room == room("by-uri")
    assert find_route(called("300", "200"), rules, DOMAINS).room == room("by-to")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (r"meeting-\1", "meeting-42"),
        (r"\g<number>", "42"),
        (r"\g<0>", "4942"),  # as in a browser's URL, a plus does not count
        (r"Team \1", "team%2042"),
        (r"\1\2", "42"),  # a group that took no part is empty
        (r"\1@muc.other.test", "42@muc.other.test"),
    ],
)
def test_a_room_is_made_of_the_parts_of_the_number(template: str, name: str) -> None:
    rules = trunk((r"\+49(?P<number>\d+)(x)?", template))
    found = find_route(called("+4942"), rules, DOMAINS).room
    assert name in (found.name, found.jid)


def test_a_caller_cannot_dial_its_way_out_of_the_configured_domains() -> None:
    everything = trunk((".*", r"\g<0>"))
    for user in ("room@conference.evil.test", "room%40conference.evil.test", "a/b"):
        with pytest.raises(ConferenceError) as refused:
            find_route(called(user), everything, DOMAINS)
        assert refused.value.cause is JoinFailure.NOT_FOUND


# --- which trunk ---------------------------------------------------------------------------------

NARROW = trunk(networks=("192.0.2.1/32", "2001:db8:1::/48"))
WIDE = trunk(networks=("192.0.2.0/24", "::1/128"))


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("192.0.2.1", NARROW),
        ("192.0.2.2", WIDE),
        ("::ffff:192.0.2.1", NARROW),  # IPv4 on a socket for both
        ("2001:db8:1::5", NARROW),
        ("2001:db8:1::5%eth0", NARROW),
        ("::1", WIDE),
        ("198.51.100.1", None),
        ("2001:db8:2::1", None),
    ],
)
def test_the_first_trunk_that_holds_the_address_takes_the_call(
    host: str, found: Trunk | None
) -> None:
    assert trunk_of(host, (NARROW, WIDE)) is found


def test_without_trunks_nobody_may_call() -> None:
    assert trunk_of("127.0.0.1", ()) is None
