"""Kamailio as a proxy in front of the gateway: SIPp calls through it, and so over TLS."""

import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway import logs
from gateway.sip.locate import Destination
from gateway.sip.network import Listen
from gateway.sip.user_agent import UserAgentConfig
from tests.helpers.captured_log import log_at_once
from tests.interop.kamailio import HOST, Kamailio, demand_kamailio
from tests.sip.authority import Authority

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

import scene
from called import CALLED, STACK, CalledScenario, call_sipp, sipp_for
from scene import TRANSPORTS, Scene, Sections, Site, eventually, play
from sipp import is_installed
from stories import BY_NAME

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not is_installed(), reason="SIPp is not installed"),
]


class BehindProxy(Site):
    """A lab and a gateway that is called through a proxy."""

    proxy: Kamailio

    def address(self, transport: str, host: str = HOST) -> tuple[str, int]:
        """The proxy's."""
        return self.proxy.address(transport)

    def hop(self, transport: str) -> Destination:
        """The gateway's, for the proxy."""
        return Destination(transport, *super().address(transport))


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Writing the wire down takes the time the media needs; nor has it to be listened to long."""
    demand_kamailio()
    logs.configure("error")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene, "LISTENING", 1.2)
        yield
    log_at_once()


@asynccontextmanager
async def behind(
    folder: Path, transport: str, sections: Sections | None = None
) -> AsyncIterator[BehindProxy]:
    """A gateway that listens by one transport only, and a proxy that calls it by that.

    Over TLS they know each other by their certificates, and nothing else.
    """
    laid = {section: dict(keys) for section, keys in (sections or {}).items()}
    sip, trunk = laid.setdefault("sip", {}), laid.setdefault("trunk", {})
    sip["listen"] = [f"{transport}:{HOST}:0"]
    theirs = None
    if transport == "tls":
        authority = Authority(folder)
        ours, theirs = authority.config(HOST), authority.config("proxy.test", HOST, file="proxy")
        sip["tls"] = {
            "certificate": ours.certificate,
            "key": ours.key,
            "ca_file": authority.file,
            "client_certificates": "required",
        }
        trunk |= {"from": [], "certificate_names": ["proxy.test"]}
    async with (
        BehindProxy(laid) as site,
        Kamailio(folder, site.hop(transport), tls=theirs) as site.proxy,
    ):
        yield site


async def hear_nothing(scene: Scene, speaking: Iterable[str], **apart: Any) -> None:
    """The sound takes no other way than without a proxy, where it is listened to."""


async def hold_and_resume(scene: Scene) -> None:
    """What the others see."""

    def is_shown_on_hold() -> bool:
        (record,) = scene.records
        nicks = {each.nick: each for each in scene.site.lab.occupants("lecture")}
        return nicks[record.endpoint].status == "On hold"

    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()
        await sipp.reported("held")
        await eventually(is_shown_on_hold, "the hold")
        sipp.go()
        await sipp.reported("resumed")
        await eventually(lambda: not is_shown_on_hold(), "the end of the hold")
        sipp.go()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_requests_within_a_call_take_the_way_by_the_proxy(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scene, "hear", hear_nothing)
    async with behind(tmp_path, transport) as site:
        held = replace(BY_NAME["hold-and-resume"], story=hold_and_resume)
        await play(site, held, transport)
        in_held = site.proxy.told
        await play(site, BY_NAME["conference-hangs-up"], transport)
        in_ended = site.proxy.told[len(in_held) :]
    assert set(in_held) == {f"routed {method} {transport}" for method in ("ACK", "INVITE", "BYE")}
    assert set(in_ended) == {f"routed {method} {transport}" for method in ("ACK", "BYE")}


ALWAYS = ("basic-call", "caller-hangs-up", "conference-hangs-up", "hold-and-resume")
OTHERWISE = {
    # A proxy does itself what these are about: it answers a CANCEL, and takes repetitions.
    *("cancel-before-180", "cancel-after-180", "cancel-too-late", "cancelled-elsewhere"),
    "retransmitted-invite",
    # This one refuses, or drops, what is in these: the last is of a dialog that it knows no way to.
    *("bad-requests", "malformed-requests", "folded-headers", "refer-outside"),
    # Their calls come by another way, or are about something else.
    *("busy", "over-ipv6", "forty-calls", "hundred-calls"),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ALWAYS else [pytest.mark.soak])
        for name in BY_NAME
        if name not in OTHERWISE
    ],
)
async def test_scenario_through_a_proxy_that_calls_over_tls(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = BY_NAME[name]
    if name == "twenty-calls":
        monkeypatch.setattr(scene, "LISTENING", 3.0)
    elif name != "hold-and-resume":
        monkeypatch.setattr(Scene, "hear", hear_nothing)
    async with behind(tmp_path, "tls", scenario.gateway) as site:
        await play(site, scenario, "udp")


# SIPp repeats one Via only where it answers an INVITE that is not what it has heard last; and a
# proxy answers a CANCEL itself.
NOT_CALLED = ("called-reliable", "called-forked", "called-updates", "called-answered-late")
BY_PROXY = [called for called in CALLED if called.name not in NOT_CALLED]


@pytest.mark.soak
@pytest.mark.parametrize("scenario", BY_PROXY, ids=[each.name for each in BY_PROXY])
async def test_a_call_of_ours_over_tls_through_a_proxy(
    scenario: CalledScenario, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    ours, theirs = authority.config("gateway.test"), authority.config(HOST, file="proxy")
    config = UserAgentConfig((Listen("tls", HOST, 0),), tls=ours, stack=STACK)
    async with (
        sipp_for(scenario, "udp") as sipp,
        Kamailio(tmp_path, Destination("udp", *sipp.address), tls=theirs) as proxy,
    ):
        by = Destination("tls", *proxy.address("tls"))
        await call_sipp(scenario, sipp, config, by)
