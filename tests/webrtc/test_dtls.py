import time
from collections.abc import Callable, Iterator
from itertools import chain

import pytest
from aiortc.rtcdtlstransport import generate_certificate
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from gateway.rtp.packet import RtpPacket
from gateway.rtp.srtp import SrtpProfile
from gateway.webrtc.dtls import PROFILES, DtlsEndpoint, DtlsError, DtlsIdentity, Role

VOICE = RtpPacket(111, 1, 960, 7, b"voice").serialize()


def pair(**client_options) -> tuple[DtlsEndpoint, DtlsEndpoint]:
    ours, theirs = DtlsIdentity(), DtlsIdentity()
    options = {"fingerprints": (("sha-256", theirs.fingerprint()),), **client_options}
    client = DtlsEndpoint(ours, Role.CLIENT, **options)
    server = DtlsEndpoint(theirs, Role.SERVER, (("sha-256", ours.fingerprint()),))
    return client, server


def shake_hands(client: DtlsEndpoint, server: DtlsEndpoint) -> None:
    """Carry datagrams both ways until both are done."""
    for _ in hand_shaking(client, server):
        expire(client, server)


def hand_shaking(
    client: DtlsEndpoint, server: DtlsEndpoint, lose: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """The same step by step: each time nothing is under way, time must pass."""
    client.start()
    for _ in range(50):
        under_way = [(server, d) for d in client.datagrams_to_send()]
        under_way += [(client, d) for d in server.datagrams_to_send()]
        for receiver, datagram in under_way:
            assert len(datagram) <= 1200
            if not lose():
                receiver.receive(datagram)
        if client.keys and server.keys:
            return
        if not under_way:
            yield


def expire(*endpoints: DtlsEndpoint) -> None:
    """Let timers run out: OpenSSL's clock cannot be turned."""
    for endpoint in endpoints:
        while timeout := endpoint.timeout():
            time.sleep(timeout)
    for endpoint in endpoints:
        if endpoint.timeout() is not None:
            endpoint.handle_timeout()


def test_both_ends_agree_on_keys() -> None:
    client, server = pair()
    shake_hands(client, server)
    assert client.keys
    assert server.keys
    assert client.keys.profile is server.keys.profile is SrtpProfile.AEAD_AES_128_GCM
    assert server.keys.receiver.unprotect(client.keys.sender.protect(VOICE)) == VOICE
    assert client.keys.receiver.unprotect(server.keys.sender.protect(VOICE)) == VOICE


@pytest.mark.parametrize("profile", PROFILES)
def test_the_one_profile_a_peer_has_is_used(profile: SrtpProfile) -> None:
    client, server = pair(profiles=(profile,))
    shake_hands(client, server)
    assert client.keys
    assert client.keys.profile is profile


def test_lost_datagrams_are_repeated_whichever_they_are() -> None:
    pairs = [pair() for _ in range(8)]
    # All at once, so that all wait for the same second.
    running = [hand_shaking(*each, lose=nth(number)) for number, each in enumerate(pairs)]
    while running := [each for each in running if next(each, "done") != "done"]:
        expire(*chain.from_iterable(pairs))
    assert all(client.keys and server.keys for client, server in pairs)


def nth(lost: int) -> Callable[[], bool]:
    """Says yes once, after as many times no."""
    count = iter(range(1000))
    return lambda: next(count) == lost


def test_a_wrong_fingerprint_is_refused() -> None:
    client, server = pair(fingerprints=(("sha-256", DtlsIdentity().fingerprint()),))
    with pytest.raises(DtlsError, match="fingerprint"):
        shake_hands(client, server)


def test_of_the_best_hash_a_fingerprint_must_match_and_one_must_be_known() -> None:
    theirs = DtlsIdentity()
    right = ("sha-256", theirs.fingerprint())
    wrong = ("sha-512", "00:" * 63 + "00")
    for fingerprints in ((right, wrong), (wrong, right), (("sha-1", "AA:BB"),), ()):
        client = DtlsEndpoint(DtlsIdentity(), Role.CLIENT, fingerprints)
        server = DtlsEndpoint(theirs, Role.SERVER, ())
        with pytest.raises(DtlsError, match="fingerprint"):
            shake_hands(client, server)


def test_who_has_several_certificates_may_use_any_of_them() -> None:
    theirs, other = DtlsIdentity(), DtlsIdentity()
    fingerprints = tuple(("SHA-256", each.fingerprint().lower()) for each in (other, theirs))
    ours = DtlsIdentity()
    client = DtlsEndpoint(ours, Role.CLIENT, fingerprints)
    shake_hands(client, DtlsEndpoint(theirs, Role.SERVER, (("sha-256", ours.fingerprint()),)))
    assert client.keys is not None


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL X509:DeprecationWarning")
def test_a_certificate_of_a_version_that_nobody_knows_is_known_by_its_fingerprint() -> None:
    theirs, ours = DtlsIdentity(), DtlsIdentity()
    v3, v5 = bytes.fromhex("a003020102"), bytes.fromhex("a003020104")
    der = theirs.certificate.public_bytes(Encoding.DER).replace(v3, v5, 1)
    certificate = crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    theirs.certificate = certificate  # type: ignore[assignment]
    fingerprint = certificate.digest("sha256").decode()
    client = DtlsEndpoint(theirs, Role.CLIENT, (("sha-256", ours.fingerprint()),))
    server = DtlsEndpoint(ours, Role.SERVER, (("sha-256", fingerprint),))
    shake_hands(client, server)
    assert server.keys is not None


def test_a_peer_without_srtp_is_refused() -> None:
    client, server = pair()
    plain = SSL.Context(SSL.DTLS_METHOD)
    plain.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    identity = DtlsIdentity()
    plain.use_certificate(identity.certificate)
    plain.use_privatekey(identity.key)
    server._connection = SSL.Connection(plain, None)
    server._connection.set_accept_state()
    client._fingerprints = (("sha-256", identity.fingerprint()),)
    with pytest.raises(DtlsError, match="SRTP"):
        shake_hands(client, server)


def test_a_peer_with_an_older_dtls_is_refused() -> None:
    client, server = pair()
    old = SSL.Context(SSL.DTLS_METHOD)
    old.set_max_proto_version(0xFEFF)
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    identity = DtlsIdentity()
    old.use_certificate(identity.certificate)
    old.use_privatekey(identity.key)
    server._connection = SSL.Connection(old, None)
    server._connection.set_accept_state()
    with pytest.raises(DtlsError):
        shake_hands(client, server)
    assert client.keys is None


def test_goodbye_is_heard() -> None:
    client, server = pair()
    shake_hands(client, server)
    client.close()
    for datagram in client.datagrams_to_send():
        server.receive(datagram)
    assert server.closed


def test_all_of_a_datagram_is_read_however_many_records_it_has() -> None:
    """Or what nobody reads would pile up, and a goodbye behind it go unheard."""
    client, server = pair()
    shake_hands(client, server)
    for _ in range(10):
        client._connection.send(b"data that no phone sends")
    (data,) = client.datagrams_to_send()
    client.close()
    (goodbye,) = client.datagrams_to_send()
    server.receive(data + goodbye)
    assert server.closed


def test_junk_in_the_middle_of_a_handshake_changes_nothing() -> None:
    client, server = pair()
    client.start()
    server.receive(b"\x16\xfe\xfd" + bytes(20))
    for datagram in client.datagrams_to_send():
        server.receive(datagram[:-1] + b"")
        server.receive(datagram)
    shake_hands(client, server)
    assert server.keys


# A ClientHello of ten octets, of which the twenty-first and the next come (RFC 6347 4.2.2).
FRAGMENT = b"\x01" + (10).to_bytes(3) + bytes(2) + (20).to_bytes(3) + (2).to_bytes(3) + b"xx"
BEYOND_ITS_MESSAGE = b"\x16\xfe\xfd" + bytes(8) + len(FRAGMENT).to_bytes(2) + FRAGMENT


def test_a_fragment_beyond_its_message_is_refused_though_openssl_has_no_words_for_it() -> None:
    _, server = pair()
    with pytest.raises(DtlsError, match="the DTLS handshake failed"):
        server.receive(BEYOND_ITS_MESSAGE)


@pytest.mark.parametrize("role", Role)
def test_a_phone_may_have_a_certificate_of_rsa(role: Role) -> None:
    """As FreeSWITCH makes its own, and as many are bought."""
    theirs = DtlsIdentity()
    theirs.key = rsa.generate_private_key(65537, 2048)  # type: ignore[assignment]
    theirs.certificate = generate_certificate(theirs.key)
    ours = DtlsIdentity()
    client, server = (ours, theirs) if role is Role.CLIENT else (theirs, ours)
    begins = DtlsEndpoint(client, Role.CLIENT, (("sha-256", server.fingerprint()),))
    waits = DtlsEndpoint(server, Role.SERVER, (("sha-256", client.fingerprint()),))
    shake_hands(begins, waits)
    assert begins.keys and waits.keys


def test_the_kind_of_key_can_be_asked() -> None:
    client, server = pair()
    shake_hands(client, server)
    assert not isinstance(server.peer_key(), rsa.RSAPublicKey)
    assert server.peer_key() is not None
