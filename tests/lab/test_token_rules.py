"""Rule 1: where tokens are wanted, who has none, or a wrong one, is not let in."""

import time

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.lab.lab import Lab, LabConfig
from gateway.lab.lab_config import TokenRules
from gateway.lab.token_rules import TokenRefused
from gateway.lab.xmpp_login import Visit
from gateway.xmpp import namespaces as ns
from gateway.xmpp.client import connect
from gateway.xmpp.conference_request import ConferenceRequest
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.element import child_text, element
from gateway.xmpp.presence import PresenceRefused
from gateway.xmpp.server import Server
from gateway.xmpp.websocket_framing import SUBPROTOCOL
from tests.lab.test_xmpp_server import RECEPTION, join, server_of
from tests.lab.test_xmpp_session import SASL, Peer, condition

SECRET = "a secret of an application, which is long enough"
RULES = TokenRules(SECRET, issuers=("phones",), audiences=("jitsi",))
CLAIMS = {"iss": "phones", "aud": "jitsi", "sub": "lab.test", "room": "demo"}
HOUR = 3600


def token(secret: str = SECRET, algorithm: str = "HS256", /, **changed: object) -> str:
    """A good token but for what is changed; None leaves a claim out."""
    claims = {**CLAIMS, "exp": time.time() + HOUR, **changed}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, secret, algorithm)


@pytest.mark.parametrize(
    ("claims", "room"),
    [({}, "demo"), ({"room": "Demo"}, "demo"), ({"room": "*"}, "*"), ({"exp": None}, "demo")],
)
def test_a_good_token_is_for_a_room(claims: dict[str, object], room: str) -> None:
    assert RULES.room_of(token(**claims)) == room


@pytest.mark.parametrize(
    ("user", "moderates"),
    [
        ({"moderator": True}, True),
        ({"affiliation": "owner"}, True),
        ({"moderator": False, "affiliation": "member"}, False),
        ({"moderator": "true"}, False),
        ("no user", False),
    ],
)
def test_a_token_says_who_is_a_moderator(user: object, moderates: bool) -> None:
    assert RULES.makes_moderator(token(context={"user": user})) is moderates
    assert not RULES.makes_moderator(token())
    assert not RULES.makes_moderator(None)


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (token("another secret that is as long as the right one"), "Invalid signature"),
        (token(SECRET, "HS384"), "Invalid token"),
        (token(exp=time.time() - 1), "Not acceptable by exp"),
        (token(nbf=time.time() + HOUR), "Not acceptable by nbf"),
        (token(iss="somebody"), "invalid 'iss' claim"),
        (token(iss=None), "'iss' claim is missing"),
        (token(aud="elsewhere"), "invalid 'aud' claim"),
        (token(aud=None), "'aud' claim is missing"),
        (token(sub=None), "sub claim is missing"),
        (token(room=None), "room claim is missing"),
        ("no token at all", "Invalid token"),
        (None, "token required"),
    ],
)
def test_a_bad_token_is_refused_with_the_reason(bad: str | None, text: str) -> None:
    with pytest.raises(TokenRefused, match=text):
        RULES.room_of(bad)


def test_the_subject_counts_where_domains_are_verified() -> None:
    rules = TokenRules(SECRET, subject="lab.test")
    assert rules.room_of(token()) == rules.room_of(token(sub="*")) == "demo"
    with pytest.raises(TokenRefused, match="sub"):
        rules.room_of(token(sub="elsewhere.test"))


def test_a_public_key_verifies_what_its_private_key_has_signed() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    rules = TokenRules(public.decode(), "RS256")
    assert rules.room_of(token(private.decode(), "RS256")) == "demo"
    with pytest.raises(TokenRefused):
        rules.room_of(token())


def test_where_tokens_are_optional_who_has_none_is_let_in_and_a_bad_one_is_not() -> None:
    rules = TokenRules(SECRET, optional=True)
    assert rules.room_of(None) == "*"
    with pytest.raises(TokenRefused):
        rules.room_of("bad")


