"""The lab on a server of its own: a `Site` on the network."""

import ssl
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

from gateway.lab.certificate import Certificate
from gateway.lab.focus import Focus
from gateway.lab.lab_config import LabConfig
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.muc_room import MucRoom
from gateway.lab.muc_stanzas import Removal
from gateway.lab.nuisances import Nuisances
from gateway.lab.rate_limit import JoinQueue, RateLimiter
from gateway.lab.site import Site
from gateway.lab.speaker_client import anonymous_jid
from gateway.lab.venue import Tls
from gateway.lab.violation import Blame, Step
from gateway.lab.xmpp_host import Deliver, XmppHost
from gateway.lab.xmpp_server import XmppServer
from gateway.xmpp.jid import bare


class OwnVenue:
    """The venue (`gateway.lab.venue.Venue`) that needs nothing but a port."""

    def __init__(self, config: LabConfig, site: Site, *, blame: Blame, step: Step) -> None:
        self.site = site
        self.rooms = OwnRooms(site)
        self._config = config
        self._blame = blame
        self._step = step
        self._certificate: Certificate | None = None
        self._server: XmppServer | None = None

    async def open(self) -> None:
        """Listen."""
        config, host = self._config, self.site.host
        if config.starttls:
            self._certificate = Certificate(config.login.domains, config.host)
        nuisances = Nuisances(config.domain, host.send, self._blame) if config.nuisances else None
        muc_domain, rate = config.site.muc_domain, config.joins_a_second
        joins = JoinQueue(rate, muc_domain) if rate is not None else None
        self._server = XmppServer(
            host,
            config.login,
            tls=self._certificate.context if self._certificate is not None else None,
            blame=self._blame,
            step=self._step,
            read_rate=config.read_rate,
            nuisances=nuisances,
            muc_domain=muc_domain,
            limiter=self._limiter(config),
            joins=joins,
        )
        await self._server.start(config.host, config.xmpp_port)

    async def close(self) -> None:
        """End all streams and stop listening."""
        if self._server is not None:
            await self._server.close()
        if self._certificate is not None:
            self._certificate.close()

    @property
    def focus(self) -> Focus:
        return self.site.focus

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the XMPP server."""
        return self._running.address

    @property
    def web_socket_url(self) -> str:
        """Where the server takes WebSockets."""
        return self._running.web_socket_url

    @property
    def session_count(self) -> int:
        """How many XMPP clients are connected."""
        return self._server.session_count if self._server is not None else 0

    @property
    def focus_address(self) -> str:
        """The component in front of the focus."""
        return self._config.site.focus_address

    @property
    def ca_file(self) -> Path | None:
        """What to verify the server's certificate with; None without STARTTLS."""
        return self._certificate.ca_file if self._certificate is not None else None

    @property
    def server_tls(self) -> ssl.SSLContext | None:
        """How other servers of the lab are to show the same certificate."""
        return self._certificate.context if self._certificate is not None else None

    @property
    def tls(self) -> Tls:
        """With a certificate of its own, or plain text."""
        return "verify" if self._config.starttls else "off"

    async def open_room(self, room: str) -> None:
        """Let the focus in, which here takes no time."""
        now = time.monotonic()
        self.focus.open(room, now)
        self.flush(now)

    async def seat(self, *, hidden: bool = False) -> "OwnSeat":
        """An entity of the host; a `hidden` one is a recorder's."""
        domain = self.site.hidden_domain if hidden else self._config.domain
        return OwnSeat(anonymous_jid(domain), self.site.host)

    async def settled(self) -> None:
        """What is ordered here is done at once."""

    def _limiter(self, config: LabConfig) -> RateLimiter | None:
        """Who is slowed down by it breaks a rule: it ought to have paced itself."""
        if config.rate_limit is None:
            return None
        return RateLimiter(config.rate_limit, partial(self._blame, 17))

    def flush(self, now: float) -> None:
        """Send what the focus has to say, after it was given an order."""
        self.site.flush(now)

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time."""
        self._running.handle_timer(now)
        self.site.handle_timer(now)

    def drop(self, nick: str) -> None:
        """Break a client's connection. KeyError if it is in no room, or has none now."""
        rooms = self.rooms.all
        rooms += self.site.internal.rooms
        jids = [room.occupants[nick].jid for room in rooms if nick in room.occupants]
        if not jids:
            raise KeyError(nick)
        self._running.drop(jids[0])

    @property
    def refuses_resumes(self) -> bool:
        """Whether streams are not taken up again."""
        return self._running.streams.refuses

    @refuses_resumes.setter
    def refuses_resumes(self, refuses: bool) -> None:
        self._running.streams.refuses = refuses

    @property
    def _running(self) -> XmppServer:
        assert self._server is not None
        return self._server


