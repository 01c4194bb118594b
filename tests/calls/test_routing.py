import ipaddress
import re
from dataclasses import replace

import pytest

from gateway.calls.routing import Called, Route, find_route, route_to, trunk_of
from gateway.calls.trunk import RoomRule, Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.installation import Installation
from gateway.conference.visiting import Visiting
from gateway.errors import ConferenceError, JoinFailure
from gateway.ivr.meeting import Meeting
from gateway.xmpp.server import Server

DOMAINS = ("conference.meet.test", "muc.other.test")
MEET = Installation(Server("meet.test", None), DOMAINS, "focus.meet.test", "uid")
ONLY = (MEET,)


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
    assert find_route(invite, everything, ONLY) == Route(MEET, room("by-header"), "header")


def test_a_rule_goes_before_the_default_room() -> None:
    both = trunk(("100", "by-rule"), default="by-default")
    assert find_route(called("100"), both, ONLY) == Route(MEET, room("by-rule"), "called number")
    assert find_route(called("101"), both, ONLY) == Route(MEET, room("by-default"), "default")


def test_without_header_rule_and_default_there_is_no_room() -> None:
    for users in (("101",), ()):
        with pytest.raises(ConferenceError, match="no room for calls to") as refused:
            find_route(called(*users), trunk(("100", "a")), ONLY)
        assert refused.value.cause is JoinFailure.NOT_FOUND


def test_an_empty_header_says_nothing() -> None:
    invite = called("100", Jitsi_Conference_Room="  ")
    assert find_route(invite, trunk(("100", "by-rule")), ONLY).found_by == "called number"


def test_the_first_of_the_named_headers_that_says_something_counts() -> None:
    several = Trunk("t", (), room_headers=("X-First", "X-Second"), default_room="default")
    assert find_route(called(X_Second="b"), several, ONLY).room == room("b")
    assert find_route(called(X_Second="b", X_First="a"), several, ONLY).room == room("a")
    assert find_route(called(X_Second="b", X_First=""), several, ONLY).room == room("b")
    invite = called(Jitsi_Conference_Room="not-named-by-this-trunk")
    assert find_route(invite, several, ONLY).found_by == "default"


def test_the_password_header_goes_with_any_way_to_a_room() -> None:
    invite = called("100", Jitsi_Conference_Room_Pass=" geheim ")
    for way in (trunk(("100", "a")), trunk(default="a")):
        assert find_route(invite, way, ONLY).password == "geheim"
    invite = called(Jitsi_Conference_Room="a", Jitsi_Conference_Room_Pass="p")
    assert find_route(invite, trunk(), ONLY) == Route(MEET, room("a"), "header", "p")


@pytest.mark.parametrize(
    ("allowed", "header", "visits"),
    [
        (True, "true", Visiting.WANTED),
        (True, "True", Visiting.WANTED),
        (True, "false", Visiting.IF_NEEDED),
        (True, "1", Visiting.IF_NEEDED),
        (True, "", Visiting.IF_NEEDED),
        (False, "true", Visiting.NEVER),
        (False, "", Visiting.NEVER),
    ],
)
def test_a_visitor_is_who_says_so_where_the_trunk_allows_it(
    allowed: bool, header: str, visits: Visiting
) -> None:
    through = Trunk("t", (), default_room="a", allow_visitors=allowed)
    assert find_route(called(Jitsi_Visitor=header), through, ONLY).visiting is visits


def test_who_is_let_in_by_a_pin_may_be_a_visitor_as_well() -> None:
    through = Trunk("t", (), asks_pin=True, allow_visitors=True)
    meeting = Meeting("a@conference.meet.test")
    assert (
        route_to(meeting, called(Jitsi_Visitor="true"), through, ONLY).visiting is Visiting.WANTED
    )
    assert route_to(meeting, called(), through, ONLY).visiting is Visiting.IF_NEEDED


