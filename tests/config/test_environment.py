"""Keys from the environment, which count more than those of the file."""

import pytest

from gateway.config.configuration import parse
from gateway.sip.network import Listen
from tests.config.written import LEAST, problems, with_jitsi


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
