"""Who calls, and whom, by the headers in which phones and networks say so. Pure.

What cannot be read says nothing. Only a network that is trusted may assert who calls (RFC 3325
section 7); its word counts for more than the phone's own, which is From.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from gateway.calls.caller_identity import WITHHELD, CallerIdentity
from gateway.errors import SipSyntaxError
from gateway.sip.header_values import NameAddr, parse_name_addr, parse_uri, split_list
from gateway.sip.headers import Headers
from gateway.sip.message import Request

_ANONYMOUS_HOST = "anonymous.invalid"  # RFC 3323 section 4.1.1.3
_PRIVATE = {"id", "user", "header"}  # RFC 3323 section 4.2, RFC 3325 section 9.3
_CALLING = frozenset(("calling",))
_EITHER = frozenset(("calling", "called"))  # who calls, and who is called, may be at the other end
_VISUAL = re.compile(r"[-.()]")
_BEGINS_NUMBER = frozenset("+0123456789")


class CalledIn(StrEnum):
    """Where an INVITE says whom it is for."""

    URI = "uri"  # the Request-URI
    TO = "to"
    DIVERSION = "diversion"  # RFC 5806: who was called before, and diverts
    HISTORY_INFO = "history-info"  # RFC 7044: the same, and more of it


BY_ADDRESS = (CalledIn.URI, CalledIn.TO)


def calling_party(request: Request, *, is_trusted: bool) -> CallerIdentity:
    """Who sends an INVITE: P-Asserted-Identity, else Remote-Party-ID, else From.

    Whoever wants to be unknown stays so: by Privacy, by an anonymous From, or by what
    Remote-Party-ID says of its own privacy.
    """
    headers = request.headers
    from_ = headers.from_
    if _PRIVATE & _privacy(headers) or _is_anonymous(from_):
        return WITHHELD
    return (_asserted(headers, from_, roles=_CALLING) if is_trusted else None) or _stated(from_)


def connected_party(headers: Headers) -> CallerIdentity | None:
    """Who a trusted network says is at the other end, by a response to our INVITE.

    None if it says nothing.
    """
    if not headers.states_party:
        return None
    if _PRIVATE & _privacy(headers):
        return WITHHELD
    return _asserted(headers, None, roles=_EITHER)


def party_within(headers: Headers) -> CallerIdentity | None:
    """The same by a request within a call. It need not be who was there before: calls are
    transferred.

    From is as it was in the beginning: who hides behind it stays unknown, whatever the network
    tells us.
    """
    party = connected_party(headers)
    return WITHHELD if party is not None and _is_anonymous(headers.from_) else party


def asserted_user(headers: Headers) -> str:
    """Who that is, by its user part: whether it wants to be known or not, only to know it again."""
    party = _asserted(headers, None, roles=_EITHER)
    return party.user if party is not None else ""


def _stated(party: NameAddr) -> CallerIdentity:
    return CallerIdentity.of(party.display_name, party.user)


def _asserted(
    headers: Headers, from_: NameAddr | None, *, roles: frozenset[str]
) -> CallerIdentity | None:
    """By P-Asserted-Identity, else by Remote-Party-ID; what it leaves out is taken from From."""
    network = _addresses(headers, "P-Asserted-Identity")
    hidden: set[str] = set()
    if not network:
        network = _remote_party(headers, roles)
        hidden = {party.parameters.get("privacy", "") or "" for party in network}
    if not network:
        return None
    if "full" in hidden:
        return WITHHELD
    parties = network if from_ is None else (*network, from_)
    name = _first(party.display_name for party in parties)
    user = _first(sorted((party.user for party in network), key=_is_no_number))
    return CallerIdentity.of("" if "name" in hidden else name, "" if "uri" in hidden else user)


def called_parties(request: Request, named_in: Sequence[CalledIn]) -> tuple[str, ...]:
    """Whom it is for: user parts, or numbers, in the order of `named_in`; each once.

    Of several who divert, the one who was called first comes first.
    """
    users = [user for each in named_in for user in _called(request, each)]
    return tuple(dict.fromkeys(user for user in users if user))


def _called(request: Request, named_in: CalledIn) -> list[str]:
    match named_in:
        case CalledIn.URI:
            uris = [request.uri]
        case CalledIn.TO:
            uris = [request.headers.to.uri]
        case CalledIn.DIVERSION:  # the last to divert is on top
            uris = [party.uri for party in reversed(_addresses(request.headers, "Diversion"))]
        case CalledIn.HISTORY_INFO:
            uris = [party.uri for party in _addresses(request.headers, "History-Info")]
    return [user for uri in uris for user in _called_users(uri)]


def _called_users(uri: str) -> tuple[str, ...]:
    """The user part, first without the parameters that networks add to a number in it (RFC 4694,
    RFC 4904); or a number without what is only for the eye (RFC 3966 section 3)."""
    try:
        parsed = parse_uri(uri)
    except SipSyntaxError:
        return ()
    user = parsed.user or ""
    if parsed.scheme == "tel":
        return (_VISUAL.sub("", user),)
    return user.partition(";")[0], user


def _addresses(headers: Headers, header: str) -> list[NameAddr]:
    """Those of a list that can be read, and name somebody."""
    found = []
    for value in headers.values(header):
        try:
            party = parse_name_addr(value)
        except SipSyntaxError:
            continue
        if party.user and not _is_anonymous(party):
            found.append(party)
    return found


def _remote_party(headers: Headers, roles: frozenset[str]) -> list[NameAddr]:
    """Of one of the `roles` (draft-ietf-sip-privacy-04 section 5.1): others may be named beside."""
    parties = _addresses(headers, "Remote-Party-ID")
    return [each for each in parties if each.parameters.get("party", "calling") in roles][:1]


def _privacy(headers: Headers) -> set[str]:
    """What is to be kept private (RFC 3323 section 4.2); some write commas for semicolons."""
    fields = headers.values("Privacy")
    return {wish.strip().lower() for field in fields for wish in split_list(field, ";")}


def _is_anonymous(party: NameAddr) -> bool:
    host = party.uri.rpartition("@")[2].partition(";")[0].partition("?")[0]
    return host.lower() == _ANONYMOUS_HOST


def _is_no_number(user: str) -> bool:
    return not set(user[:2]) <= _BEGINS_NUMBER


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")