def test_the_header_of_visitors_has_the_name_that_the_trunk_gives_it() -> None:
    through = Trunk("t", (), default_room="a", allow_visitors=True, visitor_headers=("X-V",))
    assert find_route(called(X_V="true"), through, ONLY).visiting is Visiting.WANTED
    by_another = find_route(called(Jitsi_Visitor="true"), through, ONLY)
    assert by_another.visiting is Visiting.IF_NEEDED


@pytest.mark.parametrize("by_trunk", [False, True])
@pytest.mark.parametrize("by_pin", [False, True])
def test_a_moderator_is_who_has_the_right_by_its_pin_or_its_trunk(
    by_trunk: bool, by_pin: bool
) -> None:
    carrier = replace(trunk(default="room"), moderator=by_trunk)
    route = find_route(called("1"), carrier, ONLY)
    assert route is not None and route.moderator is by_trunk
    meeting = Meeting("room", moderator=by_pin)
    assert route_to(meeting, called("1"), carrier, ONLY).moderator is (by_trunk or by_pin)


def test_a_header_that_names_a_foreign_domain_is_no_reason_to_look_further() -> None:
    everything = trunk((".*", "by-rule"), default="by-default")
    invite = called("100", Jitsi_Conference_Room="room@conference.evil.test")
    with pytest.raises(ConferenceError) as refused:
        find_route(invite, everything, ONLY)
    assert refused.value.cause is JoinFailure.NOT_FOUND


@pytest.mark.parametrize("at", ["@", "%40"])
def test_a_header_may_name_any_domain_that_is_configured(at: str) -> None:
    invite = called(Jitsi_Conference_Room=f"room{at}muc.other.test")
    assert find_route(invite, trunk(), ONLY).room == RoomAddress("room", "muc.other.test")


def test_a_rule_must_match_the_whole_number() -> None:
    partial = trunk(("100", "a"), default="default")
    for number in ("1000", "0100", "10", "+100"):
        assert find_route(called(number), partial, ONLY).found_by == "default"


def test_the_first_rule_that_matches_counts() -> None:
    overlapping = trunk((r"1\d\d", "hundreds"), ("100", "one-hundred"))
    assert find_route(called("100"), overlapping, ONLY).room == room("hundreds")


def test_the_request_uri_is_tried_with_every_rule_before_the_to_header() -> None:
    rules = trunk(("200", "by-to"), ("100", "by-uri"))
    assert find_route(called("100", "200"), rules, ONLY).room == room("by-uri")
    assert find_route(called("300", "200"), rules, ONLY).room == room("by-to")


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
    found = find_route(called("+4942"), rules, ONLY).room
    assert name in (found.name, found.jid)


def test_a_caller_cannot_dial_its_way_out_of_the_configured_domains() -> None:
    everything = trunk((".*", r"\g<0>"))
    for user in ("room@conference.evil.test", "room%40conference.evil.test", "a/b"):
        with pytest.raises(ConferenceError) as refused:
            find_route(called(user), everything, ONLY)
        assert refused.value.cause is JoinFailure.NOT_FOUND


# --- which installation --------------------------------------------------------------------------


def shard(name: str, rooms: str | None = None, domain: str = "meet.test") -> Installation:
    return Installation(
        Server(domain, None, host=f"{name}.test"),
        (f"conference.{domain}",),
        f"focus.{domain}",
        "uid",
        name=name,
        rooms=re.compile(rooms) if rooms is not None else None,
        tenants=True,
    )


A_TO_M, REST = shard("east", "[a-m].*"), shard("west")
OTHER = shard("other", domain="other.test")
SHARDS = (A_TO_M, REST, OTHER)


