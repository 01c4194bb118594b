"""The lab: a whole Jitsi installation on one machine, on the network as long as `async with` lasts.

    async with Lab(LabConfig(starttls=False)) as lab:
        ann = await lab.add_speaker("demo", "Ann", Voice.of_tone(440.0))
        ...  # a client joins demo@conference.lab.test at lab.xmpp_address
        lab.kick("demo", nick, reason="bye")
        assert lab.violations == []

Rooms are named by name or JID, occupants by their nick, which is their endpoint id. With
`Lab(config, prosody=Prosody(...))` the conference takes place on a Prosody that is there already.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from gateway.lab.bridge_endpoint import BridgeEndpoint
from gateway.lab.colibri_socket import ColibriSocket
from gateway.lab.focus import Focus
from gateway.lab.focus_brewery import Instance
from gateway.lab.focus_port import Allocation
from gateway.lab.hidden_occupant import HiddenOccupant, Kind
from gateway.lab.lab_browsers import LabBrowsers
from gateway.lab.lab_config import LabConfig
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.lab_rooms import LabRooms
from gateway.lab.lab_speakers import LabSpeakers
from gateway.lab.media_watch import MediaWatch
from gateway.lab.moderator import Moderator
from gateway.lab.own_venue import OwnVenue
from gateway.lab.pace import Pace
from gateway.lab.phones_out import PhonesOut
from gateway.lab.prosody_venue import Prosody, ProsodyVenue
from gateway.lab.site import Site
from gateway.lab.speaker import Speaker
from gateway.lab.venue import NotHere, Tls, Venue
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.violation import Step, Violation
from gateway.lab.voice import Voice
from gateway.xmpp.jid import resource
from gateway.xmpp.sources import SignalledSource

__all__ = ["Lab", "LabConfig", "LabOccupant", "Prosody", "Violation"]


_MOST_VIOLATIONS = 10_000


class Lab(LabRooms):
    """The lab. `violations` is everything clients did wrong, `on_step` is told what happens.

    Of each rule that somebody breaks it is told once: many are broken by every packet.
    """

    def __init__(
        self,
        config: LabConfig | None = None,
        *,
        on_step: Step | None = None,
        prosody: Prosody | None = None,
    ) -> None:
        self.config = config or LabConfig()
        self.violations: list[Violation] = []
        self.on_step = on_step
        self._blamed: set[tuple[int, str]] = set()
        self.bridge = LabVideobridge(
            self._blame,
            self._bridge_failed,
            offer=self.config.offer.bridge_media,
            timers=self.config.bridge_timers,
            profiles=self.config.bridge_profiles,
            faults=self.config.faults,
        )
        if self.config.bridge_channel:
            self.bridge.channel = ColibriSocket(self.bridge.channel_password, self._blame)
        self._watch = MediaWatch(self.bridge, self._step)
        self._own: OwnVenue | None = None
        self._venue: Venue
        packets, blame, step = self._watch.packets, self._blame, self._step
        if prosody is None:
            site = Site(self.config.site, self.bridge, packets=packets, blame=blame, step=step)
            self._venue = self._own = OwnVenue(self.config, site, blame=blame, step=step)
        else:
            self._venue = ProsodyVenue(
                prosody, self.config.site, self.bridge, packets=packets, blame=blame, step=step
            )
        self._speakers = LabSpeakers(self._venue, self.bridge, self._blame)
        self.browsers = LabBrowsers(self._venue, self.bridge, self.config.offer, step)
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._pace = Pace(self._tick)

    async def __aenter__(self) -> Self:
        try:
            await self._venue.open()
            await self.bridge.start(self.config.host, self.config.bridge_port)
            if self.bridge.channel is not None:
                tls = self._own.server_tls if self._own is not None else None
                await self.bridge.channel.start(self.config.host, tls)
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
            if self.bridge.channel is not None:
                await self.bridge.channel.close()
            await self._venue.close()
            await self.bridge.close()

    # Where it is.

    @property
    def xmpp_address(self) -> tuple[str, int]:
        """Host and port of the XMPP server."""
        return self._venue.address

    @property
    def web_socket_url(self) -> str:
        """Where the XMPP server takes WebSockets. NotHere if it is a Prosody: ask that."""
        return self._at_home.web_socket_url

    @property
    def site(self) -> Site:
        """The lab's own server, rooms and focus. NotHere if it is on a Prosody."""
        return self._at_home.site

    @property
    def is_at_home(self) -> bool:
        """Whether the server is the lab's own: a Prosody does not do everything."""
        return self._own is not None

    @property
    def session_count(self) -> int:
        """How many XMPP clients are connected."""
        return self._at_home.session_count

    @property
    def domain(self) -> str:
        return self.config.domain

    @property
    def muc_domain(self) -> str:
        return self.config.site.muc_domain

    @property
    def focus_jid(self) -> str:
        """Where conference requests go."""
        return self._venue.focus_address

    @property
    def ca_file(self) -> Path | None:
        """What to verify the server's certificate with; None without STARTTLS."""
        return self._venue.ca_file

    @property
    def tls(self) -> Tls:
        """How clients protect their connections."""
        return self._venue.tls

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
            event_type=offer.telephone_event,
            red_type=offer.red,
            listens=listens,
        )
        await self._speakers.add(self.room_jid(room), audio)
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

    def raise_hand(self, speaker: Speaker, raised: bool = True) -> None:
        """A speaker raises its hand, or lowers it."""
        now = round(time.time() * 1000)
        self._speakers.raise_hand(speaker, now if raised else None)

    def chat(self, speaker: Speaker, text: str, to: str | None = None) -> None:
        """A speaker writes to everybody, or to an occupant alone."""
        self._speakers.chat(speaker, text, to)

    async def add_hidden(self, room: str, kind: Kind) -> HiddenOccupant:
        """A recorder or a transcriber comes; it stays until its `leave`."""
        seat = await self._at_home.seat(hidden=True)
        return HiddenOccupant(self.room_jid(room), kind, seat)

    def phones_out(self, room: str) -> dict[str, PhonesOut]:
        """What each of the lab's own in a room, browsers among them, has called; by nick."""
        jid = self.room_jid(room)
        return {**self._speakers.phones(jid), **self.browsers.phones(jid)}

    @property
    def brewery(self) -> str:
        """The room in which gateways wait to be told to dial."""
        return self.config.site.brewery

    @property
    def waiting_gateways(self) -> dict[str, Instance]:
        """Those in the brewery, by nick, as the focus knows them."""
        known = self._focus.brewery.instances
        return {resource(address): instance for address, instance in known.items()}

    def occupants(self, room: str) -> list[LabOccupant]:
        """Everybody in a room but the focus; nobody if there is no such room."""
        return self._venue.rooms.occupants(self.room_jid(room))

    def sources(self, room: str) -> tuple[SignalledSource, ...]:
        """What everybody in a room sends, the bridge itself among them, as the focus knows it."""
        conference = self._focus.conferences.get(self.room_jid(room))
        return conference.sessions.sources.except_of("") if conference is not None else ()

    def own_ssrcs(self, room: str) -> frozenset[int]:
        """What the lab's own speakers, and browsers, send in a room."""
        speakers = frozenset(speaker.ssrc for speaker in self.speakers(room))
        return speakers | self.browsers.ssrcs(self.room_jid(room))

    def endpoint(self, room: str, nick: str) -> BridgeEndpoint:
        """An occupant's half of the bridge. KeyError if it has none."""
        return self.bridge.client(self.room_jid(room), nick)

    def has_endpoint(self, room: str, nick: str) -> bool:
        """Whether an occupant has a half of the bridge."""
        return self.bridge.has_client(self.room_jid(room), nick)

    def room_jid(self, room: str) -> str:
        """The JID of a room, which may be one already."""
        return room if "@" in room else f"{room}@{self.muc_domain}"

    def offer_directly(self, speaker: Speaker, nick: str) -> None:
        """A speaker offers an occupant a connection past the bridge, which it must decline."""
        self._speakers.offer_directly(speaker, nick)

    # What a moderator orders. KeyError if there is no such room or occupant. On a Prosody it is
    # the focus that orders it, whoever is said to be the actor, and it takes a moment (`settled`).

    def moderator(self, room: str) -> Moderator:
        """The lobby, the floor, breakout rooms and the recording of a room."""
        return Moderator(self.room_jid(room), self._venue, lambda: self.site)

    async def settled(self) -> None:
        """Return when everything that was ordered has been done."""
        await self._venue.settled()

    def mute(self, room: str, nick: str, *, actor: str | None = None) -> None:
        """Mute somebody in the name of an occupant (a nick), or by the focus' own rules."""
        jid, now = self.room_jid(room), time.monotonic()
        conference = self._focus.conferences[jid]
        by = f"{jid}/{actor}" if actor is not None else None
        conference.mutes.order(conference.members[nick], by, now)
        self._venue.flush(now)

    def start_muted(self, room: str, muted: bool = True) -> None:
        """Whoever is invited from now on starts muted."""
        found = self._at_home.rooms[self.room_jid(room)]
        self._focus.conferences[found.jid].sessions.start_muted = muted
        found.policy.metadata["startMuted"] = {"audio": muted, "video": muted}
        found.tell_metadata(time.monotonic())

    # What goes wrong; more of it is in `gateway.lab.troubles`.

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something later, if the lab is still there."""
        self._later.append((time.monotonic() + seconds, act))

    def answer_next(self, *allocations: Allocation) -> None:
        """So the focus answers the next conference requests of clients."""
        self._focus.allocations.script.extend(allocations)

    @property
    def needs_host(self) -> bool:
        """Whether clients are turned away until somebody of the lab's own is in the room."""
        return self._focus.allocations.needs_host

    @needs_host.setter
    def needs_host(self, needs_host: bool) -> None:
        self._focus.allocations.needs_host = needs_host

    def move(self, room: str, nick: str) -> None:
        """To another bridge: the session ends ("moving"), another is offered."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self._focus.member(jid, nick)
        self._focus.conferences[jid].sessions.move(member, now)
        self._venue.flush(now)

    def replace(self, room: str, nick: str) -> None:
        """Another session is offered while there is one."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self._focus.member(jid, nick)
        self._focus.conferences[jid].sessions.invite(member, now)
        self._venue.flush(now)

    def restart_ice(self, room: str, nick: str) -> None:
        """The bridge makes another ICE agent for a client, within its session."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self._focus.member(jid, nick)
        self._focus.conferences[jid].sessions.restart_ice(member, now)
        self._venue.flush(now)

    def expire(self, room: str, nick: str) -> None:
        """End the session as if somebody had been alone for too long."""
        jid, now = self.room_jid(room), time.monotonic()
        member = self._focus.member(jid, nick)
        sessions = self._focus.conferences[jid].sessions
        sessions.terminate(member, "expired", "Idle session timeout", now)
        self._venue.flush(now)

    def focus_leaves(self, room: str) -> None:
        """The focus dies: it leaves the room and forgets it. It comes back when it is asked for."""
        self._focus.abandon(self.room_jid(room))
        self._venue.flush(time.monotonic())

    def focus_returns(self, room: str) -> None:
        """The focus enters the room and offers everybody a new session."""
        now = time.monotonic()
        self._focus.open(self.room_jid(room), now)
        self._venue.flush(now)

    def set_bridge_available(self, room: str, available: bool) -> None:
        """The focus has no bridge for a room any more ("moving", and no offer), or one again."""
        now = time.monotonic()
        conference = self._focus.conferences[self.room_jid(room)]
        conference.set_bridge_available(available, now)
        self._venue.flush(now)

    def drop_connection(self, nick: str) -> None:
        """Break a client's connection without a word; it may resume its stream, if it can."""
        self._at_home.drop(nick)

    @property
    def refuses_resumes(self) -> bool:
        """Whether the server has forgotten the streams of clients that it has lost."""
        return self._at_home.refuses_resumes

    @refuses_resumes.setter
    def refuses_resumes(self, refuses: bool) -> None:
        self._at_home.refuses_resumes = refuses

    def pause_bridge(self, room: str, nick: str, paused: bool = True) -> None:
        """Break (or mend) the network between a client and the bridge."""
        self.endpoint(room, nick).isolated = paused

    # Details.

    @property
    def _focus(self) -> Focus:
        return self._venue.focus

    @property
    def _at_home(self) -> OwnVenue:
        if self._own is None:
            raise NotHere("a foreign server does not do this for the lab")
        return self._own

    def _tick(self, now: float) -> None:
        self._speakers.tick(now)
        self.browsers.tick(now)
        due = [act for at, act in self._later if now >= at]
        self._later = [(at, act) for at, act in self._later if now < at]
        for act in due:
            act()
        self._venue.handle_timer(now)
        self._watch.look(self._focus)

    def _bridge_failed(self, room: str, nick: str) -> None:
        self._step("bridge", f"has lost {nick}")
        self._focus.bridge_lost(room, nick, time.monotonic())

    def _blame(self, rule: int, who: str, what: str) -> None:
        # The rules are for phones: a browser is the lab's guest, and has its own ways (Chromium's
        # sender reports, for one, may be 7.5 s apart).
        if self.browsers.has(who):
            return
        if (rule, who) not in self._blamed and len(self._blamed) < _MOST_VIOLATIONS:
            self._blamed.add((rule, who))
            self._step(who, f"breaks rule {rule}: {what}")
        if len(self.violations) < _MOST_VIOLATIONS:
            self.violations.append(Violation(rule, who, what))

    def _step(self, who: str, what: str) -> None:
        if self.on_step is not None:
            self.on_step(who, what)
