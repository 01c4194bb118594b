"""Which certificates TLS takes for good: the same ones, whichever Python it is that asks."""

import ssl
from functools import cache
from pathlib import Path


def trusting(
    ca_file: Path | None = None, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH
) -> ssl.SSLContext:
    """A context that trusts `ca_file` or, without it, the system's authorities. It is for clients,
    or with `Purpose.CLIENT_AUTH` for servers. OSError if the file cannot be used.

    Since Python 3.13 an authority has to name its key in what it signs (RFC 5280 section 4.2.1.1),
    which those that people have made for a PBX or an XMPP server seldom do: we do not ask for it.
    What is in `ca_file` need not be an authority's: a server's own certificate will do.
    """
    context = ssl.create_default_context(purpose, cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


@cache
def trusting_the_system() -> ssl.SSLContext:
    """The one for clients that trust the system's authorities, whose certificates take 40 ms to
    read. It is for everybody: not to be changed."""
    return trusting()
