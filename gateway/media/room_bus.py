"""The bus of one conference: every source decoded once, every caller's mix without its own voice.

Our own callers hear each other over the bus, never from the bridge as well. What the bridge would
not forward the bus does not play: the muted, the held, and those whose session is not up. Of many
who speak only the loudest are heard, whether they are sources or callers.
No IO and no clock: `now` comes in, packets go out through the members' legs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from audiocodecs.frames import Samples
from audiocodecs.g711 import G711
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.fader import Fader, last_word
from gateway.media.loudest import Loudest
from gateway.media.messages import Source, StreamReport
from gateway.media.mixing import Mixing
from gateway.media.reports import combined
from gateway.media.room_source import RoomSource
from gateway.media.utterance import Over
from gateway.rtp.telephone_event import Press

RATE = 8000
_MOST_HEARD = 4  # voices at a time
_MOST_SOURCES = 500
_MOST_UNSIGNALLED = 16  # sources whose packets come before the focus names them
_UNSIGNALLED_FOR = 10.0  # seconds until such a source is given up
_RETIRED_FOR = 5.0  # seconds in which packets of a source or a member that has gone are stragglers


class Member(Protocol):
    """One of our callers, as the bus sees it."""

    leg: BridgeLeg | None

    @property
    def rate(self) -> int:
        """The sample rate, in Hz, at which it hears."""
        ...

    @property
    def own_ssrcs(self) -> frozenset[int]:
        """The SSRCs it sends to the conference with, or did: their last packets may come late."""
        ...

    def next_frame(self, now: float) -> Samples:
        """Go on to the next frame of what it says."""
        ...

    def speak(self, level: int) -> bool:
        """Say that frame, whose level is in -dBov: whether the conference may hear it."""
        ...

    def voice(self, rate: int) -> Samples:
        """That frame, at `rate` Hz."""
        ...

    @property
    def listens(self) -> bool:
        """Whether it hears anything."""
        ...

    @property
    def law(self) -> G711 | None:
        """How to encode what it hears; None if its codec has a memory, and is its own."""
        ...

    def hear(self, heard: bytes | Samples) -> None:
        """20 ms of what it hears: a payload encoded by `law`, samples if it has none."""
        ...

    def announcement(self) -> Samples | None:
        """A frame it hears instead of the conference, if something is played to it."""
        ...

    def speech(self) -> Over | None:
        """A frame of what is said to it over whatever else it hears, if anything is."""
        ...

    def pressed(self, endpoint: str, press: Press) -> None:
        """Somebody in the conference has pressed a key."""
        ...


Listener = tuple[Member, int | Samples | None]
"""Who hears what: a row of its rate's mixing, a frame played to it alone, or silence."""


