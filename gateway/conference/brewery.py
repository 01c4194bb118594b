"""The room in which gateways wait to be told to call somebody (Jicofo's Jigasi brewery).

An account of ours is in it and says in its presence how busy it is; Jicofo chooses one of those
who are there, and asks it to dial.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import structlog

from gateway.conference.backoff import Backoff
from gateway.conference.cancellation import raise_if_cancelled
from gateway.conference.login import CAPABILITIES, Connect
from gateway.conference.room import FOCUS_NICK
from gateway.xmpp import namespaces as ns
from gateway.xmpp.connection import Connection, ConnectionFailed
from gateway.xmpp.element import element
from gateway.xmpp.jid import bare
from gateway.xmpp.presence import OccupantPresence, PresenceRefused
from gateway.xmpp.rayo import Dial
from gateway.xmpp.reception import Reception
from gateway.xmpp.remedies import remedy
from gateway.xmpp.server import Server

__all__ = ["Brewery", "BreweryAccount", "BreweryStats", "Dial", "PlaceCall"]

log = structlog.get_logger(__name__)

ENTER_WITHIN = 15.0  # seconds
UPDATE_INTERVAL = 2.0  # seconds between looks at how busy we are
STEADY = 60.0  # seconds after which an outage is a new one


@dataclass(frozen=True, slots=True)
class BreweryStats:
    """How busy this gateway is, as Jicofo and Jigasi's operators read it.

    `participants` is what Jicofo chooses the least busy gateway by. `stress_level` is 0..1. Who
    does not support SIP is never asked to dial.
    """

    conferences: int = 0
    participants: int = 0
    stress_level: float = 0.0
    graceful_shutdown: bool = False
    supports_sip: bool = True
    region: str | None = None
    version: str = ""

    def to_element(self) -> Element:
        """The `<stats>` for the presence."""
        stats: dict[str, object] = {
            "conferences": self.conferences,
            "participants": self.participants,
            "graceful_shutdown": str(self.graceful_shutdown).lower(),
            "stress_level": f"{self.stress_level:.3f}",
            "supports_sip": str(self.supports_sip).lower(),
            "supports_transcription": "false",
            "version": self.version,
        }
        if self.region is not None:
            stats["region"] = self.region
        return element(
            ns.JITSI_COLIBRI,
            "stats",
            None,
            *(
                element(ns.JITSI_COLIBRI, "stat", {"name": name, "value": str(value)})
                for name, value in stats.items()
            ),
        )


@dataclass(frozen=True, slots=True)
class BreweryAccount:
    """An account (in `server`) and the room it waits in.

    `installation` names the one whose rooms it dials for. Besides the focus of that room, only the
    `allowed` (JIDs of occupants, or of rooms whose occupants all may) are obeyed.
    """

    id: str
    server: Server
    room: str
    installation: str
    allowed: tuple[str, ...] = ()

    def obeys(self, sender: str) -> bool:
        """Whether this occupant may have us dial."""
        return sender == self.focus or sender in self.allowed or bare(sender) in self.allowed

    @property
    def focus(self) -> str:
        return f"{self.room}/{FOCUS_NICK}"


PlaceCall = Callable[[BreweryAccount, Dial], Awaitable[Element]]
"""Calls somebody; the answer to the request, in at most ten seconds."""


@dataclass(slots=True, eq=False)
class Brewery:
    """One account in its room; `run` it, and it comes back after every outage.

    `is_present` says whether we can be told to dial.
    """

    account: BreweryAccount
    stats: Callable[[], BreweryStats]
    dial: PlaceCall
    connect: Connect
    is_present: bool = False
    _dialling: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Be in the room, without end."""
        backoff = Backoff(first=1.0, longest=60.0)
        clock = asyncio.get_running_loop().time
        try:
            while True:
                begun = clock()
                try:
                    await self._attend()
                except ConnectionFailed as failure:
                    log.warning(
                        "brewery not reached",
                        id=self.account.id,
                        reason=str(failure),
                        remedy=remedy(failure),
                    )
                finally:
                    self.is_present = False
                if clock() - begun > STEADY:
                    backoff = Backoff(first=1.0, longest=60.0)
                await asyncio.sleep(backoff.wait())
        finally:
            for task in tuple(self._dialling):
                task.cancel()
            if self._dialling:
                await asyncio.wait(self._dialling)

    async def _attend(self) -> None:
        """One stay in the room; returns, or ConnectionFailed, when it is over."""
        account = self.account
        reception = Reception(CAPABILITIES, focus=account.focus, takes_dials=True)
        connection = await self.connect(account.server, reception)
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                updating: asyncio.Task[None] | None = None
                told = self.stats()
                connection.send(self._presence(connection, told, element(ns.MUC, "x")))
                async with asyncio.timeout(ENTER_WITHIN) as patience:
                    while True:
                        match await connection.receive():
                            case OccupantPresence() as seen if seen.is_self and self._is_here(seen):
                                if not seen.available:
                                    log.warning("removed from the brewery", id=account.id)
                                    break
                                patience.reschedule(None)
                                if updating is None:
                                    log.info("in the brewery", id=account.id, room=account.room)
                                    self.is_present = True
                                    updating = tasks.create_task(self._update(connection, told))
                            case PresenceRefused() as refusal if self._is_here(refusal):
                                reason = str(refusal.error)
                                log.warning("brewery refused", id=account.id, reason=reason)
                                break
                            case Dial() as dial:
                                self._take(connection, dial)
                            case _:
                                pass
                if updating is not None:
                    updating.cancel()
        except* ConnectionFailed as lost:
            failure = lost.exceptions[0]  # raised here it would be a group again
        except* TimeoutError:
            log.warning("the brewery does not answer", id=account.id, room=account.room)
        finally:
            await connection.close()
        raise_if_cancelled()
        if failure is not None:
            raise failure

    def _is_here(self, presence: OccupantPresence | PresenceRefused) -> bool:
        """Whether it is of our room; anybody can send us one."""
        return bare(presence.occupant) == self.account.room

    def _take(self, connection: Connection, dial: Dial) -> None:
        if not self.account.obeys(dial.sender):
            log.warning("not obeyed", id=self.account.id, sender=dial.sender)
            connection.send(dial.refusal("auth", "forbidden"))
            return
        task = asyncio.create_task(self._answer(connection, dial), name="dial")
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _answer(self, connection: Connection, dial: Dial) -> None:
        try:
            connection.send(await self.dial(self.account, dial))
        except Exception:
            log.exception("dialling failed")
            connection.send(dial.refusal("cancel", "internal-server-error"))

    async def _update(self, connection: Connection, told: BreweryStats) -> None:
        """Tell how busy we are, each time that is no longer what we have `told`."""
        while True:
            await asyncio.sleep(UPDATE_INTERVAL)
            stats = self.stats()
            if stats != told:
                told = stats
                connection.send(self._presence(connection, told))

    def _presence(self, connection: Connection, stats: BreweryStats, *first: Element) -> Element:
        return element(
            ns.CLIENT,
            "presence",
            {"to": f"{self.account.room}/{connection.nick}"},
            *first,
            stats.to_element(),
            CAPABILITIES.to_presence(),
        )
