"""Kamailio as registrar: the gateway registers, is called over that, and calls through it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.answering_phone import AnsweringPhone
from gateway.lab.lab import LabConfig
from gateway.lab.phone import PhoneCall
from gateway.sip.digest import Credentials
from gateway.sip.locate import Destination
from tests.behaviour.dialling import ACCOUNTS, DIALLED, ROOM, Dialling, ended, reason_of
from tests.behaviour.stage import eventually, stage, voice_of
from tests.interop.kamailio import HOST, Kamailio, demand_kamailio
from tests.sip.authority import Authority

pytestmark = pytest.mark.interop

ACCOUNT = Credentials("auth", "a long secret")
NUMBER = "4312345"


@asynccontextmanager
async def registered(
    folder: Path, transport: str, algorithm: str = "MD5"
) -> AsyncIterator[tuple[Dialling, Kamailio]]:
    """A gateway whose only trunk is what it registers with; behind that is a phone to call."""
    demand_kamailio()
    authority = Authority(folder)
    ours, theirs = authority.config(HOST), authority.config(HOST, file="registrar")
    sip = {
        "listen": [f"{transport}:{HOST}:0"],
        "tls": {"certificate": ours.certificate, "key": ours.key, "ca_file": authority.file},
    }
    async with (
        AnsweringPhone(HOST) as called,
        Kamailio(
            folder,
            Destination("udp", *called.address()),
            account=ACCOUNT,
            algorithm=algorithm,
            tls=theirs,
        ) as kamailio,
    ):
        host, port = kamailio.address(transport)
        as_whom = {"user": NUMBER, "auth_user": ACCOUNT.user, "password": ACCOUNT.password}
        trunk = {
            "from": [],
            "default_room": ROOM,
            "register": {
                "registrar": f"sip:{host}:{port};transport={transport}",
                "refresh": 5,
                "contact": "gw",
                **as_whom,
            },
            "dial_out": {
                "host": host,
                "port": port,
                "transport": transport,
                "prefixes": ["+49"],
                "caller": NUMBER,
                "user": ACCOUNT.user,
                "password": ACCOUNT.password,
            },
        }
        async with stage(LabConfig(accounts=ACCOUNTS), trunk=trunk, sip=sip) as scene:
            speakers = await scene.speakers(ROOM, "ann")
            await eventually(lambda: scene.lab.waiting_gateways, "a gateway in the brewery")
            await eventually(lambda: bindings(kamailio) == 1, "the registration")
            try:
                yield Dialling(scene, speakers["ann"], called), kamailio
            finally:
                await called.close_calls()
        assert kamailio.told[-1] == f"saved {NUMBER} 0"  # taken back at the end


def bindings(kamailio: Kamailio) -> int:
    """How often we have been taken as registered."""
    return kamailio.told.count(f"saved {NUMBER} 3600")


async def calls_in(it: Dialling, kamailio: Kamailio) -> PhoneCall:
    """A phone that dials our number at the registrar, and talks with Ann."""
    call = await it.scene.phone.dial(kamailio.uri(NUMBER, "udp"), speaks=voice_of("phone"))
    await call.answered()
    await it.scene.media_up(call)
    (record,) = it.scene.gateway.switchboard.calls
    assert (record.trunk, record.room.partition("@")[0]) == ("phones", ROOM)
    return call


@pytest.mark.parametrize(
    ("transport", "algorithm"), [("udp", "MD5"), ("tcp", "SHA-256"), ("tls", "SHA-256")]
)
async def test_a_gateway_that_has_registered_is_called_and_calls(
    transport: str, algorithm: str, tmp_path: Path
) -> None:
    async with registered(tmp_path, transport, algorithm) as (it, kamailio):
        call = await calls_in(it, kamailio)
        call.hang_up()
        assert reason_of(await it.scene.over()) is EndReason.CALLER_HUNG_UP

        call = await calls_in(it, kamailio)
        (record,) = it.scene.gateway.switchboard.calls
        assert record.endpoint is not None
        it.scene.lab.kick(ROOM, record.endpoint)
        assert await call.ended() != ()
        assert reason_of(await it.scene.over()) is EndReason.KICKED

        phone, called = await it.talking()
        assert called.number == DIALLED
        assert f"proved INVITE {DIALLED}" in kamailio.told
        called.hang_up()
        assert reason_of(await it.over(phone)) is EndReason.CALLER_HUNG_UP

        phone, called = await it.talking()
        it.phones.hang_up(phone)
        assert await ended(called) is not None
        assert reason_of(await it.over(phone)) is EndReason.HUNG_UP
        assert not any(each.startswith("without route") for each in kamailio.told)


@pytest.mark.parametrize("transport", ["udp", pytest.param("tls", marks=pytest.mark.soak)])
async def test_a_registrar_that_has_forgotten_everything_has_us_back_soon(
    transport: str, tmp_path: Path
) -> None:
    async with registered(tmp_path, transport) as (it, kamailio):
        await kamailio.restart()
        await eventually(lambda: bindings(kamailio) == 2, "another registration")
        (await calls_in(it, kamailio)).hang_up()
        await it.scene.over()
