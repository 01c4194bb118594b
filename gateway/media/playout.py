"""From the packets of one source to an unbroken run of 20 ms frames."""

import numpy as np

from audiocodecs.frames import Samples, audio_level, silence
from audiocodecs.time_scaling import QUIET_ALIKE, VOICED_ALIKE, lengthen, shorten
from gateway.media.decoding import Decoder, PayloadError
from gateway.rtp.bursts import LossCounter
from gateway.rtp.jitter_buffer import FRAME, Arrival, Dry, Hold, JitterBuffer, Lost, Play
from gateway.rtp.packet import RtpPacket
from gateway.rtp.sequence import distance

_QUIET = 45  # -dBov: in a frame as soft as this nobody hears what is cut
_SHORT_OF = -0.008  # seconds of delay too few: from here on frames are lengthened
_SPOKEN_EXCESS = 0.040  # seconds of delay too many that speech is shortened for, now and then
_PRESSING_EXCESS = 0.100  # and whenever it is voiced
_SPARING = 3  # frames from one cut in speech to the next
_MADE_UP = 2  # packets by which a gap may be shorter to the ear: delay is given back in it
_LOOK_EVERY = 4  # frames: where there is a little too much delay, a quiet one is looked for
_DRY_CONCEALED = 5  # frames without a packet that are filled; after that there is silence


