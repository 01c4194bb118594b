"""Digest access authentication, the other side: who calls us (RFC 3261 22, RFC 8760, RFC 7616).

No IO and no clock. Whoever guesses learns nothing: a user that is not known is answered as one with
another password, after the same work.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from gateway.sip.admission import Refusal
from gateway.sip.digest import ALGORITHMS, Challenge, Credentials, Space, digest, split_schemes
from gateway.sip.message import Request
from gateway.sip.nonces import Nonces

_COUNT = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_MAX_FIELDS = 8  # of one request; proxies have none of their own in Authorization


@dataclass(frozen=True, slots=True)
class DigestAccount:
    """Somebody who can say who it is.

    `is_legacy` allows what phones before RFC 2617 do: an answer without qop, that is, without a
    count. The password is in no repr.
    """

    name: str
    password: str = field(repr=False)
    is_legacy: bool = False


@dataclass(slots=True)
class DigestCounters:
    """Numbers since the start: what became of requests that had to say who sends them."""

    asked: int = 0  # they did not say
    accepted: int = 0
    refused: int = 0  # nobody we know, or not the password
    stale: int = 0  # the password was right, the nonce too old, or used before


class DigestServer:
    """Challenges requests, and judges their answers.

    `realm` is shown to users; it has no quotes in it. `algorithms` are offered in this order, the
    preferred first (RFC 8760 2.3).
    """

    def __init__(
        self,
        realm: str,
        *,
        algorithms: tuple[str, ...] = tuple(ALGORITHMS),
        nonces: Nonces | None = None,
    ) -> None:
        self.counters = DigestCounters()
        self._realm = realm
        self._algorithms = algorithms
        self._nonces = Nonces() if nonces is None else nonces
        self._nobody = DigestAccount("nobody", secrets.token_hex(16))

    def authenticate(
        self, request: Request, find: Callable[[str], DigestAccount | None], now: float
    ) -> DigestAccount | Refusal:
        """Who has sent a request, of those that `find` knows by name; else the 401 to answer."""
        given = self._read(request)
        if given is None:
            self.counters.asked += 1
            return self._challenge(now)
        known = find(given.user)
        account = known or self._nobody
        expected = digest(
            Challenge(
                Space("Authorization", self._realm),
                given.nonce,
                opaque=None,
                algorithm=given.algorithm,
                qop="auth" if given.has_qop else "",
                is_stale=False,
            ),
            Credentials(account.name, account.password),
            method=request.method,
            uri=given.uri,  # proxies rewrite the Request-URI, and some phones leave its user out
            cnonce=given.cnonce,
            nonce_count=given.nonce_count,
        )
        is_right = compare_digest(expected.encode(), _octets(given.response.lower()))
        if known is None or not is_right or not (given.has_qop or known.is_legacy):
            self.counters.refused += 1
            return self._challenge(now)
        if not self._nonces.use(given.nonce, given.count, now):
            self.counters.stale += 1
            return self._challenge(now, is_stale=True)
        self.counters.accepted += 1
        return known

    def _challenge(self, now: float, *, is_stale: bool = False) -> Refusal:
        nonce = self._nonces.make(now)
        stale = ", stale=true" if is_stale else ""
        fields = [
            f'Digest realm="{self._realm}", nonce="{nonce}", algorithm={algorithm}, '
            f'qop="auth"{stale}'
            for algorithm in self._algorithms
        ]
        return Refusal(401, headers=tuple(("WWW-Authenticate", value) for value in fields))

    def _read(self, request: Request) -> "_Given | None":
        """The credentials for our realm, if they are there and can be judged at all."""
        fields = request.headers.getlist("Authorization")[:_MAX_FIELDS]
        for scheme, parameters in split_schemes(fields):
            if scheme.lower() == "digest" and parameters.get("realm") == self._realm:
                given = _Given.of(parameters)
                return given if given and given.algorithm in self._algorithms else None
        return None


@dataclass(frozen=True, slots=True)
class _Given:
    """The parameters of credentials (RFC 7616 3.4), as they were hashed."""

    user: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    has_qop: bool
    cnonce: str
    nonce_count: str

    @property
    def count(self) -> int | None:
        return int(self.nonce_count, 16) if self.has_qop else None

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "_Given | None":
        """None if something is missing or makes no sense."""
        if not {"username", "nonce", "uri", "response"} <= parameters.keys():
            return None
        qop = parameters.get("qop")
        cnonce, count = parameters.get("cnonce", ""), parameters.get("nc", "")
        if qop is not None and (
            qop.lower() != "auth" or not cnonce or not _COUNT.fullmatch(count) or not int(count, 16)
        ):
            return None
        return cls(
            user=re.sub(r"\\(.)", r"\1", parameters["username"]),
            nonce=parameters["nonce"],
            uri=parameters["uri"],
            response=parameters["response"],
            algorithm=parameters.get("algorithm", "MD5").upper(),
            has_qop=qop is not None,
            cnonce=cnonce,
            nonce_count=count,
        )


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
