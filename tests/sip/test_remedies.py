"""What an operator is told to look at when a registration does not succeed."""

import pytest

from gateway.sip.digest import Credentials
from gateway.sip.headers import Headers
from gateway.sip.message import Response
from gateway.sip.remedies import remedy

ASKED = Response(
    401, "Unauthorized", Headers([("WWW-Authenticate", 'Digest realm="tel.example", nonce="n"')])
)
WITH = Credentials("auth", "secret")


@pytest.mark.parametrize(
    ("status", "culprit"),
    [
        (401, "password"),
        (407, "password"),
        (403, "ask the provider"),
        (404, "no such user"),
        (405, "nobody can register there"),
        (423, "expires"),
        (503, "again and again"),
        (599, "again and again"),
    ],
)
def test_each_refusal_names_its_culprit(status: int, culprit: str) -> None:
    assert culprit in remedy(status, Response(status, "", Headers()), WITH)


@pytest.mark.parametrize("status", [408, 503])
def test_where_nobody_answers_that_is_told(status: int) -> None:
    assert "firewall" in remedy(status, None, WITH)


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        ("<sip:other.example:5070>", "to sip:other.example:5070"),
        ("<<<", "to somewhere else"),
        (None, "to somewhere else"),
    ],
)
def test_another_registrar_is_told_by_its_address(contact: str | None, told: str) -> None:
    headers = Headers([("Contact", contact)] if contact is not None else [])
    text = remedy(302, Response(302, "Moved", headers), WITH)
    assert told in text
    assert "[trunk.register]" in text


def test_without_a_password_that_is_what_is_missing() -> None:
    assert "wants a password" in remedy(401, ASKED, None)


def test_another_realm_is_told_by_its_name() -> None:
    other = Credentials("auth", "secret", realm="sip.example")
    assert "realm 'tel.example'" in remedy(401, ASKED, other)
    right = Credentials("auth", "secret", realm="tel.example")
    assert "password" in remedy(401, ASKED, right)
