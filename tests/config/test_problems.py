"""What is wrong with a configuration is told: all at once, by its key, with a way out."""

import errno
import math
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.config.configuration import load, parse
from gateway.errors import ConfigError
from tests.config.written import (
    LEAST,
    REGISTER,
    TRUNK,
    problems,
    with_jitsi,
    with_media,
    with_sip,
    with_trunk,
)

_NO_NUMBER = "trunk.0.dial_out.port: true is no number; write one"


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(
        {
            "sip": {"listn": [], "listen": ["udp:0.0.0.0:70000"], "max_calls": "many"},
            "jitsi": {"domian": "x"},
            "trunk": [{"name": "a", "from": ["1.2.3.4/33"]}],
        }
    )
    keys = [line.partition(":")[0] for line in found]
    assert sorted(keys) == [
        "jitsi.domain",
        "jitsi.domian",
        "sip.listen.0",
        "sip.listn",
        "sip.max_calls",
        "trunk.0.from.0",
    ]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"trunk": [TRUNK]}, "jitsi: is missing"),
        ({"jitsi": {"domain": "a.b"}, "trunk": []}, "trunk: "),
        (with_jitsi(domain="not a domain"), "jitsi.domain: 'not a domain' is no domain"),
        (with_jitsi(port=0), "jitsi.port: "),
        (with_jitsi(tls="maybe"), "jitsi.tls: "),
        (with_jitsi(user="me@auth.x"), "jitsi.user: goes with password"),
        (with_jitsi(user="me", password="p"), "jitsi.user: write a whole JID, e.g. me@auth."),
        (with_jitsi(ca_file="/nowhere.crt"), "jitsi.ca_file: there is no file /nowhere.crt"),
        (with_jitsi(host="192.0.2.1:5222"), "jitsi.host: '192.0.2.1:5222' is no host; write e.g."),
        (with_jitsi(host="https://a/"), "jitsi.host: 'https://a/' is no host; write e.g."),
        (with_jitsi(focus="focus@x"), "jitsi.focus: 'focus@x' is no focus; write its domain or"),
        (with_jitsi(websocket="meet.example.org"), "jitsi.websocket: 'meet.example.org' is no URL"),
        (with_jitsi(websocket="wss://[::1/x"), "jitsi.websocket: 'wss://[::1/x' is no URL"),
        (with_jitsi(bosh="https://a:99999/x"), "jitsi.bosh: 'https://a:99999/x' is no URL"),
        (with_jitsi(public_url="https://a:b"), "jitsi.public_url: 'https://a:b' is no URL"),
        (
            with_jitsi(conference_request_url="https://[a/x"),
            "jitsi.conference_request_url: 'https://[a/x' is no URL",
        ),
        (with_jitsi(websocket="ws://a/x"), "jitsi.websocket: ws: is not encrypted"),
        (with_jitsi(websocket="wss://a/x", tls="off"), "jitsi.websocket: wss: is encrypted"),
        (with_jitsi(bosh="ws://a/x"), "jitsi.bosh: 'ws://a/x' is no URL; write e.g. https://"),
        (with_jitsi(bosh="http://a/x"), "jitsi.bosh: http: is not encrypted"),
        (
            with_jitsi(bosh="https://a/x", websocket="wss://a/x"),
            "jitsi.bosh: goes without websocket",
        ),
        (with_jitsi(jwt={"app_id": "a", "secret": "s"}), "jitsi.jwt: needs websocket"),
        (with_jitsi(jwt={"app_id": "a"}), "jitsi.jwt.secret: give a shared secret (HS256), or"),
        (with_jitsi(jwt={"app_id": "a", "secret": ""}), "jitsi.jwt.secret: is empty"),
        (with_jitsi(jwt={"app_id": "a", "key_file": "/no"}), "jitsi.jwt.key_file: there is no"),
        (with_jitsi(jwt={"ap_id": "a", "secret": "s", "app_id": "a"}), "jitsi.jwt.ap_id: no such"),
        (with_jitsi(turn="always"), "jitsi.turn: "),
        (with_jitsi(logins_per_second=0), "jitsi.logins_per_second: "),
        (with_jitsi(muc_domains=["a b"]), "jitsi.muc_domains.0: 'a b' is no domain"),
        (with_jitsi(avatar_url="phone.png"), "jitsi.avatar_url: 'phone.png' is no URL; write"),
        (with_trunk(show_caller="some"), "trunk.0.show_caller: input should be 'full', 'masked'"),
        (with_trunk(default_room="a@elsewhere"), "trunk.0.default_room: rooms of 'elsewhere'"),
        (with_trunk(rule=[{"called": "(", "room": "a"}]), "trunk.0.rule.0.called: '(' is no"),
        (with_trunk(rule=[{"called": "1", "room": r"\1"}]), "trunk.0.rule.0.room: there is no"),
        (with_trunk(rule=[{"called": "1", "room": r"a\d"}]), r"trunk.0.rule.0.room: bad escape \d"),
        (with_trunk(rule=[{"called": "1", "room": r"\g<0"}]), "trunk.0.rule.0.room: missing >"),
        (with_trunk(rule=[{"called": "1", "room": r"\0"}]), r"trunk.0.rule.0.room: \0 is no group"),
        (with_trunk(room_headers=["a b"]), "trunk.0.room_headers.0: "),
        (
            with_trunk(codecs=["G729"]),
            "trunk.0.codecs.0: 'G729' is no codec of ours; there",
        ),
        (with_trunk(codecs=[]), "trunk.0.codecs: "),
        (with_trunk(codecs="PCMA"), "trunk.0.codecs: is a list; write ['PCMA']"),
        (with_trunk(keys="hand, count"), "trunk.0.keys: is a list; write ['hand', 'count']"),
        ({**LEAST, "media": {"codecs": ["pcmu", "PCMU"]}}, "media.codecs: 'PCMU' is there twice"),
        (with_trunk(form=["192.0.2.2"]), "trunk.0.form: no such key; did you mean 'from'?"),
        ({**LEAST, "media": {"first_port": 9, "last_port": 9}}, "media.last_port: must be above"),
        (
            with_media(first_port=20000, last_port=20008, workers=5),
            "media.last_port: 5 workers need 10 ports at least",
        ),
        (with_media(workers=-1), "media.workers: -1 is no number of processes; write 0 to 256, or"),
        (with_media(workers="many"), "media.workers: 'many' is no number of processes"),
        (with_media(workers=True), "media.workers: true is no number; write"),
        (with_sip(advertised_host="0.0.0.0"), "sip.advertised_host: '0.0.0.0' is nobody's address"),
        (with_media(advertised_host="::"), "media.advertised_host: '::' is nobody's address"),
        (with_media(host="here"), "media.host.0: 'here' is not an IP address"),
        (
            with_media(host=["::1", "192.0.2.1", "2001:db8::1"]),
            "media.host: ::1 and 2001:db8::1 are both IPv6; write one address of each IP version",
        ),
        ({**LEAST, "control": {"listen": "localhost:1"}}, "control.listen: 'localhost:1' is no"),
        ({**LEAST, "control": {"listen": "[::1]:70000"}}, "control.listen: '[::1]:70000' is no"),
        ({**LEAST, "control": {"token": "short"}}, "control.token: make it 16 characters or more"),
        (with_sip(listen=["tls:0.0.0.0"]), "sip.listen: tls needs a certificate and its key"),
        (with_sip(listen=["tls:host"]), "sip.listen.0: 'tls:host' is not a listener; write e.g."),
        (
            with_sip(tls={"certificate": "/no", "key": "pyproject.toml"}),
            "sip.tls.certificate: there",
        ),
        (with_sip(tls={"key": __file__}), "sip.tls.certificate: is missing"),
        (with_sip(keep_alive=-1), "sip.keep_alive: "),
        ({**LEAST, "trunk": [{"name": "a"}]}, "trunk.0.from: is missing; write where calls"),
        (with_trunk(certificate_names=["a b"]), "trunk.0.certificate_names.0: 'a b' is no domain"),
        (with_trunk(certificate_names=["a.b"]), "trunk.0.certificate_names: nobody is asked"),
        (
            with_trunk(dial_out={"host": "a.b", "prefixes": ["+"], "transport": "tls"}),
            "trunk.0.dial_out.transport: there is no listener for it; add e.g. tls:0.0.0.0 to",
        ),
        (
            with_trunk(register={**REGISTER, "transport": "tls"}),
            "trunk.0.register.transport: there is no listener for it; add e.g. tls:0.0.0.0 to",
        ),
        (with_jitsi(public_url="meet"), "jitsi.public_url: 'meet' is no URL"),
        ({**LEAST, "mdia": {}}, "mdia: no such key; did you mean 'media'?"),
        (with_sip(max_calls=True), "sip.max_calls: true is no number; write one"),
        (with_jitsi(port=False), "jitsi.port: false is no number; write one"),
        (with_trunk(dial_out={"host": "a", "prefixes": ["+"], "port": True}), _NO_NUMBER),
        ({**LEAST, "limits": {"drain": math.inf}}, "limits.drain: input should be a finite number"),
        ({**LEAST, "limits": {"alone": 1e300}}, "limits.alone: input should be less than or equal"),
        (with_trunk(heartbeat=math.nan), "trunk.0.heartbeat: input should be a finite number"),
        (with_media(stun=" "), "media.stun: is blank; write something, or leave it out"),
        (with_media(stun=["x", 1]), "media.stun: ['x', 1] is no server; write e.g. stun."),
        ({**LEAST, "control": {"listen": "\t"}}, "control.listen: has a character that cannot be"),
        ({**LEAST, "control": {"listen": 8788}}, "control.listen: 8788 is no address with a port"),
        (with_sip(listen=[5060]), "sip.listen.0: 5060 is not a listener; write e.g. udp:0.0.0.0"),
        (with_trunk(**{"from": [1]}), "trunk.0.from.0: 1 is no network (write an address or a"),
        (
            with_trunk(name="a\n"),
            "trunk.0.name: has a character that cannot be seen ('\\n'); leave",
        ),
        (with_trunk(digest={"user": "a", "password": ""}), "trunk.0.digest.password: is empty"),
        (
            {**LEAST, "voice": {"prompts": "a\0b"}},
            "voice.prompts: has a character that cannot be seen ('\\x00'); leave it out",
        ),
        (
            {**LEAST, "dial_in": {"listen": "", "pins_file": "a\0b"}},
            "dial_in.pins_file: has a character that cannot be seen ('\\x00'); leave it out",
        ),
        ({**LEAST, "dial_in": {"listen": "", "database": "/"}}, "dial_in.database: / is a folder"),
        (with_jitsi(host="192.0.2.300"), "jitsi.host: '192.0.2.300' is no host; write e.g."),
        ({**LEAST, "trunk": "a"}, "trunk: there may be several; write [[trunk]]"),
        ({**LEAST, "trunk": ["a"]}, "trunk.0: is a table; write [[trunk]]"),
        ({**LEAST, "sip": "a"}, "sip: is a table; write [sip]"),
        (with_trunk(dial_out=5), "trunk.0.dial_out: is a table; write [trunk.dial_out]"),
    ],
)
def test_a_problem_names_its_key_and_the_way_out(values: dict[str, Any], told: str) -> None:
    (found,) = problems(values)
    assert found.startswith(told)


