"""Lists of services as the modules of Prosody write them, and as they must not be."""

from xml.etree.ElementTree import fromstring

import pytest

from gateway.xmpp.external_services import ExternalService, read_services, services_request

NOW = 1_800_000_000.0


def read(services: str, namespace: str = "urn:xmpp:extdisco:2") -> tuple[ExternalService, ...]:
    answer = f"<iq xmlns='jabber:client'><services xmlns='{namespace}'>{services}</services></iq>"
    return read_services(fromstring(answer), NOW)


def test_a_relay_is_read_with_its_credentials() -> None:
    (turn,) = read(
        "<service type='turn' host='turn.meet.test' port='3479' transport='udp' restricted='1' "
        "username='1800086400' password='cGFzcw==' expires='2027-01-16T08:00:00Z'/>"
    )
    assert turn == ExternalService(
        "turn", "turn.meet.test", 3479, "udp", "1800086400", "cGFzcw==", 1_800_086_400.0
    )
    assert "cGFzcw" not in repr(turn)


@pytest.mark.parametrize("namespace", ["urn:xmpp:extdisco:1", "urn:xmpp:extdisco:2"])
def test_what_is_not_said_has_its_usual_value(namespace: str) -> None:
    turn, turns = read("<service type='turn' host='a'/><service type='turns' host='a'/>", namespace)
    assert (turn.port, turn.transport, turn.expires) == (3478, "udp", None)
    assert (turns.port, turns.transport) == (5349, "tcp")
    assert services_request(namespace).tag == f"{{{namespace}}}services"


def test_the_older_module_says_how_long_credentials_live() -> None:
    (turn,) = read("<service type='turn' host='a' port='1' ttl='3600'/>", "urn:xmpp:extdisco:1")
    assert turn.expires == NOW + 3600


@pytest.mark.parametrize(
    "wrong",
    [
        "<service host='a' port='1'/>",
        "<service type='turn' port='1'/>",
        "<service type='turn' host='a' port='0'/>",
        "<service type='turn' host='a' port='x'/>",
        "<service type='ftp' host='a'/>",
        "<service type='turn' host='a' expires='tomorrow'/>",
        "<service type='turn' host='a' ttl='-1'/>",
        "<other type='turn' host='a'/>",
    ],
)
def test_one_that_makes_no_sense_does_not_spoil_the_others(wrong: str) -> None:
    assert [each.host for each in read(f"{wrong}<service type='stun' host='b'/>")] == ["b"]
