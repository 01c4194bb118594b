"""Opus (RFC 6716) through libopus.

libopus encodes from and decodes to 8, 12, 16, 24 or 48 kHz itself, whatever the bandwidth of the
stream, so a narrow-band leg needs no resampler. The library is the one inside PyAV's wheel, else
the system's; both are called through cffi, which releases the interpreter lock during the call.
One encoder or decoder belongs to one stream and must not be shared.
"""

import ctypes.util
import functools
from importlib import metadata
from typing import Any

import cffi
import numpy as np

from audiocodecs.frames import Samples

MAX_PAYLOAD = 1275
"""The largest Opus frame in octets (RFC 6716 section 3.4)."""

_APPLICATION_VOIP = 2048
_SIGNAL_VOICE = 3001
_SET_BITRATE = 4002
_SET_MAX_BANDWIDTH = 4004
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014
_SET_DTX = 4016
_SET_SIGNAL = 4024
_RESET_STATE = 4028
_NARROW_BAND, _MEDIUM_BAND, _WIDE_BAND, _SUPER_WIDE_BAND, _FULL_BAND = range(1101, 1106)

_FRAME_400TH = (4, 8, 16, 24) * 3 + (4, 8) * 2 + (1, 2, 4, 8) * 4
"""How long a frame of each configuration is, in 2.5 ms (RFC 6716 table 2)."""

_FRAMES = (1, 2, 2, None)
"""How many frames a packet of each code has; None: its second octet says."""

_ffi = cffi.FFI()
_ffi.cdef(
    """
    typedef struct OpusEncoder OpusEncoder;
    typedef struct OpusDecoder OpusDecoder;
    const char *opus_get_version_string(void);
    const char *opus_strerror(int error);
    OpusEncoder *opus_encoder_create(int rate, int channels, int application, int *error);
    void opus_encoder_destroy(OpusEncoder *encoder);
    int opus_encoder_ctl(OpusEncoder *encoder, int request, ...);
    int opus_encode(OpusEncoder *encoder, const short *pcm, int frame_size,
                    unsigned char *data, int max_data_bytes);
    OpusDecoder *opus_decoder_create(int rate, int channels, int *error);
    void opus_decoder_destroy(OpusDecoder *decoder);
    int opus_decoder_ctl(OpusDecoder *decoder, int request, ...);
    int opus_decode(OpusDecoder *decoder, const unsigned char *data, int length,
                    short *pcm, int frame_size, int decode_fec);
    """
)


class OpusError(ValueError):
    """A payload that libopus cannot decode; its text is libopus' own."""


@functools.cache
def _library() -> Any:
    """Open libopus: PyAV's own copy (newer and faster than most systems'), else the system's."""
    for file in metadata.files("av") or ():
        if file.name.startswith("libopus") and ".so" in file.name:
            return _ffi.dlopen(str(file.locate()))
    name = ctypes.util.find_library("opus")
    if name is None:
        raise OSError("libopus is neither in PyAV's wheel nor on this system (Debian: libopus0)")
    return _ffi.dlopen(name)


def version() -> str:
    """The version of the libopus in use, e.g. "libopus 1.6.1"."""
    return _text(_library().opus_get_version_string())


def duration(payload: bytes, rate: int) -> int:
    """How many samples at `rate` Hz a packet stands for; OpusError if it is not Opus.

    The first octet tells how long its frames are, and it or the second one how many there are
    (RFC 6716 section 3.1). It is read here because that is asked of every packet.
    """
    if not payload:
        raise OpusError("no payload")
    known = _durations(rate)[payload[0]]
    if known is not None:
        return known
    if len(payload) < 2:
        raise OpusError("the number of frames is cut off")
    count = (payload[1] & 0x3F) * _FRAME_400TH[payload[0] >> 3] * rate // 400
    if not 0 < count * 25 <= rate * 3:
        raise OpusError("corrupted: longer than 120 ms, or of no length")
    return count


@functools.cache
def _durations(rate: int) -> tuple[int | None, ...]:
    """What each first octet says; None: it is the second one that does."""
    return tuple(
        None
        if (frames := _FRAMES[first & 3]) is None
        else frames * _FRAME_400TH[first >> 3] * rate // 400
        for first in range(256)
    )


def _checked(result: int) -> int:
    if result < 0:
        raise OpusError(_text(_library().opus_strerror(result)))
    return result


def _text(pointer: Any) -> str:
    text = _ffi.string(pointer)
    assert isinstance(text, bytes)
    return text.decode()


def _pcm(samples: Samples) -> Any:
    return _ffi.from_buffer("short[]", samples.data)


