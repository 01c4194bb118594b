"""The lab: a whole Jitsi installation on one machine, on the network as long as `async with` lasts.

    async with Lab(LabConfig(starttls=False)) as lab:
        ann = await lab.add_speaker("demo", "Ann", Voice.of_tone(440.0))
        ...  # a client joins demo@conference.lab.test at lab.xmpp_address
        lab.kick("demo", nick, reason="bye")
        assert lab.violations == []

Rooms are named by name or JID, occupants by their nick, which is their endpoint id.
"""

import time
from pathlib import Path
from typing import Self

from gateway.lab.bridge_endpoint import BridgeEndpoint
from gateway.lab.certificate import Certificate
from gateway.lab.lab_config import LabConfig
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.lab_speakers import LabSpeakers
from gateway.lab.media_watch import MediaWatch
from gateway.lab.muc_room import MucRoom
from gateway.lab.muc_stanzas import Removal
from gateway.lab.nuisances import Nuisances
from gateway.lab.pace import Pace
from gateway.lab.site import Site
from gateway.lab.speaker import Speaker
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.violation import Step, Violation
from gateway.lab.voice import Voice
from gateway.lab.xmpp_server import XmppServer
from gateway.xmpp.jid import bare

__all__ = ["Lab", "LabConfig", "LabOccupant", "Violation"]

TERMINATED = "The meeting has been terminated"
"""What a room that a moderator ended for everyone says."""


