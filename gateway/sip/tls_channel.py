"""TLS on one connection, without IO: OpenSSL between two buffers (RFC 8446, RFC 5246).

What comes from the net goes into `feed`, what is to be said into `write`; what then has to go to
the net is in `outgoing`. An error is an `ssl.SSLError`, and what `outgoing` has then is the alert.
"""

import ssl

from gateway.sip.tls_names import names_of

_CHUNK = 1 << 14  # octets of a TLS record at most


class TlsChannel:
    """One side of a TLS connection; `server_name` is whom a client asks for (SNI)."""

    def __init__(
        self, context: ssl.SSLContext, *, is_server: bool, server_name: str | None = None
    ) -> None:
        self._from_net = ssl.MemoryBIO()
        self._to_net = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._from_net, self._to_net, server_side=is_server, server_hostname=server_name
        )
        self.is_established = False
        self.is_over = False

    def feed(self, data: bytes) -> bytes:
        """What the peer says with these octets; a client begins with none."""
        self._from_net.write(data)
        said = bytearray()
        try:
            if not self.is_established:
                self._tls.do_handshake()
                self.is_established = True
            while piece := self._tls.read(_CHUNK):
                said += piece
            self.is_over = True  # the peer has said that nothing more comes
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_over = True
        return bytes(said)

    def write(self, data: bytes) -> None:
        """Say something, once the channel is established."""
        self._tls.write(data)

    def outgoing(self) -> bytes:
        """What has to go to the net now."""
        return self._to_net.read()

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """The names in the peer's certificate; none if it has not shown one, or not verified."""
        return names_of(self._tls.getpeercert())
