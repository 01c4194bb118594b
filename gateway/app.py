"""A running gateway: the user agent, the calls, the conferences and the media engine, composed."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from importlib.metadata import version
from types import TracebackType
from typing import Self

import structlog

from audiocodecs import opus
from gateway import logs
from gateway.calls.dialler import Dialler
from gateway.calls.gatekeeper import Doors
from gateway.calls.media_hosts import MediaHosts
from gateway.calls.media_session import MediaSwitch
from gateway.calls.record import CallRecord
from gateway.calls.services import Services
from gateway.calls.switchboard import Switchboard
from gateway.calls.trunk_status import trunk_statuses
from gateway.conference.breweries import Breweries
from gateway.conference.brewery import BreweryStats
from gateway.conference.installation import find_room
from gateway.config.configuration import Config
from gateway.control.http import ControlServer
from gateway.control.metrics import Metrics
from gateway.control.snapshot import Phase, Snapshot
from gateway.errors import ConferenceError
from gateway.ivr.dial_in import DialIn
from gateway.jigasi_accounts import JigasiAccounts
from gateway.media.engine import MediaEngine
from gateway.media.engine_port import Engine
from gateway.media.load import together
from gateway.media.messages import Command, Event
from gateway.media.own_addresses import check_own
from gateway.media.workers import MediaWorkers
from gateway.sip.admission import FORBID, Refusal, Verdict
from gateway.sip.digest_server import DigestServer
from gateway.sip.flow import Flow
from gateway.sip.liaison import Liaisons
from gateway.sip.message import Request
from gateway.sip.network import Listen
from gateway.sip.registrar import Registrar
from gateway.sip.user_agent import UserAgent

log = structlog.get_logger(__name__)


class Gateway:
    """`async with` it; it serves until that block is left, and leaves nothing behind.

    With `drain` it takes no more calls, and `drained` returns when the last has ended.

    CannotListen if an address is not to be had, ConfigError for certificates that cannot be used,
    MediaError if the media workers do not start, PinsUnavailable if the database of PINs cannot be
    used.
    """

    def __init__(
        self, config: Config, *, on_end: Callable[[CallRecord], None] = lambda record: None
    ) -> None:
        self._config = config
        self._version = version("sip-gateway")
        self._installations = config.installations()
        self._on_end = on_end
        self._switch = MediaSwitch(self._execute)
        self.engine = _engine(config, self._switch.receive)
        self._external = config.external_address
        registrar = Registrar(config.registrar.config) if config.user else None
        self.user_agent = UserAgent(
            config.user_agent,
            self._admit,
            self._register if registrar is not None else None,
            hears=self._hears,
            external_host=self._external_host,
        )
        self.media_hosts = MediaHosts(
            config.phone_hosts,
            self.user_agent,
            advertised=config.media.advertised_host,
            external_host=self._external_host,
        )
        self.liaisons = Liaisons(config.liaisons, self.user_agent)
        dial_in = config.dial_in_services()
        self.dial_in = None
        if dial_in is not None:
            self.dial_in = DialIn(dial_in, self._served_room, config.fixed_pins)
        reception = None
        if (pins := self.dial_in) is not None:
            reception = config.voice.reception(pins.desk, lambda: pins.rules)
        services = Services(
            installations=self._installations,
            user_agent=self.user_agent,
            switch=self._switch,
            local_host=self.media_hosts.towards,
            callers_in=self._callers_in,
            limits=config.call_limits,
            retry_after=config.sip.retry_after,
            reception=reception,
            voices=config.voice.voices,
            service_route=self.liaisons.service_route,
        )
        self.switchboard = Switchboard(
            config.trunks,
            services,
            strangers=FORBID if config.sip.strangers == "refuse" else Verdict.DROP,
            max_calls=config.sip.max_calls,
            doors=Doors(
                DigestServer(config.sip.realm, algorithms=config.sip.digest_algorithms),
                config.accounts,
                registrar,
                self.liaisons.called,
            ),
            is_overloaded=self._is_overloaded,
            on_end=self._ended,
        )
        dialler = Dialler(
            self.switchboard,
            services,
            config.trunks,
            config.dial_out.limits,
            is_draining=lambda: self.user_agent.is_draining,
            is_down=self.liaisons.is_down,
        )
        self.breweries = Breweries(dialler.dial, self._brewery_stats)
        for account in config.breweries():
            self.breweries.add(account)
        self._metrics = Metrics(self.snapshot)
        self.control: ControlServer | None = None
        if config.control.http is not None:
            accounts = JigasiAccounts(self.breweries, config.brewery_account)
            self.control = ControlServer(config.control.http, self, self._metrics, accounts)
        self._taking: asyncio.Task[None] | None = None
        self._draining = asyncio.Event()
        self._is_closing = False
        self._parts = AsyncExitStack()

    @property
    def sip_addresses(self) -> tuple[Listen, ...]:
        """Where phones can call, as bound."""
        return self.user_agent.listening

    @property
    def call_count(self) -> int:
        """Calls of which something is left, in any part."""
        return max(len(self.switchboard.calls), self.user_agent.call_count, self.engine.calls)

    @property
    def phase(self) -> Phase:
        """Where in its life it is."""
        if self._is_closing:
            return Phase.CLOSING
        if self._taking is None:
            return Phase.STARTING
        return Phase.DRAINING if self._draining.is_set() else Phase.SERVING

    def drain(self) -> None:
        """Refuse new calls from now on; OPTIONS says so too."""
        if not self._draining.is_set():
            self.user_agent.is_draining = True
            self._draining.set()
            log.info("draining", calls=self.call_count)

    def reload(self) -> None:
        """Read certificates and the operator's PINs anew; those that are no good change nothing."""
        self.user_agent.reload_certificates()
        if self.dial_in is not None:
            self.dial_in.reload()

    def set_log_level(self, level: str) -> None:
        """Log from now on, in all processes, what is of this level or above."""
        logs.set_level(level)
        self.engine.set_log_level(level)

    async def drained(self) -> None:
        """Return when it drains and the last call has ended, or had its time to."""
        await self._draining.wait()
        try:
            async with asyncio.timeout(self._config.limits.drain or None):
                await self.switchboard.emptied()
        except TimeoutError:
            log.warning("no time is left to drain", calls=self.call_count)

    def snapshot(self) -> Snapshot:
        """How everything is at this moment."""
        taking = self._taking
        return Snapshot(
            now=time.monotonic(),
            current_time=time.time(),
            version=self._version,
            phase=self.phase,
            takes_calls=taking is not None and not taking.done(),
            listeners=tuple(str(listen) for listen in self.sip_addresses),
            max_calls=self.switchboard.max_calls,
            max_stress=self._config.sip.max_stress,
            meeting_url=self._meeting_url,
            calls=self.switchboard.calls,
            ended=self.switchboard.ended,
            totals=self.switchboard.totals,
            logins={each.name: each.logins for each in self._installations},
            loads=self.engine.loads,
            trunks=trunk_statuses(self._config.trunks, self.switchboard, self.liaisons),
            phones=self.switchboard.phones,
            digest_counters=asdict(self.switchboard.digest_counters),
            sip_counters=asdict(self.user_agent.counters),
            responses_sent=self.user_agent.responses_sent,
            dial_in=self.dial_in.counts if self.dial_in is not None else None,
        )

    async def __aenter__(self) -> Self:
        check_own(self._config.engine)
        async with AsyncExitStack() as parts:
            if self.control is not None:
                await parts.enter_async_context(self.control)
            if self.dial_in is not None:
                await parts.enter_async_context(self.dial_in)
            parts.push_async_callback(self.engine.close)
            await self.engine.start()
            if self._external is not None:
                await parts.enter_async_context(self._external)
            await parts.enter_async_context(self.user_agent)
            await parts.enter_async_context(self.switchboard)
            await parts.enter_async_context(self.liaisons)
            await parts.enter_async_context(self.breweries)
            self._taking = taking = asyncio.create_task(
                self.switchboard.take(self.user_agent.incoming_calls()), name="switchboard"
            )
            taking.add_done_callback(_report)
            parts.push_async_callback(_stop, taking)
            self._parts = parts.pop_all()
        log.info("gateway up", opus=opus.version(), trunks=[t.name for t in self._config.trunks])
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_closing = True
        self.user_agent.is_draining = True
        await self._parts.aclose()
        log.info("gateway down")

    def _meeting_url(self, room: str) -> str:
        installation, _ = find_room(self._installations, room)
        return installation.meeting_url(room)

    def _served_room(self, room: str) -> str | None:
        try:
            return find_room(self._installations, room)[1].jid
        except ConferenceError:
            return None

    def _ended(self, record: CallRecord) -> None:
        self._metrics.ended(record)
        self._on_end(record)

    def _execute(self, command: Command) -> None:
        self.engine.execute(command)

    def _hears(self, flow: Flow, method: str | None) -> bool:
        return self.switchboard.hears(flow, method)

    def _admit(self, flow: Flow, request: Request) -> Verdict | Refusal:
        return self.switchboard.admit(flow, request)

    def _register(self, flow: Flow, request: Request) -> Refusal:
        return self.switchboard.register(flow, request)

    def _is_overloaded(self) -> bool:
        return together(self.engine.loads).is_too_busy(self._config.sip.max_stress)

    def _brewery_stats(self) -> BreweryStats:
        """How busy we are, for Jicofo, which chooses the gateway with the fewest participants."""
        snapshot = self.snapshot()
        joined = snapshot.joined
        return BreweryStats(
            conferences=len(joined),
            participants=sum(record.participants for record in joined),
            stress_level=round(snapshot.stress, 2),
            graceful_shutdown=self.user_agent.is_draining,
            supports_sip=any(trunk.dial_out is not None for trunk in self._config.trunks),
            region=self._config.jitsi.region,
            version=self._version,
        )

    def _callers_in(self, room: str) -> int:
        return self.switchboard.callers_in(room)

    def _external_host(self, remote_host: str) -> str | None:
        return self._external.towards(remote_host) if self._external is not None else None


def _engine(config: Config, emit: Callable[[Event], None]) -> Engine:
    """In processes of its own, or in this one."""
    workers = config.media_workers
    return MediaWorkers(workers, emit) if workers else MediaEngine(config.engine, emit)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("no calls are taken any more", exc_info=task.exception())
