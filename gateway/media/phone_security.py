"""What protects a phone's media: SRTP with keys from signalling, or nothing. No IO, no clock."""

from gateway.errors import RtpError
from gateway.media.messages import PhoneKeys
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender


class PhoneSecurity:
    """Both directions of one phone, from offer/answer to offer/answer.

    Keys that go on are not begun anew: the sequence numbers may have wrapped, which only the
    running cryptographic contexts know. `refused` counts packets that were not the phone's.
    """

    def __init__(self) -> None:
        self.refused = 0
        self._keys: PhoneKeys | None = None
        self._sender: SrtpSender | None = None
        self._receiver: SrtpReceiver | None = None
        self._former: SrtpReceiver | None = None  # until the phone has begun with its new key

    @property
    def is_on(self) -> bool:
        """Whether what comes is known to be the phone's."""
        return self._keys is not None

    def negotiated(self, keys: PhoneKeys | None) -> None:
        """Use these keys from now on."""
        before, self._keys = self._keys, keys
        if keys is None:
            self._sender = self._receiver = self._former = None
            return
        profile = SrtpProfile.of_suite(keys.suite)
        size = profile.key_length
        if before is None or _outgoing(before) != _outgoing(keys):
            self._sender = SrtpSender(profile, keys.local[:size], keys.local[size:])
        if before is None or _incoming(before) != _incoming(keys):
            key, salt = keys.remote[:size], keys.remote[size:]
            self._former = self._receiver
            self._receiver = SrtpReceiver(profile, key, salt, keys.remote_mki)

    def open(self, data: bytes, *, is_rtcp: bool) -> bytes:
        """The packet inside of what has come. RtpError: it is not the phone's, or was there
        before."""
        if self._receiver is None:
            return data
        try:
            opened = _opened(self._receiver, data, is_rtcp)
        except RtpError:
            if self._former is None:
                self.refused += 1
                raise
        else:
            self._former = None
            return opened
        try:
            return _opened(self._former, data, is_rtcp)
        except RtpError:
            self.refused += 1
            raise

    def protect(self, packets: list[bytes]) -> list[bytes]:
        """RTP packets as they go out."""
        if self._sender is None:
            return packets
        return [self._sender.protect(packet) for packet in packets]

    def protect_rtcp(self, compound: bytes) -> bytes:
        """An RTCP compound as it goes out."""
        return compound if self._sender is None else self._sender.protect_rtcp(compound)


def _opened(receiver: SrtpReceiver, data: bytes, is_rtcp: bool) -> bytes:
    return receiver.unprotect_rtcp(data) if is_rtcp else receiver.unprotect(data)


def _outgoing(keys: PhoneKeys) -> tuple[str, bytes]:
    return keys.suite, keys.local


def _incoming(keys: PhoneKeys) -> tuple[str, bytes, bytes]:
    return keys.suite, keys.remote, keys.remote_mki
