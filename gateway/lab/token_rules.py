"""JSON Web Tokens as Jitsi's Prosody wants them (mod_auth_token, mod_token_verification): rule 1.

An anonymous user brings one in the URL of its WebSocket, or as `Authorization: Bearer`; over plain
TCP there is no way to bring one.
"""

from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.types import Options

_CHECKED: Options = {"verify_aud": False, "verify_iss": False, "verify_iat": False}
ANY = "*"


class TokenRefused(Exception):
    """`condition` is one of RFC 6120 section 6.5, `text` goes to the client."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(f"{condition}: {text}")
        self.condition = condition
        self.text = text


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Which tokens are good: signed with `key`, a secret or (RS256) a public key in PEM.

    `iss` and `aud` have to be among those named, `*` being any. With `subject` the claim `sub` (a
    tenant or domain) must be it, or `*`. With `optional` who brings no token is let in as well.
    """

    key: str = field(repr=False)
    algorithm: str = "HS256"
    issuers: tuple[str, ...] = (ANY,)
    audiences: tuple[str, ...] = (ANY,)
    subject: str | None = None
    optional: bool = False

    def room_of(self, token: str | None) -> str:
        """The room that a token is for, in lower case, or `*`. TokenRefused if it is no good."""
        if token is None:
            if self.optional:
                return ANY
            raise TokenRefused("not-allowed", "token required")
        try:
            claims = jwt.decode(token, self.key, algorithms=[self.algorithm], options=_CHECKED)
        except jwt.ExpiredSignatureError:
            raise TokenRefused("not-allowed", "Not acceptable by exp") from None
        except jwt.ImmatureSignatureError:
            raise TokenRefused("not-allowed", "Not acceptable by nbf") from None
        except jwt.InvalidSignatureError:
            raise TokenRefused("not-allowed", "Invalid signature") from None
        except jwt.PyJWTError as error:
            raise TokenRefused("not-allowed", f"Invalid token: {error}") from None
        self._check(claims, "iss", self.issuers)
        self._check(claims, "aud", self.audiences)
        subject = claims.get("sub")
        if subject is None:
            raise TokenRefused("not-authorized", "sub claim is missing")
        if self.subject is not None and subject not in (self.subject, ANY):
            raise TokenRefused("not-allowed", "invalid 'sub' claim")
        room = claims.get("room")
        if not isinstance(room, str):
            raise TokenRefused("not-authorized", "room claim is missing")
        return room.lower()

    def makes_moderator(self, token: str | None) -> bool:
        """Whether a token that has been looked at makes its user an owner of its room.

        As mod_token_affiliation and mod_token_moderation have it, which are no part of Jitsi's.
        """
        if token is None:
            return False
        claims = jwt.decode(token, options={"verify_signature": False})
        context = claims.get("context")
        user = context.get("user") if isinstance(context, dict) else None
        if not isinstance(user, dict):
            return False
        return user.get("moderator") is True or user.get("affiliation") == "owner"

    def _check(self, claims: dict[str, Any], name: str, accepted: tuple[str, ...]) -> None:
        claim = claims.get(name)
        if claim is None:
            raise TokenRefused("not-allowed", f"'{name}' claim is missing")
        if ANY not in accepted and claim not in accepted:
            raise TokenRefused("not-allowed", f"invalid '{name}' claim")
