"""What is written to the log, as an operator's terminal gets it."""

from collections.abc import Iterator

import pytest
import structlog

from gateway import logs


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("harm", ["\x1b[2J", "\x00", "\x9b2J", "\u202e", "\u2028", "\r\n"])
def test_what_a_stranger_writes_cannot_command_the_terminal(
    harm: str, format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", format_)
    structlog.get_logger().info("call received", sip_call_id=f"before{harm}after")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written.removesuffix("\n").isprintable()
    assert "before" in written
    assert "after" in written


def test_names_are_written_as_they_are_spelt(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    structlog.get_logger().info(
        "call received", caller="Zo\xeb", room="\u043a\u043e\u043c\u043d\u0430\u0442\u0430"
    )
    written = capsys.readouterr().err
    assert "caller=Zo\xeb" in written
    assert "room=\u043a\u043e\u043c\u043d\u0430\u0442\u0430" in written