class RoomBus:
    """The bus of a room. Members come and go; sources are those the focus has signalled."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._sources: dict[int, RoomSource] = {}
        self._signalled: dict[Member, frozenset[Source]] = {}
        self._own: frozenset[int] = frozenset()
        self._left: dict[int, float] = {}  # SSRCs of members that have gone, and when
        self._rates: frozenset[int] = frozenset((RATE,))
        self._faders: dict[Member, Fader] = {}
        self._loudest: Loudest[RoomSource | Member] = Loudest(_MOST_HEARD)
        self._retired: dict[int, float] = {}
        self._last_words: dict[int, list[Samples]] = {}  # of those who have just gone, by rate
        self._gone = StreamReport()  # what has come of sources that are no more
        self._unsignalled_dropped = 0

    def join(self, member: Member) -> None:
        """Let a caller in."""
        self.members.append(member)
        self._faders[member] = Fader()
        self._refresh_own()
        self._choose_ears()

    def leave(self, member: Member, now: float) -> None:
        """Let a caller go; sources only it was told about go with it."""
        self.members.remove(member)
        if self._faders.pop(member).is_audible:
            self._part({rate: last_word(member.voice(rate), rate) for rate in self._rates})
        if member.leg is not None:
            for source in self._sources.values():
                source.leave(member.leg)
        self._signalled.pop(member, None)
        self._left |= dict.fromkeys(member.own_ssrcs, now)
        self._refresh_own()
        self._retire_unsignalled(now)
        self._choose_ears()

    def switch(self, member: Member, leg: BridgeLeg) -> None:
        """A caller goes on with another leg, and goes on hearing what it has heard."""
        if member.leg is not None:
            for source in self._sources.values():
                source.leave(member.leg)
        member.leg = leg
        self._refresh_own()
        self._choose_ears()

    def set_sources(self, member: Member, sources: Iterable[Source], now: float) -> None:
        """All sources the focus has signalled to a member."""
        self._signalled[member] = frozenset(sources)
        for source in self._signalled[member]:
            known = self._sources.get(source.ssrc)
            if known is None and len(self._sources) < _MOST_SOURCES:
                self._retired.pop(source.ssrc, None)
                known = RoomSource(source.ssrc, source.endpoint, now, rates=self._rates)
                self._sources[source.ssrc] = known
            if known is not None:
                known.endpoint, known.is_encrypted = source.endpoint, source.is_encrypted
        self._retire_unsignalled(now)

    def receive(self, leg: BridgeLeg, data: bytes, now: float) -> None:
        """A protected RTP packet that the bridge has sent to one of our endpoints."""
        leg.last_heard = now
        ssrc = int.from_bytes(data[8:12])
        source = self._sources.get(ssrc)
        if source is not None:
            carrier = source.carrier
            source.receive(leg, data, now)
            if source.carrier is not carrier:
                self._choose_ears()  # it may have been one that hardly anything comes to
        elif ssrc not in self._own:
            self._receive_unsignalled(leg, ssrc, data, now)

    def tick(
        self, now: float, levels: Mapping[Member, int], mixings: Mapping[int, Mixing]
    ) -> list[Listener]:
        """Let 20 ms pass: put what sounds into the mixing of each rate in use; who listens.

        `levels` are those of the members' frames, `mixings` has one for every rate a member may
        hear at.
        """
        sounding: dict[RoomSource | Member, int | None] = {}
        for member in self.members:
            level = levels[member]
            if member.speak(level):
                sounding[member] = level
        for source in self._sources.values():
            if source.is_audible and source.is_sounding:
                sounding[source] = source.level
            if source.has_presses:
                self._tell_presses(source, now)
        if not self.members:
            self._last_words.clear()
            return []
        self._let_be_heard(sounding)
        self._refresh_rates()
        listeners: list[Listener] = []
        for rate in self._rates:
            listeners += self._fill(mixings[rate], rate, now)
        self._last_words.clear()
        return listeners

    def carried(self, leg: BridgeLeg) -> list[RoomSource]:
        """The sources one of our endpoints opens, for its reports."""
        return [source for source in self._sources.values() if source.carrier is leg]

    def expire(self, now: float) -> None:
        """Give up sources that nobody has named, and choose who hears; called twice a second."""
        for ssrc, source in list(self._sources.items()):
            if source.endpoint is None and now - source.last_carried > _UNSIGNALLED_FOR:
                del self._sources[ssrc]
                self._gone = combined((self._gone, source.heard()))
        self._retired = _lately(self._retired, now)
        self._left = _lately(self._left, now)
        self._refresh_own()
        self._choose_ears()

    def _choose_ears(self) -> None:
        """Of many endpoints of ours that get the same, only those hear it that carry a source, and
        one more at each bridge, to fill in what they lose and to take over, even if a bridge is
        gone with all of its own; for all others it is dropped as early as can be, but for so much
        of it as keeps their rollover counters.

        That one has heard something last: the bridge may have given up others, whose callers leave.
        """
        legs = [member.leg for member in self.members if member.leg is not None]
        needed = {source.carrier for source in self._sources.values()}
        latest = sorted(legs, key=lambda leg: leg.last_heard, reverse=True)
        spare = {leg.bridge_ssrc: leg for leg in reversed(latest) if leg not in needed}
        for leg in legs:
            leg.want_rtp(leg in needed or leg is spare[leg.bridge_ssrc])

    def heard(self) -> StreamReport:
        """What has come of all sources there have been, together."""
        now = combined(source.heard() for source in self._sources.values())
        whole = combined((self._gone, now))
        discarded = whole.discarded + self._unsignalled_dropped
        return replace(whole, discarded=discarded, jitter_now=now.jitter, delay_now=now.delay)

    def _let_be_heard(self, sounding: Mapping[RoomSource | Member, int | None]) -> None:
        """Open the faders of the loudest, close those of the others."""
        chosen = self._loudest.choose(sounding)
        are_scarce = len(chosen) < len(sounding)
        if len(self.members) > 1:  # nobody hears itself
            for member, fader in self._faders.items():
                fader.move(is_open=member in chosen)
        for source in self._sources.values():
            source.fader.move(is_open=source in chosen or not source.is_sounding)
            if are_scarce:
                source.weigh()

    def _fill(self, mixing: Mixing, rate: int, now: float) -> list[Listener]:
        """Put what sounds into the mixing of one rate; who hears at that rate, and which row."""
        mixing.begin_room()
        for source in self._sources.values():
            frame = source.pull(rate, now)
            if frame is not None:
                mixing.voice(frame)
        for words in self._last_words.get(rate, ()):
            mixing.voice(words)
        own = {
            member: mixing.voice(fader.apply(member.voice(rate), rate))
            for member, fader in self._faders.items()
            if fader.is_audible
        }
        listeners: list[Listener] = []
        is_silent = not mixing.sounds
        everything: int | None = None  # the row of all who say nothing
        for member in self.members:
            if member.rate != rate or not member.listens:
                continue
            announcement = member.announcement()
            speech = member.speech() if announcement is None else None
            if announcement is not None:
                listeners.append((member, announcement))
            elif member in own or speech is not None:
                listeners.append((member, mixing.ear(member, own.get(member, 0), speech)))
            else:
                if everything is None and not is_silent:
                    everything = mixing.ear(self)
                listeners.append((member, everything))
        return listeners

    def _part(self, last_words: Mapping[int, Samples]) -> None:
        """Somebody is gone: without a click."""
        for rate, words in last_words.items():
            self._last_words.setdefault(rate, []).append(words)

    def _refresh_rates(self) -> None:
        """The rates at which members hear may change with each negotiation."""
        rates = {member.rate for member in self.members}
        if rates != self._rates:
            self._rates = frozenset(rates)
            for source in self._sources.values():
                source.play_at(rates)

    def _tell_presses(self, source: RoomSource, now: float) -> None:
        for press in source.presses(now):
            if source.endpoint is not None:  # whose key it was decides what it is good for
                for member in self.members:
                    member.pressed(source.endpoint, press)

    def _receive_unsignalled(self, leg: BridgeLeg, ssrc: int, data: bytes, now: float) -> None:
        """A source may speak before the focus names it: adopt it, if it is authentic."""
        strange = sum(source.endpoint is None for source in self._sources.values())
        if ssrc in self._retired or ssrc == leg.bridge_ssrc or strange >= _MOST_UNSIGNALLED:
            self._unsignalled_dropped += 1
            return
        packet = leg.open(data)  # a source costs fifty times as much
        if packet is None:
            self._unsignalled_dropped += 1
            return
        source = self._sources[ssrc] = RoomSource(ssrc, None, now, rates=self._rates)
        source.carry(leg, packet, now)

    def _refresh_own(self) -> None:
        """What we have said ourselves, whoever of us is still there, has been heard already."""
        self._own = frozenset(self._left).union(*(member.own_ssrcs for member in self.members))
        for ssrc in self._own:
            self._sources.pop(ssrc, None)

    def _retire_unsignalled(self, now: float) -> None:
        """Drop what no member is told about any more."""
        named = {source.ssrc for sources in self._signalled.values() for source in sources}
        for ssrc, source in list(self._sources.items()):
            if source.endpoint is not None and (ssrc not in named or ssrc in self._own):
                del self._sources[ssrc]
                self._part(source.last_words())
                self._gone = combined((self._gone, source.heard()))
                self._retired[ssrc] = now


def _lately(times: dict[int, float], now: float) -> dict[int, float]:
    """The SSRCs of which there may be stragglers still."""
    return {ssrc: at for ssrc, at in times.items() if now - at < _RETIRED_FOR}
