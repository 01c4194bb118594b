"""A configuration that is edited while the gateway runs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from gateway import logs
from gateway.config.configuration import load_usable
from gateway.config_watch import watch_configuration
from gateway.reloading import Reloading
from tests.helpers.captured_log import log_at_once

FILE = """
[jitsi]
domain = "meet.example.org"
[sip]
max_calls = {calls}
[[trunk]]
name = "pbx"
from = ["192.0.2.1"]
[log]
level = "{level}"
"""


def write(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.fixture(autouse=True)
def whole_log() -> Iterator[None]:
    logs.configure("info")
    yield
    log_at_once()


async def told(file: Path, *editions: str) -> list[dict[str, Any]]:
    """What the log says of each edition of the file, of which the first runs."""
    first, *others = editions
    write(file, first)
    watch = watch_configuration(file, load_usable(file), logs.set_level)
    with capture_logs() as said:
        for number, edition in enumerate(others, start=1):
            write(file, edition)
            watch.reload()
            async with asyncio.timeout(10):
                while len(said) < number:  # noqa: ASYNC110 - it is read in a thread
                    await asyncio.sleep(0.005)
        await watch.close()
    return [dict(entry) for entry in said]


def edition(*, calls: int = 20, level: str = "info") -> str:
    return FILE.format(calls=calls, level=level)


async def test_what_needs_a_start_is_named(tmp_path: Path) -> None:
    (entry,) = await told(tmp_path / "gateway.toml", edition(), edition(calls=30))
    assert entry["log_level"] == "warning"
    assert entry["sections"] == ["sip"]
    assert "start" in entry["remedy"]


async def test_nothing_new_is_said_to_be_nothing(tmp_path: Path) -> None:
    (entry,) = await told(tmp_path / "gateway.toml", edition(), edition())
    assert entry["event"] == "nothing else is new in the configuration"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("[jitsi", "gateway.toml: "),
        ("[jitsi]\ndomain = 5", "jitsi.domain"),
        (f"a = {'[' * 5000}", "recursion"),
        (edition() + '\n[sip.tls]\ncertificate = "/no"\nkey = "/no"', "sip"),
    ],
)
async def test_one_that_cannot_be_used_is_told_and_the_next_is_looked_at_again(
    wrong: str, problem: str, tmp_path: Path
) -> None:
    broken, mended = await told(tmp_path / "gateway.toml", edition(), wrong, edition())
    assert broken["log_level"] == "error"
    assert any(problem in each for each in broken["problems"])
    assert mended["log_level"] == "info"


async def test_the_level_of_the_log_is_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    write(file, edition())
    written: list[bytes] = []

    def keep(data: bytes) -> int:
        written.append(data)
        return len(data)

    logs.configure("info", write=keep)
    watch = watch_configuration(file, load_usable(file), logs.set_level)
    write(file, edition(level="debug"))
    watch.reload()
    async with asyncio.timeout(10):
        while not any(b"nothing else" in entry for entry in written):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await watch.close()
    structlog.get_logger().debug("every message")
    log_at_once()
    assert any(b"every message" in entry for entry in written)


async def test_a_mistake_while_something_is_taken_up_does_not_keep_the_next_from_being() -> None:
    done = asyncio.Event()

    async def fail() -> None:
        done.set()
        raise ZeroDivisionError

    watch = Reloading(fail, name="something")
    with capture_logs() as said:
        for _ in range(2):
            done.clear()
            watch.reload()
            async with asyncio.timeout(10):
                await done.wait()
        await watch.close()
    assert [entry["what"] for entry in said] == ["something", "something"]
