"""The configuration: what is good comes out in the packages' own terms, what is wrong is told."""

import errno
import math
import os
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from typer.testing import CliRunner

from gateway.calls.caller_identity import ShowCaller
from gateway.calls.keypad import KeypadCommand
from gateway.cli import app
from gateway.config.configuration import Config, load, parse
from gateway.errors import ConfigError
from gateway.media.messages import PhoneSound
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip.digest import Credentials
from gateway.sip.digest_server import DigestAccount
from gateway.sip.locate import Destination
from gateway.sip.network import Listen
from gateway.sip.probe import ProbeConfig
from gateway.sip.registration import RegistrationConfig
from gateway.sip.session_timer import Wanted
from gateway.sip.tls import TlsConfig
from tests.control.snapshots import table

SAMPLE = Path(__file__).parents[2] / "config" / "gateway.toml"
REGISTER: dict[str, Any] = {"registrar": "sip:provider.test", "user": "4312345", "password": "p"}
TRUNK: dict[str, Any] = {"name": "pbx", "from": ["192.0.2.1"]}
_NO_NUMBER = "trunk.0.dial_out.port: true is no number; write one"
LEAST: dict[str, Any] = {"jitsi": {"domain": "meet.example.org"}, "trunk": [TRUNK]}


def problems(values: dict[str, Any], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(values, environment)
    return caught.value.problems


def with_jitsi(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "jitsi": {**LEAST["jitsi"], **keys}}


def with_trunk(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "trunk": [{**TRUNK, **keys}]}


def with_sip(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "sip": keys}


def with_media(**keys: Any) -> dict[str, Any]:
    return {**LEAST, "media": keys}


def test_the_sample_is_good_and_has_every_key_there_is() -> None:
    config = load(SAMPLE, {})
    assert config.trunks[0].name == "provider"
    told = SAMPLE.read_text()
    for section, field in Config.model_fields.items():
        assert f"[{section}]" in told
        type_: Any = field.annotation
        fields = get_args(type_)[0] if get_origin(type_) is tuple else type_
        for name, key in fields.model_fields.items():
            written = key.alias or name
            assert f"{written} = " in told or f".{written}]" in told, f"{section}.{name}"


def test_the_sample_states_the_defaults() -> None:
    values = tomllib.loads(SAMPLE.read_text())
    least = parse(LEAST)
    stated = parse({**values, **LEAST, "jitsi": LEAST["jitsi"]})
    assert stated.sip == least.sip
    assert stated.media == least.media
    assert stated.control == least.control
    assert stated.log == least.log


def test_session_timers_are_read() -> None:
    wanted = parse({**LEAST, "sip": {"session_expires": 600, "min_se": 120}}).user_agent.stack
    assert wanted.session_timer == Wanted(600, 120)
    assert parse({**LEAST, "sip": {"session_expires": 0}}).user_agent.stack.session_timer == (
        Wanted(0, 90)
    )
    (problem,) = problems({**LEAST, "sip": {"session_expires": 100, "min_se": 120}})
    assert problem == "sip.session_expires: must not be below min_se; 0 asks for no timer"


def test_which_keys_callers_have_is_a_trunk_s_choice() -> None:
    assert parse(LEAST).trunks[0].keys == frozenset(KeypadCommand)
    (trunk,) = parse(with_trunk(keys=["microphone", "leave"])).trunks
    assert trunk.keys == {KeypadCommand.TOGGLE_MICROPHONE, KeypadCommand.LEAVE}
    assert parse(with_trunk(keys=[])).trunks[0].keys == frozenset()


def test_whose_callers_are_moderators_is_a_trunk_s_choice() -> None:
    assert not parse(LEAST).trunks[0].moderator
    assert parse(with_trunk(moderator=True)).trunks[0].moderator
    (problem,) = problems(with_trunk(keys=["lock", "kick"]))
    assert "keys" in problem and "'lock'" in problem


def test_early_media_is_a_trunk_s_choice() -> None:
    assert not parse(LEAST).trunks[0].early_media
    assert parse(with_trunk(early_media=True)).trunks[0].early_media


def test_visitors_and_their_nodes_are_read() -> None:
    visitors = with_trunk(visitor_headers=["X-Visitor"], allow_visitors=True)
    (trunk,) = parse(visitors).trunks
    assert (trunk.visitor_headers, trunk.allow_visitors) == (("X-Visitor",), True)
    (trunk,) = parse(LEAST).trunks
    assert (trunk.visitor_headers, trunk.allow_visitors) == (("Jitsi-Visitor",), False)
    site = parse(with_jitsi(visitor_domain="{vnode}.Visit.test")).installations()[0]
    assert site.for_visitors("v1").server.domain == "v1.visit.test"
    assert site.server.domain == "meet.example.org"
    for wrong in ("visit.test", "{vnode}.{vnode}.test", "{vnode}. test"):
        (problem,) = problems(with_jitsi(visitor_domain=wrong))
        assert "jitsi.visitor_domain" in problem


def test_guests_of_a_secure_domain_log_in_elsewhere() -> None:
    (site,) = parse(with_jitsi(guest_domain="guest.example.org")).installations()
    assert site.server.login_jid == "guest.example.org"
    assert site.server.domain == "meet.example.org"
    assert site.for_visitors("v1").server.login_jid == "v1.meet.jitsi"
    account = {"user": "a@auth.example.org", "password": "secret"}
    (problem,) = problems(with_jitsi(guest_domain="guest.example.org", **account))
    assert "guest_domain: is for guests" in problem


def test_conferences_are_asked_for_over_tls_or_expressly_without() -> None:
    url = "https://meet.example.org/conference-request/v1"
    (site,) = parse(with_jitsi(conference_request_url=url)).installations()
    assert site.conference_request_url == url
    plain = url.replace("https", "http")
    (problem,) = problems(with_jitsi(conference_request_url=plain))
    assert "conference_request_url: http: is not encrypted" in problem
    parse(with_jitsi(conference_request_url=plain, tls="off"))


def test_little_is_needed() -> None:
    config = parse(LEAST)
    assert config.user_agent.listen == (Listen("udp", "0.0.0.0"), Listen("tcp", "0.0.0.0"))
    installation = config.installations()[0]
    assert installation.muc_domains == ("conference.meet.example.org",)
    assert installation.focus == "focus.meet.example.org"
    assert installation.server.tls is not None
    assert installation.server.tls.check_hostname


@pytest.mark.parametrize(
    ("media", "features"),
    [
        ({}, ("http://jitsi.org/opus-red",)),
        ({"red": False}, ()),
        ({"red": False, "transport_cc": True}, ("http://jitsi.org/tcc",)),
    ],
)
def test_what_is_negotiated_with_the_bridge_is_the_operators_choice(
    media: dict[str, bool], features: tuple[str, ...]
) -> None:
    assert parse({**LEAST, "media": media}).installations()[0].features == features


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


def test_machines_log_in_at_the_usual_domains_unless_others_are_named() -> None:
    usual = ("hidden.meet.example.org", "recorder.meet.example.org")
    assert parse(LEAST).installations()[0].hidden_domains == usual
    named = parse(with_jitsi(hidden_domains=["bots.example.org"])).installations()[0]
    assert named.hidden_domains == ("bots.example.org",)
    assert parse(with_jitsi(hidden_domains=[])).installations()[0].hidden_domains == ()


def test_a_trunk_has_the_codecs_of_all_or_its_own() -> None:
    assert parse(LEAST).trunks[0].codecs == ("OPUS", "G722", "PCMA", "PCMU")
    media = {"media": {"codecs": ["g722", "Pcmu"]}}
    assert parse({**LEAST, **media}).trunks[0].codecs == ("G722", "PCMU")
    assert parse({**with_trunk(codecs=["PCMA"]), **media}).trunks[0].codecs == ("PCMA",)


@pytest.mark.parametrize(
    ("listen", "host", "bound"),
    [
        (["udp:0.0.0.0"], [], ("0.0.0.0",)),
        (["udp:[2001:db8::1]"], [], ("::",)),
        (["udp:[::]", "tcp:[::]", "udp:192.0.2.1"], [], ("::", "0.0.0.0")),
        (["udp:[::]", "udp:0.0.0.0"], "192.0.2.1", ("192.0.2.1",)),
        (["udp:0.0.0.0"], ["192.0.2.1", "2001:db8::1"], ("192.0.2.1", "2001:db8::1")),
    ],
)
def test_media_has_the_ip_versions_of_sip_unless_it_has_its_own_addresses(
    listen: list[str], host: str | list[str], bound: tuple[str, ...]
) -> None:
    config = parse({**with_media(host=host), "sip": {"listen": listen}})
    assert config.engine.phone_hosts == bound


def test_a_user_has_the_codecs_of_all_or_of_its_trunk_or_its_own() -> None:
    users = [
        USER,
        {**USER, "name": "bob", "trunk": "pbx"},
        {**USER, "name": "cec", "trunk": "pbx", "codecs": ["G722"]},
        {**USER, "name": "dan", "codecs": ["PCMU"]},
    ]
    trunks = [{**TRUNK, "codecs": ["PCMA"]}]
    config = parse({**LEAST, "media": {"codecs": ["opus"]}, "trunk": trunks, "user": users})
    assert [account.trunk.codecs for account in config.accounts] == [
        ("OPUS",),
        ("PCMA",),
        ("G722",),
        ("PCMU",),
    ]
    (problem,) = problems({**LEAST, "user": [{**USER, "codecs": ["GSM"]}]})
    assert problem.startswith("user.0.codecs.0: 'GSM'")


def test_a_stun_server_has_a_name_or_an_address_and_perhaps_a_port() -> None:
    assert parse(LEAST).media.stun is parse(with_media(stun="")).media.stun is None
    assert parse(LEAST).external_address is None
    named = parse(with_media(stun="stun.Example.org"))
    assert named.media.stun == ("stun.example.org", 3478)
    assert named.external_address is not None
    assert parse(with_media(stun="192.0.2.7:19302")).media.stun == ("192.0.2.7", 19302)
    for wrong in ("stun:a.example", "a.example:0", "a.example:70000", "a b", "[::1]:3478"):
        assert problems(with_media(stun=wrong))[0].startswith("media.stun: ")


def test_the_encryption_of_a_trunk_is_configured() -> None:
    assert parse(LEAST).trunks[0].srtp is SrtpPolicy.OFFERED
    assert parse(with_trunk(srtp="required")).trunks[0].srtp is SrtpPolicy.REQUIRED
    assert problems(with_trunk(srtp="always"))[0].startswith("trunk.0.srtp: ")


def test_what_is_shown_of_callers_is_configured() -> None:
    picture = "https://meet.example.org/phone.png"
    shown = parse(with_jitsi(avatar_url=picture, stats_id="gw-1")).installations()[0]
    assert (shown.avatar_url, shown.stats_id) == (picture, "gw-1")
    assert parse(LEAST).trunks[0].show_caller is ShowCaller.FULL
    assert parse(with_trunk(show_caller="masked")).trunks[0].show_caller is ShowCaller.MASKED


def test_what_is_done_to_the_voices_of_a_trunk_is_configured_and_off_by_default() -> None:
    assert parse(LEAST).trunks[0].sound == PhoneSound()
    chosen = parse(with_trunk(gain_control=True, echo_suppression=True)).trunks[0].sound
    assert chosen == PhoneSound(gain_control=True, noise_gate=False, echo_suppression=True)


def test_there_is_a_worker_a_core_but_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, workers in ((1, 1), (2, 1), (8, 7)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert len(parse(LEAST).media_workers) == workers
        few = parse(with_media(first_port=20000, last_port=20005)).media_workers
        assert len(few) == min(workers, 3), "each needs ports"


def test_workers_are_a_number_or_as_many_as_there_are_cores() -> None:
    assert parse(with_media(workers=0)).media_workers == ()
    values = with_media(workers=2, first_port=20000, last_port=20007, opus_complexity=9)
    first, second = parse({**values, "log": {"level": "debug", "format": "json"}}).media_workers
    assert (first.config.first_port, second.config.first_port) == (20000, 20004)
    assert (first.worker, second.worker) == (0, 1)
    assert (first.config.complexity, first.log_level, first.log_format) == (9, "debug", "json")
    assert parse(with_media(workers="auto")).media == parse(LEAST).media


def test_a_trunk_may_be_known_by_its_certificate(tmp_path: Path) -> None:
    for name in ("c", "k"):
        (tmp_path / name).touch()
    tls = {
        "certificate": tmp_path / "c",
        "key": tmp_path / "k",
        "client_certificates": "optional",
    }
    names = ["SIP.provider.example", "*.provider.example", "sip:provider.example"]
    trunk = {"name": "by certificate", "certificate_names": names}
    sip = {"listen": ["tls:[::]", "udp:0.0.0.0"], "tls": tls}
    config = parse({**LEAST, "sip": sip, "trunk": [trunk]})
    assert config.trunks[0].networks == ()
    assert config.trunks[0].certificate_names == (
        "sip.provider.example",
        "*.provider.example",
        "sip:provider.example",
    )
    assert config.user_agent.listen[0] == Listen("tls", "::", 5061)
    assert config.user_agent.tls == TlsConfig(tmp_path / "c", tmp_path / "k", None, "optional")


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
    assert result.exit_code == 1
    assert "sip.tls.certificate: " in result.output


@pytest.mark.parametrize(
    "host", ["", "xmpp", "prosody_1", "prosody.svc.cluster.local.", "::1", "[::1]"]
)
def test_a_host_of_jitsi_may_be_whatever_can_be_looked_up(host: str) -> None:
    assert parse(with_jitsi(host=host)).jitsi.host == host


def test_two_of_ours_cannot_listen_on_one_address() -> None:
    one = ["tcp:192.0.2.1:5060", "udp:192.0.2.1:5060"]
    assert parse(with_sip(listen=[*one, "udp:127.0.0.1:0", "udp:127.0.0.1:0"])).sip.listen
    assert problems(with_sip(listen=[*one, "udp:192.0.2.1"])) == [
        "sip.listen.2: is the address of sip.listen.1 as well; give it another port"
    ]
    assert problems({**LEAST, "dial_in": {"listen": "127.0.0.1:8788"}}) == [
        "dial_in.listen: is the address of control.listen as well; give it another port"
    ]


def test_a_file_of_windows_notepad_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    text = '[jitsi]\ndomain = "meet.example.org"\n[[trunk]]\nname = "pbx"\nfrom = ["192.0.2.1"]\n'
    file.write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert load(file, {}).trunks[0].name == "pbx"


def test_two_trunks_cannot_have_one_name() -> None:
    assert "earlier trunk" in problems({**LEAST, "trunk": [TRUNK, TRUNK]})[0]


def test_the_environment_overrides_the_file() -> None:
    environment = {
        "SIP_GATEWAY_JITSI__DOMAIN": "other.example.org",
        "SIP_GATEWAY_SIP__MAX_CALLS": "7",
        "SIP_GATEWAY_SIP__LISTEN": '["tcp:127.0.0.1:5070"]',
        "UNRELATED": "1",
    }
    config = parse(LEAST, environment)
    assert config.jitsi.domain == "other.example.org"
    assert config.sip.max_calls == 7
    assert config.sip.listen == (Listen("tcp", "127.0.0.1", 5070),)


@pytest.mark.parametrize("calls", [200, 2000, 5000])
def test_sip_takes_as_many_calls_as_there_may_be(calls: int) -> None:
    stack = parse(with_sip(max_calls=calls)).user_agent.stack
    assert stack.max_sessions > calls


def test_a_secret_within_a_section_of_a_section_comes_from_the_environment_too() -> None:
    values = with_jitsi(websocket="wss://a/x", jwt={"app_id": "a"})
    config = parse(values, {"SIP_GATEWAY_JITSI__JWT__SECRET": "hunter2"})
    assert config.jitsi.jwt is not None and config.jitsi.jwt.secret is not None
    assert config.jitsi.jwt.secret.get_secret_value() == "hunter2"
    assert values["jitsi"]["jwt"] == {"app_id": "a"}


@pytest.mark.parametrize(
    ("text", "password"),
    [("00123", "00123"), ("12#34", "12#34"), ("true", "true"), ('"12"', "12"), ("a b", "a b")],
)
def test_a_secret_of_the_environment_is_text_whatever_it_looks_like(
    text: str, password: str
) -> None:
    config = parse(with_jitsi(user="a@b.c"), {"SIP_GATEWAY_JITSI__PASSWORD": text})
    assert config.jitsi.password is not None
    assert config.jitsi.password.get_secret_value() == password


def test_what_kubernetes_says_of_a_service_of_our_name_is_not_taken_for_keys() -> None:
    of_the_service = {
        "SIP_GATEWAY_SERVICE_HOST": "10.0.0.7",
        "SIP_GATEWAY_SERVICE_PORT": "5060",
        "SIP_GATEWAY_SERVICE_PORT_HTTP": "8788",
        "SIP_GATEWAY_PORT": "udp://10.0.0.7:5060",
        "SIP_GATEWAY_PORT_5060_UDP": "udp://10.0.0.7:5060",
        "SIP_GATEWAY_PORT_5060_UDP_ADDR": "10.0.0.7",
        "SIP_GATEWAY_HTTP_PORT": "tcp://10.0.0.8:8788",
        "SIP_GATEWAY_HTTP_PORT_8788_TCP_PROTO": "tcp",
    }
    assert parse(LEAST, of_the_service) == parse(LEAST)
    assert problems(LEAST, {"SIP_GATEWAY_JITSI_PORT": "5222"})


def test_a_wrong_variable_is_told_like_a_wrong_key() -> None:
    found = problems(LEAST, {"SIP_GATEWAY_DOMAIN": "x", "SIP_GATEWAY_SIP__MAX_CALL": "7"})
    assert any(line.startswith("SIP_GATEWAY_DOMAIN: names no key") for line in found)
    assert any(line.startswith("sip.max_call: no such key; did you mean") for line in found)


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
    assert told.exit_code == 1
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


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:8788", ("::1", 8788)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("", None),
    ],
)
def test_http_listens_on_an_address_or_nowhere(
    listen: str, expected: tuple[str, int] | None
) -> None:
    http = parse({**LEAST, "control": {"listen": listen}}).control.http
    assert (http.listen if http is not None else None) == expected


