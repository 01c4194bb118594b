"""What the lab wants of a Prosody, as Prosody would read it."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.lab.prosody_config import DEBIAN_FILE, Certificate, Process, ProsodyConfig, shown
from gateway.lab.prosody_venue import Prosody
from gateway.lab.site import SiteConfig

CERTIFICATE = Certificate(Path("/certs/lab.crt"), Path("/certs/lab.key"))


def sections(lua: str) -> dict[str, dict[str, str]]:
    """The options of each host, by its name; those of no host are under the empty name."""
    found: dict[str, dict[str, str]] = {"": {}}
    host = ""
    for line in lua.splitlines():
        if match := re.fullmatch(r'(?:VirtualHost|Component) "([^"]+)"( "muc")?', line):
            host = match[1]
            found[host] = {"component": "muc"} if match[2] else {}
        elif line and not line.lstrip().startswith("--"):
            key, _, value = line.strip().partition(" = ")
            assert key not in found[host], f"{key} twice"
            found[host][key] = value
    return found


def modules(options: dict[str, str]) -> set[str]:
    return set(re.findall(r'"([^"]+)"', options.get("modules_enabled", "")))


def test_guests_log_in_to_the_domain_and_the_focus_to_the_auth_domain() -> None:
    found = sections(ProsodyConfig(SiteConfig(domain="meet.example")).to_lua())
    assert found["meet.example"]["authentication"] == '"anonymous"'
    assert found["auth.meet.example"]["authentication"] == '"internal_hashed"'
    assert {"saslauth", "smacks", "bosh", "websocket"} <= modules(found["meet.example"])
    assert {"saslauth", "smacks"} <= modules(found["auth.meet.example"])


def test_only_the_focus_makes_rooms_and_everybody_sees_real_jids() -> None:
    config = ProsodyConfig(SiteConfig(domain="meet.example", muc_prefix="muc"))
    rooms = sections(config.to_lua())["muc.meet.example"]
    assert rooms["component"] == "muc"
    assert rooms["admins"] == '{ "focus@auth.meet.example" }'
    assert rooms["restrict_room_creation"] == "true"
    assert rooms["muc_room_locking"] == "false"
    assert rooms["muc_room_default_public_jids"] == "true"
    assert "modules_enabled" not in rooms  # nothing of Jitsi's


def test_with_a_certificate_tls_is_demanded_of_both_hosts_and_without_of_none() -> None:
    encrypted = sections(ProsodyConfig(certificate=CERTIFICATE).to_lua())
    plain = sections(ProsodyConfig().to_lua())
    for host in ("lab.test", "auth.lab.test"):
        assert encrypted[host]["c2s_require_encryption"] == "true"
        assert (
            encrypted[host]["ssl"] == '{ key = "/certs/lab.key", certificate = "/certs/lab.crt" }'
        )
        assert plain[host]["c2s_require_encryption"] == "false"
        assert "ssl" not in plain[host]


def test_what_is_included_leaves_ports_and_files_to_the_prosody_that_is_there() -> None:
    assert set(sections(ProsodyConfig().to_lua())[""]) == {
        "consider_websocket_secure",
        "consider_bosh_secure",
        "http_default_host",
    }


def test_a_process_of_its_own_has_its_own_ports_and_files() -> None:
    process = Process(Path("/run/lab"), "127.0.0.9", 1222, None, 1281)
    options = sections(ProsodyConfig(certificate=CERTIFICATE, process=process).to_lua())[""]
    assert options["interfaces"] == options["http_interfaces"] == '{ "127.0.0.9" }'
    assert options["c2s_ports"] == "{ 1222 }"
    assert options["http_ports"] == "{ }"
    assert options["https_ports"] == "{ 1281 }"
    assert options["data_path"] == '"/run/lab/data"'
    assert '"s2s"' in options["modules_disabled"]


def test_without_a_certificate_there_is_no_https() -> None:
    process = Process(Path("/run/lab"), https_port=1281)
    options = sections(ProsodyConfig(process=process).to_lua())[""]
    assert options["https_ports"] == "{ }"
    assert "https_ssl" not in options


def test_what_is_special_in_lua_stays_within_its_string() -> None:
    nasty = Certificate(Path('/a"b\\c\nd'), Path("/k"))
    lua = ProsodyConfig(certificate=nasty).to_lua()
    assert 'certificate = "/a\\"b\\\\c\\nd"' in lua


def test_the_commands_make_a_certificate_for_both_domains_and_the_account() -> None:
    commands = [shlex.split(line) for line in ProsodyConfig(certificate=CERTIFICATE).installation()]
    assert "subjectAltName=DNS:lab.test,DNS:auth.lab.test" in commands[0]
    assert "/certs/lab.crt" in commands[0]
    assert commands[1] == ["prosodyctl", "register", "focus", "auth.lab.test", "PASSWORD"]
    assert commands[2] == ["prosodyctl", "register", "jigasi", "auth.lab.test", "PASSWORD"]
    assert commands[3] == ["systemctl", "restart", "prosody"]


def test_the_commands_for_a_process_name_its_file() -> None:
    file = Path("/run/lab/lab.cfg.lua")
    register, _, start = ProsodyConfig(process=Process(file.parent)).installation(file)
    assert register == f"prosodyctl --config {file} register focus auth.lab.test PASSWORD"
    assert start == f"prosody -F --config {file}"


def test_what_is_shown_begins_with_where_it_goes_and_what_to_do() -> None:
    for encrypted in (True, False):
        lines = shown(encrypted=encrypted).splitlines()
        comment = "\n".join(line for line in lines[:8] if line.startswith("--"))
        assert str(DEBIAN_FILE) in comment
        assert "prosodyctl register focus auth.lab.test PASSWORD" in comment
        assert ("openssl" in comment) is encrypted


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:5222", "127.0.0.1", 5222),
        ("[::1]:15222", "::1", 15222),
        ("xmpp.x:1", "xmpp.x", 1),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int) -> None:
    prosody = Prosody.parse(text, "secret")
    assert (prosody.host, prosody.port) == (host, port)
    assert "secret" not in repr(prosody)


@pytest.mark.parametrize("text", ["", "host", ":5222", "host:", "host:x", "host:0", "host:65536"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        Prosody.parse(text, "secret")
