"""SRTP and SRTCP (RFC 3711, RFC 7714) by libsrtp: the wall around pylibsrtp.

Every packet passes here, so libsrtp is called through pylibsrtp's own binding: its methods allocate
for each packet and take twice as long. A test holds the private names used.
"""

import enum
from collections.abc import Callable

import pylibsrtp
from pylibsrtp._binding import ffi, lib

from gateway.errors import RtpError


class SrtpProfile(enum.Enum):
    """Protection profiles by their DTLS-SRTP name (RFC 5764 section 4.1.2, RFC 7714)."""

    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"
    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"

    @property
    def key_length(self) -> int:
        """Octets of the master key."""
        return 32 if self is SrtpProfile.AEAD_AES_256_GCM else 16

    @property
    def salt_length(self) -> int:
        """Octets of the master salt."""
        return 14 if self is SrtpProfile.AES128_CM_SHA1_80 else 12

    @property
    def _policy(self) -> int:
        return int(getattr(pylibsrtp.Policy, "SRTP_PROFILE_" + self.name))


_LONGEST = 1500  # octets of a packet that can be protected or opened: what an Ethernet carries
_TRAILER = 4 + 16 + 128  # octets that protection may add: SRTCP index, tag, and an MKI


class _Session:
    """One direction of one master key; packets pass through a buffer of its own."""

    def __init__(self, profile: SrtpProfile, key: bytes, ssrc_type: int) -> None:
        policy = pylibsrtp.Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile._policy)
        # A sender may repeat a packet as it was, e.g. to answer a NACK.
        policy.allow_repeat_tx = True
        policy.window_size = 1024
        self._owner = pylibsrtp.Session(policy=policy)  # frees what `_pointer` points to
        self._pointer = self._owner._srtp[0]
        self._data = ffi.new(f"char[{_LONGEST + _TRAILER}]")
        self._buffer = ffi.buffer(self._data)
        self._length = ffi.new("int *")

    def run(self, transform: Callable[..., int], packet: bytes) -> bytes:
        """What libsrtp makes of a packet. RtpError: it refuses it."""
        size = len(packet)
        if size > _LONGEST:
            raise RtpError(f"SRTP: {size} octets are too long")
        self._length[0] = size
        self._buffer[0:size] = packet
        code = transform(self._pointer, self._data, self._length)
        if code:
            raise RtpError(f"SRTP: {pylibsrtp.ERRORS[code]}")
        made: bytes = self._buffer[0 : self._length[0]]
        return made


class SrtpSender:
    """Protects everything one side sends with its master key and salt."""

    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes) -> None:
        self._session = _Session(profile, key + salt, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet, protected."""
        return self._session.run(lib.srtp_protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """A compound RTCP packet, protected."""
        return self._session.run(lib.srtp_protect_rtcp, packet)


class SrtpReceiver:
    """Checks and decrypts what the other side sends. RtpError: forged, replayed or damaged."""

    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes) -> None:
        self._session = _Session(profile, key + salt, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def unprotect(self, data: bytes) -> bytes:
        """The RTP packet inside."""
        return self._session.run(lib.srtp_unprotect, data)

    def unprotect_rtcp(self, data: bytes) -> bytes:
        """The compound RTCP packet inside."""
        return self._session.run(lib.srtp_unprotect_rtcp, data)
