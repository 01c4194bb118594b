"""What an operator can do about a registration that is refused: one sentence. Pure."""

from gateway.errors import SipSyntaxError
from gateway.sip.digest import Credentials, read_challenges
from gateway.sip.message import Response

NO_WAY = "see registrar, host, port and transport in [trunk.register], and DNS"
_SILENCE = (
    "nobody answers there: see registrar, host, port and transport in [trunk.register], and "
    "whether a firewall lets SIP out and its answers in"
)
_PASSWORD = "the registrar does not take user (or auth_user) and password of [trunk.register]"
_PLACE = "if that is right, write it as registrar (or as host and port) in [trunk.register]"
_BY_STATUS = {
    401: _PASSWORD,
    403: (
        "the registrar lets this account in from nowhere, or not from here: see user, auth_user "
        "and password in [trunk.register], then ask the provider whether it is active"
    ),
    404: "the registrar knows no such user: see user and the domain of registrar",
    405: "nobody can register there: see registrar and host in [trunk.register]",
    407: _PASSWORD,
    416: "the registrar wants another domain: see registrar in [trunk.register]",
    423: "the registrar wants longer registrations: write more for expires in [trunk.register]",
    501: "nobody can register there: see registrar and host in [trunk.register]",
    604: "the registrar knows no such user: see user and the domain of registrar",
}
_LATER = "the registrar has a problem of its own; it is asked again and again"


def remedy(status: int, response: Response | None, credentials: Credentials | None) -> str:
    """What to look at after a final response, or after none: `status` stands for that then."""
    if response is None:
        return _SILENCE
    if status in (401, 407) and credentials is None:
        return "the registrar wants a password: see [trunk.register]"
    if credentials is not None and credentials.realm is not None:
        realms = [challenge.space.realm for challenge in read_challenges(response)]
        if realms and credentials.realm not in realms:
            return f"the registrar asks for realm {realms[0]!r}: write that, or leave realm out"
    if 300 <= status < 400:
        return f"the registrar sends us to {_place_named(response)}: {_PLACE}"
    return _BY_STATUS.get(status, _LATER)


def _place_named(response: Response) -> str:
    """Where a 3xx says that we should register.

    It is not followed: the account goes where it has been configured for, and nowhere else.
    """
    try:
        contact = response.headers.contact
    except SipSyntaxError:
        contact = None
    return contact.uri if contact is not None else "somewhere else"
