"""Readers of the log, and what becomes of it with each."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.log_writer import LogWriter, to_file


class Reader:
    """Takes what is written, a few octets at a time, unless it has stopped or its disk is full."""

    def __init__(self) -> None:
        self.taken = b""
        self.full_for = 0  # writes
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.is_offered = threading.Event()

    def write(self, data: bytes) -> int:
        self.is_offered.set()
        self.goes_on.wait()
        if self.full_for:
            self.full_for -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.taken += data[:5]
        return len(data[:5])

    @property
    def lines(self) -> list[str]:
        return self.taken.decode().splitlines()


@contextmanager
def writer(reader: Reader) -> Iterator[LogWriter]:
    with LogWriter(reader.write, lambda entries: f"up to {entries} are missing") as log:
        yield log


def test_all_is_written_in_its_order_before_the_end() -> None:
    reader = Reader()
    entries = [f"entry {number}" for number in range(1000)]
    with writer(reader) as log:
        for entry in entries:
            log.info(entry)
    assert reader.lines == entries


def test_a_reader_that_stands_still_stops_nobody_and_then_has_everything() -> None:
    reader = Reader()
    reader.goes_on.clear()
    with writer(reader) as log:
        for number in range(1000):
            log.info(f"entry {number}")
        reader.goes_on.set()
    assert reader.lines == [f"entry {number}" for number in range(1000)]


def test_what_a_reader_that_stands_still_too_long_misses_is_counted_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.log_writer._MOST_WAITING", 2)
    reader = Reader()
    reader.goes_on.clear()
    with writer(reader) as log:
        log.info("being written")
        reader.is_offered.wait()
        for number in range(5):
            log.info(f"waiting {number}")
        reader.goes_on.set()
    assert reader.lines == ["being written", "waiting 0", "waiting 1", "up to 3 are missing"]


def test_a_full_disk_stops_nothing_and_what_is_missing_is_counted() -> None:
    reader = Reader()
    reader.full_for = 3
    with writer(reader) as log:
        for number in range(5):
            log.info(f"entry {number}")
    assert reader.lines == ["up to 3 are missing", "entry 3", "entry 4"]


def test_a_reader_that_never_goes_on_does_not_keep_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.log_writer._PATIENCE", 0.01)
    reader = Reader()
    reader.goes_on.clear()
    with writer(reader) as log:
        log.info("entry")
    assert reader.taken == b""
    reader.goes_on.set()


def test_nothing_is_lost_in_a_pipe_that_others_have_made_non_blocking() -> None:
    here, there = os.pipe()
    os.set_blocking(there, False)
    entries = [f"entry {number} {'x' * 1000}" for number in range(200)]

    def write() -> None:
        with LogWriter(to_file(there), str) as log:
            for entry in entries:
                log.info(entry)
        os.close(there)

    writing = threading.Thread(target=write)
    writing.start()
    with os.fdopen(here) as pipe:
        assert pipe.read().splitlines() == entries
    writing.join()


_PROGRAM = """
import structlog
from gateway import logs
logs.configure()
for number in range(2000):
    structlog.get_logger().info("entry", number=number)
raise SystemExit(3)
"""


def test_a_program_ends_with_its_last_entry_written() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert "number=1999" in ended.stderr.splitlines()[-1]
    assert len(ended.stderr.splitlines()) == 2000
