"""How loud everybody in a room is, from the levels senders state (RFC 6464). No IO."""

from gateway.rtp.packet import RtpPacket, audio_level

SILENT = 127


class RoomLevels:
    """Listens to a room like one of its speakers; `level_id` is the extension's number."""

    def __init__(self, level_id: int) -> None:
        self._level_id = level_id
        self._loudest: dict[int, int] = {}

    def hear(self, packet: RtpPacket) -> None:
        """Take what the bridge forwards."""
        level = audio_level(packet, self._level_id)
        if level is not None and level < self._loudest.get(packet.ssrc, SILENT):
            self._loudest[packet.ssrc] = level

    def take(self) -> dict[int, int]:
        """The loudest level (0 is full scale) of each SSRC since the last call; no silent ones."""
        taken, self._loudest = self._loudest, {}
        return taken