class Playout:
    """One source: jitter buffer, decoder, and what is decoded but not yet played.

    `clock_rate` is the RTP clock in Hz; frames come out at the decoder's rate.
    """

    def __init__(self, decoder: Decoder, clock_rate: int, *, max_delay: float = 0.200) -> None:
        self.decoder = decoder
        self.late = 0
        self.duplicate = 0
        self.discarded = 0
        self.concealed = 0.0  # seconds filled in for lost packets
        self.longest_gap = 0.0  # seconds
        self.losses = LossCounter()
        self.is_sounding = False  # whether the last frame was more than silence of ours
        self._frame = round(FRAME * decoder.rate)
        self._units = clock_rate / decoder.rate  # of the RTP clock in one sample
        self._buffer = JitterBuffer(clock_rate, max_delay=max_delay, recovers=decoder.recovers)
        self._decoded = self._nothing = silence(0)
        self._silence = silence(self._frame)
        self._dry_frames = _DRY_CONCEALED
        self._is_skipping = False
        self._missing = 0.0
        self._since_cut = 0
        self._since_look = 0
        self._last_sequence: int | None = None
        self._newest: int | None = None  # the sequence number of the last packet stored
        self._paused: int | None = None  # that of the packet by which the source has paused

    @property
    def delay(self) -> float:
        """Seconds from the fastest arrival to playout."""
        return self._buffer.delay

    def put(self, packet: RtpPacket, now: float) -> None:
        """Take a packet that has just arrived; one that is damaged, late or known is counted."""
        try:
            duration = round(self.decoder.duration(packet.payload) * self._units)
        except PayloadError:
            self.discarded += 1
            return
        if duration == 0:
            self.discarded += 1
            return
        arrival = self._buffer.put(packet, duration, now)
        if arrival is not Arrival.STORED:
            self._count_useless(arrival)
            return
        self._newest = packet.sequence
        if self._paused is not None and distance(packet.sequence, self._paused, 16) > 0:
            self._paused = None

    def pause(self, sequence: int) -> None:
        """The source says, by a packet with this number, that it is silent from there on.

        Until it goes on nothing is missing, and nothing is filled.
        """
        self._buffer.put_aside(sequence)
        if self._newest is None or distance(sequence, self._newest, 16) > 0:
            self._paused = sequence

    def _count_useless(self, arrival: Arrival) -> None:
        match arrival:
            case Arrival.LATE:
                self.late += 1
            case Arrival.DUPLICATE:
                self.duplicate += 1
            case Arrival.DISCARDED:
                self.discarded += 1

    def overlook(self, sequence: int) -> None:
        """Nothing is worth playing, up to the packet with this number, which has come."""
        self._buffer.overlook(sequence)
        self._last_sequence = None  # what is overlooked is not missed

    def put_aside(self, sequence: int) -> None:
        """A packet of the source that is not audio has come: its number is not a loss."""
        self._buffer.put_aside(sequence)

    def time_left(self, timestamp: int, now: float) -> float:
        """Seconds until the packet at `timestamp` is to be played."""
        return self._buffer.time_left(timestamp, now)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come that is still to be heard."""
        has_paused = self._dry_frames >= _DRY_CONCEALED
        return has_paused and not len(self._decoded) and not len(self._buffer)

    @property
    def is_filling(self) -> bool:
        """Whether the last frame ended with something else than what the source has sent."""
        return self._missing > 0.0

    def skip(self, now: float) -> None:
        """Let 20 ms pass without listening: what is due is dropped, and the decoder starts anew."""
        if not self._is_skipping:
            self._is_skipping = True
            self._decoded = self._nothing
            self._last_sequence = None  # what is skipped is not missed
            self.decoder.reset()
        self.is_sounding = False
        if self.is_empty:
            return
        self._buffer.drop_due(now + FRAME)
        self._dry_frames = 0 if len(self._buffer) else self._dry_frames + 1

    def pull(self, now: float) -> Samples:
        """The next 20 ms, whatever has arrived."""
        self._is_skipping = False
        kept = len(self._decoded)
        if not self._dry_frames and kept < self._frame:
            self._since_look += 1
            most = FRAME if self._since_look % _LOOK_EVERY == 0 else _SPOKEN_EXCESS
            packet = self._buffer.take_usual(now, kept / self.decoder.rate, most)
            if packet is not None:
                self.is_sounding = True
                samples = self._decode(packet)
                if not kept and len(samples) == self._frame:  # the usual case
                    return samples
                self._keep(samples)
                if len(self._decoded) >= self._frame:
                    return self._whole()
        if self._paused is not None and not len(self._buffer):
            self._dry_frames = _DRY_CONCEALED
        if self.is_empty:
            self.is_sounding = False
            self._missing += FRAME
            return self._silence
        if self._dry_frames >= _DRY_CONCEALED and not self.is_sounding:
            self._buffer.catch_up(now)
        self.is_sounding = True
        while len(self._decoded) < self._frame:
            self._keep(self._next(now, len(self._decoded) / self.decoder.rate))
        return self._whole()

    def _keep(self, samples: Samples) -> None:
        """Play these after what is decoded already."""
        self._decoded = np.concatenate((self._decoded, samples)) if len(self._decoded) else samples

    def _whole(self) -> Samples:
        """A frame of what is decoded; the rest is kept for the next."""
        samples = self._decoded
        if len(samples) == self._frame:
            self._decoded = self._nothing
            return samples
        self._decoded = samples[self._frame :]
        return samples[: self._frame]

    def _next(self, now: float, ahead: float) -> Samples:
        due = self._buffer.take(now, ahead)
        match due:
            case Play(packet, _):
                return self._play(packet, now, ahead)
            case Lost(duration, next_payload):
                return self._fill(self._count(duration), next_payload)
            case Dry(duration):
                return self._wait(self._count(duration))
            case Hold():
                return self._wait(self._frame)

    def _count(self, duration: int) -> int:
        """Clock units as samples."""
        return max(1, round(duration / self._units))

    def _play(self, packet: RtpPacket, now: float, ahead: float) -> Samples:
        samples = self._decode(packet)
        seconds = len(samples) / self.decoder.rate
        return self._adjusted(samples, self._buffer.excess(now, ahead + seconds))

    def _decode(self, packet: RtpPacket) -> Samples:
        """A packet's samples; one frame in their place if they are damaged."""
        try:
            samples = self.decoder.decode(packet.payload)
        except PayloadError:
            self.discarded += 1
            return self._fill(self._frame, None)
        if self._missing:
            self._count_gap(packet.sequence, len(samples) / self.decoder.rate)
        self.losses.played()
        self._last_sequence = packet.sequence
        self._dry_frames = 0
        return samples

    def _adjusted(self, samples: Samples, excess: float) -> Samples:
        """A packet's samples, a pitch period more or less if the delay is not what it should be."""
        rate = self.decoder.rate
        self._since_cut += 1
        unaligned = (len(self._decoded) + len(samples)) % self._frame / rate
        if excess - unaligned < _SHORT_OF:
            return lengthen(samples, rate)
        most = excess - FRAME  # cutting more would ask for a packet that may still come
        if most <= 0.0:
            return samples
        if audio_level(samples) >= _QUIET:
            return shorten(samples, rate, most=most, alike=QUIET_ALIKE)
        pause = 1 if excess >= _PRESSING_EXCESS else _SPARING
        if excess < _SPOKEN_EXCESS or self._since_cut < pause:
            return samples
        shortened = shorten(samples, rate, most=most, alike=VOICED_ALIKE)
        if len(shortened) < len(samples):
            self._since_cut = 0
        return shortened

    def _fill(self, count: int, next_payload: bytes | None) -> Samples:
        self._missing += count / self.decoder.rate
        if next_payload is not None:
            return self.decoder.recover(next_payload, count)
        return self.decoder.conceal(count)

    def _wait(self, count: int) -> Samples:
        """A moment in which nothing can be played: fill a short gap, let a long one be silent.

        Of a source that may have ended amid a frame nothing is left after that.
        """
        is_silent = self._dry_frames >= _DRY_CONCEALED
        if is_silent:
            count = self._frame - len(self._decoded)
        self._missing += count / self.decoder.rate
        if is_silent:
            return self._silence[:count]
        self._dry_frames += 1
        return self.decoder.conceal(count)

    def _count_gap(self, sequence: int, seconds: float) -> None:
        """How much of what was missing before this packet was lost, and not just a pause."""
        if self._last_sequence is not None:
            lost = self._buffer.lost_between(sequence, self._last_sequence)
            gap = min(self._missing, max(lost * seconds, 0.0))
            self.concealed += gap
            self.longest_gap = max(self.longest_gap, gap)
            self.losses.missed(min(lost, round(self._missing / seconds) + _MADE_UP))
        self._missing = 0.0
