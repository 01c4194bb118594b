"""Our registration at a registrar (RFC 3261 section 10). No IO and no clock.

`begin` gives the REGISTER of an attempt; `receive` takes what became of it and gives the next one
of the same attempt, if there has to be one. `due` is when the next attempt is.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from gateway.errors import SipSyntaxError
from gateway.sip.admission import ALLOW
from gateway.sip.client_request import Outcome
from gateway.sip.digest import Credentials, DigestClient
from gateway.sip.flow import DEFAULT_PORT
from gateway.sip.header_values import is_loose, parse_name_addr, parse_seconds, parse_uri
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.remedies import NO_WAY, remedy

# Seconds. With the 32 of a request that nobody answers, a registrar has us back within a minute.
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 20.0
_REFUSED_WAIT = 45.0
_SPARE = 40.0  # to try again before a binding expires

_LONGEST_EXPIRY = 86_400  # seconds; who wants more of us does not mean it
_MAX_LENGTHENED = 4  # times in an attempt that we do as a 423 wants; one may want more each time
_REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 407, 416, 420, 423, 484, 501, 603, 604})


class RegistrationState(StrEnum):
    """Where a registration is."""

    NEW = "new"  # the first attempt has not come to an end
    REGISTERED = "registered"
    FAILING = "failing"  # nobody answers, or not now
    REFUSED = "refused"  # the registrar does not want us: a password, or a name
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RegistrationConfig:
    """Whom to register where.

    `registrar` is a SIP URI; `user` at its host is the address of record, `contact_user` what calls
    to us are addressed to. `expires` is asked for. After `refresh` seconds at the latest it is
    repeated: a registrar that was away may have forgotten us, and cannot say so.
    """

    registrar: str
    user: str
    contact_user: str
    credentials: Credentials | None = None
    expires: int = 3600
    refresh: float = 45.0


class Registration:
    """One registration, from the first attempt to its end.

    All its requests have one Call-ID, and each a higher CSeq than the one before (10.2.4).
    """

    def __init__(self, config: RegistrationConfig, random: Random | None = None) -> None:
        self.state = RegistrationState.NEW
        self.error = ""  # why it is not registered
        self.remedy = ""  # what can be done about that
        self.expires_at: float | None = None
        self.service_route: tuple[str, ...] = ()  # what our requests go by (RFC 3608)
        self.due = 0.0
        self._config = config
        self._random = random or Random()
        self._digest = DigestClient(config.credentials)
        self._exchange = self._digest.exchange()
        self._call_id = secrets.token_hex(16)
        self._tag = secrets.token_hex(8)
        self._cseq = 0
        self._expires = config.expires
        self._lengthened = 0  # times in this attempt that a 423 has had that so
        self._failures = 0
        self._contact = ""

    @property
    def config(self) -> RegistrationConfig:
        return self._config

    def begin(self, contact: str) -> Request:
        """The REGISTER of a new attempt; `contact` is the URI at which we are to be called."""
        self._contact = contact
        self._lengthened = 0
        self._exchange = self._digest.exchange()
        return self._request(self._expires)

    def receive(self, outcome: Outcome, now: float) -> Request | None:
        """Take what became of a REGISTER; the next one, or None where the attempt is over."""
        response = outcome.response
        if response is not None and outcome.is_success:
            self._succeed(response, now)
            return None
        if response is not None and self._is_answerable(response):
            return self._request(self._expires)
        reason = outcome.text
        self.remedy = remedy(outcome.status, response, self._config.credentials)
        if response is not None and outcome.status in _REFUSALS:
            self._wait(RegistrationState.REFUSED, reason, _REFUSED_WAIT, now)
        else:
            self._fail(reason, response.headers.retry_after if response is not None else None, now)
        return None

    def fail(self, reason: str, now: float) -> None:
        """The attempt could not be made."""
        self.remedy = NO_WAY
        self._fail(reason, None, now)

    def end(self) -> Request | None:
        """The REGISTER that takes our binding back (10.2.2); None if there was never one asked for.

        What becomes of it may be given to `receive_end`.
        """
        self.state = RegistrationState.ENDED
        if not self._contact:
            return None
        self._exchange = self._digest.exchange()
        return self._request(0)

    def receive_end(self, outcome: Outcome) -> Request | None:
        """The same again with credentials, if the registrar wants them."""
        response = outcome.response
        if response is not None and response.status != 423 and self._is_answerable(response):
            return self._request(0)
        return None

    # --- what came of it -------------------------------------------------------------------------

    def _is_answerable(self, response: Response) -> bool:
        """Whether to repeat the request otherwise is of use."""
        if response.status in (401, 407):
            return self._exchange.answer(response)
        if response.status != 423 or self._lengthened >= _MAX_LENGTHENED:
            return False
        least = parse_seconds(response.headers.get("Min-Expires"))
        if least is None or not self._expires < least <= _LONGEST_EXPIRY:
            return False
        self._expires = least
        self._lengthened += 1
        return True

    def _succeed(self, response: Response, now: float) -> None:
        granted = self._granted(response)
        if granted <= 0:
            self.remedy = "ask the provider how many contacts the account may have"
            self._fail("the registrar has not kept our contact", None, now)
            return
        self.state, self.error, self.remedy = RegistrationState.REGISTERED, "", ""
        self.expires_at = now + granted
        self.service_route = _service_route(response)
        self._failures = 0
        latest = min(self._config.refresh, granted - min(granted / 2, _SPARE))
        self.due = now + latest * self._random.uniform(0.9, 1.0)

    def _granted(self, response: Response) -> int:
        """Seconds our binding is kept (10.2.4); as asked for if the registrar does not say."""
        stated = response.headers.expires
        default = self._expires if stated is None else stated
        for value in response.headers.values("Contact"):
            try:
                listed = parse_name_addr(value)
                if _place(listed.uri) != _place(self._contact):
                    continue
            except SipSyntaxError:
                continue
            expires = parse_seconds(listed.parameters.get("expires"))
            return default if expires is None else expires
        return default  # rewritten on its way, as behind some NATs

    def _fail(self, reason: str, retry_after: int | None, now: float) -> None:
        wait = min(_FIRST_WAIT * 2 ** min(self._failures, 10), _LONGEST_WAIT)
        self._failures += 1
        self._wait(RegistrationState.FAILING, reason, wait, now)
        if retry_after is not None:
            # Not before that has passed (21.5.4). But we are not sent away for longer than this:
            # others may see to it that it is well again earlier.
            wanted = min(retry_after * self._random.uniform(1.0, 1.1), _REFUSED_WAIT)
            self.due = max(self.due, now + wanted)

    def _wait(self, state: RegistrationState, error: str, wait: float, now: float) -> None:
        self.state, self.error = state, error
        self.due = now + wait * self._random.uniform(0.5, 1.0)

    # --- requests --------------------------------------------------------------------------------

    def _request(self, expires: int) -> Request:
        self._cseq += 1
        host = parse_uri(self._config.registrar).host
        address_of_record = f"<sip:{self._config.user}@{host}>"
        headers = Headers(
            [
                ("Max-Forwards", "70"),
                ("From", f"{address_of_record};tag={self._tag}"),
                ("To", address_of_record),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._cseq} REGISTER"),
                ("Contact", f"<{self._contact}>;expires={expires}"),
                ("Expires", str(expires)),
                ALLOW,
            ]
        )
        request = Request("REGISTER", self._config.registrar, headers)
        self._exchange.authorize(request)
        return request


def _service_route(response: Response) -> tuple[str, ...]:
    """As the latest response says (RFC 3608 section 6.1); none if that cannot be gone by."""
    routes = tuple(response.headers.values("Service-Route"))
    try:
        return routes if all(is_loose(each) for each in routes) else ()
    except SipSyntaxError:
        return ()


def _place(uri: str) -> tuple[str | None, str, int]:
    parsed = parse_uri(uri)
    return parsed.user, parsed.host, parsed.port or DEFAULT_PORT
