"""What the lab's videobridge does with a client's packets one by one, as was negotiated (rule 37).

Redundancy is taken out for who has not negotiated it, losses are asked for again, arrivals are told
and numbered. No IO and no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import RtpError
from gateway.rtp.packet import RtpPacket, pack_extensions, unpack_extensions
from gateway.rtp.red import without_redundancy
from gateway.rtp.retransmission import LossWatch
from gateway.rtp.rtcp import GenericNack
from gateway.rtp.transport_cc import ArrivalLog, TransportCounter, TransportFeedback


@dataclass(frozen=True, slots=True)
class BridgeMediaOffer:
    """What the focus offers in the bridge's name: opus and telephone-event types, level id.

    `red` and `transport_cc_id` are offered to those clients that know them.
    """

    payload_types: frozenset[int] = frozenset({111, 126})
    level_id: int = 1
    red: int | None = None
    transport_cc_id: int | None = None


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What one client was offered of that."""

    red: bool = False
    transport_cc: bool = False


class EndpointFeedback:
    """Of one client. `requested` are the packets it was asked for again, `told_lost` what it says
    it has not got, `feedbacks` how often it said so."""

    def __init__(
        self,
        feedback_ssrc: int,
        offer: BridgeMediaOffer,
        negotiated: Negotiated,
        violation: Callable[[int, str], None],
    ) -> None:
        self.requested: list[int] = []
        self.feedbacks = 0
        self.told_lost = 0
        self._ssrc = feedback_ssrc
        self._offer = offer
        self._negotiated = negotiated
        self._violation = violation
        self._counter = TransportCounter()
        self._log = ArrivalLog(feedback_ssrc)
        self._watches: dict[int, LossWatch] = {}

    @property
    def payload_types(self) -> frozenset[int]:
        """What the client may send."""
        types = self._offer.payload_types
        if self._offer.red is None:
            return types
        red = frozenset({self._offer.red})
        return types | red if self._negotiated.red else types - red

    def outgoing(self, packet: RtpPacket) -> RtpPacket | None:
        """A packet as this client is to get it; None if it cannot be had like that."""
        if not self._negotiated.red:
            plain = for_everybody(packet, self._offer.red)
            if plain is None:
                return None
            packet = plain
        if self._negotiated.transport_cc and self._offer.transport_cc_id is not None:
            elements = unpack_extensions(packet.extension)
            elements[self._offer.transport_cc_id] = self._counter.next()
            packet = packet._replace(extension=pack_extensions(elements))
        return packet

    def received(self, packet: RtpPacket, now: float) -> GenericNack | None:
        """The client has sent a packet; what it is asked for again."""
        self._number(packet, now)
        missing = self._watches.setdefault(packet.ssrc, LossWatch()).missing(packet.sequence)
        if not missing:
            return None
        self.requested += missing
        return GenericNack(self._ssrc, packet.ssrc, missing)

    def arrivals(self, now: float) -> list[TransportFeedback]:
        """What the client is told about arrivals now."""
        return self._log.feedback(self._ssrc, now)

    def told(self, feedback: TransportFeedback) -> None:
        """The client tells about arrivals."""
        if not self._negotiated.transport_cc:
            self._violation(37, "transport feedback that was not negotiated")
        self.feedbacks += 1
        self.told_lost += feedback.lost

    def _number(self, packet: RtpPacket, now: float) -> None:
        """The packet's number in the transport, if it has to have one."""
        id_ = self._offer.transport_cc_id
        if id_ is None:
            return
        element = unpack_extensions(packet.extension).get(id_)
        if self._negotiated.transport_cc and element is None:
            self._violation(37, "a packet without its number in the transport")
        elif not self._negotiated.transport_cc and element is not None:
            self._violation(37, "a packet with a number that was not negotiated")
        elif element is not None:
            self._log.arrived(int.from_bytes(element), now)


def for_everybody(packet: RtpPacket, red: int | None) -> RtpPacket | None:
    """A packet without its redundancy; None if that cannot be taken out."""
    if packet.payload_type != red:
        return packet
    try:
        return without_redundancy(packet)
    except RtpError:
        return None