def test_the_login_fails_with_the_reason_as_text() -> None:
    peer = Peer(tokens=RULES, visit=Visit(token=token(iss="somebody")))
    peer.open()
    (failure,) = peer.write(f"<auth {SASL} mechanism='ANONYMOUS'/>")
    assert condition(failure) == "not-allowed"
    assert child_text(failure, ns.SASL, "text") == "invalid 'iss' claim"


# --- on the network ------------------------------------------------------------------------------

CONFIG = LabConfig(starttls=False, tokens=RULES)


def server(lab: Lab, query: str = "") -> Server:
    return Server(lab.domain, None, web_socket=f"{lab.web_socket_url}{query}")


async def test_the_url_of_a_web_socket_brings_the_token() -> None:
    async with Lab(CONFIG) as lab:
        connection = await connect(server(lab, f"?token={token()}"), RECEPTION)
        try:
            await join(lab, connection)
        finally:
            await connection.close()


async def test_the_token_is_looked_at_again_when_a_stream_is_resumed() -> None:
    async with Lab(CONFIG) as lab:
        connection = await connect(server(lab, f"?token={token()}"), RECEPTION)
        try:
            await join(lab, connection)
            lab.drop_connection(connection.nick)
            await connection.request(lab.domain, element(ns.PING, "ping"), type_="get")
        finally:
            await connection.close()


@pytest.mark.parametrize("way", ["tcp", "websocket without", "websocket with a bad one"])
async def test_without_a_good_token_there_is_no_login(way: str) -> None:
    async with Lab(CONFIG) as lab:
        goal = {
            "tcp": server_of(lab),
            "websocket without": server(lab),
            "websocket with a bad one": server(lab, f"?token={token(iss='x')}"),
        }[way]
        with pytest.raises(ConnectionFailed, match="not-allowed: ") as failed:
            await connect(goal, RECEPTION)
        assert failed.value.cause is FailureCause.LOGIN


@pytest.mark.parametrize(
    ("header", "query", "tag"),
    [(token(), "", "success"), ("bad", "", "failure"), (token(), "?token=bad", "failure")],
)
async def test_a_header_brings_it_as_well_and_the_url_counts_more(
    header: str, query: str, tag: str
) -> None:
    headers = {"Authorization": f"Bearer {header}"}
    async with (
        Lab(CONFIG) as lab,
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{lab.web_socket_url}{query}", protocols=(SUBPROTOCOL,), headers=headers
        ) as socket,
    ):
        framing = "xmlns='urn:ietf:params:xml:ns:xmpp-framing'"
        await socket.send_str(f"<open {framing} to='lab.test' version='1.0'/>")
        for _ in range(2):  # <open/> and the features
            await socket.receive_str()
        await socket.send_str(f"<auth {SASL} mechanism='ANONYMOUS'/>")
        assert (await socket.receive_str()).startswith(f"<{tag} ")


async def refusal(lab: Lab, connection: Connection, room: str) -> PresenceRefused:
    jid = lab.room_jid(room)
    await connection.request(lab.focus_jid, ConferenceRequest(jid, "machine").to_element())
    to = {"to": f"{jid}/{connection.nick}"}
    connection.send(element(ns.CLIENT, "presence", to, element(ns.MUC, "x")))
    while True:
        received = await connection.receive()
        if isinstance(received, PresenceRefused):
            return received


async def test_a_token_for_one_room_does_not_open_another() -> None:
    async with Lab(CONFIG) as lab:
        connection = await connect(server(lab, f"?token={token()}"), RECEPTION)
        try:
            error = (await refusal(lab, connection, "other")).error
            assert (error.type, error.condition) == ("cancel", "not-allowed")
            assert error.text == "Room and token mismatched"
            assert lab.occupants("other") == []
        finally:
            await connection.close()
