"""Whose call it is: by registration, by digest, by user; and how many a trunk may have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.lab.phone import NotAnswered
from gateway.sip.admission import Refusal, Verdict
from gateway.sip.digest import Credentials
from gateway.sip.digest_server import DigestAccount, DigestServer
from gateway.sip.flow import Flow
from gateway.sip.liaison import LiaisonConfig, Liaisons
from gateway.sip.locate import Destination
from gateway.sip.message import Request
from gateway.sip.network import Listen
from gateway.sip.registrar import Registrar, RegistrarConfig
from gateway.sip.registration import RegistrationConfig
from gateway.sip.user_agent import UserAgent, UserAgentConfig
from tests.behaviour.stage import Stage, eventually, stage

pytestmark = pytest.mark.behaviour

ROOM = "room1"
USER = "71"


class Provider:
    """A registrar that knows us by `secret`."""

    def __init__(self) -> None:
        self._digest = DigestServer("provider")
        self._account = DigestAccount("auth", "secret")
        self._registrar = Registrar(RegistrarConfig())
        config = UserAgentConfig((Listen("udp", "127.0.0.1", 0),))
        self.user_agent = UserAgent(config, lambda flow, request: Verdict.ACCEPT, self._register)

    @property
    def contacts(self) -> list[str]:
        return [each.contact for each in self._registrar.bindings(0).get("4312345", ())]

    def _register(self, flow: Flow, request: Request) -> Refusal:
        known = {"auth": self._account}
        account = self._digest.authenticate(request, known.get, 0)
        if isinstance(account, Refusal):
            return account
        return self._registrar.register("4312345", request, flow, 0)


@asynccontextmanager
async def registered() -> AsyncIterator[tuple[Stage, Provider]]:
    """A gateway that is called by a provider it registers with, and by nobody else."""
    provider = Provider()
    async with provider.user_agent:
        (at,) = provider.user_agent.listening
        register = {
            "registrar": f"sip:127.0.0.1:{at.port}",
            "user": "4312345",
            "auth_user": "auth",
            "password": "secret",
            "contact": "gw",
        }
        trunk: dict[str, Any] = {"from": [], "register": register, "default_room": ROOM}
        async with stage(trunk=trunk, sip={"strangers": "refuse"}) as scene:
            await eventually(lambda: provider.contacts, "the registration")
            yield scene, provider
        assert provider.contacts == []  # taken back at the end


async def test_a_gateway_that_has_registered_is_called_at_its_contact_and_only_there() -> None:
    async with registered() as (scene, provider):
        (contact,) = provider.contacts
        assert contact.startswith("sip:gw@127.0.0.1:")

        def knows_so() -> bool:
            (status,) = scene.gateway.snapshot().trunks
            return status.registration is not None and status.registration.is_registered

        await eventually(knows_so, "the answer to REGISTER")
        call = await scene.dial("gw")
        assert [record.trunk for record in scene.gateway.switchboard.calls] == ["phones"]
        assert scene.gateway.switchboard.calls[0].room.startswith(ROOM)
        call.hang_up()
        await scene.over()
        with pytest.raises(NotAnswered, match="403"):
            await scene.dial(USER)


async def test_a_trunk_that_has_to_prove_itself_is_let_in_when_it_does() -> None:
    trunk = {"digest": {"user": "guard", "password": "secret"}}
    async with stage(trunk=trunk) as scene:
        with pytest.raises(NotAnswered, match="401"):
            await scene.dial(USER)
        with pytest.raises(NotAnswered, match="401"):
            await scene.dial(USER, credentials=Credentials("guard", "guess"))
        assert scene.gateway.switchboard.calls == ()
        call = await scene.dial(USER, credentials=Credentials("guard", "secret"))
        call.hang_up()
        record = await scene.over()
    assert (record.trunk, record.room.partition("@")[0]) == ("phones", ROOM)


async def test_above_its_limit_a_trunk_is_told_to_come_later() -> None:
    async with stage(trunk={"max_calls": 1}) as scene:
        first = await scene.dial(USER)
        with pytest.raises(NotAnswered, match="503"):
            await scene.dial(USER, "phone 2")
        (status,) = scene.gateway.snapshot().trunks
        assert (status.calls, status.refused_calls) == (1, 1)
        first.hang_up()
        await scene.over()
        (await scene.dial(USER, "phone 2")).hang_up()
        await scene.over()


async def test_a_phone_registers_calls_a_room_by_its_name_and_goes() -> None:
    alice = Credentials("alice", "a-long-secret")
    user = {"name": alice.user, "password": alice.password}
    async with stage(trunk={"from": ["192.0.2.1"]}, user=[user]) as scene:
        at = next(each for each in scene.gateway.sip_addresses if each.transport == "udp")
        here = Destination("udp", at.host, at.port)
        registration = RegistrationConfig(f"sip:{at.host}", "alice", "desk", alice)
        phone = UserAgent(
            UserAgentConfig((Listen("udp", "127.0.0.1", 0),)), lambda flow, request: Verdict.DROP
        )
        async with phone:
            async with Liaisons((LiaisonConfig("desk", registration, here),), phone):
                await eventually(lambda: scene.gateway.snapshot().phones, "the registration")
                assert set(scene.gateway.snapshot().phones) == {"alice"}
            assert scene.gateway.snapshot().phones == {}
        with pytest.raises(NotAnswered, match="401"):
            await scene.dial("welcome")
        (await scene.dial("welcome", credentials=alice)).hang_up()
        record = await scene.over()
    assert (record.trunk, record.room.partition("@")[0]) == ("alice", "welcome")
