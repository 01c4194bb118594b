"""Who may log in to the lab, and how: SASL (RFC 6120 section 6) for one stream.

Anonymous users on the main domain, or on that of guests, get a random UUID for a name; accounts of
the auth domain prove their password with SCRAM-SHA-1, or PLAIN inside TLS.
"""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.lab.scram import ScramRefused, ScramServer
from gateway.lab.token_rules import ANY, TokenRefused, TokenRules

_ACCOUNTS_HIBERNATE = 15.0  # seconds, in Jitsi's configuration of the auth domain


class LoginRefused(Exception):
    """`condition` is one of RFC 6120 section 6.5."""

    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(condition)
        self.condition = condition
        self.text = text


@dataclass(frozen=True, slots=True)
class Visit:
    """What a connection has brought along before its stream began.

    `previd`, `token` and `room` are the URL's, which only a WebSocket has.
    """

    address: str = ""
    previd: str | None = None
    token: str | None = field(default=None, repr=False)
    room: str | None = None


@dataclass(frozen=True, slots=True)
class LoginRules:
    """`domain` is for anonymous users, `auth_domain` for `accounts` (user name: password).

    On a secure domain anonymous users are of `guest_domain` instead, and `domain` has accounts too.

    With `tls` STARTTLS comes first. With `tokens` anonymous users have to bring one. `ack_timeout`
    is the patience of XEP-0198 in seconds, `hibernation` is how long it keeps a guest's stream.
    """

    domain: str
    auth_domain: str
    accounts: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: bool = True
    ack_timeout: float = 30.0
    hibernation: float = 60.0
    tokens: TokenRules | None = None
    guest_domain: str | None = None

    @property
    def domains(self) -> tuple[str, ...]:
        """Those that one can log in at."""
        guests = () if self.guest_domain is None else (self.guest_domain,)
        return (self.domain, self.auth_domain, *guests)

    def hibernation_at(self, domain: str) -> float:
        """For how many seconds a stream of a domain is kept: Jitsi's own accounts' for fewer."""
        of_accounts = min(self.hibernation, _ACCOUNTS_HIBERNATE)
        return of_accounts if domain == self.auth_domain else self.hibernation

    def mechanisms(self, domain: str, *, encrypted: bool) -> tuple[str, ...]:
        """What is offered to users of a domain."""
        if domain == (self.guest_domain or self.domain):
            return ("ANONYMOUS",)
        return ("SCRAM-SHA-1", "PLAIN") if encrypted else ("SCRAM-SHA-1",)


class Login:
    """One attempt. `username` is known when `done`, and `room`, the only one it may join, or `*`.
    Its token may say that it `moderates` there.

    `known_as` is who an anonymous user was before, if it comes back to resume its stream.
    """

    def __init__(
        self, rules: LoginRules, mechanism: str, visit: Visit, known_as: str | None
    ) -> None:
        self.username = ""
        self.room = ANY
        self.moderates = False
        self.done = False
        self._rules = rules
        self._visit = visit
        self._known_as = known_as
        self._mechanism = mechanism
        self._scram: ScramServer | None = None

    def receive(self, text: str) -> str | None:
        """Take the client's (initial) response in base64; a challenge or, when done, the rest."""
        try:
            message = base64.b64decode("" if text == "=" else text, validate=True).decode()
        except ValueError:  # no ASCII, no base64, no UTF-8
            raise LoginRefused("incorrect-encoding") from None
        match self._mechanism:
            case "ANONYMOUS":
                self._anonymous()
            case "PLAIN":
                self._plain(message)
            case _:
                return self._scram_step(message)
        return None

    def _anonymous(self) -> None:
        if self._rules.tokens is not None:
            try:
                self.room = self._rules.tokens.room_of(self._visit.token)
                self.moderates = self._rules.tokens.makes_moderator(self._visit.token)
            except TokenRefused as refused:
                raise LoginRefused(refused.condition, refused.text) from None
        self._finish(self._known_as or str(uuid.uuid4()))

    def _plain(self, message: str) -> None:
        _, username, password = [*message.split("\0"), "", ""][:3]
        if not username or self._rules.accounts.get(username) != password:
            raise LoginRefused("not-authorized")
        self._finish(username)

    def _scram_step(self, message: str) -> str:
        try:
            if self._scram is None:
                self._scram = ScramServer(dict(self._rules.accounts))
                return _encode(self._scram.first(message))
            signature = self._scram.final(message)
        except ScramRefused as refused:
            raise LoginRefused(str(refused)) from None
        self._finish(self._scram.username)
        return _encode(signature)

    def _finish(self, username: str) -> None:
        self.username = username
        self.done = True


def _encode(message: str) -> str:
    return base64.b64encode(message.encode()).decode()
