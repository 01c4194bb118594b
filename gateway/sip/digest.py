"""Digest access authentication, our side: answering 401 and 407 (RFC 3261 22, RFC 8760, RFC 7616).

No IO and no clock. What a server said of itself (realm, nonce, opaque) is hashed and repeated as
it wrote it, escapes included; RFC 7616 3.3 takes the quotes off and nothing else.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import split_list
from gateway.sip.message import Request, Response

ALGORITHMS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""Hashes by their name in a challenge, the strongest first; each also with `-sess`."""

# Where a challenge stands, and where its answer goes (RFC 3261 22.2, 22.3).
_ANSWERED_IN = {
    "WWW-Authenticate": "Authorization",
    "Proxy-Authenticate": "Proxy-Authorization",
}
CREDENTIAL_FIELDS = tuple(_ANSWERED_IN.values())

_MAX_VALUE = 1024  # characters of a parameter; what is longer would not fit into a datagram again
_MAX_CHALLENGES = 16  # of a response
_MAX_REALMS = 4  # of a call
_MAX_ROUNDS = 5  # of one request; every proxy on the way may want to know us

_PARAMETER = re.compile(r'([A-Za-z0-9\-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;\\]*)')
_SCHEME = re.compile(r"([A-Za-z0-9\-]+)\s+([A-Za-z0-9\-]+\s*=.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are for a server. With a `realm` only challenges of that realm are answered.

    The password is in no repr, so that it gets into no log. ValueError if the user name cannot be
    written into a header.
    """

    user: str
    password: str = field(repr=False)
    realm: str | None = None

    def __post_init__(self) -> None:
        if not self.user or re.search(r"[\x00-\x1f\x7f]", self.user):
            raise ValueError("empty user name, or one with control characters")


class Space(NamedTuple):
    """What credentials are for: the header that carries them, and the realm (RFC 7235 2.2)."""

    header: str
    realm: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge that we can answer.

    `algorithm` is as the server wrote it, None if it did not (then it is MD5); `qop` is the quality
    of protection, "auth" if the server lets us choose, "" if it is one of RFC 2069.
    """

    space: Space
    nonce: str
    opaque: str | None
    algorithm: str | None
    qop: str
    is_stale: bool

    @classmethod
    def parse(cls, header: str, scheme: str, parameters: dict[str, str]) -> Self:
        """Judge the parameters of a challenge; SipSyntaxError if we cannot answer it."""
        if scheme.lower() != "digest" or not {"realm", "nonce"} <= parameters.keys():
            raise SipSyntaxError("no digest challenge")
        if any(len(parameters.get(name, "")) > _MAX_VALUE for name in ("realm", "nonce", "opaque")):
            raise SipSyntaxError("challenge too large")
        algorithm = parameters.get("algorithm")
        qop = [option.strip().lower() for option in parameters.get("qop", "").split(",")]
        is_session = _is_session(algorithm)
        if _hash_name(algorithm) not in ALGORITHMS:
            raise SipSyntaxError("unknown algorithm")
        # Gateways on the way change bodies, so that "auth-int" is the last choice.
        chosen = next((each for each in ("auth", "auth-int", "") if each in qop), None)
        if chosen is None or (not chosen and (qop != [""] or is_session)):
            raise SipSyntaxError("unknown quality of protection")  # a session needs a cnonce
        return cls(
            space=Space(_ANSWERED_IN[header], parameters["realm"]),
            nonce=parameters["nonce"],
            opaque=parameters.get("opaque"),
            algorithm=algorithm,
            qop=chosen,
            is_stale=parameters.get("stale", "").lower() == "true",
        )

    @property
    def weakness(self) -> int:
        """0 for the strongest hash we know."""
        return list(ALGORITHMS).index(_hash_name(self.algorithm))


def read_challenges(response: Response) -> list[Challenge]:
    """The challenges of a response that we can answer, the strongest of each space.

    RFC 8760 2.4 lets a client prefer otherwise than the server's order.
    """
    strongest: dict[Space, Challenge] = {}
    for header in _ANSWERED_IN:
        for scheme, parameters in split_schemes(response.headers.getlist(header)):
            try:
                challenge = Challenge.parse(header, scheme, parameters)
            except SipSyntaxError:
                continue  # RFC 8760 2.4: what is not understood is passed over
            rival = strongest.get(challenge.space)
            if rival is None or challenge.weakness < rival.weakness:
                strongest[challenge.space] = challenge
    return list(strongest.values())[:_MAX_REALMS]


def digest(
    challenge: Challenge,
    credentials: Credentials,
    *,
    method: str,
    uri: str,
    cnonce: str,
    nonce_count: str,
    body: bytes = b"",
) -> str:
    """The `response` to a challenge (RFC 7616 3.4.1); RFC 2069's if there is no qop."""
    name = ALGORITHMS[_hash_name(challenge.algorithm)]

    def hashed(content: str | bytes) -> str:
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        return hashlib.new(name, data, usedforsecurity=False).hexdigest()

    secret = hashed(f"{credentials.user}:{challenge.space.realm}:{credentials.password}")
    if _is_session(challenge.algorithm):
        secret = hashed(f"{secret}:{challenge.nonce}:{cnonce}")
    is_of_body = challenge.qop == "auth-int"
    asked = hashed(f"{method}:{uri}:{hashed(body)}" if is_of_body else f"{method}:{uri}")
    if not challenge.qop:
        return hashed(f"{secret}:{challenge.nonce}:{asked}")
    return hashed(f"{secret}:{challenge.nonce}:{nonce_count}:{cnonce}:{challenge.qop}:{asked}")


class DigestClient:
    """What we know of the servers of one call: their challenges, and how often each was answered.

    Without credentials none is: to answer is of no use then.
    Requests after the first challenged one carry credentials unasked (RFC 3261 22.1).
    """

    def __init__(
        self,
        credentials: Credentials | None,
        new_cnonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._credentials = credentials
        self._new_cnonce = new_cnonce
        self._sessions: dict[Space, _Session] = {}

    def exchange(self) -> "Exchange":
        """The authentication of one more request."""
        return Exchange(self)

    def identify(self, credentials: Credentials) -> None:
        """Answer challenges that come from now on: nothing has been answered before."""
        self._credentials = credentials

    def usable(self, response: Response) -> list[Challenge]:
        """The challenges of a response that our credentials are for, if we have any."""
        if self._credentials is None:
            return []
        realm = self._credentials.realm
        return [
            challenge
            for challenge in read_challenges(response)
            if realm is None or challenge.space.realm == realm
        ]

    def take(self, challenge: Challenge) -> None:
        """Answer this challenge from now on in its space."""
        if len(self._sessions) < _MAX_REALMS or challenge.space in self._sessions:
            self._sessions[challenge.space] = _Session(challenge, self._new_cnonce())

    def authorize(self, request: Request) -> list[tuple[Space, str]]:
        """Put credentials for all known spaces on a request; the spaces and the nonces used."""
        if self._credentials is None:
            return []
        for header in CREDENTIAL_FIELDS:
            request.headers.remove(header)
        for space, session in self._sessions.items():
            request.headers.add(space.header, session.answer(self._credentials, request))
        return [(space, session.challenge.nonce) for space, session in self._sessions.items()]


class Exchange:
    """One request's way past those who want to know us, over as many repetitions as that takes."""

    def __init__(self, client: DigestClient) -> None:
        self._client = client
        self._rounds = 0
        self._answered: dict[Space, int] = {}  # challenges to this request
        self._used: set[tuple[Space, str]] = set()  # nonces this request has had

    def authorize(self, request: Request) -> None:
        """Put what credentials we have on a request, or on its repetition."""
        self._used.update(self._client.authorize(request))

    def answer(self, response: Response) -> bool:
        """Take the challenges of a 401 or 407; False if to repeat the request is of no use.

        That is so if there is none we know how to answer, if our answer was refused (the nonce
        comes again, or another one without `stale`, RFC 7616 3.3), and after several rounds.
        """
        self._rounds += 1
        challenges = self._client.usable(response)
        if self._rounds > _MAX_ROUNDS or not challenges:
            return False
        for challenge in challenges:
            answers = self._answered.get(challenge.space, 0)
            most = 2 if challenge.is_stale else 1
            if (challenge.space, challenge.nonce) in self._used or answers >= most:
                return False
        for challenge in challenges:
            self._answered[challenge.space] = self._answered.get(challenge.space, 0) + 1
            self._client.take(challenge)
        return True


@dataclass(slots=True)
class _Session:
    """A challenge being answered: RFC 7616's authentication session, with one cnonce for all."""

    challenge: Challenge
    cnonce: str
    count: int = 0

    def answer(self, credentials: Credentials, request: Request) -> str:
        """The value of an Authorization or Proxy-Authorization header for a request."""
        self.count += 1
        challenge = self.challenge
        response = digest(
            challenge,
            credentials,
            method=request.method,
            uri=request.uri,
            cnonce=self.cnonce,
            nonce_count=f"{self.count:08x}",
            body=request.body,
        )
        user = credentials.user.replace("\\", "\\\\").replace('"', '\\"')
        pieces = [
            f'username="{user}"',
            f'realm="{challenge.space.realm}"',
            f'nonce="{challenge.nonce}"',
            f'uri="{request.uri}"',
            f'response="{response}"',
        ]
        if challenge.algorithm is not None:
            pieces.append(f"algorithm={challenge.algorithm}")
        if challenge.opaque is not None:
            pieces.append(f'opaque="{challenge.opaque}"')
        if challenge.qop:
            pieces += [f"qop={challenge.qop}", f"nc={self.count:08x}", f'cnonce="{self.cnonce}"']
        return "Digest " + ", ".join(pieces)


def split_schemes(fields: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Scheme and parameters of each challenge; several may stand in one field (RFC 7235 4.1)."""
    found: list[tuple[str, dict[str, str]]] = []
    for value in fields[:_MAX_CHALLENGES]:
        parameters: dict[str, str] = {}
        for piece in split_list(value):
            begun = _SCHEME.fullmatch(piece)
            if begun:
                parameters = {}
                found.append((begun[1], parameters))
            if match := _PARAMETER.fullmatch(begun[2] if begun else piece):
                text = match[2][1:-1] if match[2].startswith('"') else match[2]
                parameters.setdefault(match[1].lower(), text)
    return found[:_MAX_CHALLENGES]


def _hash_name(algorithm: str | None) -> str:
    return (algorithm or "MD5").upper().removesuffix("-SESS")


def _is_session(algorithm: str | None) -> bool:
    return (algorithm or "").upper().endswith("-SESS")
