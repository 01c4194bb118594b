"""What protects a phone's media: SRTP with keys from SDP or from a handshake, or nothing. No IO, no
clock."""

from contextlib import suppress

from gateway.errors import RtpError
from gateway.media.messages import Address, PhoneKeys, PhoneMedia
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender
from gateway.webrtc.dtls import DtlsIdentity, SrtpKeys
from gateway.webrtc.phone_transport import PhoneTransport


class PhoneSecurity:
    """Both directions of one phone, from offer/answer to offer/answer.

    Keys that go on are not begun anew: the sequence numbers may have wrapped, which only the
    running cryptographic contexts know. But there are phones that do begin anew with their key
    after a hold, their rollover counter included (RFC 3711 section 3.3.1): what the running context
    does not open after an offer/answer is tried with a new one, until anything is opened.

    With DTLS, in which we are `identity`, there are `datagrams_to_send` after all that comes or is
    agreed on.
    """

    def __init__(self, identity: DtlsIdentity | None = None) -> None:
        self._refused = 0
        self._identity = identity
        self._transport: PhoneTransport | None = None
        self._keys: PhoneKeys | SrtpKeys | None = None
        self._sender: SrtpSender | None = None
        self._receiver: SrtpReceiver | None = None
        self._former: SrtpReceiver | None = None  # until the phone has begun with its new key
        self._anew: SrtpReceiver | None = None  # until the phone has gone on, or begun anew

    @property
    def refused(self) -> int:
        """Datagrams that were not the phone's."""
        return self._refused + (self._transport.refused if self._transport is not None else 0)

    @property
    def is_on(self) -> bool:
        """Whether what comes is known to be the phone's."""
        return self._keys is not None or self._transport is not None

    @property
    def is_ready(self) -> bool:
        """Whether anything can be sent."""
        return self._transport is None or self._keys is not None

    @property
    def shakes_hands(self) -> bool:
        """Whether keys come from DTLS: they hold for the RTP port and what shares it."""
        return self._transport is not None

    @property
    def has_ice(self) -> bool:
        """Whether media goes where the phone has `nominated`, and nowhere else."""
        return self._transport is not None and self._transport.has_ice

    @property
    def nominated(self) -> Address | None:
        """The path that the phone has chosen by ICE."""
        return self._transport.nominated if self._transport is not None else None

    def negotiated(self, media: PhoneMedia) -> None:
        """Encrypt as an offer/answer wants it."""
        if media.dtls is None:
            self._transport = None
            self._use(media.keys)
            return
        hosts = {media.signalling_host, *(media.remote[:1] if media.remote is not None else ())}
        where = (media.remote, frozenset(hosts))
        if self._transport is None:
            assert self._identity is not None, "its fingerprint has been signalled"
            self._transport = PhoneTransport(self._identity, media.dtls, *where)
        else:
            self._transport.negotiated(media.dtls, *where)
        self._use_shaken(self._transport.keys)

    def receive_other(self, data: bytes, source: Address) -> None:
        """Take a datagram that came to the RTP port and is neither RTP nor RTCP (RFC 7983)."""
        if self._transport is None:
            self._refused += 1
            return
        self._transport.receive(data, source)
        self._use_shaken(self._transport.keys)

    def handle_timeout(self) -> None:
        """Repeat what a handshake has lost; call it twice a second."""
        if self._transport is not None:
            self._transport.handle_timeout()

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """What is to be sent from the RTP port besides media, and where."""
        return self._transport.datagrams_to_send() if self._transport is not None else []

    def close(self) -> None:
        """Say goodbye to a DTLS association, if there is one."""
        if self._transport is not None:
            self._transport.close()

    def _use_shaken(self, keys: SrtpKeys | None) -> None:
        """The keys of a handshake; None: it is still going on."""
        if self._keys is keys is not None:
            return
        self._keys, self._former, self._anew = keys, None, None
        self._sender = keys.sender if keys is not None else None
        self._receiver = keys.receiver if keys is not None else None

    def _use(self, keys: PhoneKeys | None) -> None:
        """The keys of SDP; None: nothing is encrypted."""
        before = self._keys if isinstance(self._keys, PhoneKeys) else None
        self._keys = keys
        if keys is None:
            self._sender = self._receiver = self._former = self._anew = None
            return
        profile = SrtpProfile.of_suite(keys.suite)
        size = profile.key_length
        if before is None or _outgoing(before) != _outgoing(keys):
            self._sender = SrtpSender(profile, keys.local[:size], keys.local[size:])
        receiver = SrtpReceiver(profile, keys.remote[:size], keys.remote[size:], keys.remote_mki)
        if before is None or _incoming(before) != _incoming(keys):
            self._former, self._receiver, self._anew = self._receiver, receiver, None
        else:
            self._anew = receiver

    def open(self, data: bytes, *, is_rtcp: bool) -> bytes:
        """The packet inside of what has come. RtpError: it is not the phone's, or was there
        before."""
        if self._receiver is None:
            if not self.is_on:
                return data
            self._refused += 1
            raise RtpError("SRTP: before there were keys")
        try:
            opened = _opened(self._receiver, data, is_rtcp)
        except RtpError as error:
            return self._opened_otherwise(data, is_rtcp, error)
        self._former = self._anew = None
        return opened

    def _opened_otherwise(self, data: bytes, is_rtcp: bool, error: RtpError) -> bytes:
        """By the former key, or by the same one as if nothing had come before."""
        if self._former is not None:
            with suppress(RtpError):
                return _opened(self._former, data, is_rtcp)
        if self._anew is not None:
            with suppress(RtpError):
                opened = _opened(self._anew, data, is_rtcp)
                self._former, self._receiver, self._anew = self._receiver, self._anew, None
                return opened
        self._refused += 1
        raise error

    def protect(self, packets: list[bytes]) -> list[bytes]:
        """RTP packets as they go out; none while there are no keys yet."""
        if self._sender is None:
            return packets if self.is_ready else []
        return [self._sender.protect(packet) for packet in packets]

    def protect_rtcp(self, compound: bytes) -> bytes:
        """An RTCP compound as it goes out, once anything can be sent."""
        return compound if self._sender is None else self._sender.protect_rtcp(compound)


def _opened(receiver: SrtpReceiver, data: bytes, is_rtcp: bool) -> bytes:
    return receiver.unprotect_rtcp(data) if is_rtcp else receiver.unprotect(data)


def _outgoing(keys: PhoneKeys) -> tuple[str, bytes]:
    return keys.suite, keys.local


def _incoming(keys: PhoneKeys) -> tuple[str, bytes, bytes]:
    return keys.suite, keys.remote, keys.remote_mki
