"""The lab's own participants: in a room, on the bridge, and known to the focus, all at once."""

import time
from functools import partial
from xml.etree.ElementTree import Element

from gateway.lab.direct_offer import DirectOffers
from gateway.lab.site import Site
from gateway.lab.speaker import Speaker
from gateway.lab.speaker_client import SpeakerClient
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.violation import Blame
from gateway.xmpp.jid import bare


class LabSpeakers:
    """All speakers of a lab with the domain `domain`; `tick` wants to be called every 20 ms."""

    def __init__(self, site: Site, bridge: LabVideobridge, domain: str, blame: Blame) -> None:
        self._site = site
        self._bridge = bridge
        self._domain = domain
        self._clients: dict[str, SpeakerClient] = {}  # by nick
        self._direct = DirectOffers(site.host.send, blame)

    def add(self, room: str, audio: Speaker) -> None:
        """Let a speaker join a room (a JID); the focus opens it if it must."""
        site = self._site
        client = SpeakerClient(
            room,
            self._domain,
            audio,
            send=lambda stanza: site.host.send(stanza, time.monotonic()),
            removed=self._removed,
        )
        self._clients[client.nick] = client
        site.host.add_entity(client.jid, partial(self._receive, client))
        audio.send = self._bridge.add_speaker(
            room, client.nick, lambda packet: audio.hear(packet, time.monotonic())
        )
        now = time.monotonic()
        site.focus.expect_speaker(room, client.nick, client.source)
        site.focus.open(room, now)
        site.flush(now)
        client.join()

    def remove(self, speaker: Speaker) -> None:
        """It leaves, if it is still there."""
        client = self._client_of(speaker)
        if client is not None and client.present:
            client.leave()
        elif client is not None:
            self._removed(client)

    def mute(self, speaker: Speaker, muted: bool) -> None:
        """It mutes itself, or speaks again. KeyError if it is in no room."""
        self._clients[self.nick_of(speaker)].mute(muted)

    def of(self, room: str) -> list[Speaker]:
        """Those in a room (a JID)."""
        return [client.audio for client in self._clients.values() if client.room == room]

    def users(self, room: str) -> list[str]:
        """The bare JIDs of those in a room."""
        return [bare(client.jid) for client in self._clients.values() if client.room == room]

    def nick_of(self, speaker: Speaker) -> str:
        """A speaker's nick. KeyError if it is in no room."""
        client = self._client_of(speaker)
        if client is None:
            raise KeyError(speaker.name)
        return client.nick

    def offer_directly(self, speaker: Speaker, nick: str) -> None:
        """It offers an occupant a connection past the bridge. KeyError if it is in no room."""
        client = self._clients[self.nick_of(speaker)]
        self._direct.make(client.jid, f"{client.room}/{nick}", time.monotonic())

    def tick(self, now: float) -> None:
        """Everybody says, and hears, the next 20 ms."""
        self._direct.handle_timer(now)
        for client in list(self._clients.values()):
            client.audio.tick(now)

    def _receive(self, client: SpeakerClient, stanza: Element, now: float) -> None:
        self._direct.receive(stanza)
        client.receive(stanza, now)

    def _client_of(self, speaker: Speaker) -> SpeakerClient | None:
        return next((c for c in self._clients.values() if c.audio is speaker), None)

    def _removed(self, client: SpeakerClient) -> None:
        if self._clients.pop(client.nick, None) is None:
            return
        self._bridge.remove_speaker(client.room, client.nick)
        self._site.focus.forget_speaker(client.room, client.nick)
        self._site.host.remove_entity(client.jid, time.monotonic())