class Lab:
    """The lab. `violations` is everything clients did wrong, `on_step` is told what happens."""

    def __init__(self, config: LabConfig | None = None, *, on_step: Step | None = None) -> None:
        self.config = config or LabConfig()
        self.violations: list[Violation] = []
        self.on_step = on_step
        self.bridge = LabVideobridge(
            self._blame,
            self._bridge_failed,
            offer=self.config.offer.bridge_media,
            timers=self.config.bridge_timers,
            profiles=self.config.bridge_profiles,
            faults=self.config.faults,
        )
        self._watch = MediaWatch(self.bridge, self._step)
        self.site = Site(
            self.config.site,
            self.bridge,
            packets=self._watch.packets,
            blame=self._blame,
            step=self._step,
        )
        self._certificate: Certificate | None = None
        self._server: XmppServer | None = None
        self._speakers = LabSpeakers(self.site, self.bridge, self.domain, self._blame)
        self._pace = Pace(self._tick)

    async def __aenter__(self) -> Self:
        config, host = self.config, self.site.host
        if config.starttls:
            domains = (config.domain, config.site.auth_domain)
            self._certificate = Certificate(domains, config.host)
        nuisances = Nuisances(config.domain, host.send, self._blame) if config.nuisances else None
        self._server = XmppServer(
            host,
            config.login,
            tls=self._certificate.context if self._certificate is not None else None,
            blame=self._blame,
            step=self._step,
            read_rate=config.read_rate,
            nuisances=nuisances,
        )
        try:
            await self._server.start(config.host, config.xmpp_port)
            await self.bridge.start(config.host, config.bridge_port)
        except BaseException:
            await self._close()
            raise
        self._pace.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        try:
            await self._pace.stop()
        finally:
            if self._server is not None:
                await self._server.close()
            await self.bridge.close()
            if self._certificate is not None:
                self._certificate.close()

    # Where it is.

    @property
    def xmpp_address(self) -> tuple[str, int]:
        """Host and port of the XMPP server."""
        assert self._server is not None
        return self._server.address

    @property
    def session_count(self) -> int:
        """How many XMPP clients are connected."""
        return self._server.session_count if self._server is not None else 0

    @property
    def domain(self) -> str:
        return self.config.domain

    @property
    def muc_domain(self) -> str:
        return self.config.site.muc_domain

    @property
    def focus_jid(self) -> str:
        """Where conference requests go."""
        return self.config.site.focus_address

    @property
    def ca_file(self) -> Path | None:
        """What to verify the server's certificate with; None without STARTTLS."""
        return self._certificate.ca_file if self._certificate is not None else None

    # Who is there.

    async def add_speaker(
        self, room: str, display_name: str, voice: Voice, *, listens: bool = True
    ) -> Speaker:
        """Somebody of the lab's own joins, speaks, and (if it `listens`) records what it hears."""
        offer = self.config.offer
        audio = Speaker(
            display_name,
            voice,
            payload_type=offer.opus,
            level_id=offer.audio_level,
            listens=listens,
        )
        self._speakers.add(self.room_jid(room), audio)
        return audio

    def remove_speaker(self, speaker: Speaker) -> None:
        """It leaves, if it is still there."""
        self._speakers.remove(speaker)

    def speakers(self, room: str) -> list[Speaker]:
        """The lab's own in a room."""
        return self._speakers.of(self.room_jid(room))

    def nick_of(self, speaker: Speaker) -> str:
        """A speaker's nick. KeyError if it is in no room."""
        return self._speakers.nick_of(speaker)

    def mute_speaker(self, speaker: Speaker, muted: bool = True) -> None:
        """A speaker mutes itself, or speaks again."""
        self._speakers.mute(speaker, muted)

    def occupants(self, room: str) -> list[LabOccupant]:
        """Everybody in a room but the focus; nobody if there is no such room."""
        found = self.site.muc.rooms.get(self.room_jid(room))
        occupants = found.occupants.values() if found is not None else ()
        focus = self.site.focus.jid
        return [LabOccupant.of(occupant) for occupant in occupants if occupant.jid != focus]

    def endpoint(self, room: str, nick: str) -> BridgeEndpoint:
        """An occupant's half of the bridge. KeyError if it has none."""
        return self.bridge.client(self.room_jid(room), nick)

    def room_jid(self, room: str) -> str:
        """The JID of a room, which may be one already."""
        return room if "@" in room else f"{room}@{self.muc_domain}"

    def offer_directly(self, speaker: Speaker, nick: str) -> None:
        """A speaker offers an occupant a connection past the bridge, which it must decline."""
        self._speakers.offer_directly(speaker, nick)

    # What a moderator orders. KeyError if there is no such room or occupant.

    def kick(
        self, room: str, nick: str, reason: str | None = None, *, actor: str | None = None
    ) -> None:
        """Throw somebody out (307)."""
        found = self._room(room)
        removal = Removal((307,), actor, reason)
        found.remove(found.occupants[nick], removal, time.monotonic())

    def ban(self, room: str, nick: str, *, actor: str | None = None) -> None:
        """Throw somebody out (301), for as long as the room lasts."""
        found = self._room(room)
        jid = bare(found.occupants[nick].jid)
        found.set_affiliation(jid, "outcast", actor, time.monotonic())

    def grant_owner(self, room: str, nick: str, *, actor: str | None = None) -> None:
        """Make somebody a moderator."""
        found = self._room(room)
        jid = bare(found.occupants[nick].jid)
        found.set_affiliation(jid, "owner", actor, time.monotonic())

    def destroy(
        self, room: str, reason: str | None = TERMINATED, alternate: str | None = None
    ) -> None:
        """End a room; `alternate` is the JID of the one to go to."""
        found = self._room(room)
        found.destroy(reason, alternate, time.monotonic())
        self.site.muc.room_destroyed(found)

    def shut_down_room(self, room: str) -> None:
        """The server ends a room (332), as it does when it is restarted."""
        found = self._room(room)
        found.close(Removal((332,)), time.monotonic())
        self.site.muc.room_destroyed(found)

    def set_password(self, room: str, password: str | None) -> None:
        """From now on who comes in needs a password."""
        found = self._room(room)
        found.policy.password = password
        found.tell_config_changed(time.monotonic())

    def set_members_only(self, room: str, members_only: bool = True) -> None:
        """Admit members only; who is none is thrown out (322), the lab's own speakers are not."""
        found = self._room(room)
        for user in self._speakers.users(found.jid):
            found.affiliations.setdefault(user, "member")
        found.set_members_only(members_only, time.monotonic())

    def set_max_occupants(self, room: str, most: int | None) -> None:
        """From now on the room is full at so many occupants."""
        self._room(room).policy.max_occupants = most

    def mute(self, room: str, nick: str, *, actor: str | None = None) -> None:
        """Mute somebody in the name of an occupant (a nick), or by the focus' own rules."""
        jid, now = self.room_jid(room), time.monotonic()
        conference = self.site.focus.conferences[jid]
        by = f"{jid}/{actor}" if actor is not None else None
        conference.mutes.order(conference.members[nick], by, now)
        self.site.flush(now)

    def start_muted(self, room: str, muted: bool = True) -> None:
        """Whoever is invited from now on starts muted."""
        found = self._room(room)
        self.site.focus.conferences[found.jid].sessions.start_muted = muted
        found.policy.metadata["startMuted"] = {"audio": muted, "video": muted}
        found.tell_metadata(time.monotonic())

    # What goes wrong.

    def move(self, room: str, nick: str) -> None:
        """To another bridge: the session ends ("moving"), another is offered."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self.site.focus.member(jid, nick)
        self.site.focus.conferences[jid].sessions.move(member, now)
        self.site.flush(now)

    def replace(self, room: str, nick: str) -> None:
        """Another session is offered while there is one."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self.site.focus.member(jid, nick)
        self.site.focus.conferences[jid].sessions.invite(member, now)
        self.site.flush(now)

    def expire(self, room: str, nick: str) -> None:
        """End the session as if somebody had been alone for too long."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self.site.focus.member(jid, nick)
        sessions = self.site.focus.conferences[jid].sessions
        sessions.terminate(member, "expired", "Idle session timeout", now)
        self.site.flush(now)

    def focus_leaves(self, room: str) -> None:
        """The focus dies: it leaves the room and forgets it. It comes back when it is asked for."""
        self.site.focus.abandon(self.room_jid(room))
        self.site.flush(time.monotonic())

    def focus_returns(self, room: str) -> None:
        """The focus enters the room and offers everybody a new session."""
        now = time.monotonic()
        self.site.focus.open(self.room_jid(room), now)
        self.site.flush(now)

    def set_bridge_available(self, room: str, available: bool) -> None:
        """The focus has no bridge for a room any more ("moving", and no offer), or one again."""
        now = time.monotonic()
        conference = self.site.focus.conferences[self.room_jid(room)]
        conference.set_bridge_available(available, now)
        self.site.flush(now)

    def drop_connection(self, nick: str) -> None:
        """Break a client's TCP connection."""
        assert self._server is not None
        rooms = self.site.muc.rooms.values()
        jids = [room.occupants[nick].jid for room in rooms if nick in room.occupants]
        if not jids:
            raise KeyError(nick)
        self._server.drop(jids[0])

    def pause_bridge(self, room: str, nick: str, paused: bool = True) -> None:
        """Break (or mend) the network between a client and the bridge."""
        self.endpoint(room, nick).isolated = paused

    @property
    def isolate_clients(self) -> bool:
        """Whether clients that are invited from now on cannot reach the bridge."""
        return self.bridge.isolate_clients

    @isolate_clients.setter
    def isolate_clients(self, isolated: bool) -> None:
        self.bridge.isolate_clients = isolated

    # Details.

    def _room(self, room: str) -> MucRoom:
        return self.site.muc.rooms[self.room_jid(room)]

    def _tick(self, now: float) -> None:
        self._speakers.tick(now)
        assert self._server is not None
        self._server.handle_timer(now)
        self.site.handle_timer(now)
        self._watch.look(self.site.focus)

    def _bridge_failed(self, room: str, nick: str) -> None:
        self._step("bridge", f"has lost {nick}")
        self.site.focus.bridge_lost(room, nick, time.monotonic())

    def _blame(self, rule: int, who: str, what: str) -> None:
        self.violations.append(Violation(rule, who, what))

    def _step(self, who: str, what: str) -> None:
        if self.on_step is not None:
            self.on_step(who, what)
