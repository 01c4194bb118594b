"""What is told where the system allows a gateway too little."""

import errno
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway import cli, system_limits

_CONFIGURATION = """
[jitsi]
domain = "meet.example.org"
[control]
listen = ""
[[trunk]]
name = "pbx"
from = ["192.0.2.1"]
"""


def test_too_few_files_to_start_with_are_told_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(_CONFIGURATION)
    program = (
        f"import resource; resource.setrlimit({resource.RLIMIT_NOFILE}, (24, 24))\n"
        "from gateway.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "-c", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("no more files may be open; allow more (LimitNOFILE")
    assert len(done.stderr.splitlines()) == 1


def test_a_gateway_that_may_have_too_few_threads_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = threading.Thread.start

    def begin_four(thread: threading.Thread) -> None:
        if threading.active_count() >= before + 4:
            raise RuntimeError("can't start new thread")
        begin(thread)

    before = threading.active_count()
    monkeypatch.setattr(threading.Thread, "start", begin_four)
    with pytest.raises(OSError, match="thread") as failure:
        system_limits.check_threads()
    assert "ulimit -u" in str(system_limits.reached(failure.value))
    assert threading.active_count() == before


def test_a_command_for_which_memory_is_too_little_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_gone() -> None:
        raise MemoryError

    monkeypatch.setattr(cli, "app", all_gone)
    with pytest.raises(SystemExit, match="no more memory; allow more"):
        cli.main()


def test_an_answer_that_cannot_be_written_is_told_in_a_line() -> None:
    program = "from gateway.cli import main; main()"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program, "prompts", "de"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "there is no room on the disk that is written to\n",
    )


def test_threads_are_there_only_while_they_are_counted() -> None:
    before = threading.active_count()
    system_limits.check_threads()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOENT, ""), RuntimeError("no running event loop"), ValueError()]
)
def test_other_errors_are_of_no_limit(error: Exception) -> None:
    assert system_limits.reached(error) is None
