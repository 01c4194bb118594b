"""What the lab does to packets on purpose, with a seed, so that it does the same every time."""

import random
from dataclasses import dataclass, field

from gateway.rtp.packet import RtpPacket


@dataclass(slots=True)
class Faults:
    """Probabilities for each forwarded packet: lost, doubled, or held back behind the next one.

    With `makes_good` what a client has lost is sent again for the asking (RFC 4585). The real
    videobridge keeps packets of video only: it has been seen to answer nobody who asks for audio.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    seed: int = 1
    makes_good: bool = False
    _dice: random.Random = field(init=False)
    _held: dict[tuple[str, int], RtpPacket] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def carry(self, packet: RtpPacket, receiver: str) -> list[RtpPacket]:
        """What of a packet, and of one held back before, goes out to `receiver` now."""
        if not (self.loss or self.duplicate or self.reorder):
            return [packet]
        if self._dice.random() < self.loss:
            return []
        stream = (receiver, packet.ssrc)
        held = self._held.pop(stream, None)
        if held is None and self._dice.random() < self.reorder:
            self._held[stream] = packet
            return []
        carried = [packet] * (2 if self._dice.random() < self.duplicate else 1)
        return carried if held is None else [*carried, held]
