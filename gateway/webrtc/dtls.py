"""DTLS-SRTP (RFC 5763, RFC 5764) without IO: datagrams in, datagrams out, keys at the end.

OpenSSL does the handshake over memory; lost flights are repeated when `handle_timeout` is called
in time. aiortc's own transport repeats nothing, so a single lost datagram would end a call there.
"""

import contextlib
import hmac
from dataclasses import dataclass
from enum import Enum

from aiortc.rtcdtlstransport import certificate_digest, generate_certificate
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender

DTLS_1_2 = 0xFEFD
_RECORD_HEADER = 13
_MTU = 1200
_DAY = 86_400.0  # seconds
# A videobridge accepts elliptic curves only; its own certificate is ECDSA too. FreeSWITCH's is RSA.
_CIPHERS = b":".join(
    b"ECDHE-%s-%s" % (certificate, cipher)
    for certificate in (b"ECDSA", b"RSA")
    for cipher in (b"AES128-GCM-SHA256", b"CHACHA20-POLY1305", b"AES256-GCM-SHA384")
)
_HASHES = ("sha-512", "sha-384", "sha-256")  # the one we like best first
PROFILES = (
    SrtpProfile.AEAD_AES_128_GCM,
    SrtpProfile.AES128_CM_SHA1_80,
    SrtpProfile.AEAD_AES_256_GCM,
)
"""What we offer, best first: the order of a videobridge's own preference."""


class DtlsError(Exception):
    """The handshake failed; the text says why."""


class Role(Enum):
    """Who starts the handshake (RFC 5763 section 5): `setup` active is the client."""

    CLIENT = "active"
    SERVER = "passive"


class DtlsIdentity:
    """A fresh self-signed ECDSA P-256 certificate with its key."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = generate_certificate(self.key)

    def fingerprint(self, algorithm: str = "sha-256") -> str:
        """Upper-case hexadecimal with colons (RFC 8122 section 5)."""
        return certificate_digest(self.certificate, algorithm)


class DailyIdentity:
    """One identity for all phones of a process: a new one each day, since certificates expire."""

    def __init__(self) -> None:
        self._made: tuple[DtlsIdentity, float] | None = None

    def at(self, now: float) -> DtlsIdentity:
        """The identity for a call that begins now."""
        if self._made is None or now - self._made[1] > _DAY:
            self._made = DtlsIdentity(), now
        return self._made[0]


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What the handshake agreed on: one SRTP session each way."""

    profile: SrtpProfile
    sender: SrtpSender
    receiver: SrtpReceiver


