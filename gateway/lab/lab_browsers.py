"""The browsers in the lab's conferences: let in, looked after, and forgotten when they go."""

from collections.abc import Callable

from gateway.lab.focus_offer import OfferConfig
from gateway.lab.phones_out import PhonesOut
from gateway.lab.venue import Seat, Venue
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.violation import Step
from gateway.lab.web_participant import (
    BrowserAudio,
    Removed,
    Surroundings,
    Told,
    WebParticipant,
)


class LabBrowsers:
    """All browsers of a lab; `tick` wants to be called every 20 ms."""

    def __init__(
        self, venue: Venue, bridge: LabVideobridge, offer: OfferConfig, step: Step
    ) -> None:
        self._around = Surroundings(venue, bridge, offer, step)
        self._participants: dict[str, WebParticipant] = {}  # by nick

    async def add(
        self, room: str, name: str, tell: Callable[[Told], None], *, muted: bool = False
    ) -> WebParticipant:
        """Let a browser into a room (a JID); `tell` gets the offers it has to answer."""
        venue = self._around.venue
        await venue.open_room(room)
        seat = await venue.seat()

        def told(event: Told) -> None:
            if isinstance(event, Removed):
                self._forget(participant, seat)
            tell(event)

        participant = WebParticipant(room, seat, BrowserAudio(name, muted), self._around, told)
        self._participants[participant.nick] = participant
        seat.listen(participant.receive, lambda: participant.end("the server has gone"))
        return participant

    def has(self, nick: str) -> bool:
        """Whether an occupant is a browser."""
        return nick in self._participants

    def phones(self, room: str) -> dict[str, PhonesOut]:
        """What each of those in a room (a JID) has called, by nick."""
        here = (each for each in self._participants.values() if each.room == room)
        return {each.nick: each.phones for each in here}

    def ssrcs(self, room: str) -> frozenset[int]:
        """What the browsers in a room (a JID) send."""
        here = (each for each in self._participants.values() if each.room == room)
        return frozenset(each.ssrc for each in here)

    def tick(self, now: float) -> None:
        """Everybody is offered what has changed."""
        for participant in list(self._participants.values()):
            participant.tick(now)

    def _forget(self, participant: WebParticipant, seat: Seat) -> None:
        if self._participants.pop(participant.nick, None) is not None:
            self._around.venue.focus.forget_speaker(participant.room, participant.nick)
            seat.close()