def test_a_certificate_that_cannot_be_used_is_told_before_the_start(tmp_path: Path) -> None:
    for name in ("c", "k"):
        (tmp_path / name).touch()
    file = tmp_path / "gateway.toml"
    file.write_text(
        f"""
        [sip.tls]
        certificate = "{tmp_path / "c"}"
        key = "{tmp_path / "k"}"
        [jitsi]
        domain = "meet.example.org"
        [[trunk]]
        name = "pbx"
        from = ["192.0.2.1"]
        """
    )
    result = CliRunner().invoke(app, ["check-config", "--config", str(file)])
    assert result.exit_code == 78
    assert "sip.tls.certificate: " in result.output


def test_two_of_ours_cannot_listen_on_one_address() -> None:
    one = ["tcp:192.0.2.1:5060", "udp:192.0.2.1:5060"]
    assert parse(with_sip(listen=[*one, "udp:127.0.0.1:0", "udp:127.0.0.1:0"])).sip.listen
    assert problems(with_sip(listen=[*one, "udp:192.0.2.1"])) == [
        "sip.listen.2: is the address of sip.listen.1 as well; give it another port"
    ]
    assert problems({**LEAST, "dial_in": {"listen": "127.0.0.1:8788"}}) == [
        "dial_in.listen: is the address of control.listen as well; give it another port"
    ]


