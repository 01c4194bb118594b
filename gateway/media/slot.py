"""One of the ten 2 ms slots of the 20 ms: the rooms that are ticked in it, and who is encoded.

All of its rooms are mixed at once, and all mixes are encoded at once as far as their codec has no
memory. No IO and no clock.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog

from audiocodecs.frames import Samples, audio_levels
from audiocodecs.g711 import G711
from audiocodecs.resampling import NARROW, WIDE
from gateway.media.call_media import CallMedia
from gateway.media.mixing import Mixing
from gateway.media.room_bus import Listener, Member, RoomBus

log = structlog.get_logger(__name__)


Arrival = tuple[float, CallMedia, bytes]
"""A datagram that has come from the bridge of a call, and when."""


class Inlet(Protocol):
    """A call whose sockets are read in a slot."""

    def read(self) -> list[Arrival]:
        """Take what its phone has sent since the last time; what its bridge has sent."""
        ...


class Slot:
    """The work of one slot. `failed` is told of a room that has met a mistake of ours."""

    def __init__(self, failed: Callable[[RoomBus], None]) -> None:
        self.rooms: dict[RoomBus, None] = {}
        self.encoding: list[CallMedia] = []
        self.inlets: dict[Inlet, None] = {}
        """The calls of its rooms."""
        self._failed = failed
        self._mixings = {rate: Mixing(rate // 50) for rate in (NARROW, WIDE)}

    @property
    def work(self) -> int:
        """How much there is to do, in rooms: so much is a call's phone as well, and its encoder
        twice as much."""
        return len(self.rooms) + len(self.inlets) + 2 * len(self.encoding)

    def tick(self, now: float) -> None:
        """Let 20 ms pass for its rooms, and send what its callers say."""
        self._take_in()
        levels = self._levels(now)
        listeners: list[Listener] = []
        for bus in list(self.rooms):
            try:
                listeners += bus.tick(now, levels, self._mixings)
            except Exception:
                self._fail(bus)
        if listeners:
            self._deliver(listeners)
        for media in list(self.encoding):
            try:
                media.send_to_bridge()
            except Exception:
                self.encoding.remove(media)
                self._fail(media.bus)

    def _fail(self, bus: RoomBus) -> None:
        """A mistake of ours ends the calls of one room, not of all."""
        log.exception("room failed")
        self._failed(bus)

    def _take_in(self) -> None:
        """Read what has come for the calls. Those of a room get copies of the same packets, and
        the first counts: so they are taken in the order in which they came."""
        arrived: list[Arrival] = []
        for inlet in list(self.inlets):
            try:
                arrived += inlet.read()
            except Exception:  # it costs a datagram, not the other calls theirs
                log.exception("datagram of a phone failed")
        arrived.sort(key=itemgetter(0))
        for arrival, media, data in arrived:
            try:
                media.receive_from_bridge(data, arrival)
            except Exception:
                log.exception("datagram of a bridge failed", call=media.call)

    def _levels(self, now: float) -> dict[Member, int]:
        """Let all callers go on to their next frames; how loud those are."""
        frames: dict[int, dict[Member, Samples]] = {}  # by length
        for bus in list(self.rooms):
            try:
                for member in bus.members:
                    frame = member.next_frame(now)
                    frames.setdefault(len(frame), {})[member] = frame
            except Exception:
                self._fail(bus)
        levels: dict[Member, int] = {}
        for alike in frames.values():
            levels.update(zip(alike, audio_levels(list(alike.values())), strict=True))
        return levels

    def _deliver(self, listeners: list[Listener]) -> None:
        mixes = {rate: mixing.mix() for rate, mixing in self._mixings.items()}
        encoded: dict[G711, list[bytes]] = {}
        for member, heard in listeners:
            try:
                member.hear(self._for_ears(member, heard, mixes, encoded))
            except Exception:
                for bus in [bus for bus in self.rooms if member in bus.members]:
                    self._fail(bus)

    def _for_ears(
        self,
        member: Member,
        heard: int | Samples | None,
        mixes: dict[int, npt.NDArray[np.int16]],
        encoded: dict[G711, list[bytes]],
    ) -> bytes | Samples:
        """What a member is to hear as it takes it; the mixes of a law are `encoded` once."""
        law = member.law
        if heard is None:
            silent = self._mixings[member.rate].silence
            return silent if law is None else law.silence(len(silent))
        if not isinstance(heard, int):
            return heard if law is None else law.encode(heard)
        if law is None:
            mix: Samples = mixes[member.rate][heard]
            return mix
        if law not in encoded:
            encoded[law] = law.encode_rows(mixes[law.rate])
        return encoded[law][heard]
