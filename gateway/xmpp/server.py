"""Where to log in, and as whom."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the server; without one the login is anonymous."""

    jid: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    """An XMPP server: its domain, where it listens (the domain's host if None), how to trust it.

    `tls` is the context for STARTTLS, wss: or https:, shared by all connections; None means plain
    text, which is for a server on the same machine. With `web_socket` or `bosh`, a URL, host and
    port do not matter. `renewed` makes the same server for a later login, where a token in its URL
    may have expired by then. Users without an account log in at `guest_domain`, where there is one.
    """

    domain: str
    tls: ssl.SSLContext | None
    host: str | None = None
    port: int = 5222
    account: Account | None = None
    web_socket: str | None = field(default=None, repr=False)  # may carry a token, as has `bosh`
    bosh: str | None = field(default=None, repr=False)
    guest_domain: str | None = None
    renewed: Callable[[], "Server"] | None = field(default=None, repr=False, compare=False)

    @property
    def login_jid(self) -> str:
        """Who logs in: a user, or a domain, of which it is nobody in particular."""
        return self.account.jid if self.account is not None else self.guest_domain or self.domain

    @property
    def is_web(self) -> bool:
        """Whether it is reached through its web server, which does the encryption then."""
        return self.web_socket is not None or self.bosh is not None

    @property
    def place(self) -> str:
        """Where it is, for people: nothing that a URL may have after its path."""
        url = self.web_socket or self.bosh
        return url.partition("?")[0] if url else f"{self.host or self.domain}:{self.port}"

    @property
    def resumes(self) -> bool:
        """Whether a stream can be taken up again: the server has to know the user again.

        An anonymous user is known again by Jitsi's modules, and over WebSocket only; BOSH has
        repetitions of its own instead.
        """
        return self.bosh is None and (self.account is not None or self.web_socket is not None)

    def for_room(self, name: str, tenant: str | None = None, token: str | None = None) -> "Server":
        """As it is used for one room: the URL names it (`?room=`), and has the token.

        Jitsi's modules in Prosody know the room of a session by that, and its tenant: a web server
        in front of them takes that from the path (where the URL has `{tenant}`), Prosody itself
        from `prefix`. A JWT has no other way in: a plain TCP stream takes none.
        """
        query = f"room={quote(name, safe='')}"
        if token is not None:
            query += f"&token={quote(token, safe='')}"

        def asking(url: str | None) -> str | None:
            if url is None:
                return None
            path = url.replace("{tenant}", f"/{quote(tenant)}" if tenant else "")
            prefix = f"&prefix={quote(tenant)}" if tenant and path == url else ""
            return _with_query(path, query + prefix)

        return replace(self, web_socket=asking(self.web_socket), bosh=asking(self.bosh))

    def resuming(self, id_: str) -> "Server":
        """As it is used to take up a stream again: the URL of a WebSocket names it (`?previd=`)."""
        return self.asking("previd", id_)

    def asking(self, name: str, value: str) -> "Server":
        """As it is used with one more parameter in its URL."""
        query = f"{name}={quote(value, safe='')}"

        def asking(url: str | None) -> str | None:
            return _with_query(url, query) if url is not None else None

        return replace(self, web_socket=asking(self.web_socket), bosh=asking(self.bosh))


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"