def test_two_trunks_cannot_have_one_name() -> None:
    assert "earlier trunk" in problems({**LEAST, "trunk": [TRUNK, TRUNK]})[0]


@pytest.mark.parametrize(
    "values",
    [
        with_jitsi(user="a@b", password=13579),
        {**LEAST, "control": {"token": 13579}},
        with_jitsi(websocket="wss://a/b", jwt={"app_id": "a", "secret": 13579}),
        with_trunk(dial_out={"host": "a", "prefixes": ["+"], "user": "a", "password": 13579}),
    ],
)
def test_a_secret_that_is_no_text_is_not_printed(values: dict[str, Any]) -> None:
    told = problems(values)
    assert any("quotes" in line for line in told)
    assert "13579" not in str(told)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            with_trunk(register=[{**REGISTER, "password": "hunter2"}]),
            "trunk.0.register: there is only one; write [trunk.register]",
        ),
        (
            with_trunk(rule={"called": "1", "room": "hunter2"}),
            "trunk.0.rule: there may be several; write [[trunk.rule]]",
        ),
        (
            {**LEAST, "brewery": {"user": "a@b.c", "password": "hunter2", "room": "r@i.b"}},
            "brewery: there may be several; write [[brewery]]",
        ),
        (
            {**LEAST, "control": [{"token": "hunter2hunter2hunter2"}]},
            "control: there is only one; write [control]",
        ),
    ],
)
def test_a_table_of_the_wrong_kind_is_told_without_what_is_in_it(
    values: dict[str, Any], told: str
) -> None:
    assert problems(values) == [told]


