"""The codec floor: what libopus and SRTP alone cost for a scenario's frames.

No engine can do with less. Pure loops over what the calls of the scenario really say and hear.
libopus is called with ready buffers and nothing around it, so that the floor does not move with
the project's own wrapper.
"""

import ctypes
import ctypes.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TypeVar

from audiocodecs.frames import Samples
from gateway.bench.scenario import FRAMES, Scenario
from gateway.rtp.packet import RtpPacket, pack_extensions
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender

Item = TypeVar("Item")

_VOIP, _SIGNAL_VOICE = 2048, 3001  # opus_defines.h
_SET_BITRATE, _SET_COMPLEXITY, _SET_SIGNAL = 4002, 4010, 4024
_SET_INBAND_FEC, _SET_PACKET_LOSS_PERC = 4012, 4014
_BITRATE = 32_000  # the engine's default
_LOSS = 5  # per cent: what the engine never goes below
_MOST = 1275
_KEY, _SALT = bytes(range(16)), bytes(range(12))
_PROFILE = SrtpProfile.AEAD_AES_128_GCM


@dataclass(frozen=True, slots=True)
class FloorWork:
    """What has to be done in a second for all calls of a scenario together, however it is done.

    Frames encoded and decoded; packets opened and protected. A source is decoded once a room, who
    does not speak is neither encoded nor decoded, and callers on one engine need no bridge to hear
    each other.
    """

    encodes: int
    decodes: int
    opened: int
    protected: int

    @classmethod
    def of(cls, scenario: Scenario) -> "FloorWork":
        decodes = FRAMES * scenario.speaking_talkers * scenario.rooms
        encodes = FRAMES * scenario.speaking
        return cls(encodes, decodes, opened=decodes, protected=encodes)


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Microseconds of CPU for one of each."""

    encode: float
    decode: float
    open: float
    protect: float

    def of(self, work: FloorWork, calls: int) -> float:
        """Milliseconds of CPU a call and second."""
        microseconds = (
            work.encodes * self.encode
            + work.decodes * self.decode
            + work.opened * self.open
            + work.protected * self.protect
        )
        return microseconds / 1000 / calls


def unit_costs(
    speech: Sequence[Samples],
    payloads: Sequence[Sequence[bytes]],
    *,
    rate: int,
    complexity: int,
    streams: int,
    rounds: int,
) -> UnitCosts:
    """Encode `speech` (loops at `rate` Hz) and decode `payloads` (loops of Opus) at `complexity`.

    `streams` encoders and decoders take turns, as they do in an engine with so many calls, so the
    caches are as cold as there; each gets `rounds` frames.
    """
    library = _library()
    frame = rate // FRAMES
    encoders = [_Encoder(library, rate, complexity) for _ in range(streams)]
    decoders = [_Decoder(library, rate) for _ in range(streams)]
    frames = [
        [part.tobytes() for part in said[: len(said) // frame * frame].reshape(-1, frame)]
        for said in speech
    ]
    loop = _Loop(streams, rounds)
    encode = loop.microseconds(lambda s, turn: encoders[s].run(_at(frames, s, turn)))
    decode = loop.microseconds(lambda s, turn: decoders[s].run(_at(payloads, s, turn)))
    protect, opened = _srtp_costs(payloads, loop)
    return UnitCosts(encode, decode, opened, protect)


def _srtp_costs(payloads: Sequence[Sequence[bytes]], loop: "_Loop") -> tuple[float, float]:
    """To protect a packet, and to open one."""
    senders = [SrtpSender(_PROFILE, _KEY, _SALT) for _ in range(loop.streams)]
    receivers = [SrtpReceiver(_PROFILE, _KEY, _SALT) for _ in range(loop.streams)]
    packets = [
        [_packet(_at(payloads, stream, turn), stream, turn) for turn in range(loop.rounds)]
        for stream in range(loop.streams)
    ]
    sealed: list[list[bytes]] = [[] for _ in range(loop.streams)]
    protect = loop.microseconds(
        lambda s, turn: sealed[s].append(senders[s].protect(packets[s][turn]))
    )
    opened = loop.microseconds(lambda s, turn: receivers[s].unprotect(sealed[s][turn]))
    return protect, opened


def _packet(payload: bytes, ssrc: int, turn: int) -> bytes:
    """As it goes over the wire, with an audio level."""
    level = pack_extensions({1: bytes(1)})
    return RtpPacket(111, turn & 0xFFFF, 960 * turn, ssrc, payload, extension=level).serialize()


@dataclass(frozen=True, slots=True)
class _Loop:
    """`rounds` over `streams`, each in turn."""

    streams: int
    rounds: int

    def microseconds(self, work: Callable[[int, int], object]) -> float:
        """The CPU of `work` once, without that of the loop itself."""
        nothing = [[0]]
        empty = self._seconds(lambda stream, turn: _at(nothing, stream, turn))
        spent = self._seconds(work) - empty
        return max(0.0, spent) * 1e6 / (self.streams * self.rounds)

    def _seconds(self, work: Callable[[int, int], object]) -> float:
        before = time.process_time()
        for turn in range(self.rounds):
            for stream in range(self.streams):
                work(stream, turn)
        return time.process_time() - before


def _at(loops: Sequence[Sequence[Item]], stream: int, turn: int) -> Item:
    loop = loops[stream % len(loops)]
    return loop[(turn + 17 * stream) % len(loop)]


class _Encoder:
    """One stream with the engine's settings."""

    def __init__(self, library: ctypes.CDLL, rate: int, complexity: int) -> None:
        self._library = library
        self._state = ctypes.c_void_p(library.opus_encoder_create(rate, 1, _VOIP, None))
        self._out = ctypes.create_string_buffer(_MOST)
        settings = {
            _SET_BITRATE: _BITRATE,
            _SET_COMPLEXITY: complexity,
            _SET_INBAND_FEC: 1,
            _SET_PACKET_LOSS_PERC: _LOSS,
            _SET_SIGNAL: _SIGNAL_VOICE,
        }
        for request, value in settings.items():
            library.opus_encoder_ctl(self._state, request, ctypes.c_int(value))

    def __del__(self) -> None:
        self._library.opus_encoder_destroy(self._state)

    def run(self, frame: bytes) -> int:
        """The size of the packet."""
        size = len(frame) // 2
        return int(self._library.opus_encode(self._state, frame, size, self._out, _MOST))


class _Decoder:
    """One stream to `rate` Hz."""

    def __init__(self, library: ctypes.CDLL, rate: int) -> None:
        self._library = library
        self._state = ctypes.c_void_p(library.opus_decoder_create(rate, 1, None))
        self._size = rate // FRAMES
        self._out = ctypes.create_string_buffer(2 * self._size)

    def __del__(self) -> None:
        self._library.opus_decoder_destroy(self._state)

    def run(self, payload: bytes) -> int:
        """How many samples there are."""
        decode = self._library.opus_decode
        return int(decode(self._state, payload, len(payload), self._out, self._size, 0))


@cache
def _library() -> ctypes.CDLL:
    """The libopus that the engine uses (`audiocodecs.opus` says which one that is)."""
    inside = (
        str(file.locate())
        for file in metadata.files("av") or ()
        if file.name.startswith("libopus") and ".so" in file.name
    )
    library = ctypes.CDLL(next(inside, None) or ctypes.util.find_library("opus"))
    library.opus_encoder_create.restype = ctypes.c_void_p
    library.opus_decoder_create.restype = ctypes.c_void_p
    return library
