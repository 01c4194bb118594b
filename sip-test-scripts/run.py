"""Plays SIPp scenarios against a gateway and a lab conference, all on this machine.

    python sip-test-scripts/run.py [--transport udp|tcp] [--host 127.0.0.1|::1] [SCENARIO ...]
    python sip-test-scripts/run.py --list

Without names it plays all, without a transport over both, without a host over IPv4 and IPv6. Exit
code 1 if any failed.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

import uvloop
from called import CALLED, CALLED_BY_NAME, CalledScenario, play_called
from dialled import DIALLED, DIALLED_BY_NAME, DialledScenario, play_dialled
from registering import REGISTERING, REGISTERING_BY_NAME, RegisteringScenario
from rich.console import Console
from rich.table import Table
from scene import TRANSPORTS, Scenario, Sites
from sipp import HOSTS, ScenarioFailed, is_installed
from stories import BY_NAME, SCENARIOS

from gateway import logs

AnyScenario = Scenario | CalledScenario | DialledScenario | RegisteringScenario

_SHOWN = 20  # problems of a scenario


def main() -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(description="Play SIPp scenarios against the gateway.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="all if none is named")
    parser.add_argument("--transport", choices=TRANSPORTS, help="both if not given")
    parser.add_argument("--host", choices=HOSTS, help="where SIPp is: both if not given")
    parser.add_argument("--list", action="store_true", help="say what there is, and do nothing")
    levels = ("debug", "info", "warning", "error", "critical")
    parser.add_argument("--log", default="critical", choices=levels, help="what the gateway logs")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    if arguments.list:
        console.print(table())
        return 0
    by_name = {**BY_NAME, **CALLED_BY_NAME, **DIALLED_BY_NAME, **REGISTERING_BY_NAME}
    unknown = [name for name in arguments.scenarios if name not in by_name]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; --list says what there is")
    if not is_installed():
        parser.error("SIPp is not installed (Debian: apt-get install sip-tester)")
    logs.configure(arguments.log)
    everything = [*SCENARIOS, *CALLED, *DIALLED, *REGISTERING]
    chosen = [by_name[name] for name in arguments.scenarios] or everything
    transports = [arguments.transport] if arguments.transport else list(TRANSPORTS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        hosts = [arguments.host] if arguments.host else list(HOSTS)
        return runner.run(play_all(console, chosen, transports, hosts))


async def play_all(
    console: Console,
    chosen: Sequence[AnyScenario],
    transports: Sequence[str],
    hosts: Sequence[str],
) -> int:
    """Play scenarios one after the other, a line each; 1 if any failed."""
    failures = 0
    plays = [
        (scenario, transport, host)
        for host in hosts
        for transport in transports
        for scenario in chosen
        if not isinstance(scenario, Scenario) or host in scenario.hosts
    ]
    async with Sites() as sites:
        for each in plays:
            failures += not await play(console, sites, *each)
        try:
            await sites.silent()
        except ScenarioFailed as failure:
            failures += 1
            console.print(f"[red]failed[/]  {failure}")
    console.print(f"{len(plays)} played, {failures} failed")
    return 1 if failures else 0


async def play(
    console: Console,
    sites: Sites,
    scenario: AnyScenario,
    transport: str,
    host: str,
) -> bool:
    """Play one scenario and print its line; whether it went well."""
    begin = time.monotonic()
    version = 6 if ":" in host else 4
    try:
        notes: tuple[str, ...] = ()
        if isinstance(scenario, CalledScenario):
            await play_called(scenario, transport, host)
        elif isinstance(scenario, DialledScenario):
            await play_dialled(scenario, transport, host)
        elif isinstance(scenario, RegisteringScenario):
            await scenario.play(transport, host)
        else:
            notes = await sites.play(scenario, transport, host)
    except ScenarioFailed as failure:
        console.print(f"[red]failed[/]  {transport}{version}  {scenario.name}")
        for problem in failure.problems[:_SHOWN]:
            console.print(f"          {problem}", markup=False, soft_wrap=True)
        if len(failure.problems) > _SHOWN:
            console.print(f"          and {len(failure.problems) - _SHOWN} more")
        return False
    seconds = f"{time.monotonic() - begin:4.1f} s"
    remarks = "".join(f"; {note}" for note in notes)
    console.print(
        f"[green]passed[/]  {transport}{version}  {scenario.name:22} {seconds}{remarks}",
        soft_wrap=True,
    )
    return True


def table() -> Table:
    """The scenarios and what they prove."""
    listed = Table("scenario", "calls", "proves", "RFC")
    for scenario in SCENARIOS:
        listed.add_row(scenario.name, str(len(scenario.callers)), scenario.proves, scenario.rfc)
    for called in (*CALLED, *DIALLED, *REGISTERING):
        listed.add_row(called.name, "1", called.proves, called.rfc)
    return listed


if __name__ == "__main__":
    sys.exit(main())