class OwnSeat:
    """Somebody of the lab's own (`gateway.lab.venue.Seat`), as the host knows it."""

    def __init__(self, jid: str, host: XmppHost) -> None:
        self.jid = jid
        self._host = host

    def listen(self, deliver: Deliver, lost: Callable[[], None]) -> None:
        """Be there; nobody throws it out."""
        self._host.add_entity(self.jid, deliver)

    def send(self, stanza: Element) -> None:
        """Route a stanza."""
        self._host.send(stanza, time.monotonic())

    def close(self) -> None:
        """Those it has sent presence to are told."""
        self._host.remove_entity(self.jid, time.monotonic())


class OwnRooms:
    """The rooms of a `Site` (`gateway.lab.venue.Rooms`); orders are carried out as they are given.

    The focus is not shown as an occupant.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def __getitem__(self, room: str) -> MucRoom:
        return self._site.room(room)

    @property
    def all(self) -> list[MucRoom]:
        """Every room, breakout rooms among them."""
        return [*self._site.muc.rooms.values(), *self._site.breakout_muc.rooms.values()]

    def occupants(self, room: str) -> list[LabOccupant]:
        """Everybody in a room but the focus and recorders; nobody if there is no such room."""
        found = next((each for each in self.all if each.jid == room), None)
        occupants = found.occupants.values() if found is not None else ()
        return [LabOccupant.of(each) for each in occupants if self._is_seen(each.jid)]

    def kick(self, room: str, nick: str, reason: str | None, actor: str | None) -> None:
        """Throw somebody out (307)."""
        found = self[room]
        found.remove(found.occupants[nick], Removal((307,), actor, reason), time.monotonic())

    def set_affiliation(self, room: str, nick: str, affiliation: str, actor: str | None) -> None:
        """Make somebody an owner, or an outcast (301)."""
        found = self[room]
        jid = bare(found.occupants[nick].jid)
        found.set_affiliation(jid, affiliation, actor, time.monotonic())

    def destroy(self, room: str, reason: str | None, alternate: str | None) -> None:
        """End a room."""
        removal = Removal(reason=reason, destroyed=True, alternate=alternate)
        self._site.end(self[room], removal, time.monotonic())

    def shut_down(self, room: str) -> None:
        """End a room as a server that is restarted (332)."""
        self._site.end(self[room], Removal((332,)), time.monotonic())

    def set_password(self, room: str, password: str | None) -> None:
        """From now on who comes in needs a password."""
        found = self[room]
        found.policy.password = password
        found.tell_config_changed(time.monotonic())

    def set_members_only(self, room: str, members_only: bool, members: Collection[str]) -> None:
        """Admit members only; who is none is thrown out (322)."""
        found = self[room]
        for user in members:
            found.affiliations.setdefault(user, "member")
        found.set_members_only(members_only, time.monotonic())
        if members_only:
            found.expel_strangers(time.monotonic())

    def _is_seen(self, jid: str) -> bool:
        is_hidden = bare(jid).rpartition("@")[2] == self._site.hidden_domain
        return jid != self._site.focus.jid and not is_hidden
