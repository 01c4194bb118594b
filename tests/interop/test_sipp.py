"""SIPp plays its scenarios against the gateway; what each proves is its table's.

The scenarios share a lab and a gateway, as calls do in life; at the end nothing of them is left.
"""

import sys
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway import logs
from gateway.calls import outgoing
from tests.helpers.captured_log import log_at_once

FOLDER = Path(__file__).parents[2] / "sip-test-scripts"
sys.path.insert(0, str(FOLDER))

from called import CALLED, CalledScenario, play_called  # noqa: E402
from dialled import DIALLED, DialledScenario, play_dialled  # noqa: E402
from registering import REGISTERING, RegisteringScenario  # noqa: E402
from run import main  # noqa: E402
from scene import TRANSPORTS, Sites  # noqa: E402
from sipp import HOST, HOSTS, is_installed  # noqa: E402
from stories import SCENARIOS, Scenario  # noqa: E402
from walking import WALKING  # noqa: E402

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not is_installed(), reason="SIPp is not installed"),
]


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Writing the wire down takes the time the media needs."""
    logs.configure("error")
    yield
    log_at_once()


@pytest.mark.parametrize("wrong", [["no-scenario"], ["--log", "loud"], ["--transport", "tls"]])
def test_what_is_asked_for_wrongly_is_told_with_what_there_is(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *wrong])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert wrong[-1] in last and ("choose from" in last or "--list" in last)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites() -> AsyncIterator[Sites]:
    async with Sites() as made:
        yield made
        await made.silent()


OVER_TCP = {
    *("basic-call", "cancel-before-180", "conference-hangs-up", "lost-bye-answer", "options"),
    *("retransmitted-invite", "session-timer", "reliable-ringing", "bad-requests"),
    *("record-routed", "crossing-offers", "malformed-requests"),
}
"""What has to do with the transport; the others are left to `make soak` over TCP."""


OVER_IPV6 = {"over-ipv6", "early-media", "digits-by-tone", "called-challenged", "registers"}
"""Calls with sound each way, a call of ours, a registration; the others are left to `make soak`
over IPv6."""


def ways(scenarios: Sequence[Any], over_tcp: Collection[str] = ()) -> list[Any]:
    """All over UDP and TCP, IPv4 and IPv6; what is not over UDP and IPv4 takes place rarely, unless
    it is named."""
    return [
        pytest.param(
            scenario,
            transport,
            host,
            id=f"{scenario.name}-{transport}-{host}",
            marks=[] if is_often(scenario.name, transport, host, over_tcp) else [pytest.mark.soak],
        )
        for scenario in scenarios
        for host in hosts_of(scenario)
        for transport in TRANSPORTS
    ]


def hosts_of(scenario: Any) -> tuple[str, ...]:
    """Where SIPp can be in a scenario."""
    return scenario.hosts if isinstance(scenario, Scenario) else HOSTS


def is_often(name: str, transport: str, host: str, over_tcp: Collection[str]) -> bool:
    """Whether it is played by `make test`."""
    if host != HOST:
        return name in OVER_IPV6 and transport == "udp"
    return transport == "udp" or name in over_tcp


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("scenario", "transport", "host"), ways(SCENARIOS, OVER_TCP))
async def test_scenario(sites: Sites, scenario: Scenario, transport: str, host: str) -> None:
    for note in await sites.play(scenario, transport, host):
        print(f"{scenario.name} over {transport} at {host}: {note}")


@pytest.mark.parametrize(
    ("scenario", "transport", "host"), ways(CALLED, [each.name for each in CALLED[:2]])
)
async def test_scenario_in_which_sipp_is_called(
    scenario: CalledScenario, transport: str, host: str
) -> None:
    await play_called(scenario, transport, host)


@pytest.mark.parametrize(
    ("scenario", "transport", "host"), ways(DIALLED, [each.name for each in DIALLED[:2]])
)
async def test_scenario_in_which_the_conference_dials(
    scenario: DialledScenario, transport: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "_SHOWN_FOR", 1.5)
    await play_dialled(scenario, transport, host)


@pytest.mark.parametrize(
    ("scenario", "transport", "host"), ways(REGISTERING, [each.name for each in REGISTERING])
)
async def test_scenario_of_registering(
    scenario: RegisteringScenario, transport: str, host: str
) -> None:
    await scenario.play(transport, host)


def over(scenario: Any) -> str:
    """How the table says over what a scenario is played."""
    return " ".join(
        f"{transport[0].upper()}{6 if ':' in host else 4}"
        for host in hosts_of(scenario)
        for transport in TRANSPORTS
    )


def test_the_table_of_the_readme_names_every_scenario_and_file() -> None:
    readme = (FOLDER / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| [")]
    for scenario in SCENARIOS:
        (row,) = (row for row in rows if row.startswith(f"| [{scenario.name}]"))
        assert all(scenario.file(transport) in row for transport in TRANSPORTS)
        assert row.endswith(f"| {scenario.rfc} | {over(scenario)} |")
    others = (*CALLED, *DIALLED, *REGISTERING)
    for called in others:
        (row,) = (row for row in rows if row.startswith(f"| [{called.name}]"))
        assert f"(scenarios/{called.file})" in row
        assert row.endswith(f"| {called.rfc} | {over(called)} |")
    for walking in WALKING:
        (row,) = (row for row in rows if row.startswith(f"| [{walking.name}]"))
        assert row.endswith(f"| {walking.rfc} | U4 |")
    assert len(rows) == len(SCENARIOS) + len(others) + len(WALKING)
    files = {scenario.file(transport) for scenario in SCENARIOS for transport in TRANSPORTS}
    files |= {each.file for each in (*others, *WALKING)}
    assert {path.name for path in (FOLDER / "scenarios").iterdir()} == files
