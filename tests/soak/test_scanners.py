"""sipvicious looks for us, for our extensions and for their passwords, while ten calls talk.

What it learns where strangers are answered shows that it would have learned something.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.soak.ten_calls import STRANGER, longest_hole, ten_calls

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]

TOOLS = ("svmap", "svwar", "svcrack")
PATIENCE = 20.0  # seconds a tool has; svcrack asks on as long as it is answered


@pytest.fixture(scope="module")
def sipvicious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its commands: what is installed, or else an installation of our own."""
    installed = shutil.which("sipvicious_svmap", path=f"{Path(sys.executable).parent}:{os.defpath}")
    if installed is not None:
        return Path(installed).parent
    folder = tmp_path_factory.mktemp("sipvicious")
    venv.create(folder, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", "sipvicious==0.3.8"]
    if subprocess.run(pip, check=False, capture_output=True).returncode != 0:
        missing = "sipvicious is not installed: pip install sipvicious"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return folder / "bin"


def arguments(tool: str, host: str, port: int) -> list[str]:
    """They come from a stranger's address; four hundred extensions, a hundred passwords."""
    common = ["-p", str(port), "-x", STRANGER, "-t", "0.01"]
    match tool:
        case "svmap":
            return [*common, "-v", host]
        case "svwar":
            return [*common, "--force", "-m", "INVITE", "-e", "70-470", host]
        case _:
            return [*common, "-u", "100", "-r", "100-199", host]


async def told(folder: Path, tool: str, address: tuple[str, int], home: Path) -> str:
    """What a tool says it has found out."""
    process = await asyncio.create_subprocess_exec(
        folder / f"sipvicious_{tool}",
        *arguments(tool, *address),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": ""},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
    return output.decode(errors="replace")


@pytest.mark.parametrize("strangers", ["drop", "refuse"])
async def test_a_scanner_learns_what_strangers_may(
    sipvicious: Path, strangers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ten_calls(sip={"strangers": strangers}) as scene:
        before = await scene.gateway.look()
        scene.forget()
        said = {
            tool: await told(sipvicious, tool, before.addresses["udp"], tmp_path) for tool in TOOLS
        }
        after = await scene.gateway.look()
        heard = scene.recordings()
    dropped = after.counters["dropped_strangers"] - before.counters["dropped_strangers"]
    answered = after.responses - before.responses
    with capsys.disabled():
        print(
            f"\nsipvicious, strangers {strangers}: {dropped} dropped, {answered} answered; "
            f"longest hole {longest_hole(heard) * 1000:.0f} ms; memory {before.memory >> 20} MiB, "
            f"then {after.memory >> 20}"
        )
        for tool, output in said.items():
            print(f"  {tool}: " + " / ".join(output.split("\n")[-6:]))
    assert after.calls == len(scene.calls)
    if strangers == "drop":
        assert dropped >= len(TOOLS)  # each gives up at the first silence
        assert answered == 0
        assert not any("sip-gateway" in output for output in said.values())
    else:
        assert "sip-gateway" in said["svmap"]
        assert answered > 100
