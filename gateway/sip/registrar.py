"""A small registrar (RFC 3261 10.3): where the phones of our users are. No IO and no clock.

Who registers has been authenticated before. Phones are not called from here; that they are known
lets operators see them, and tells a phone's calls from those of others at its address.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import SipSyntaxError
from gateway.sip.admission import Refusal
from gateway.sip.flow import DEFAULT_PORT, Flow, HostPort
from gateway.sip.header_values import parse_name_addr, parse_uri
from gateway.sip.message import Request

_MAX_URI = 512  # characters of a contact; it comes back in every answer

_Place = tuple[str | None, str, int, str]
"""What of a contact's URI makes it the same as another (19.1.4), as far as phones differ."""


@dataclass(frozen=True, slots=True)
class RegistrarConfig:
    """How long bindings last, in seconds, and how many contacts a user may have.

    What is longer than `max_expires` is cut, also where a phone does not say how long; what is
    shorter than `min_expires` is refused (423). Of too many contacts the oldest goes.
    """

    min_expires: int = 60
    max_expires: int = 3600
    max_contacts: int = 8


@dataclass(frozen=True, slots=True)
class Binding:
    """A contact of a user, as it is written, and where it was registered from."""

    contact: str
    flow: Flow
    call_id: str
    cseq: int
    expires_at: float


class Registrar:
    """The bindings of all users; as many as there are users, times `max_contacts`."""

    def __init__(self, config: RegistrarConfig) -> None:
        self._config = config
        self._users: dict[str, dict[_Place, Binding]] = {}
        self._remotes: dict[HostPort, float] = {}  # where users are, and until when

    def bindings(self, now: float) -> Mapping[str, tuple[Binding, ...]]:
        """Who is registered, and where, by the user's name."""
        return {
            user: valid
            for user, bindings in self._users.items()
            if (valid := tuple(each for each in bindings.values() if each.expires_at > now))
        }

    def is_registered(self, user: str, now: float) -> bool:
        """Whether a user has a binding."""
        return any(each.expires_at > now for each in self._users.get(user, {}).values())

    def is_bound(self, remote: HostPort, now: float) -> bool:
        """Whether a user is registered from there."""
        return self._remotes.get(remote, now) > now

    def register(self, user: str, request: Request, flow: Flow, now: float) -> Refusal:
        """Do what a REGISTER of `user` says, all of it or nothing; what to answer it with."""
        if request.headers.to.user != user:
            return Refusal(403)  # a user's own bindings are all it may change
        known = self._users.get(user, {})
        bindings = {place: each for place, each in known.items() if each.expires_at > now}
        try:
            self._update(bindings, request, flow, now)
        except _Refused as refused:
            return refused.refusal
        except SipSyntaxError:
            return Refusal(400, "Malformed Contact")
        self._users[user] = bindings
        self._note_remotes()
        return Refusal(200, headers=_contacts(bindings, now))

    def _note_remotes(self) -> None:
        self._remotes = {}
        for bindings in self._users.values():
            for binding in bindings.values():
                known = self._remotes.get(binding.flow.remote, binding.expires_at)
                self._remotes[binding.flow.remote] = max(known, binding.expires_at)

    def _update(
        self, bindings: dict[_Place, Binding], request: Request, flow: Flow, now: float
    ) -> None:
        headers = request.headers
        contacts = headers.values("Contact")
        stated = _seconds(headers.get("Expires"))
        if "*" in contacts:
            if len(contacts) > 1 or stated != 0:
                raise _Refused(Refusal(400, "Malformed Contact"))  # 10.2.2
            for place in tuple(bindings):
                _check_order(bindings.pop(place), request)
            return
        before = dict(bindings)  # one request may name a place twice, as it was and as it will be
        for value in contacts:
            contact = parse_name_addr(value)
            place = _place(contact.uri)
            if place in before:
                _check_order(before[place], request)
            expires = self._expires(contact.parameters.get("expires"), stated)
            bindings.pop(place, None)
            if expires:
                expires_at = now + expires
                cseq = headers.cseq.sequence
                binding = Binding(contact.uri, flow, headers.call_id, cseq, expires_at)
                bindings[place] = binding
        while len(bindings) > self._config.max_contacts:
            del bindings[next(iter(bindings))]

    def _expires(self, parameter: str | None, stated: int | None) -> int:
        """How long one contact is kept (10.3 step 7); 0 for not any more."""
        config = self._config
        asked = _seconds(parameter)
        if asked is None:
            asked = config.max_expires if stated is None else stated
        if 0 < asked < config.min_expires:
            raise _Refused(Refusal(423, headers=(("Min-Expires", str(config.min_expires)),)))
        return min(asked, config.max_expires)


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


def _check_order(binding: Binding, request: Request) -> None:
    """A request that was overtaken by a later one changes nothing (10.3 step 7)."""
    headers = request.headers
    if headers.call_id == binding.call_id and headers.cseq.sequence <= binding.cseq:
        raise _Refused(Refusal(500, "Out of Order"))


def _contacts(bindings: Mapping[_Place, Binding], now: float) -> tuple[tuple[str, str], ...]:
    """What a 200 says: each binding there is, with the seconds it has left (10.3 step 8)."""
    return tuple(
        ("Contact", f"<{each.contact}>;expires={max(1, round(each.expires_at - now))}")
        for each in bindings.values()
    )


def _place(uri: str) -> _Place:
    if len(uri) > _MAX_URI:
        raise SipSyntaxError("contact too long")
    parsed = parse_uri(uri)
    transport = (parsed.parameters.get("transport") or "udp").lower()
    return parsed.user, parsed.host, parsed.port or DEFAULT_PORT, transport


def _seconds(text: str | None) -> int | None:
    """A delta-seconds; None for what is none, which counts as not stated (20.10)."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:11]), 2**32 - 1)
