"""Tokens as Prosody will read them."""

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.conference.token import TokenIssuer, user_id
from gateway.config.configuration import parse
from gateway.errors import ConfigError

NOW = 1_800_000_000.9
SECRET = "a secret that is not too short for a hash"


def pem(key: Any) -> str:
    private = serialization.PrivateFormat.PKCS8
    encoded = key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    return str(encoded, "ascii")


def read(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    options = {"verify_exp": False, "verify_nbf": False}
    return jwt.decode(token, key, [algorithm], audience="jitsi", issuer="gate", options=options)


def test_a_shared_secret_signs_what_the_room_is_to_know() -> None:
    issuer = TokenIssuer("gate", SECRET, subject="meet.test", features={"recording": False})
    claims = read(issuer.mint("room%20one", name="Ann", user="7", now=NOW), SECRET, "HS256")
    assert claims == {
        "iss": "gate",
        "aud": "jitsi",
        "sub": "meet.test",
        "room": "room%20one",
        "nbf": 1_800_000_000 - 60,
        "exp": 1_800_000_000 + 300,
        "context": {"user": {"id": "7", "name": "Ann"}, "features": {"recording": False}},
    }


def test_a_moderator_s_token_says_so_in_the_ways_that_modules_read() -> None:
    issuer = TokenIssuer("gateway", secret=SECRET)
    for moderator, rights in ((True, {"moderator": True, "affiliation": "owner"}), (False, {})):
        token = issuer.mint("room", name="n", user="u", now=NOW, moderator=moderator)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["context"]["user"] == {"id": "u", "name": "n", **rights}


def test_a_private_key_signs_and_is_named() -> None:
    key = rsa.generate_private_key(65537, 2048)
    issuer = TokenIssuer("gate", private_key=pem(key), kid="gate/1")
    token = issuer.mint("room", name="Ann", user="7", now=NOW)
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": "gate/1"}
    assert read(token, key.public_key(), "RS256")["room"] == "room"


def test_a_key_that_cannot_sign_is_told_of_before_the_first_call() -> None:
    for wrong in ("secret words", pem(ec.generate_private_key(ec.SECP256R1()))):
        with pytest.raises(ConfigError, match=r"jitsi\.jwt\.key_file") as told:
            TokenIssuer("gate", private_key=wrong)
        assert "secret words" not in str(told.value)


def test_nothing_secret_is_shown_and_a_short_secret_is_the_operators_choice() -> None:
    issuer = TokenIssuer("gate", "short")
    assert "short" not in repr(issuer)
    assert issuer.mint("room", name="Ann", user="7", now=NOW)


def test_a_caller_is_the_same_user_each_time_and_another_at_another_gateway() -> None:
    assert user_id("gate", "+4312345") == user_id("gate", "+4312345")
    others = {user_id("gate", "+4312346"), user_id("other", "+4312345")}
    assert len({user_id("gate", "+4312345"), *others}) == 3
    assert "4312345" not in user_id("gate", "+4312345")


def configured(**jwt_keys: Any) -> Any:
    return parse(
        {
            "jitsi": {
                "domain": "meet.test",
                "websocket": "wss://meet.test/xmpp-websocket",
                "jwt": {"app_id": "gate", **jwt_keys},
            },
            "trunk": [{"name": "pbx", "from": ["192.0.2.1"]}],
        }
    )


def test_the_configuration_makes_the_issuer(tmp_path: Path) -> None:
    config = configured(secret=SECRET, features={"sip-inbound-call": True})
    issuer = config.installations()[0].tokens
    assert (issuer.app_id, issuer.subject, issuer.secret) == ("gate", "meet.test", SECRET)
    assert issuer.features == {"sip-inbound-call": True}
    assert SECRET not in repr(config) and SECRET not in repr(config.installations()[0])
    file = tmp_path / "key.pem"
    file.write_text(pem(rsa.generate_private_key(65537, 2048)))
    assert configured(key_file=str(file), kid="1").installations()[0].tokens.kid == "1"
    file.write_text("no key")
    with pytest.raises(ConfigError, match=r"jitsi\.jwt\.key_file"):
        configured(key_file=str(file)).installations()[0]
