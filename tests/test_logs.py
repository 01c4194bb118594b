"""What is written down, and what is not."""

import errno
import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from gateway import logs

log = structlog.get_logger()


class Disk(io.StringIO):
    """A file on a disk that may be full."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.fixture(autouse=True)
def unchanged_log() -> Iterator[None]:
    yield
    logs.configure("warning")


def configured(format_: str) -> Disk:
    """What is written goes there. (pytest sets `sys.stderr` anew between fixture and test.)"""
    disk = Disk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", disk)
        logs.configure("info", format_)
    return disk


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize(
    "name",
    [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x9b2J",
        "\u202egnp",
        "one\u2028two",
        "one\ntwo",
        "a\rb",
        "\0",
    ],
)
def test_a_stranger_writes_neither_lines_nor_orders_to_the_terminal(
    format_: str, name: str
) -> None:
    disk = configured(format_)
    log.info("call received", caller=name, trunk="t")
    written = disk.getvalue()
    assert written.endswith("\n")
    assert written.removesuffix("\n").isprintable()


def test_what_can_be_printed_is_shown_as_it_is() -> None:
    disk = configured("text")
    log.info("call received", caller="Zoë", number="+4315550100")
    assert "caller=Zoë number=+4315550100" in disk.getvalue()


def test_a_full_disk_stops_nothing_and_what_is_missing_is_counted() -> None:
    disk = configured("text")
    disk.is_full = True
    for number in range(3):
        log.info("call received", number=number)
    disk.is_full = False
    log.info("call ended")
    log.info("gateway down")
    first, *others = disk.getvalue().splitlines()
    assert first == "up to 3 log entries are missing here"
    assert len(others) == 2
