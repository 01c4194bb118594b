"""The gateway's own JWTs, as Prosody's `token` authentication wants them; the only user of PyJWT.

A token is for one room and for one login, so it need not live long. No IO and no clock: time comes
in as `now`, seconds since 1970.
"""

import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt

from gateway.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Signs as `app_id` (iss) with a shared `secret` (HS256) or a `private_key` in PEM (RS256).

    `kid` names the public key to a server that looks it up. `subject` is the domain, or the
    tenant. `features` go to `context.features`. A token is good for `lifetime` seconds, and from
    `tolerance` seconds ago: clocks differ. ConfigError if the private key cannot be used.
    """

    app_id: str
    secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    kid: str | None = None
    audience: str = "jitsi"
    subject: str = "*"
    features: Mapping[str, bool] = field(default_factory=dict)
    lifetime: float = 300.0
    tolerance: float = 60.0

    def __post_init__(self) -> None:
        assert (self.secret is None) != (self.private_key is None)
        try:
            self.mint("room", name="", user="", now=0.0)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            text = f"jitsi.jwt.key_file: is no RSA private key in PEM: {error}"
            raise ConfigError([text]) from None

    def mint(self, room: str, *, name: str, user: str, now: float, moderator: bool = False) -> str:
        """A token for a room (a name, without its domain) and a participant called `name`.

        What makes a `moderator` of it depends on the installation's modules: they read
        `context.user.affiliation` or `context.user.moderator`.
        """
        rights = {"moderator": True, "affiliation": "owner"} if moderator else {}
        claims = {
            "iss": self.app_id,
            "aud": self.audience,
            "sub": self.subject,
            "room": room,
            "nbf": int(now - self.tolerance),
            "exp": int(now + self.lifetime),
            "context": {
                "user": {"id": user, "name": name, **rights},
                **({"features": dict(self.features)} if self.features else {}),
            },
        }
        headers = {"kid": self.kid} if self.kid is not None else None
        with warnings.catch_warnings():
            # How long the secret is has been decided by whoever set up the installation.
            warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
            if self.secret is not None:
                return jwt.encode(claims, self.secret, algorithm="HS256", headers=headers)
            assert self.private_key is not None
            return jwt.encode(claims, self.private_key, algorithm="RS256", headers=headers)


def user_id(machine_uid: str, name: str) -> str:
    """The same for one caller of one gateway each time, and telling nobody who it is."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_OID, machine_uid), name))
