"""One remote source of a room: its copies, its packets, and what it sounds like.

It is decoded once for each sample rate somebody in the room listens at.
"""

from collections.abc import Iterable
from dataclasses import replace

from audiocodecs.frames import Samples
from audiocodecs.frames import audio_level as level_of
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.copies import Copies, Copy
from gateway.media.decoding import OpusStreamDecoder
from gateway.media.doubt import Doubt
from gateway.media.fader import Fader, last_word
from gateway.media.messages import StreamReport
from gateway.media.playout import Playout
from gateway.media.reports import combined, counted, played, received, since
from gateway.media.talk import TalkMeter
from gateway.rtp.packet import RtpPacket, audio_level
from gateway.rtp.red import RedReceiver
from gateway.rtp.retransmission import LossWatch
from gateway.rtp.statistics import Reception
from gateway.rtp.telephone_event import Press, TelephoneEventReceiver

_CLOCK_RATE = 48000
_FRAME = 960
_QUIET = 65  # -dBov: softer than the noise of a telephone line
_QUIET_FOR = 50  # packets
_PASSED_OVER = 9  # packets in a row of who is silent, at most


class RoomSource:
    """A source with SSRC `ssrc`; `endpoint` is its owner, None until the focus names one.

    `level` is what its last packet says of itself, in -dBov, None if it says nothing; of one whose
    word has been found wrong it is what it sounds like. While it `is_encrypted` end to end nothing
    is heard of it but keys, which are not.
    """

    def __init__(
        self, ssrc: int, endpoint: str | None, now: float, *, rates: Iterable[int]
    ) -> None:
        self.ssrc = ssrc
        self.endpoint = endpoint
        self.is_encrypted = False
        self.last_carried = now
        self.level: int | None = None
        self.fader = Fader(is_open=True)
        self.reception = Reception(ssrc, _CLOCK_RATE)
        self._talk = TalkMeter()
        self._copies = Copies()
        self._playouts: dict[int, Playout] = {}  # by sample rate
        self._past = StreamReport()  # of carriers before, and of playouts
        self._quiet = 0  # packets in a row that hold next to nothing
        self._passed_over = 0  # of them, since one was opened
        self._red = RedReceiver()
        self._watch = LossWatch()
        self._keys: TelephoneEventReceiver | None = None
        self._presses: list[Press] = []
        self._heard: dict[int, Samples] = {}  # the last frame at each rate, if it was heard
        self._stated: int | None = None  # its level
        self._doubt: Doubt | None = None
        self.play_at(rates)

    @property
    def carrier(self) -> BridgeLeg | None:
        """The endpoint of ours whose copies are opened."""
        return self._copies.carrier

    def play_at(self, rates: Iterable[int]) -> None:
        """The sample rates it is listened to at from now on, one at least."""
        before = next(iter(self._playouts.values()), None)
        for rate in rates:
            if rate not in self._playouts:
                self._playouts[rate] = Playout(OpusStreamDecoder(rate), _CLOCK_RATE)
        for rate in set(self._playouts) - set(rates):
            del self._playouts[rate]
        self.playout: Playout = next(iter(self._playouts.values()))
        """Where its packets wait; the oldest of several, if it is decoded at several rates."""
        if before is not None and before is not self.playout:  # which may have counted since later
            self._past = combined((self._past, since(played(self.playout), played(before))))

    def receive(self, leg: BridgeLeg, data: bytes, now: float) -> None:
        """Take the copy `leg` got; one that is not what it claims to be is dropped when opened."""
        if leg is self._copies.carrier:
            if not self.is_audible and self._passes_over(leg, data, now):
                return
            packet = leg.open(data)
            if packet is not None:
                self._carried(leg, packet, now)
            return
        copies, takes_over = self._copies.offered(leg, data, now)
        for copy in copies:
            self._open(copy, leg if takes_over else None)

    def carry(self, leg: BridgeLeg, packet: RtpPacket, now: float) -> None:
        """Take a packet that `leg` has opened, which is the carrier from now on."""
        if self._copies.carrier is not leg:
            self._hand_over(leg)
        self._carried(leg, packet, now)

    @property
    def has_presses(self) -> bool:
        """Whether its owner has pressed any keys."""
        return self._keys is not None

    def presses(self, now: float) -> list[Press]:
        """The keys its owner has pressed since the last time."""
        if self._keys is None:
            return []
        finished, self._presses = self._presses + self._keys.expire(now), []
        return finished

    def leave(self, leg: BridgeLeg) -> None:
        """An endpoint of ours is gone: the next copy that comes makes another the carrier."""
        self._copies.leave(leg)

    def heard(self) -> StreamReport:
        """What has come of it so far."""
        now = received(self.playout, self.reception, self._talk)
        now = replace(
            now, discarded=now.discarded + self._red.damaged, recovered=self._red.recovered
        )
        return combined((self._past, now))

    @property
    def is_sounding(self) -> bool:
        """Whether packets of it come, or some have still to be played."""
        return not self.playout.is_empty

    @property
    def is_audible(self) -> bool:
        """Whether it has said something louder than the noise of a line in the last second."""
        return self._quiet < _QUIET_FOR

    def pull(self, rate: int, now: float) -> Samples | None:
        """The next frame at a sample rate, None while there is nothing to hear.

        While `fader` is closed its packets pass undecoded.
        """
        playout = self._playouts[rate]
        if self.fader.is_audible:
            frame = playout.pull(now)
            if playout.is_sounding:
                frame = self._heard[rate] = self.fader.apply(frame, rate)
                return frame
        else:
            playout.skip(now)
        self._heard.pop(rate, None)
        return None

    def weigh(self) -> None:
        """Compare the level that it states with the last frame: more speak than can be heard."""
        if self._heard:
            self._doubt = self._doubt or Doubt()
            self._doubt.heard(min(map(level_of, self._heard.values())), self._stated)

    def last_words(self) -> dict[int, Samples]:
        """What is still to be heard of it, by sample rate, if it is gone from now on."""
        return {rate: last_word(frame, rate) for rate, frame in self._heard.items()}

    def _open(self, copy: Copy, successor: BridgeLeg | None) -> None:
        """Open a copy of another than the carrier; of the successor it makes it the carrier."""
        packet = copy.leg.open(copy.data)
        if packet is None:
            return
        if copy.leg is successor:
            self.carry(copy.leg, packet, copy.arrival)
        else:
            self._hear(copy.leg, packet, copy.arrival)

    def _hand_over(self, leg: BridgeLeg) -> None:
        """What the new carrier dropped unread is not lost: its statistics begin here."""
        self._past = combined((self._past, counted(self.reception)))
        self.reception = Reception(self.ssrc, _CLOCK_RATE)
        self._copies.carrier = leg

    def _carried(self, leg: BridgeLeg, packet: RtpPacket, now: float) -> None:
        self.last_carried = now
        self.reception.received(packet, now)
        self._hear(leg, packet, now)
        self._copies.carried(packet.timestamp)
        if not self.is_audible:
            self._overlook(packet.sequence)

    def _passes_over(self, leg: BridgeLeg, data: bytes, now: float) -> bool:
        """Count a packet unread if its source has long been silent and says, in clear, that it
        still is. One in ten is opened all the same: anybody can say so, and SRTP's rollover
        counter is kept only by opening."""
        packet = leg.glance(data) if self._passed_over < _PASSED_OVER else None
        if packet is None or not self._is_silence(leg, packet):
            self._passed_over = 0
            return False
        self._passed_over += 1
        self.last_carried = now
        self.reception.received(packet, now)
        self._watch.missing(packet.sequence)
        self._copies.carried(packet.timestamp)
        self._overlook(packet.sequence)
        return True

    def _is_silence(self, leg: BridgeLeg, packet: RtpPacket) -> bool:
        """Whether the next packet of audio, as it came, says that it holds next to nothing."""
        if leg.level_id is None or packet.payload_type != leg.payload_type:
            return False
        level = audio_level(packet, leg.level_id)
        return level is not None and level >= _QUIET and self._watch.expects(packet.sequence)

    def _overlook(self, sequence: int) -> None:
        for playout in self._playouts.values():
            playout.overlook(sequence)

    def _hear(self, leg: BridgeLeg, packet: RtpPacket, now: float) -> None:
        if self.is_encrypted or packet.payload_type not in (leg.payload_type, leg.red_type):
            self._put_aside(leg, packet, now)
            return
        self._note_level(leg, packet)
        if leg.red_type is None:
            self._play(leg, packet, now)
        else:
            for part in self._red.unpack(packet, leg.red_type, leg.payload_type):
                self._play(leg, part, now)

    def _put_aside(self, leg: BridgeLeg, packet: RtpPacket, now: float) -> None:
        """No audio, which goes on with the same numbers: this one is no loss."""
        for playout in self._playouts.values():
            playout.put_aside(packet.sequence)
        self._missing_before(leg, packet)
        if leg.event is not None and packet.payload_type == leg.event.payload_type:
            self._press(leg.event.clock_rate, packet, now)

    def _note_level(self, leg: BridgeLeg, packet: RtpPacket) -> None:
        level = None if leg.level_id is None else audio_level(packet, leg.level_id)
        self._stated = level
        self.level = level if self._doubt is None else self._doubt.level(level)
        if level is not None:
            self._talk.heard(level)
        self._quiet = self._quiet + 1 if level is not None and level >= _QUIET else 0

    def _missing_before(self, leg: BridgeLeg, packet: RtpPacket) -> tuple[int, ...]:
        """What the carrier lacks before a packet: others drop most of theirs unread."""
        if leg is not self._copies.carrier:
            return ()
        return self._watch.missing(packet.sequence)

    def _play(self, leg: BridgeLeg, packet: RtpPacket, now: float) -> None:
        """Play a packet; take what is missing before it from other copies, or ask for it."""
        missing = self._missing_before(leg, packet)
        if missing:
            before = range(len(missing), 0, -1)
            times = [packet.timestamp - back * _FRAME & 0xFFFFFFFF for back in before]
            found = self._copies.lost(times)
            for copy in found.values():
                self._open(copy, None)
            nowhere = {
                number: at for number, at in zip(missing, times, strict=True) if at not in found
            }
            self._ask_again(leg, nowhere, now)
        for playout in self._playouts.values():
            playout.put(packet, now)

    def _ask_again(self, leg: BridgeLeg, missing: dict[int, int], now: float) -> None:
        """Ask for packets, by sequence and timestamp, whose answer comes before they are due."""
        if leg.round_trip is None:
            return
        due = {number: self.playout.time_left(at, now) for number, at in missing.items()}
        in_time = [number for number, left in due.items() if left * 1000 > leg.round_trip]
        if in_time:
            leg.feedback.ask_again(self.ssrc, in_time)

    def _press(self, clock_rate: int, packet: RtpPacket, now: float) -> None:
        if self._keys is None:
            self._keys = TelephoneEventReceiver(clock_rate)
        self._presses += self._keys.receive(packet, now)
