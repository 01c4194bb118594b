"""The lab's own participants: in a room, on the bridge, and known to the focus, all at once."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from xml.etree.ElementTree import Element

from gateway.lab.direct_offer import DirectOffers
from gateway.lab.phones_out import PhonesOut
from gateway.lab.speaker import Speaker
from gateway.lab.speaker_client import SpeakerClient
from gateway.lab.venue import Seat, Venue
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.violation import Blame
from gateway.xmpp.jid import bare

_ANSWERED_WITHIN = 10.0  # seconds


@dataclass(slots=True)
class _Place:
    """Where a speaker is."""

    seat: Seat
    client: SpeakerClient[Speaker]
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class LabSpeakers:
    """All speakers of a lab; `tick` wants to be called every 20 ms."""

    def __init__(self, venue: Venue, bridge: LabVideobridge, blame: Blame) -> None:
        self._venue = venue
        self._bridge = bridge
        self._places: dict[str, _Place] = {}  # by nick
        self._direct = DirectOffers(self._send, blame)

    async def add(self, room: str, audio: Speaker) -> None:
        """Let a speaker join a room (a JID); the focus opens it if it must.

        StanzaError if the room does not let it in, TimeoutError if it does not answer.
        """
        venue = self._venue
        await venue.open_room(room)
        seat = await venue.seat()
        client = SpeakerClient(room, seat.jid, audio, send=seat.send, removed=self._removed)
        place = self._places[client.nick] = _Place(seat, client)
        seat.listen(partial(self._receive, place), partial(self._removed, client))
        audio.send = self._bridge.add_speaker(
            room, client.nick, lambda packet: audio.hear(packet, time.monotonic())
        )
        venue.focus.expect_speaker(room, client.nick, client.source)
        client.join()
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await place.answered.wait()
            if client.refusal is not None:
                raise client.refusal
        except BaseException:
            self._removed(client)
            raise

    def remove(self, speaker: Speaker) -> None:
        """It leaves, if it is still there."""
        client = self._client_of(speaker)
        if client is not None and client.present:
            client.leave()
        elif client is not None:
            self._removed(client)

    def raise_hand(self, speaker: Speaker, milliseconds: int | None) -> None:
        """It raises its hand, at that time since 1970, or lowers it. KeyError: it is in no room."""
        self._places[self.nick_of(speaker)].client.raise_hand(milliseconds)

    def chat(self, speaker: Speaker, text: str, to: str | None) -> None:
        """It writes to everybody, or to one (a nick). KeyError if it is in no room."""
        self._places[self.nick_of(speaker)].client.chat(text, to)

    def phones(self, room: str) -> dict[str, PhonesOut]:
        """What each of those in a room has called, by nick."""
        return {client.nick: client.phones for client in self._clients if client.room == room}

    def of(self, room: str) -> list[Speaker]:
        """Those in a room (a JID)."""
        return [client.audio for client in self._clients if client.room == room]

    def users(self, room: str) -> list[str]:
        """The bare JIDs of those in a room."""
        return [bare(client.jid) for client in self._clients if client.room == room]

    def nick_of(self, speaker: Speaker) -> str:
        """A speaker's nick. KeyError if it is in no room."""
        client = self._client_of(speaker)
        if client is None:
            raise KeyError(speaker.name)
        return client.nick

    def offer_directly(self, speaker: Speaker, nick: str) -> None:
        """It offers an occupant a connection past the bridge. KeyError if it is in no room."""
        client = self._places[self.nick_of(speaker)].client
        self._direct.make(client.jid, f"{client.room}/{nick}", time.monotonic())

    def tick(self, now: float) -> None:
        """Everybody says, and hears, the next 20 ms."""
        self._direct.handle_timer(now)
        for client in self._clients:
            client.audio.tick(now)

    @property
    def _clients(self) -> list[SpeakerClient[Speaker]]:
        return [place.client for place in self._places.values()]

    def _receive(self, place: _Place, stanza: Element, now: float) -> None:
        self._direct.receive(stanza)
        place.client.receive(stanza, now)
        if place.client.present or place.client.refusal is not None:
            place.answered.set()

    def _send(self, stanza: Element, _: float) -> None:
        """Send what a speaker says; nothing if it is gone."""
        sender = stanza.get("from")
        for place in self._places.values():
            if place.seat.jid == sender:
                place.seat.send(stanza)

    def _client_of(self, speaker: Speaker) -> SpeakerClient[Speaker] | None:
        return next((client for client in self._clients if client.audio is speaker), None)

    def _removed(self, client: SpeakerClient[Speaker]) -> None:
        place = self._places.pop(client.nick, None)
        if place is None:
            return
        self._bridge.remove_speaker(client.room, client.nick)
        self._venue.focus.forget_speaker(client.room, client.nick)
        place.seat.close()
