"""JIDs as text: `local@domain/resource` (RFC 7622), taken apart, and the endpoint id in one."""

import re
import secrets

_NICK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_]*")


def bare(jid: str) -> str:
    """The JID without its resource."""
    return jid.partition("/")[0]


def resource(jid: str) -> str:
    """The resource (in a room: the nick), empty if there is none."""
    return jid.partition("/")[2]


def local(jid: str) -> str:
    """The part before the `@`, empty if there is none."""
    before, at, _ = bare(jid).partition("@")
    return before if at else ""


def endpoint_id(jid: str, *, anonymous: bool) -> str:
    """The MUC nick, which is the endpoint id on the videobridge as well.

    Jitsi's clients take the first eight characters of an anonymous user's name, which is a UUID,
    and servers may insist on it. The name of an account is not unique to a call, and names that
    other servers invent may not be legal nicks there: those get eight random hex digits.
    """
    nick = local(jid)[:8].lower()
    return nick if anonymous and _NICK.fullmatch(nick) else secrets.token_hex(4)