class DtlsEndpoint:
    """One end of a DTLS association.

    After every call, send `datagrams_to_send()`; `keys` is set once the handshake is done.
    `fingerprints` are the (hash, value) pairs the peer signalled: of those of the best hash one has
    to match, since a peer may have a certificate for each kind of key (RFC 8122 section 5).
    """

    def __init__(
        self,
        identity: DtlsIdentity,
        role: Role,
        fingerprints: tuple[tuple[str, str], ...],
        profiles: tuple[SrtpProfile, ...] = PROFILES,
    ) -> None:
        self.keys: SrtpKeys | None = None
        self.closed = False
        self._role = role
        self._fingerprints = fingerprints
        self._profiles = profiles
        self._connection = SSL.Connection(_context(identity, profiles), None)
        self._connection.set_ciphertext_mtu(_MTU)
        if role is Role.CLIENT:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def start(self) -> None:
        """Begin: a client has its first flight to send afterwards."""
        self._advance()

    def receive(self, datagram: bytes) -> None:
        """Take a datagram from the peer. DtlsError: the handshake has failed."""
        if self.closed:
            return
        self._connection.bio_write(datagram)
        if self.keys is None:
            self._advance()
        else:
            self._read()

    def timeout(self) -> float | None:
        """Seconds until the current flight must be repeated, None if nothing is outstanding."""
        return None if self.keys or self.closed else self._connection.DTLSv1_get_timeout()

    def handle_timeout(self) -> None:
        """Repeat the current flight. DtlsError: it has been repeated too often."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise DtlsError("the peer does not answer") from error

    def close(self) -> None:
        """Say goodbye (close_notify), if there is anybody to say it to."""
        if self.keys is not None and not self.closed:
            with contextlib.suppress(SSL.Error):  # the association may be broken already
                self._connection.shutdown()
        self.closed = True

    def peer_key(self) -> object:
        """The public key of the peer's certificate, for those who are choosy about its kind."""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        return certificate.public_key() if certificate else None

    def datagrams_to_send(self) -> list[bytes]:
        """What has to go out, whole records packed into datagrams of at most 1200 octets."""
        stream = b""
        while True:
            try:
                stream += self._connection.bio_read(65536)
            except SSL.Error:
                return _pack_records(stream)

    def _advance(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            raise DtlsError(_reason(error)) from error
        self._check_fingerprints()
        self.keys = self._export_keys()

    def _read(self) -> None:
        """Let OpenSSL see what came after the handshake: alerts, or a flight to repeat."""
        try:
            while True:  # it takes a record at a time, and keeps those that are left
                self._connection.recv(65536)
        except SSL.WantReadError:
            pass
        except (SSL.ZeroReturnError, SSL.Error):
            self.closed = True

    def _check_fingerprints(self) -> None:
        # As OpenSSL has it: cryptography reads none of a version that it does not know.
        certificate = self._connection.get_peer_certificate()
        if certificate is None:
            raise DtlsError("the peer has no certificate")
        known = [(name.lower(), value.upper()) for name, value in self._fingerprints]
        best = next((each for each in _HASHES if any(name == each for name, _ in known)), None)
        if best is None:
            raise DtlsError("no fingerprint of a known hash was signalled")
        digest = certificate.digest(best.replace("-", "")).decode()
        if not any(hmac.compare_digest(value, digest) for name, value in known if name == best):
            raise DtlsError(f"the peer's certificate does not match its {best} fingerprint")

    def _export_keys(self) -> SrtpKeys:
        """Keying material by RFC 5764 section 4.2."""
        name = self._connection.get_selected_srtp_profile().decode()
        if not name:
            raise DtlsError("the peer does not want SRTP (use_srtp is missing)")
        profile = SrtpProfile(name)
        key, salt = profile.key_length, profile.salt_length
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client_key, server_key = material[:key], material[key : 2 * key]
        salts = material[2 * key :]
        client = (client_key, salts[:salt])
        server = (server_key, salts[salt:])
        ours, theirs = (client, server) if self._role is Role.CLIENT else (server, client)
        return SrtpKeys(profile, SrtpSender(profile, *ours), SrtpReceiver(profile, *theirs))


def _context(identity: DtlsIdentity, profiles: tuple[SrtpProfile, ...]) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(DTLS_1_2)
    context.set_options(SSL.OP_NO_TICKET)
    # Any certificate will do: the fingerprint decides (RFC 5763 section 5).
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(identity.certificate)
    context.use_privatekey(identity.key)
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(b":".join(profile.value.encode() for profile in profiles))
    return context


def _pack_records(stream: bytes) -> list[bytes]:
    """OpenSSL's memory holds records back to back; a datagram may hold whole ones only."""
    datagrams: list[bytes] = []
    at = 0
    while at + _RECORD_HEADER <= len(stream):
        size = _RECORD_HEADER + int.from_bytes(stream[at + 11 : at + 13])
        record = stream[at : at + size]
        if datagrams and len(datagrams[-1]) + size <= _MTU:
            datagrams[-1] += record
        else:
            datagrams.append(record)
        at += size
    return datagrams


def _reason(error: SSL.Error) -> str:
    """The last of OpenSSL's own words, e.g. "no shared cipher"; there need not be any."""
    entries = error.args[0] if error.args and not isinstance(error, SSL.SysCallError) else ()
    return entries[-1][-1] if entries else "the DTLS handshake failed"