@pytest.mark.parametrize(
    ("invite", "installation"),
    [
        (called(Jitsi_Conference_Room="alpha"), A_TO_M),
        (called(Jitsi_Conference_Room="Alpha"), A_TO_M),
        (called(Jitsi_Conference_Room="zulu"), REST),
        (called(Jitsi_Conference_Room="zulu@conference.meet.test"), REST),
        (called(Jitsi_Conference_Room="alpha@conference.other.test"), OTHER),
        (called(Jitsi_Conference_Room="alpha", Jitsi_Conference_Domain_Base="Other.Test"), OTHER),
        (called("1"), A_TO_M),
        (called("2"), REST),
        (called("3"), OTHER),
    ],
)
def test_a_room_is_on_the_first_installation_that_has_it(
    invite: Called, installation: Installation
) -> None:
    rules = (
        RoomRule(re.compile("1"), "alpha"),
        RoomRule(re.compile("2"), "alpha", "west"),
        RoomRule(re.compile("3"), "alpha", "other"),
    )
    assert find_route(invite, Trunk("t", (), rules=rules), SHARDS).installation is installation


def test_a_trunk_may_be_for_one_installation() -> None:
    only = Trunk("t", (), default_room="alpha", installation="west")
    assert find_route(called(), only, SHARDS).installation is REST
    for room_ in ("alpha@conference.other.test", "alpha@conference.evil.test"):
        with pytest.raises(ConferenceError) as refused:
            find_route(called(Jitsi_Conference_Room=room_), only, SHARDS)
        assert refused.value.cause is JoinFailure.NOT_FOUND


def test_a_domain_header_that_names_no_installation_finds_nothing() -> None:
    invite = called(Jitsi_Conference_Room="alpha", Jitsi_Conference_Domain_Base="evil.test")
    with pytest.raises(ConferenceError, match="no installation of ours"):
        find_route(invite, trunk(), SHARDS)


def test_a_room_that_no_shard_has_is_not_found() -> None:
    with pytest.raises(ConferenceError, match="has no rooms named like"):
        find_route(called(Jitsi_Conference_Room="zulu"), trunk(), (A_TO_M,))


@pytest.mark.parametrize(
    "invite",
    [
        called(Jitsi_Conference_Room="team", Jitsi_Conference_Domain_Tenant="ACME"),
        called(Jitsi_Conference_Room="acme/team"),
        called(Jitsi_Conference_Room="acme/team", Jitsi_Conference_Domain_Tenant="not-this"),
        called(Jitsi_Conference_Room="team@conference.acme.meet.test"),
    ],
)
def test_a_tenants_room_is_found(invite: Called) -> None:
    found = find_route(invite, trunk(), SHARDS)
    assert found.room.jid == "team@conference.acme.meet.test"
    assert found.room.tenant == "acme"


def test_a_token_comes_with_the_call_and_is_in_no_log() -> None:
    invite = called(Jitsi_Conference_Room="a", Jitsi_Auth_Token=" eyJ.x.y ")
    route = find_route(invite, trunk(), ONLY)
    assert route.token == "eyJ.x.y"
    assert "eyJ" not in repr(route)


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


CERTIFIED = Trunk("certified", (), certificate_names=("sip.example.org", "sip:example.org"))
BOTH = Trunk("both", WIDE.networks, certificate_names=("pbx.example.org",))


@pytest.mark.parametrize(
    ("host", "names", "found"),
    [
        ("203.0.113.1", ("other", "sip.example.org"), CERTIFIED),
        ("203.0.113.1", ("sip:example.org",), CERTIFIED),
        ("203.0.113.1", ("example.org",), None),
        ("203.0.113.1", ("pbx.example.org",), None),  # address and name have to be right
        ("192.0.2.7", ("pbx.example.org",), BOTH),
        ("192.0.2.7", (), None),
        ("203.0.113.1", (), None),
    ],
)
def test_a_trunk_is_known_by_its_certificate(
    host: str, names: tuple[str, ...], found: Trunk | None
) -> None:
    assert trunk_of(host, (BOTH, CERTIFIED), names) is found


def test_a_trunk_that_says_nothing_of_who_may_call_is_nobodys() -> None:
    assert trunk_of("192.0.2.1", (Trunk("nobody", ()),)) is None
