"""PINs of the operator's, read anew: what is good is used, what is not is told and left."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.config.configuration import parse
from gateway.ivr.meeting import Meeting, NoMeeting

PIN = '[[pin]]\npin = "{}"\nroom = "{}"\n'
ROOM = "{}@conference.meet.example.org"


def write(file: Path, *pins: tuple[str, str]) -> None:
    file.write_text("".join(PIN.format(*pin) for pin in pins))


async def problems(gateway: Gateway) -> list[str]:
    """What the log says is wrong when PINs are to be read anew."""
    with capture_logs() as logs:
        gateway.reload()
        await until(lambda: len(logs) > 0)
    (line,) = logs
    assert line["log_level"] == "error"
    return list(line["problems"])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - they are read in a thread
            await asyncio.sleep(0.005)


async def test_pins_are_read_anew_and_those_that_are_no_good_leave_the_former(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pins.toml"
    write(file, ("482613059", "board"))
    config = parse(
        {
            "sip": {"listen": ["udp:127.0.0.1:0"]},
            "media": {"workers": 0},
            "jitsi": {"domain": "meet.example.org"},
            "trunk": [{"name": "pbx", "from": ["192.0.2.1"]}],
            "control": {"listen": ""},
            "dial_in": {
                "listen": "127.0.0.1:0",
                "database": str(tmp_path / "pins"),
                "pins_file": str(file),
            },
        }
    )
    async with Gateway(config) as gateway:
        assert gateway.dial_in is not None
        directory = gateway.dial_in.directory

        async def found(pin: str) -> Meeting | NoMeeting:
            return await directory.find(pin, 0.0)

        assert await found("482613059") == Meeting(ROOM.format("board"))
        write(file, ("5720361849", "all-hands"))
        assert await found("482613059") == Meeting(ROOM.format("board")), "not before it is said"
        gateway.reload()
        await until(lambda: directory.longest == 10)
        assert await found("482613059") is NoMeeting.UNKNOWN
        assert await found("5720361849") == Meeting(ROOM.format("all-hands"))

        place = f"{file}: pin.1."
        for second, problem in (
            (("123", "board"), f"{place}pin: "),
            (("482613059", "a@elsewhere.org"), f"{place}room: rooms of 'elsewhere.org'"),
        ):
            write(file, ("7777777", "board"), second)
            (told,) = await problems(gateway)
            assert problem in told and "482613059" not in told
        file.write_text("[[pin]")
        assert str(file) in str(await problems(gateway))
        file.unlink()
        assert await problems(gateway) == [f"{file}: No such file or directory"]
        assert await found("7777777") is NoMeeting.UNKNOWN
        assert await found("5720361849") == Meeting(ROOM.format("all-hands"))
