"""SRTP and SRTCP (RFC 3711, RFC 7714) by libsrtp: the wall around pylibsrtp.

Every packet passes here, so libsrtp is called through pylibsrtp's own binding: its methods allocate
for each packet and take twice as long. A test holds the private names used.
"""

import enum
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import pylibsrtp
from pylibsrtp._binding import ffi, lib

from gateway.errors import RtpError


class SrtpProfile(enum.Enum):
    """Protection profiles by their DTLS-SRTP name (RFC 5764 section 4.1.2, RFC 7714).

    The one of 32 bits has a short tag for RTP only: RTCP keeps that of 80 (RFC 3711 section 5.2).
    """

    AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"
    AES128_CM_SHA1_32 = "SRTP_AES128_CM_SHA1_32"
    AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
    AEAD_AES_256_GCM = "SRTP_AEAD_AES_256_GCM"

    @classmethod
    def of_suite(cls, name: str) -> "SrtpProfile":
        """The profile of a crypto-suite of SDP (RFC 4568 section 6.2, RFC 7714 section 14.2)."""
        return _SUITES[name]

    @property
    def key_length(self) -> int:
        """Octets of the master key."""
        return 32 if self is SrtpProfile.AEAD_AES_256_GCM else 16

    @property
    def salt_length(self) -> int:
        """Octets of the master salt."""
        return 12 if self._is_aead else 14

    @property
    def tag_lengths(self) -> tuple[int, int]:
        """Octets at the end of an RTP and of an RTCP packet that an MKI goes before: the
        authentication tag, which is a part of what is encrypted where that is AEAD."""
        if self._is_aead:
            return 0, 0
        return (4 if self is SrtpProfile.AES128_CM_SHA1_32 else 10), 10

    @property
    def overhead(self) -> int:
        """Octets by which an RTP packet grows when it is protected, an MKI not counted."""
        return 16 if self._is_aead else self.tag_lengths[0]

    @property
    def _is_aead(self) -> bool:
        return self in (SrtpProfile.AEAD_AES_128_GCM, SrtpProfile.AEAD_AES_256_GCM)

    @property
    def _policy(self) -> int:
        return int(getattr(pylibsrtp.Policy, "SRTP_PROFILE_" + self.name))


_SUITES = {
    "AES_CM_128_HMAC_SHA1_80": SrtpProfile.AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": SrtpProfile.AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": SrtpProfile.AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": SrtpProfile.AEAD_AES_256_GCM,
}

MOST_SOURCES = 1000
"""SSRCs of a receiver. libsrtp forgets none itself, and looks through all of them at each packet:
a phone that has a new one each time would keep its worker busy with nothing else."""

_MAY_HAVE_WRAPPED = 1000  # sequence numbers of the first 20 seconds after 65535
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
        buffer, length = self._buffer, self._length
        length[0] = size
        buffer[:size] = packet
        code = transform(self._pointer, self._data, length)
        if code:
            raise RtpError(f"SRTP: {pylibsrtp.ERRORS[code]}")
        made: bytes = buffer[: length[0]]
        return made

    def forget(self, ssrc: bytes) -> None:
        """What it knows of a source that it has opened something of."""
        self._owner.remove_stream(int.from_bytes(ssrc))


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
    """Checks and decrypts what the other side sends. RtpError: forged, replayed or damaged.

    `mki` is the master key identifier that the other side has said to add (RFC 3711 section 3.1);
    packets without it are taken as well. Of very many sources those that it has not heard for
    longest are forgotten: they begin anew if they come back.
    """

    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes, mki: bytes = b"") -> None:
        self._session = _Session(profile, key + salt, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.overhead = profile.overhead + len(mki)
        """Octets at the end of an RTP packet that are not its payload."""
        self._mki = mki
        self._like_them = partial(_Session, profile, key + salt, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._them: _Session | None = None  # made when it is needed
        self._is_new = True  # no RTP has been opened
        self._sources: OrderedDict[bytes, None] = OrderedDict()  # who was heard last comes last
        self._rtp_tag, self._rtcp_tag = profile.tag_lengths

    def unprotect(self, data: bytes) -> bytes:
        """The RTP packet inside."""
        try:
            opened = self._open(lib.srtp_unprotect, data, self._rtp_tag)
        except RtpError:
            if not self._is_new or not 0 < int.from_bytes(data[2:4]) < _MAY_HAVE_WRAPPED:
                raise
            opened = self._open_wrapped(data)
        self._is_new, self._them = False, None
        self._heard(data[8:12])
        return opened

    def unprotect_rtcp(self, data: bytes) -> bytes:
        """The compound RTCP packet inside."""
        opened = self._open(lib.srtp_unprotect_rtcp, data, self._rtcp_tag)
        self._heard(data[4:8])
        return opened

    def _heard(self, ssrc: bytes) -> None:
        self._sources[ssrc] = None
        self._sources.move_to_end(ssrc)
        if len(self._sources) > MOST_SOURCES:
            self._session.forget(self._sources.popitem(last=False)[0])

    def _open_wrapped(self, data: bytes) -> bytes:
        """The packet inside of the first that comes, if its sequence number has wrapped already
        (RFC 3711 section 3.3.1). libsrtp assumes that of a source that it has heard at 65535: such
        a packet is made with the same key."""
        them = self._them = self._them or self._like_them()
        last = them.run(lib.srtp_protect, b"\x80\x00\xff\xff" + data[4:12])
        them.forget(data[8:12])
        self._session.run(lib.srtp_unprotect, last)
        try:
            return self._open(lib.srtp_unprotect, data, self._rtp_tag)
        except RtpError:
            self._session.forget(data[8:12])
            raise

    def _open(self, transform: Callable[..., int], data: bytes, tag: int) -> bytes:
        """libsrtp knows of no MKI here, and no tag covers it: it is cut out. Octets that are like
        it by chance are what the second attempt is for."""
        if not self._mki:
            return self._session.run(transform, data)
        end = len(data) - tag
        begin = end - len(self._mki)
        if begin > 0 and data[begin:end] == self._mki:
            try:
                return self._session.run(transform, data[:begin] + data[end:])
            except RtpError:
                return self._session.run(transform, data)
        return self._session.run(transform, data)