def test_a_token_is_never_printed() -> None:
    config = parse({**LEAST, "control": {"token": "0123456789abcdef"}})
    assert "0123456789abcdef" not in repr(config)
    assert "0123456789abcde" not in problems({**LEAST, "control": {"token": "0123456789abcde"}})[0]
    assert config.control.http is not None
    assert "0123456789abcdef" not in repr(config.control.http)
    assert config.control.http.token == "0123456789abcdef"


@pytest.mark.parametrize(
    ("keys", "url"),
    [
        ({}, "https://meet.example.org"),
        (
            {"websocket": "wss://web.example.org:8443/xmpp-websocket"},
            "https://web.example.org:8443",
        ),
        ({"public_url": "https://public.example.org/jitsi/"}, "https://public.example.org/jitsi"),
    ],
)
def test_browsers_go_where_it_says_or_where_the_websocket_is(
    keys: dict[str, str], url: str
) -> None:
    assert parse(with_jitsi(**keys)).installations()[0].web_url == url


# --- several installations -----------------------------------------------------------------------

TWO = {
    **LEAST,
    "installation": [{"name": "west", "domain": "west.example.org", "rooms": "[n-z].*"}],
}


def test_there_may_be_several_installations() -> None:
    config = parse({**TWO, "trunk": [{**TRUNK, "installation": "west"}]})
    first, west = config.installations()
    assert (first.name, west.name) == ("jitsi", "west")
    assert west.server.domain == "west.example.org"
    assert west.rooms is not None
    assert west.rooms.fullmatch("zulu")
    assert config.trunks[0].installation == "west"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"installation": [{"name": "jitsi", "domain": "a.test"}]},
            "installation.0.name: 'jitsi' is the name of an earlier installation as well",
        ),
        (
            {"trunk": [{**TRUNK, "installation": "east"}]},
            "trunk.0.installation: there is no 'east'; there are jitsi, west",
        ),
        (
            {"trunk": [{**TRUNK, "rule": [{"called": "1", "room": "a", "installation": "east"}]}]},
            "trunk.0.rule.0.installation: there is no 'east'; there are jitsi, west",
        ),
        (
            {
                "brewery": [
                    {"user": "a@b.test", "password": "x", "room": "c@d.test", "installation": "e"}
                ]
            },
            "brewery.0.installation: there is no 'e'; there are jitsi, west",
        ),
    ],
)
def test_a_name_of_no_installation_is_a_problem(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse({**TWO, **change})
    assert problem in refused.value.problems


def test_the_guide_for_those_who_come_from_jigasi_has_the_headers() -> None:
    (trunk,) = parse(LEAST).trunks
    listed = {row[1].removeprefix("trunk."): row[0] for row in table("Headers")}
    assert listed == {
        name: getattr(trunk, name)[0] for name in trunk.__slots__ if name.endswith("_headers")
    }


# --- trunks that register, or prove who they are; phones ----------------------------------------

USER: dict[str, Any] = {"name": "alice", "password": "long enough"}


def test_a_trunk_that_registers_needs_no_addresses() -> None:
    trunk = {"name": "provider", "register": REGISTER}
    config = parse({**LEAST, "trunk": [trunk]})
    (liaison,) = config.liaisons
    assert (liaison.name, liaison.probe) == ("provider", None)
    assert liaison.registrar == Destination(None, "provider.test", None)
    registration = liaison.registration
    assert registration is not None
    assert (registration.user, registration.contact_user) == ("4312345", "4312345")
    assert registration.credentials == Credentials("4312345", "p")
    assert config.trunks[0].networks == ()


def test_who_we_are_to_a_trunk_is_who_calls_through_it_or_who_registers() -> None:
    out = {"host": "sbc.test", "prefixes": ["+"]}
    caller = {**out, "user": "out", "password": "o", "realm": "r"}
    for sections, known in (
        ({"register": REGISTER, "dial_out": caller}, Credentials("out", "o", "r")),
        ({"register": REGISTER, "dial_out": out}, Credentials("4312345", "p")),
        ({"register": REGISTER}, Credentials("4312345", "p")),
        ({"dial_out": out}, None),
    ):
        (trunk,) = parse(with_trunk(**sections)).trunks
        assert trunk.credentials == known


def test_where_and_as_whom_a_trunk_registers_can_be_said_otherwise() -> None:
    register = {
        **REGISTER,
        "registrar": "sip:[2001:db8::1]:5080;transport=tcp",
        "auth_user": "auth",
        "realm": "r",
        "contact": "gw",
        "expires": 600,
        "refresh": 300,
    }
    (liaison,) = parse(with_trunk(register=register)).liaisons
    assert liaison.registrar == Destination("tcp", "2001:db8::1", 5080)
    assert liaison.registration == RegistrationConfig(
        "sip:[2001:db8::1]:5080;transport=tcp",
        "4312345",
        "gw",
        Credentials("auth", "p", "r"),
        600,
        300,
    )
    by_proxy = {**register, "host": "proxy.test", "port": 5099, "transport": "udp"}
    (liaison,) = parse(with_trunk(register=by_proxy)).liaisons
    assert liaison.registrar == Destination("udp", "proxy.test", 5099)


def test_a_trunk_is_asked_at_the_hop_its_calls_go_to() -> None:
    out = {"host": "sbc.test", "port": 5070, "prefixes": ["+"]}
    both = with_trunk(probe=30, probe_answers=2, probe_failures=4, dial_out=out, register=REGISTER)
    (liaison,) = parse(both).liaisons
    assert liaison.probe == ProbeConfig("sip:sbc.test", 30, 2, 4)
    assert liaison.probed == Destination(None, "sbc.test", 5070)
    (liaison,) = parse(with_trunk(probe=30, register=REGISTER)).liaisons
    assert liaison.probe is not None and liaison.probe.target == "sip:provider.test"
    assert liaison.probed == liaison.registrar
    assert parse(with_trunk(dial_out=out)).liaisons == ()


def test_a_trunk_with_digest_is_asked_who_it_is() -> None:
    values = with_trunk(digest={"user": "guard", "password": "secret"}, max_calls=3)
    config = parse(values)
    assert (config.trunks[0].digest_user, config.trunks[0].max_calls) == ("guard", 3)
    (account,) = config.accounts
    assert account.digest == DigestAccount("guard", "secret")
    assert (account.trunk, account.is_user) == (config.trunks[0], False)
    assert account.may_be_at("192.0.2.1") and not account.may_be_at("192.0.2.2")


def test_a_user_dials_rooms_by_name_or_by_its_rules_or_as_a_trunk_does() -> None:
    rule = {"called": "7(.)", "room": r"room\1"}
    users = [
        USER,
        {**USER, "name": "bob", "rule": [rule], "legacy_digest": True},
        {**USER, "name": "cec", "trunk": "pbx"},
    ]
    values = {**LEAST, "user": users, "registrar": {"from": ["10.0.0.0/8"], "max_contacts": 2}}
    config = parse(values)
    alice, bob, cec = config.accounts
    assert (alice.trunk.name, bob.trunk.name, cec.trunk) == ("alice", "bob", config.trunks[0])
    (by_name,), (by_rule,) = alice.trunk.rules, bob.trunk.rules
    assert by_name.called.fullmatch("welcome") and by_rule.called.pattern == "7(.)"
    assert [each.digest.is_legacy for each in config.accounts] == [False, True, False]
    assert all(each.is_user for each in config.accounts)
    assert alice.may_be_at("10.1.1.1") and not alice.may_be_at("192.0.2.1")
    assert config.registrar.config.max_contacts == 2
    assert parse({**LEAST, "user": [USER]}).accounts[0].may_be_at("192.0.2.1")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({**LEAST, "trunk": [{"name": "t"}]}, "trunk.0.from: is missing; write where calls come"),
        (
            with_trunk(direction="in", dial_out={"host": "a", "prefixes": ["+"]}),
            'trunk.0.direction: "in" goes without',
        ),
        (with_trunk(direction="out"), 'trunk.0.direction: "out" goes with [trunk.dial_out]'),
        (
            with_trunk(listeners=["udp:192.0.2.1:5060"]),
            "trunk.0.listeners: udp:192.0.2.1:5060 is none of sip.listen",
        ),
        (
            with_trunk(dial_out={"host": "a", "prefixes": ["+"], "headers": {"Via": "x"}}),
            "trunk.0.dial_out.headers.Via",
        ),
        (
            with_trunk(dial_out={"host": "a", "prefixes": ["+"], "headers": {"X-A": "x\r\ny"}}),
            "trunk.0.dial_out.headers.X-A",
        ),
        (
            with_trunk(
                dial_out={"host": "a", "prefixes": ["+"], "confirm": True, "early_media": True}
            ),
            "trunk.0.dial_out.confirm: goes without early_media",
        ),
        (with_trunk(probe=30), "trunk.0.probe: there is nobody to ask"),
        (
            with_trunk(register={**REGISTER, "registrar": "provider"}),
            "trunk.0.register.registrar: 'provider' is no registrar",
        ),
        (
            with_trunk(register={**REGISTER, "registrar": "sip:me@provider"}),
            "trunk.0.register.registrar: 'sip:me@provider' is no registrar",
        ),
        (with_trunk(register={**REGISTER, "user": "a b"}), "trunk.0.register.user: 'a b' is no"),
        (
            with_trunk(register={**REGISTER, "auth_user": ""}),
            "trunk.0.register.auth_user: '' is no",
        ),
        (
            with_trunk(dial_out={"host": "a", "prefixes": ["+"], "user": "", "password": "x"}),
            "trunk.0.dial_out.user: '' is no",
        ),
        (with_trunk(register={**REGISTER, "pasword": "x"}), "trunk.0.register.pasword: no such"),
        (with_trunk(digest={"user": "x"}), "trunk.0.digest.password: is missing"),
        ({**LEAST, "user": [{**USER, "password": "short"}]}, "user.0.password: has to have 8"),
        (
            {**LEAST, "user": [{**USER, "trunk": "x", "default_room": "y"}]},
            "user.0.trunk: has rules of its own",
        ),
        ({**LEAST, "user": [{**USER, "trunk": "x"}]}, "user.0.trunk: there is no 'x'; there are"),
        ({**LEAST, "user": [{**USER, "name": "pbx"}]}, "user.0.name: 'pbx' is the name of a trunk"),
        ({**LEAST, "user": [USER, USER]}, "user.1.name: 'alice' is an earlier user"),
        ({**LEAST, "user": [{**USER, "installation": "x"}]}, "user.0.installation: there is no"),
        ({**LEAST, "user": [{**USER, "default_room": "a@b"}]}, "user.0.default_room: "),
        (
            {**LEAST, "registrar": {"min_expires": 600, "max_expires": 60}},
            "registrar.min_expires: is above max_expires",
        ),
        ({**LEAST, "sip": {"realm": 'a"b'}}, "sip.realm: 'a\"b' is no realm"),
        ({**LEAST, "sip": {"digest_algorithms": ["MD4"]}}, "sip.digest_algorithms.0: 'MD4' is no"),
    ],
)
def test_what_is_wrong_with_registering_and_phones_is_told(
    values: dict[str, Any], told: str
) -> None:
    (problem,) = problems(values)
    assert problem.startswith(told)


