"""Scenarios about registering and proving oneself, both ways; only signalling, no conference.

In some SIPp is a phone or a trunk and the gateway asks who it is; in others SIPp is the registrar,
or the trunk that is asked whether it is there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from scene import eventually
from sipp import HOST, Sipp

from gateway.calls.accounts import CallerAccount
from gateway.calls.gatekeeper import Doors, Gatekeeper
from gateway.calls.trunk import Trunk
from gateway.sip.admission import FORBID, Refusal, Verdict
from gateway.sip.core import StackConfig
from gateway.sip.digest import Credentials
from gateway.sip.digest_server import DigestAccount, DigestServer
from gateway.sip.flow import Flow
from gateway.sip.header_values import format_host
from gateway.sip.liaison import LiaisonConfig, Liaisons
from gateway.sip.locate import Destination
from gateway.sip.message import Request
from gateway.sip.network import Listen
from gateway.sip.probe import ProbeConfig, ProbeState
from gateway.sip.registrar import Registrar, RegistrarConfig
from gateway.sip.registration import RegistrationConfig, RegistrationState
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgent, UserAgentConfig

_T1 = 0.1  # seconds
_GUARDED = Trunk("guarded", (), digest_user="guard")
_ACCOUNTS = (
    CallerAccount(DigestAccount("alice", "sesame-open"), Trunk("alice", ()), is_user=True),
    CallerAccount(DigestAccount("guard", "open-guard"), _GUARDED),
)


@dataclass(frozen=True, slots=True)
class RegisteringScenario:
    """One scenario, by the SIPp file of its name; `story` has our side."""

    name: str
    proves: str
    rfc: str
    story: Callable[["RegisteringScenario", str, str], Awaitable[None]]

    @property
    def file(self) -> str:
        """The SIPp scenario."""
        return f"{self.name}.xml"

    async def play(self, transport: str, host: str = HOST) -> None:
        """Play it; ScenarioFailed: it went another way, or left something behind."""
        await self.story(self, transport, host)


def _config(transport: str, host: str) -> UserAgentConfig:
    stack = StackConfig(timers=Timers(t1=_T1))
    return UserAgentConfig((Listen(transport, host, 0),), stack=stack)


async def _asks(scenario: RegisteringScenario, transport: str, host: str) -> None:
    """The gateway asks who SIPp is; whose call gets through, finds us busy."""
    registrar = Registrar(RegistrarConfig(min_expires=60, max_expires=600))
    doors = Doors(DigestServer("sip-gateway", algorithms=("MD5",)), _ACCOUNTS, registrar)
    keeper = Gatekeeper((_GUARDED,), doors, FORBID)

    def admit(flow: Flow, request: Request) -> Verdict | Refusal:
        judged = keeper.judge(flow, request)
        return Verdict.ACCEPT if isinstance(judged, Trunk) else judged

    async with (
        UserAgent(_config(transport, host), admit, keeper.register) as agent,
        Sipp(
            scenario.file,
            [(scenario.name,)],
            (host, agent.listening[0].port),
            transport=transport,
            host=host,
        ) as sipp,
    ):
        if scenario.name == "proves-itself":
            call = await anext(agent.incoming_calls())
            call.reject(486)
        await sipp.succeeded()
        await eventually(lambda: agent.call_count == 0, "the end of the call")


@asynccontextmanager
async def _in_touch(
    scenario: RegisteringScenario, transport: str, host: str
) -> AsyncIterator[tuple[Sipp, Liaisons]]:
    """SIPp is a provider that we register with, or ask."""
    async with Sipp(
        scenario.file, [(scenario.name,)], None, transport=transport, host=host
    ) as sipp:
        hop = Destination(transport, *sipp.address)
        registration = RegistrationConfig(
            f"sip:{format_host(host)}", "4930123", "room", Credentials("alice", "open sesame")
        )
        config = (
            LiaisonConfig("trunk", registration, hop)
            if scenario.name == "registrar"
            else LiaisonConfig(
                "trunk", probe=ProbeConfig(f"sip:{format_host(host)}", 3600), probed=hop
            )
        )
        async with UserAgent(_config(transport, host), lambda flow, request: Verdict.DROP) as agent:
            async with Liaisons((config,), agent) as liaisons:
                yield sipp, liaisons
            await sipp.succeeded()


async def _registers(scenario: RegisteringScenario, transport: str, host: str) -> None:
    async with _in_touch(scenario, transport, host) as (_, liaisons):
        liaison = liaisons.find("trunk")
        assert liaison is not None and liaison.registration is not None
        registration = liaison.registration
        is_there = RegistrationState.REGISTERED
        await eventually(lambda: registration.state is is_there, "the registration")


async def _probes(scenario: RegisteringScenario, transport: str, host: str) -> None:
    async with _in_touch(scenario, transport, host) as (_, liaisons):
        liaison = liaisons.find("trunk")
        assert liaison is not None and liaison.probe is not None
        probe = liaison.probe
        await eventually(lambda: probe.state is ProbeState.UP, "the answer")


REGISTERING = (
    RegisteringScenario(
        "registers",
        "a phone registers after a challenge; a second contact, a question, and `*` are answered "
        "with all contacts there are",
        "3261 10.2, 10.3, 22.2",
        _asks,
    ),
    RegisteringScenario(
        "registers-too-briefly", "423 says how long it has to be", "3261 10.3, 21.4.17", _asks
    ),
    RegisteringScenario(
        "registers-wrongly",
        "a wrong password and an unknown user are answered alike; another's name is a 403",
        "3261 10.3, 22.4; 7616 5.3",
        _asks,
    ),
    RegisteringScenario(
        "registers-again",
        "a nonce is good for more than one request, if each counts on",
        "7616 3.4",
        _asks,
    ),
    RegisteringScenario(
        "proves-itself",
        "an INVITE of a trunk with a password is challenged, and let in with the right one only",
        "3261 22.1, 22.2",
        _asks,
    ),
    RegisteringScenario(
        "registrar",
        "we register: digest, 423, one Call-ID and a rising CSeq, the binding taken back",
        "3261 10.2, 22.2; 7616 3.4",
        _registers,
    ),
    RegisteringScenario("asked", "OPTIONS asks whether a trunk is there", "3261 11.1", _probes),
)
REGISTERING_BY_NAME = {scenario.name: scenario for scenario in REGISTERING}
