"""What a person who watches the lab or the demo reads."""

import io

import pytest
from rich.console import Console

from gateway.lab.narrator import Narrator


@pytest.mark.parametrize("called", ["\x1b[2Jwiped", "r\udcf6om", "room\u202e"])
def test_what_a_phone_writes_neither_commands_the_terminal_nor_fails_there(called: str) -> None:
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
    narrator = Narrator(Console(file=terminal, width=200))
    narrator.watch({"event": "call received", "level": "info", "called": called})
    data = b"INVITE sip:\x1b[2J@gw SIP/2.0\r\n"
    narrator.watch({"event": "< message", "level": "debug", "data": data, "flow": "udp"})
    told = written.getvalue().decode().splitlines()
    assert len(told) == 2
    assert all(line.isprintable() for line in told)
    assert "called=" in told[0] and "INVITE" in told[1]
