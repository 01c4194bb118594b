"""Which certificates TLS takes for good: the same ones, whichever Python it is that asks."""

import os
import ssl
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any


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
    _allow_what_people_have(context)
    return context


def _allow_what_people_have(context: ssl.SSLContext) -> None:
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


class TrustInFile(ssl.SSLContext):
    """For clients, as `trusting` a file; what is written there later is believed by the next
    connection. What was there before is, too: a context forgets nothing.
    """

    def __init__(self, _: int, ca_file: Path) -> None:
        _allow_what_people_have(self)
        self._file = ca_file
        self._read = self._look()
        self.load_verify_locations(ca_file)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As any context, by which asyncio and uvloop begin a connection."""
        if (seen := self._look()) != self._read:
            with suppress(OSError):  # it may be written half: the next connection will see
                self.load_verify_locations(self._file)
                self._read = seen
        return super().wrap_bio(*args, **options)

    def _look(self) -> object:
        return stamp(self._file)


def stamp(file: Path) -> object:
    """What shows that a file has changed; None if it is not there."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


@cache
def trusting_the_system() -> ssl.SSLContext:
    """The one for clients that trust the system's authorities, whose certificates take 40 ms to
    read. It is for everybody: not to be changed."""
    return trusting()
