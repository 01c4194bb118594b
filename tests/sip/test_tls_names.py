import pytest

from gateway.sip.tls_names import names_of, prove


def test_the_alternative_names_of_a_verified_certificate_are_read() -> None:
    told = {
        "subject": ((("commonName", "old.example.org"),),),
        "subjectAltName": (
            ("DNS", "SIP.example.org"),
            ("URI", "sip:example.org"),
            ("IP Address", "0:0:0:0:0:0:0:1\n"),
            ("email", "a@example.org"),
        ),
    }
    assert names_of(told) == ("sip.example.org", "sip:example.org", "0:0:0:0:0:0:0:1")


@pytest.mark.parametrize("told", [None, {}])
def test_who_shows_no_certificate_has_no_names(told: dict[str, object] | None) -> None:
    assert names_of(told) == ()


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("sip.example.org", "SIP.example.org."),
        ("sip:example.org", "example.org"),
        ("sip:example.org;transport=tls", "example.org"),
        ("*.example.org", "sip.example.org"),
        ("192.0.2.1", "192.0.2.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_a_name_proves_its_host(name: str, host: str) -> None:
    assert prove(["other.example.net", name], host)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("example.org", "sip.example.org"),
        ("sip.example.org", "example.org"),
        ("*.example.org", "example.org"),
        ("*.example.org", "a.b.example.org"),
        ("*.org", "example.org"),
        ("*.", "example."),
        ("sip:alice@example.org", "example.org"),  # a user is no domain (RFC 5922 7.1)
        ("https://example.org", "example.org"),
        ("xmpp:example.org", "example.org"),
        ("192.0.2.10", "192.0.2.1"),
        ("192.0.2.1", "example.org"),
        ("example.org", "192.0.2.1"),
        ("", ""),
    ],
)
def test_a_name_proves_nothing_else(name: str, host: str) -> None:
    assert not prove([name], host)
