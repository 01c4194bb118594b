"""Keeps in touch with the servers we work with: registers with them, asks whether they are there.

One `Liaison` a trunk. It owns the times; what to do is decided by `Registration` and `Probe`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from gateway.sip.flow import Flow
from gateway.sip.header_values import parse_route, parse_uri
from gateway.sip.locate import Destination
from gateway.sip.message import Request
from gateway.sip.probe import Probe, ProbeConfig, ProbeState
from gateway.sip.registration import Registration, RegistrationConfig, RegistrationState
from gateway.sip.user_agent import UserAgent

log = structlog.get_logger(__name__)

_LOOKUP = 10.0  # seconds that finding the way may take
_FAREWELL = 2.0  # seconds for all registrars together to answer that we go
_MAX_WAYS = 3  # of one attempt: others, if these are silent, are for the next
_MAX_ADDRESSES = 16  # of one registrar: names may lead to many


@dataclass(frozen=True, slots=True)
class LiaisonConfig:
    """With whom to keep in touch: `name` is for the log; each destination is the next hop."""

    name: str
    registration: RegistrationConfig | None = None
    registrar: Destination | None = None
    probe: ProbeConfig | None = None
    probed: Destination | None = None


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """What a registrar has our requests go by (RFC 3608): `routes` are for their Route headers."""

    next_hop: Destination
    routes: tuple[str, ...]


class Liaison:
    """One server: `run` until it is cancelled, then `end`."""

    def __init__(self, config: LiaisonConfig, agent: UserAgent) -> None:
        self.name = config.name
        self.registration = Registration(config.registration) if config.registration else None
        self.probe = Probe(config.probe) if config.probe else None
        self._config = config
        self._agent = agent
        self._registered_at: OrderedDict[str, None] = OrderedDict()  # addresses, the newest last
        self._registered_over: Flow | None = None
        self._loop = asyncio.get_running_loop()
        self._log = log.bind(trunk=config.name)

    @property
    def is_down(self) -> bool:
        """Whether the server is known not to be there."""
        return self.probe is not None and self.probe.state is ProbeState.DOWN

    @property
    def registered_for(self) -> float | None:
        """Seconds that the registrar will yet know us; None if it never has."""
        until = self.registration.expires_at if self.registration is not None else None
        return until - self._loop.time() if until is not None else None

    @property
    def service_route(self) -> ServiceRoute | None:
        """What calls through this server go by, if it has registered us and said so."""
        registration, proxy = self.registration, self._config.registrar
        if registration is None or proxy is None or not registration.service_route:
            return None
        routes = registration.service_route
        if proxy.host == parse_uri(registration.config.registrar).host.strip("[]"):
            return ServiceRoute(Destination.of(parse_route(routes[0])), routes)
        return ServiceRoute(proxy, routes)  # one that we are to go by, whoever the registrar is

    def is_called_by(self, host: str, user: str | None) -> bool:
        """Whether a call from an address to a user part, None for any, is over our registration."""
        registration = self.registration
        return (
            registration is not None
            and user in (None, registration.config.contact_user)
            and host in self._registered_at
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as both:
            if self.registration is not None:
                both.create_task(self._keep_registered(self.registration))
            if self.probe is not None:
                both.create_task(self._keep_asking(self.probe))

    async def end(self) -> None:
        """Take our registration back; the answer is waited for."""
        registration = self.registration
        if registration is None or (request := registration.end()) is None:
            return
        with suppress(OSError):
            flow = self._registered_over or (await self._find(self._config.registrar))[0]
            while request is not None:
                outcome = await self._agent.request(request, flow)
                request = registration.receive_end(outcome)
            self._log.info("unregistered", status=outcome.status)

    async def _keep_registered(self, registration: Registration) -> None:
        while True:
            await asyncio.sleep(registration.due - self._loop.time())
            before = registration.state, registration.error
            try:
                await self._register(registration)
            except OSError as error:
                registration.fail(f"no way to the registrar: {error}", self._loop.time())
            except Exception:  # a mistake of ours must not leave us unregistered for good
                self._log.exception("registering failed")
                registration.fail("internal error", self._loop.time())
            self._tell_registration(registration, before)

    async def _register(self, registration: Registration) -> None:
        flows = await self._find(self._config.registrar)
        flow, *others = self._ways(flows)
        contact = self._agent.contact(flow, registration.config.contact_user)
        request: Request | None = registration.begin(contact)
        while request is not None:
            outcome = await self._agent.request(request, flow, others)
            request = registration.receive(outcome, self._loop.time())
            flow, others = outcome.flow or flow, []  # who has asked for a password gets it
        if registration.state is RegistrationState.REGISTERED:
            self._registered_over = flow
            self._note_addresses(flows)

    def _ways(self, flows: tuple[Flow, ...]) -> list[Flow]:
        """Those that one REGISTER may take: our contact is the same over each."""
        contact = self._agent.contact(flows[0])
        return [each for each in flows if self._agent.contact(each) == contact][:_MAX_WAYS]

    def _note_addresses(self, flows: tuple[Flow, ...]) -> None:
        """A registrar of several addresses may call from each of them."""
        for flow in reversed(flows):
            self._registered_at[flow.remote[0]] = None
            self._registered_at.move_to_end(flow.remote[0])
        while len(self._registered_at) > _MAX_ADDRESSES:
            self._registered_at.popitem(last=False)

    def _tell_registration(
        self, registration: Registration, before: tuple[RegistrationState, str]
    ) -> None:
        state, error = registration.state, registration.error
        if (state, error) == before:
            return
        if state is RegistrationState.REGISTERED and registration.expires_at is not None:
            left = round(registration.expires_at - self._loop.time())
            self._log.info("registered", registrar=registration.config.registrar, expires=left)
        else:
            self._log.warning(
                "not registered", state=state.value, reason=error, remedy=registration.remedy
            )

    async def _keep_asking(self, probe: Probe) -> None:
        while True:
            await asyncio.sleep(probe.due - self._loop.time())
            before = probe.state
            try:
                flow, *others = (await self._find(self._config.probed))[:_MAX_WAYS]
                request = probe.begin(self._agent.contact(flow), self._loop.time())
                outcome = await self._agent.request(request, flow, others)
                probe.receive(outcome, self._loop.time())
            except OSError as error:
                probe.fail(f"no way there: {error}", self._loop.time())
            except Exception:
                self._log.exception("asking failed")
                probe.fail("internal error", self._loop.time())
            if probe.state is ProbeState.DOWN is not before:
                self._log.warning("trunk down", reason=probe.error)
            elif probe.state is ProbeState.UP is not before:
                self._log.info("trunk up")

    async def _find(self, destination: Destination | None) -> tuple[Flow, ...]:
        assert destination is not None, "goes with what is done there"
        try:
            async with asyncio.timeout(_LOOKUP):
                return await self._agent.find_flows(destination)
        except TimeoutError as error:
            raise OSError(f"DNS has not said in time where {destination.host} is") from error


class Liaisons:
    """Those of a gateway, between `async with` and its end; the user agent has to outlive them."""

    def __init__(self, configs: Iterable[LiaisonConfig], agent: UserAgent) -> None:
        self._configs = tuple(configs)
        self._agent = agent
        self._all: dict[str, Liaison] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def find(self, name: str) -> Liaison | None:
        """That of the trunk of that name, if there has to be one."""
        return self._all.get(name)

    def is_down(self, name: str) -> bool:
        """Whether the trunk of that name is known not to be there."""
        liaison = self._all.get(name)
        return liaison is not None and liaison.is_down

    def service_route(self, name: str) -> ServiceRoute | None:
        """What calls through the trunk of that name go by, if its registrar has said so."""
        liaison = self._all.get(name)
        return liaison.service_route if liaison is not None else None

    def called(self, host: str, user: str | None) -> str | None:
        """The name of the trunk over whose registration a call comes, if it does.

        Without a `user` part, of one over whose registration a call from there may come.
        """
        for liaison in self._all.values():
            if liaison.is_called_by(host, user):
                return liaison.name
        return None

    async def __aenter__(self) -> Self:
        self._all = {each.name: Liaison(each, self._agent) for each in self._configs}
        self._tasks = [
            asyncio.create_task(liaison.run(), name=f"liaison {name}")
            for name, liaison in self._all.items()
        ]
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL), asyncio.TaskGroup() as farewells:
                for liaison in self._all.values():
                    farewells.create_task(liaison.end())
