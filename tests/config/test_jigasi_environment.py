"""The environment of Jigasi's docker image, and what becomes of it."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.configuration import load
from gateway.config.jigasi_environment import READ, not_understood, sections
from gateway.errors import ConfigError
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip.digest import Credentials
from gateway.sip.locate import Destination
from tests.control.snapshots import table

DOCKER = {
    "JIGASI_SIP_URI": "gateway@provider.example",
    "JIGASI_SIP_PASSWORD": "secret",
    "JIGASI_SIP_SERVER": "192.0.2.5",
    "JIGASI_SIP_DEFAULT_ROOM": "welcome",
    "JIGASI_XMPP_USER": "jigasi",
    "JIGASI_XMPP_PASSWORD": "hunter2",
    "JIGASI_PORT_MIN": "21000",
    "JIGASI_PORT_MAX": "21050",
    "JIGASI_ENABLE_REST": "1",
    "JIGASI_LOCAL_REGION": "eu",
    "JIGASI_BREWERY_MUC": "jigasibrewery",
    "JIGASI_LOG_FILE": "",
    "XMPP_DOMAIN": "meet.jitsi",
    "XMPP_SERVER": "xmpp.meet.jitsi",
    "XMPP_MUC_DOMAIN": "muc.meet.jitsi",
    "XMPP_AUTH_DOMAIN": "auth.meet.jitsi",
    "PUBLIC_URL": "https://meet.example.org:8443/",
    "SHUTDOWN_REST_ENABLED": "true",
    "PATH": "/usr/bin",
}


def test_it_may_be_all_the_configuration_there_is() -> None:
    config = load(None, DOCKER)
    assert (config.jitsi.domain, config.jitsi.host) == ("meet.jitsi", "xmpp.meet.jitsi")
    assert config.jitsi.served_domains == ("muc.meet.jitsi",)
    assert config.jitsi.region == "eu"
    assert config.jitsi.web_url == "https://meet.example.org:8443"
    assert (config.media.first_port, config.media.last_port) == (21000, 21050)
    assert config.control.listen == ("0.0.0.0", 8788)
    assert config.control.enable_shutdown
    (brewery,) = config.brewery
    assert brewery.user == "jigasi@auth.meet.jitsi"
    assert brewery.room == "jigasibrewery@internal-muc.meet.jitsi"
    assert brewery.password.get_secret_value() == "hunter2"
    (trunk,) = config.trunks
    assert [str(network) for network in trunk.networks] == ["192.0.2.5/32"]
    assert trunk.default_room == "welcome"
    assert trunk.room_headers[0] == "X-Room-Name"
    (liaison,) = config.liaisons
    assert liaison.registrar == Destination(None, "192.0.2.5", None)
    assert liaison.registration is not None
    assert liaison.registration.registrar == "sip:provider.example"
    assert liaison.registration.credentials == Credentials("gateway", "secret")


def test_who_registers_needs_no_address() -> None:
    names = ("JIGASI_SIP_URI", "JIGASI_SIP_PASSWORD", "JIGASI_SIP_DEFAULT_ROOM")
    said = {name: DOCKER[name] for name in names}
    said |= {"JIGASI_SIP_PORT": "5080", "JIGASI_SIP_TRANSPORT": "TCP"}
    config = load(None, said)
    assert config.trunks[0].networks == ()
    assert config.liaisons[0].registrar == Destination("tcp", "provider.example", 5080)
    by_name = load(None, {**said, "JIGASI_SIP_SERVER": "proxy.example"})
    assert by_name.liaisons[0].registrar == Destination("tcp", "proxy.example", 5080)


def test_the_images_defaults_are_ours_then() -> None:
    config = load(None, {"JIGASI_SIP_SERVER": "2001:db8::5", "XMPP_DOMAIN": ""})
    assert (config.jitsi.domain, config.jitsi.host) == ("meet.jitsi", "xmpp.meet.jitsi")
    assert (config.jitsi.port, config.jitsi.served_domains) == (5222, ("muc.meet.jitsi",))
    assert config.control.listen == ("127.0.0.1", 8788)


@pytest.mark.parametrize(
    ("auth", "user"),
    [
        ({}, None),
        ({"ENABLE_AUTH": "1"}, "jigasi@auth.meet.jitsi"),
        ({"ENABLE_AUTH": "true", "JIGASI_XMPP_USER": "me"}, "me@auth.meet.jitsi"),
        ({"ENABLE_AUTH": "1", "ENABLE_GUESTS": "1"}, None),
        ({"ENABLE_AUTH": "0"}, None),
    ],
)
def test_the_account_is_used_where_guests_may_not_log_in(
    auth: dict[str, str], user: str | None
) -> None:
    config = load(None, {**DOCKER, **auth})
    assert config.jitsi.user == user
    assert (config.jitsi.password is None) is (user is None)
    guests = "ENABLE_GUESTS" in auth
    assert config.jitsi.guest_domain == ("guest.meet.jitsi" if guests else None)
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("enabled", "srtp"),
    [("1", "offered"), ("true", "offered"), ("0", "off"), ("false", "off"), ("", "offered")],
)
def test_its_word_on_encryption_is_the_trunk_s(enabled: str, srtp: str) -> None:
    (trunk,) = load(None, {**DOCKER, "JIGASI_ENABLE_SDES_SRTP": enabled}).trunks
    assert trunk.srtp is SrtpPolicy(srtp)
    without = {"JIGASI_XMPP_PASSWORD": "hunter2", "JIGASI_ENABLE_SDES_SRTP": enabled}
    assert not_understood(without) == (("JIGASI_ENABLE_SDES_SRTP",) if enabled else ())


@pytest.mark.parametrize(
    ("server", "host", "port"),
    [
        ("a.example", "a.example", 5222),
        ("a.example:5333", "a.example", 5333),
        ("a.example:5333:shard-1,b.example:5444:shard-2", "a.example", 5333),
    ],
)
def test_of_several_servers_the_first_is_used(server: str, host: str, port: int) -> None:
    config = load(None, {**DOCKER, "XMPP_SERVER": server})
    assert (config.jitsi.host, config.jitsi.port) == (host, port)


@pytest.mark.parametrize(
    "said", [{"XMPP_PORT": "5333"}, {"XMPP_PORT": "5444", "XMPP_SERVER": "a.example:5333"}]
)
def test_orders_to_dial_come_from_the_same_server(said: dict[str, str]) -> None:
    config = load(None, {**DOCKER, **said})
    (brewery,) = config.breweries()
    here = (config.jitsi.host, config.jitsi.port)
    assert (brewery.server.host, brewery.server.port) == here == (here[0], 5333)


def test_a_section_of_the_file_is_not_touched_and_our_own_names_are_stronger(
    tmp_path: Path,
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[jitsi]\ndomain = "own.example"\n')
    config = load(file, {**DOCKER, "SIP_GATEWAY_CONTROL__LISTEN": "127.0.0.1:9000"})
    assert (config.jitsi.domain, config.jitsi.host) == ("own.example", None)
    assert config.jitsi.served_domains == ("conference.own.example",)
    assert config.media.first_port == 21000
    assert config.control.listen == ("127.0.0.1", 9000)
    assert config.trunks[0].name == "jigasi"


def test_without_any_name_of_jigasis_nothing_is_read() -> None:
    general = {name: value for name, value in DOCKER.items() if not name.startswith("JIGASI_")}
    assert sections(general) == {}
    with pytest.raises(ConfigError, match="jitsi: is missing"):
        load(None, general)


def test_a_value_that_is_wrong_is_told_with_the_key_it_is_for() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {**DOCKER, "JIGASI_PORT_MIN": "many"})
    assert caught.value.problems[0].startswith("media.first_port: ")


@pytest.mark.parametrize(
    ("environment", "unknown"),
    [
        (DOCKER, ()),
        ({"JIGASI_SIP_SERVER": "sip.provider.example"}, ("JIGASI_SIP_SERVER",)),
        (
            {"JIGASI_SIP_URI": "me", "JIGASI_SIP_PASSWORD": "x", "JIGASI_SIP_PORT": "1"},
            ("JIGASI_SIP_PASSWORD", "JIGASI_SIP_PORT", "JIGASI_SIP_URI"),
        ),
        ({"JIGASI_SIP_SERVER": "192.0.2.5", "JIGASI_SIP_PORT": "1"}, ("JIGASI_SIP_PORT",)),
        ({"JIGASI_STATS_ID": "x", "XMPP_CROSS_DOMAIN": "1"}, ()),
    ],
)
def test_what_means_nothing_here_is_named(
    environment: dict[str, str], unknown: tuple[str, ...]
) -> None:
    assert not_understood(environment) == unknown


def test_the_guide_has_every_variable_that_is_read() -> None:
    assert tuple(row[0] for row in table("Environment")) == READ


@pytest.mark.parametrize("variable", [name for name in READ if name.startswith("JIGASI_")])
def test_every_variable_changes_something(variable: str) -> None:
    full: dict[str, Any] = {
        **DOCKER,
        "ENABLE_AUTH": "1",
        "JIGASI_XMPP_USER": "me",
        "JIGASI_BREWERY_MUC": "gateways",
        "JIGASI_STATS_ID": "gw1",
        "JIGASI_SIP_PORT": "5080",
        "JIGASI_SIP_TRANSPORT": "TCP",
        "JIGASI_ENABLE_SDES_SRTP": "0",
    }
    assert sections(full) != sections({**full, variable: ""})
