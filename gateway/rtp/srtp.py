"""SRTP and SRTCP (RFC 3711, RFC 7714) by libsrtp: the wall around pylibsrtp."""

import enum

import pylibsrtp

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


class SrtpSender:
    """Protects everything one side sends with its master key and salt."""

    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes) -> None:
        self._session = _session(profile, key + salt, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet, protected."""
        return bytes(self._session.protect(packet))

    def protect_rtcp(self, packet: bytes) -> bytes:
        """A compound RTCP packet, protected."""
        return bytes(self._session.protect_rtcp(packet))


class SrtpReceiver:
    """Checks and decrypts what the other side sends. RtpError: forged, replayed or damaged."""

    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes) -> None:
        self._session = _session(profile, key + salt, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def unprotect(self, data: bytes) -> bytes:
        """The RTP packet inside."""
        try:
            return bytes(self._session.unprotect(data))
        except pylibsrtp.Error as error:
            raise RtpError(f"SRTP: {error}") from error

    def unprotect_rtcp(self, data: bytes) -> bytes:
        """The compound RTCP packet inside."""
        try:
            return bytes(self._session.unprotect_rtcp(data))
        except pylibsrtp.Error as error:
            raise RtpError(f"SRTCP: {error}") from error


def _session(profile: SrtpProfile, key: bytes, ssrc_type: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(
        key=key,
        ssrc_type=ssrc_type,
        srtp_profile=profile._policy,
    )
    # A sender may repeat a packet as it was, e.g. to answer a NACK.
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return pylibsrtp.Session(policy=policy)