def test_a_trunk_has_a_direction_listeners_and_headers_of_its_own() -> None:
    out = {"host": "a.test", "prefixes": ["+"], "headers": {"X-Account": "4711"}}
    only_out = {"name": "out", "direction": "out", "dial_out": out}
    listening = {**TRUNK, "listeners": ["tcp:0.0.0.0:5060"]}
    first, second = parse({**LEAST, "trunk": [only_out, listening]}).trunks
    assert (first.takes_calls, first.networks, second.takes_calls) == (False, (), True)
    assert first.dial_out is not None
    assert first.dial_out.headers == (("X-Account", "4711"),)
    assert second.listeners == (("tcp", "0.0.0.0", 5060),)


def test_stronger_algorithms_are_offered_where_that_is_wanted() -> None:
    assert parse(LEAST).sip.digest_algorithms == ("MD5",)
    wanted = parse({**LEAST, "sip": {"digest_algorithms": ["sha-256", "MD5"]}})
    assert wanted.sip.digest_algorithms == ("SHA-256", "MD5")


def test_two_trunks_have_two_digest_users() -> None:
    digest = {"user": "alice", "password": "x"}
    first, second = ({"name": name, "digest": digest} for name in "ab")
    found = problems({**LEAST, "trunk": [first, second], "user": [USER]})
    assert [line.partition(":")[0] for line in found] == ["trunk.1.digest.user", "user.0.name"]
