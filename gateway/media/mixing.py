"""All mixes of one moment at once: what sounds in many rooms, and what each listener hears of it.

Adding up a hundred short arrays one by one costs more than the decoding of some of them, so the
rooms that are ticked together are added up together. No IO and no clock.
"""

import numpy as np
import numpy.typing as npt

from audiocodecs.fade import way
from audiocodecs.frames import Samples, silence
from audiocodecs.limiter import fits, limit
from gateway.media.utterance import Over


class Mixing:
    """Rooms whose frames all have `size` samples; filled room by room, then mixed once.

    A voice is a frame that sounds in the latest room, an ear hears that room without one voice.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.silence = silence(size)
        """A frame of it, for who has nothing to hear."""
        self._rooms: list[list[Samples]] = []  # the voices of each, the first of them silent
        self._ears: list[tuple[int, int]] = []  # a room, and which of its voices is left out
        self._listeners: list[object] = []  # whose each ear is
        self._overs: dict[int, Over] = {}  # by ear
        self._gains: dict[object, float] = {}  # of those whose mix was too loud lately

    def begin_room(self) -> None:
        """What follows belongs to another room."""
        room = [self.silence]  # so that an ear can leave nothing out
        if self._rooms and not self._is_heard():
            self._rooms[-1] = room
        else:
            self._rooms.append(room)

    def voice(self, frame: Samples) -> int:
        """Let a frame sound in the room; the number by which an ear can leave it out."""
        voices = self._rooms[-1]
        voices.append(frame)
        return len(voices) - 1

    @property
    def sounds(self) -> bool:
        """Whether anything sounds in the latest room."""
        return len(self._rooms[-1]) > 1

    def ear(self, listener: object, without: int = 0, over: Over | None = None) -> int:
        """Listen to the room, and to what is said to this ear alone; its row of `mix`.

        One `listener` has one ear: its volume goes on from mix to mix.
        """
        if over is not None:
            self._overs[len(self._ears)] = over
        self._ears.append((len(self._rooms) - 1, without))
        self._listeners.append(listener)
        return len(self._ears) - 1

    def mix(self) -> npt.NDArray[np.int16]:
        """What each ear hears, as (ears, samples); after that all is forgotten but the volume."""
        if self._ears:
            mixes = self._limited(self._mixed())
        else:
            mixes = np.zeros((0, self._size), np.int16)
            self._gains.clear()
        self._rooms.clear()
        self._ears.clear()
        self._listeners.clear()
        self._overs.clear()
        return mixes

    def _is_heard(self) -> bool:
        """Whether anybody listens to the latest room."""
        return bool(self._ears) and self._ears[-1][0] == len(self._rooms) - 1

    def _mixed(self) -> npt.NDArray[np.int32]:
        # With as many voices in each room the rooms are one block, and added up in one go.
        width = max(map(len, self._rooms))
        frames: list[Samples] = []
        for voices in self._rooms:
            frames += voices
            frames += [self.silence] * (width - len(voices))
        block = np.concatenate(frames).reshape(-1, width, self._size)
        totals = np.add.reduce(block, axis=1, dtype=np.int32)
        rooms, without = np.array(self._ears).T
        mixes: npt.NDArray[np.int32] = totals[rooms]
        if without.any():
            mixes -= block[rooms, without]
        if self._overs:
            self._lay_over(mixes)
        return mixes

    def _lay_over(self, mixes: npt.NDArray[np.int32]) -> None:
        rows, overs = list(self._overs), self._overs.values()
        ends = np.array([(over.before, over.after) for over in overs], np.float32)
        before, after = ends[:, :1], ends[:, 1:]
        beneath = mixes[rows] * (before + (after - before) * way(self._size))
        said = np.concatenate([over.samples for over in overs]).reshape(-1, self._size)
        mixes[rows] = np.rint(beneath).astype(np.int32) + said

    def _limited(self, mixes: npt.NDArray[np.int32]) -> npt.NDArray[np.int16]:
        if not self._gains and fits(mixes):  # the usual case
            return mixes.astype(np.int16)
        gains = np.array([self._gains.get(each, 1.0) for each in self._listeners], np.float32)
        limited = limit(mixes, gains)
        self._gains = {
            listener: gain
            for listener, gain in zip(self._listeners, gains.tolist(), strict=True)
            if gain < 1.0
        }
        return limited
