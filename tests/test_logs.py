"""What is written down, and what is not."""

import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from gateway import logs
from tests.helpers.captured_log import log_at_once

log = structlog.get_logger()


@contextmanager
def logged(format_: str) -> Iterator[list[str]]:
    """What is logged within, line by line, once it is left."""
    written = bytearray()
    lines: list[str] = []

    def write(data: bytes) -> int:
        written.extend(data)
        return len(data)

    logs.configure("info", format_, write=write)
    try:
        yield lines
    finally:
        log_at_once()
    assert written.endswith(b"\n")
    lines += written.decode().removesuffix("\n").split("\n")


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
    with logged(format_) as lines:
        log.info("call received", caller=name, trunk="t")
    assert len(lines) == 1
    assert lines[0].isprintable()


def test_what_can_be_printed_is_shown_as_it_is() -> None:
    with logged("text") as lines:
        log.info("call received", caller="Zoë", number="+4315550100")
    assert "caller=Zoë number=+4315550100" in lines[0]


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_mistake_of_ours_shows_no_secrets_and_forges_no_entries(format_: str) -> None:
    def check(pin: str) -> None:
        raise ValueError("no such room: \x1b[2J\nroot: all is well")

    with logged(format_) as lines:
        try:
            check(str(4700 + 11))
        except ValueError:
            log.exception("request failed")
    first, *others = lines
    assert "request failed" in first
    assert all(line.startswith("  ") and line.isprintable() for line in others)
    assert "in check" in "".join(lines)
    assert "4711" not in "".join(lines)


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_stranger_who_says_much_is_cut_short(format_: str) -> None:
    with logged(format_) as lines:
        log.warning("not logged in", reason="because " * 10_000)
    assert len(lines[0]) < 2_000
    assert "because ... (80000 characters)" in lines[0]


def test_who_looks_for_a_fault_is_shown_all() -> None:
    written = bytearray()
    logs.configure("debug", write=lambda data: written.extend(data) or len(data))
    log.debug("stanza received", xml="<a/>" * 10_000)
    log_at_once()
    assert len(written) > 40_000


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_call_that_goes_round_and_round_does_not_fill_the_log(format_: str) -> None:
    def round_and_round(times: int) -> None:
        return round_and_round(times // times) if times else None

    with logged(format_) as lines:
        try:
            round_and_round(1)
        except RecursionError:
            log.exception("request failed")
    assert len("".join(lines)) < 20_000


def test_what_libraries_say_is_an_entry_too() -> None:
    with logged("json") as lines:
        said = logging.LogRecord("slixmpp", logging.WARNING, "", 0, "no %s\n", ("way",), None)
        logs.Libraries().handle(said)
    told = json.loads(lines[0])
    assert (told["event"], told["logger"], told["level"]) == ("no way\n", "slixmpp", "warning")


def test_the_log_of_who_is_started_without_standard_error_goes_to_nobody_s_socket() -> None:
    program = f"""{shlex.quote(sys.executable)} -c '
import os
from gateway import logs
logs.configure()
print(os.path.samestat(os.fstat(2), os.stat(os.devnull)), os.get_inheritable(2))' 2>&-"""
    told = subprocess.run(["/bin/sh", "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "True True\n"
