"""Offer and answer with one browser, one at a time: what was offered last, and who is new since.

No IO and no clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import SdpError
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.lab.web_sdp import BrowserAnswer, Seats, bridge_offer, mid_of, read_answer, seat
from gateway.xmpp.sources import SignalledSource

_PATIENCE = 20.0
"""Seconds a browser may take to answer."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer to answer; `owners` are the nicks of those heard in each section, by its mid."""

    id: int
    sdp: str
    owners: dict[str, str]


class Negotiation:
    """`transport` is the endpoint's, of which the offer has everything."""

    def __init__(self, transport: BridgeTransportOffer, config: OfferConfig) -> None:
        self.ssrc = 0  # of the microphone, once the first answer has told it
        self._transport = transport
        self._config = config
        self._seats: Seats = ()
        self._number = 0
        self._waiting_since: float | None = None

    def offer(self, sources: Iterable[SignalledSource], now: float) -> Offered | None:
        """The next offer; None if nothing is new, or the last one has no answer yet."""
        seats = seat(self._seats, sources)
        if self._waiting_since is not None or (self._number and seats == self._seats):
            return None
        self._seats = seats
        self._number += 1
        self._waiting_since = now
        sdp = bridge_offer(self._transport, self._config, seats, version=self._number)
        owners = {mid_of(at): source.owner for at, source in enumerate(seats) if source is not None}
        return Offered(self._number, sdp, owners)

    def answer(self, id_: int, sdp: str, taken: frozenset[int]) -> BrowserAnswer:
        """Take the answer to offer `id_`; SSRCs `taken` are others'. SdpError: it is none."""
        if self._waiting_since is None or id_ != self._number:
            raise SdpError(f"there is no offer {id_} to answer")
        answer = read_answer(sdp)
        if self.ssrc not in (0, answer.ssrc):
            raise SdpError("the microphone's SSRC has changed")
        if answer.ssrc in taken:
            raise SdpError(f"SSRC {answer.ssrc} is somebody else's")
        self.ssrc = answer.ssrc
        self._waiting_since = None
        return answer

    def is_overdue(self, now: float) -> bool:
        """Whether the browser has had all the time it can have."""
        return self._waiting_since is not None and now - self._waiting_since > _PATIENCE
