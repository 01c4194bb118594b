"""The lab on a real Prosody: its focus and its speakers log in there like anybody else.

`gateway.lab.prosody_config` says how that Prosody has to be set up. The rooms, the logins and the
order of stanzas are Prosody's; the focus and the videobridge remain the lab's.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from gateway.errors import RemoteProtocolError
from gateway.lab.focus import Focus
from gateway.lab.focus_port import NICK, BridgeOrders
from gateway.lab.muc_stanzas import MUC_ADMIN
from gateway.lab.prosody_link import ProsodySeat
from gateway.lab.prosody_rooms import ProsodyRooms
from gateway.lab.site import SiteConfig
from gateway.lab.venue import Tls
from gateway.lab.violation import Blame, Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.connection import ConnectionFailed
from gateway.xmpp.element import element
from gateway.xmpp.server import Account, Server
from gateway.xmpp.tls import tls_context

_ROOM_WITHIN = 10.0  # seconds until Prosody lets the focus into a room
_SETTLED_WITHIN = 20.0  # longer than the focus waits for an answer
_RECONNECT_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class Prosody:
    """Where it listens, what the focus logs in with, and how it is trusted (as `[jitsi] tls`)."""

    host: str
    port: int
    focus_password: str = field(repr=False)
    tls: Tls = "verify"
    ca_file: Path | None = None

    @classmethod
    def parse(
        cls, address: str, focus_password: str, *, tls: Tls = "verify", ca_file: Path | None = None
    ) -> "Prosody":
        """The one at `HOST:PORT` or `[IPv6]:PORT`; ValueError if it is not written so."""
        host, _, port = address.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
            raise ValueError(f"{address!r} is no HOST:PORT; write e.g. 127.0.0.1:5222")
        return cls(host.strip("[]"), int(port), focus_password, tls, ca_file)


class ProsodyVenue:
    """The venue (`gateway.lab.venue.Venue`) on a server that is there already.

    A focus that loses its connection forgets its conferences, and logs in again when it can; the
    lab's speakers do not come back.
    """

    def __init__(
        self,
        prosody: Prosody,
        site: SiteConfig,
        bridge: BridgeOrders,
        *,
        packets: Callable[[str, str], int],
        blame: Blame,
        step: Step,
    ) -> None:
        user = f"{NICK}@{site.auth_domain}"
        self.focus = Focus(
            f"{user}/{NICK}",
            bridge,
            replace(site.focus, brewery=site.brewery),
            packets=packets,
            blame=blame,
            step=step,
        )
        self.rooms = ProsodyRooms(self.focus, time.monotonic, self.flush, step)
        self._prosody = prosody
        self._auth_domain = site.auth_domain
        self._step = step
        tls = None
        if prosody.tls != "off":
            tls = tls_context(ca_file=prosody.ca_file, verify=prosody.tls == "verify")
        account = Account(self.focus.jid, prosody.focus_password)
        self._for_focus = Server(site.auth_domain, tls, prosody.host, prosody.port, account)
        self._for_guests = Server(site.domain, tls, prosody.host, prosody.port)
        self._seats: list[ProsodySeat] = []
        self._focus_seat: ProsodySeat | None = None
        self._focus_lost = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Let the focus log in; ConnectionFailed if it cannot."""
        await self._log_focus_in()
        self._keeping = asyncio.create_task(self._keep_focus(), name="lab focus")

    async def close(self) -> None:
        """Log everybody out."""
        try:
            if self._keeping is not None:
                self._keeping.cancel()
                await asyncio.gather(self._keeping, return_exceptions=True)
        finally:
            seats = [*self._seats, *([self._focus_seat] if self._focus_seat is not None else [])]
            self._seats.clear()
            self._focus_seat = None
            await asyncio.gather(*(seat.closed() for seat in seats))

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of Prosody."""
        return self._prosody.host, self._prosody.port

    @property
    def focus_address(self) -> str:
        """The focus itself: a stock Prosody has no component in front of it."""
        return self.focus.jid

    @property
    def ca_file(self) -> Path | None:
        """What Prosody's certificate is verified with."""
        return self._prosody.ca_file

    @property
    def tls(self) -> Tls:
        """As it was said when the lab was made."""
        return self._prosody.tls

    async def open_room(self, room: str) -> None:
        """Return when the focus is in a room; RemoteProtocolError if Prosody does not let it in."""
        now = time.monotonic()
        self.focus.open(room, now)
        self.flush(now)
        try:
            async with asyncio.timeout(_ROOM_WITHIN):
                while (conference := self.focus.conferences.get(room)) and not conference.joined:
                    await self._news.wait()
        except TimeoutError:
            conference = None
        if conference is None:
            raise RemoteProtocolError(f"Prosody does not let the focus into {room}")

    async def seat(self) -> ProsodySeat:
        """A guest; ConnectionFailed if it cannot log in."""
        seat = await ProsodySeat.log_in(self._for_guests)
        self._seats = [*(each for each in self._seats if not each.is_closed), seat]
        return seat

    async def settled(self) -> None:
        """Return when every order is answered; TimeoutError if some are not."""
        async with asyncio.timeout(_SETTLED_WITHIN):
            while self.rooms.pending:
                await self._news.wait()

    def flush(self, now: float) -> None:
        """Send what the focus has to say, after it was given an order."""
        for stanza in self.focus.take_outgoing():
            if self._focus_seat is not None:
                self._focus_seat.send(stanza)

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time."""
        self.focus.handle_timer(now)
        self.flush(now)
        self._tell_news()

    # The focus' session.

    async def _log_focus_in(self) -> None:
        seat = await ProsodySeat.log_in(self._for_focus)
        if seat.jid != self.focus.jid:
            await seat.closed()
            raise RemoteProtocolError(f"Prosody calls the focus {seat.jid}, not {self.focus.jid}")
        self._focus_seat = seat
        self._focus_lost.clear()
        seat.listen(self._tell_focus, self._focus_lost.set)
        self._step(NICK, f"has logged in as {seat.jid}")
        self.focus.begin()
        member = element(MUC_ADMIN, "item", {"affiliation": "member", "jid": self._auth_domain})
        query = element(MUC_ADMIN, "query", None, member)
        self.focus.ask(self.focus.brewery.room, query, time.monotonic(), lambda answer, now: None)
        self.flush(time.monotonic())

    async def _keep_focus(self) -> None:
        while True:
            await self._focus_lost.wait()
            seat, self._focus_seat = self._focus_seat, None
            assert seat is not None
            self._step(NICK, f"has lost its connection: {seat.failure}")
            self.focus.disconnected()
            self.rooms.forget()
            await seat.closed()
            while self._focus_seat is None:
                await asyncio.sleep(_RECONNECT_AFTER)
                try:
                    await self._log_focus_in()
                except ConnectionFailed as failure:
                    self._step(NICK, f"cannot log in: {failure}")

    def _tell_focus(self, stanza: Element, now: float) -> None:
        if stanza.tag == f"{{{ns.CLIENT}}}presence":
            self.rooms.see(stanza)
        self.focus.receive(stanza, now)
        self.flush(now)
        self._tell_news()

    def _tell_news(self) -> None:
        """Whoever waits for something looks whether it has come about."""
        news, self._news = self._news, asyncio.Event()
        news.set()
