"""The services of a whole gateway, which need no Jitsi that is up."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.app import Gateway
from gateway.config.configuration import Config, parse
from gateway.ivr.pin_database import PinsUnavailable


def config(database: Path, **jitsi: Any) -> Config:
    return parse(
        {
            "sip": {"listen": ["udp:127.0.0.1:0"]},
            "media": {"workers": 0},
            "jitsi": {"domain": "meet.example.org", **jitsi},
            "trunk": [{"name": "pbx", "from": ["192.0.2.1"]}],
            "control": {"listen": "127.0.0.1:0"},
            "dial_in": {
                "listen": "127.0.0.1:0",
                "database": str(database),
                "lookups_from": ["127.0.0.1"],
                "number": [{"country": "AT", "number": "+43 1 5550100"}],
            },
        }
    )


async def test_a_web_page_gets_a_pin_and_operators_see_it(tmp_path: Path) -> None:
    async with (
        Gateway(config(tmp_path / "pins", tenants=True)) as gateway,
        ClientSession() as session,
    ):
        assert gateway.dial_in is not None and gateway.control is not None
        mapper = f"{gateway.dial_in.server.url}/conferenceMapper"

        async def ask(**query: str) -> Any:
            async with session.get(mapper, params=query) as response:
                return await response.json()

        muc = "conference.meet.example.org"
        told = await ask(conference=f"Stand Up@{muc}")
        assert told["conference"] == f"stand%20up@{muc}", "the room that browsers enter"
        assert await ask(conference=f"stand%20up@{muc}") == told
        assert (await ask(id=str(told["id"])))["conference"] == told["conference"]
        tenant = await ask(conference="standup@conference.acme.meet.example.org")
        assert tenant["conference"] == "standup@conference.acme.meet.example.org"
        assert tenant["id"] != told["id"]
        assert (await ask(conference="a@elsewhere.org"))["conference"] is False
        async with session.get(f"{gateway.control.url}/metrics") as response:
            metrics = await response.text()
        found = 'sip_gateway_pin_tries_total{outcome="found",trunk="http:lookups"} 1.0'
        assert found in metrics
        assert str(told["id"]) not in metrics
        assert gateway.dial_in.rules.longest == len(str(told["id"])) == 9


async def test_a_database_that_cannot_be_used_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    gateway = Gateway(config(tmp_path / "nowhere" / "pins"))
    with pytest.raises(PinsUnavailable, match="No such file"):
        async with gateway:
            pass
    assert gateway.sip_addresses == ()