class OpusEncoder:
    """Encodes one mono stream of frames at `rate` Hz for speech, with in-band FEC.

    `bitrate` is in bit/s, `complexity` 0 to 10. The share of FEC follows `set_loss`.
    """

    def __init__(self, rate: int, *, bitrate: int = 24_000, complexity: int = 5) -> None:
        self._lib = _library()
        error = _ffi.new("int *")
        encoder = self._lib.opus_encoder_create(rate, 1, _APPLICATION_VOIP, error)
        _checked(error[0])
        self._encoder = _ffi.gc(encoder, self._lib.opus_encoder_destroy)
        self._payload = _ffi.new(f"unsigned char[{MAX_PAYLOAD}]")
        self._octets = _ffi.buffer(self._payload)
        self._control(_SET_BITRATE, bitrate)
        self._control(_SET_COMPLEXITY, complexity)
        self._control(_SET_SIGNAL, _SIGNAL_VOICE)
        self._control(_SET_INBAND_FEC, 1)
        self.set_loss(0.1)

    def set_loss(self, fraction: float) -> None:
        """Tell the encoder which fraction of packets the far end loses: FEC is sized for it."""
        self._control(_SET_PACKET_LOSS_PERC, round(min(max(fraction, 0.0), 1.0) * 100))

    def set_complexity(self, complexity: int) -> None:
        """How much work to spend on each frame from now on, 0 to 10."""
        self._control(_SET_COMPLEXITY, complexity)

    def set_fec(self, enabled: bool) -> None:
        """Repeat frames within later ones, or do not where nobody would read it."""
        self._control(_SET_INBAND_FEC, int(enabled))

    def set_max_rate(self, rate: int) -> None:
        """Spend nothing on what a decoder at `rate` Hz would not play (RFC 7587 section 6.1)."""
        bands = {8000: _NARROW_BAND, 12000: _MEDIUM_BAND, 16000: _WIDE_BAND}
        bands |= {24000: _SUPER_WIDE_BAND}
        wide_enough = (band for limit, band in bands.items() if rate <= limit)
        self._control(_SET_MAX_BANDWIDTH, next(wide_enough, _FULL_BAND))

    def set_dtx(self, enabled: bool) -> None:
        """Let the encoder announce silence instead of coding it (RFC 7587 section 3.1.3)."""
        self._control(_SET_DTX, int(enabled))

    def encode(self, samples: Samples) -> bytes:
        """One packet of a frame of 2.5, 5, 10, 20, 40 or 60 ms."""
        pcm = _pcm(samples)
        length = _checked(
            self._lib.opus_encode(self._encoder, pcm, len(samples), self._payload, MAX_PAYLOAD)
        )
        payload: bytes = self._octets[:length]
        return payload

    def reset(self) -> None:
        """Forget the past: the next frame starts a new stream."""
        _checked(self._lib.opus_encoder_ctl(self._encoder, _RESET_STATE))

    def _control(self, request: int, value: int) -> None:
        _checked(self._lib.opus_encoder_ctl(self._encoder, request, _ffi.cast("int", value)))


class OpusDecoder:
    """Decodes one stream to mono at `rate` Hz, conceals what is lost, and recovers it by FEC."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._lib = _library()
        self._opus_decode = self._lib.opus_decode
        error = _ffi.new("int *")
        decoder = self._lib.opus_decoder_create(rate, 1, error)
        _checked(error[0])
        self._decoder = _ffi.gc(decoder, self._lib.opus_decoder_destroy)
        self._pcm = _ffi.new(f"short[{rate * 3 // 25}]")  # 120 ms: the longest packet there is
        octets: Any = _ffi.buffer(self._pcm)
        self._samples: Samples = np.frombuffer(octets, np.int16)
        self._most = len(self._samples)

    def decode(self, payload: bytes) -> Samples:
        """The audio of a packet (up to 120 ms); OpusError if it cannot be decoded."""
        return self._run(payload, len(payload), duration(payload, self.rate), fec=False)

    def recover(self, next_payload: bytes, count: int) -> Samples:
        """The `count` samples of a lost frame from the FEC in the packet after it.

        Without FEC in that packet libopus conceals instead.
        """
        return self._run(next_payload, len(next_payload), count, fec=True)

    def conceal(self, count: int) -> Samples:
        """`count` samples in place of a lost frame; a multiple of 2.5 ms."""
        return self._run(_ffi.NULL, 0, count, fec=False)

    def reset(self) -> None:
        """Forget the past: the next packet starts a new stream."""
        _checked(self._lib.opus_decoder_ctl(self._decoder, _RESET_STATE))

    def _run(self, data: Any, length: int, count: int, *, fec: bool) -> Samples:
        if count > self._most:
            raise ValueError(f"{count} samples are more than a packet can hold")
        decoded = self._opus_decode(self._decoder, data, length, self._pcm, count, fec)
        if decoded < 0:
            _checked(decoded)
        return self._samples[:decoded].copy()