def test_a_password_is_never_printed() -> None:
    config = parse(with_jitsi(user="me@auth.x", password="hunter2"))
    assert "hunter2" not in repr(config)
    assert config.installations()[0].server.account is not None
    assert "hunter2" not in repr(config.installations()[0])


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"sip": {"tls": {"certificate": "x/a", "key": "x/a"}}}, "sip.tls.key: x/a: Permission"),
        (with_jitsi(ca_file="x/a"), "jitsi.ca_file: x/a: Permission denied"),
        (with_jitsi(jwt={"app_id": "a", "key_file": "x/a"}), "jitsi.jwt.key_file: x/a: Permission"),
        (
            {"brewery": [{"user": "a@b.c", "password": "p", "room": "r@i.b", "ca_file": "x/a"}]},
            "brewery.0.ca_file: x/a: Permission denied",
        ),
    ],
)
def test_a_file_in_a_folder_that_we_may_not_look_into_is_told_like_one_that_is_not_there(
    section: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stat(file: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))

    monkeypatch.setattr(Path, "stat", stat)
    assert any(line.startswith(told) for line in problems({**LEAST, **section}))


def test_files_that_are_named_are_looked_into_before_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[jitsi]\ndomain = "a.b"\n[[trunk]]\nname = "a"\nfrom = ["192.0.2.1"]\n'
        '[[brewery]]\ntls = "verify"\nuser = "a@b.c"\npassword = "x"\nroom = "r@i.b"\n'
        f'ca_file = "{tmp_path}/empty.pem"\n'
    )
    told = CliRunner().invoke(app, ["check-config", "-c", str(config)])
    assert told.exit_code == 78
    assert "empty.pem" in told.output


def test_everything_wrong_with_the_files_that_are_named_is_told_at_once(tmp_path: Path) -> None:
    for name in ("authority", "certificate", "key"):
        (tmp_path / name).write_text("no PEM")
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[jitsi]\ndomain = "a.b"\nca_file = "{tmp_path}/authority"\n'
        '[[trunk]]\nname = "a"\nfrom = ["192.0.2.1"]\n'
        f'[sip.tls]\ncertificate = "{tmp_path}/certificate"\nkey = "{tmp_path}/key"\n'
        '[[brewery]]\nuser = "a@b.c"\npassword = "x"\nroom = "r@i.b"\n'
    )
    told = CliRunner().invoke(app, ["check-config", "-c", str(config)]).output
    assert told.count(f"{tmp_path}/authority") == 1
    assert told.count("sip.tls") == 1


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "missing.toml", {})
    broken = tmp_path / "broken.toml"
    broken.write_text("[sip\n")
    with pytest.raises(ConfigError, match="line 1"):
        load(broken, {})
