"""SIPp plays its scenarios against the gateway, over UDP and TCP; what each proves is its table's.

The scenarios share a lab and a gateway, as calls do in life; at the end nothing of them is left.
"""

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from gateway import logs
from gateway.calls import outgoing

FOLDER = Path(__file__).parents[2] / "sip-test-scripts"
sys.path.insert(0, str(FOLDER))

from called import CALLED, CalledScenario, play_called  # noqa: E402
from dialled import DIALLED, DialledScenario, play_dialled  # noqa: E402
from registering import REGISTERING, RegisteringScenario  # noqa: E402
from scene import TRANSPORTS, Sites  # noqa: E402
from sipp import is_installed  # noqa: E402
from stories import SCENARIOS, Scenario  # noqa: E402

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not is_installed(), reason="SIPp is not installed"),
]


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Writing the wire down takes the time the media needs."""
    logs.configure("error")
    yield
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites() -> AsyncIterator[Sites]:
    async with Sites() as made:
        yield made
        await made.silent()


OVER_TCP = {
    *("basic-call", "cancel-before-180", "conference-hangs-up", "lost-bye-answer", "options"),
    *("retransmitted-invite", "session-timer", "reliable-ringing", "bad-requests", "over-ipv6"),
    *("record-routed", "crossing-offers", "malformed-requests"),
}
"""What has to do with the transport; the others are left to `make soak` over TCP."""


def over_both(scenarios: Sequence[Scenario]) -> list[Any]:
    """All over UDP and TCP."""
    return [
        pytest.param(
            scenario,
            transport,
            id=f"{scenario.name}-{transport}",
            marks=[pytest.mark.soak]
            if transport == "tcp" and scenario.name not in OVER_TCP
            else [],
        )
        for scenario in scenarios
        for transport in TRANSPORTS
    ]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("scenario", "transport"), over_both(SCENARIOS))
async def test_scenario(sites: Sites, scenario: Scenario, transport: str) -> None:
    for note in await sites.play(scenario, transport):
        print(f"{scenario.name} over {transport}: {note}")


def over_either(scenarios: Sequence[Any]) -> list[Any]:
    """All over UDP; over TCP the first two, which show that it makes no difference."""
    pairs = [(scenario, "udp") for scenario in scenarios]
    pairs += [(scenario, "tcp") for scenario in scenarios[:2]]
    return [pytest.param(*pair, id=f"{pair[0].name}-{pair[1]}") for pair in pairs]


@pytest.mark.parametrize(("scenario", "transport"), over_either(CALLED))
async def test_scenario_in_which_sipp_is_called(scenario: CalledScenario, transport: str) -> None:
    await play_called(scenario, transport)


@pytest.mark.parametrize(("scenario", "transport"), over_either(DIALLED))
async def test_scenario_in_which_the_conference_dials(
    scenario: DialledScenario, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "_SHOWN_FOR", 1.5)
    await play_dialled(scenario, transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("scenario", REGISTERING, ids=lambda each: each.name)
async def test_scenario_of_registering(scenario: RegisteringScenario, transport: str) -> None:
    await scenario.play(transport)


def test_the_table_of_the_readme_names_every_scenario_and_file() -> None:
    readme = (FOLDER / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| [")]
    for scenario in SCENARIOS:
        (row,) = (row for row in rows if row.startswith(f"| [{scenario.name}]"))
        assert all(scenario.file(transport) in row for transport in TRANSPORTS)
        assert f"| {scenario.rfc} |" in row
    for called in (*CALLED, *DIALLED, *REGISTERING):
        (row,) = (row for row in rows if row.startswith(f"| [{called.name}]"))
        assert f"(scenarios/{called.file})" in row
        assert f"| {called.rfc} |" in row
    assert len(rows) == len(SCENARIOS) + len(CALLED) + len(DIALLED) + len(REGISTERING)
    files = {scenario.file(transport) for scenario in SCENARIOS for transport in TRANSPORTS}
    files |= {called.file for called in (*CALLED, *DIALLED, *REGISTERING)}
    assert {path.name for path in (FOLDER / "scenarios").iterdir()} == files
