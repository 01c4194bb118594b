"""What is configured comes out in the packages' own terms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from gateway.calls.caller_identity import ShowCaller
from gateway.calls.keypad import KeypadCommand
from gateway.config.configuration import Config, load, parse
from gateway.media.messages import PhoneSound
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip.network import Listen
from gateway.sip.session_timer import Wanted
from gateway.sip.tls import TlsConfig
from tests.config.written import (
    LEAST,
    SAMPLE,
    TRUNK,
    USER,
    problems,
    with_jitsi,
    with_media,
    with_sip,
    with_trunk,
)
from tests.control.snapshots import table


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


def other_than_default(section: BaseModel, path: str = "") -> Iterator[str]:
    """The optional keys that are stated otherwise than what holds without them."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        is_stated = name in section.model_fields_set and not field.is_required()
        first = value[0] if isinstance(value, tuple) and value else value
        if isinstance(first, BaseModel):
            yield from other_than_default(first, f"{path}{name}.")
        elif is_stated and value != field.get_default(call_default_factory=True):
            yield f"{path}{name}"


def test_the_sample_states_the_defaults() -> None:
    """But of what has none that could be written: addresses, numbers and names of one's own."""
    examples = {
        *("jitsi.host", "jitsi.muc_domains", "jitsi.focus", "jitsi.hidden_domains"),
        *("trunk.networks", "trunk.words"),
        *(f"trunk.dial_out.{key}" for key in ("deny", "strip", "prepend", "caller", "name")),
        *("dial_in.listen", "dial_in.number.default", "dial_in.origins", "dial_in.lookups_from"),
    }
    assert set(other_than_default(load(SAMPLE, {}))) == examples


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


@pytest.mark.parametrize(
    "host", ["", "xmpp", "prosody_1", "prosody.svc.cluster.local.", "::1", "[::1]"]
)
def test_a_host_of_jitsi_may_be_whatever_can_be_looked_up(host: str) -> None:
    assert parse(with_jitsi(host=host)).jitsi.host == host


def test_a_file_of_windows_notepad_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    text = '[jitsi]\ndomain = "meet.example.org"\n[[trunk]]\nname = "pbx"\nfrom = ["192.0.2.1"]\n'
    file.write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert load(file, {}).trunks[0].name == "pbx"


@pytest.mark.parametrize("calls", [200, 2000, 5000])
def test_sip_takes_as_many_calls_as_there_may_be(calls: int) -> None:
    stack = parse(with_sip(max_calls=calls)).user_agent.stack
    assert stack.max_sessions > calls


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


def test_the_guide_for_those_who_come_from_jigasi_has_the_headers() -> None:
    (trunk,) = parse(LEAST).trunks
    listed = {row[1].removeprefix("trunk."): row[0] for row in table("Headers")}
    assert listed == {
        name: getattr(trunk, name)[0] for name in trunk.__slots__ if name.endswith("_headers")
    }
