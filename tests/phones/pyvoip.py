"""Drives pyVoIP (GPLv3) in a process of its own; nothing of it is imported here.

Its peculiarities, and what they ask of a gateway:
- its receiver starts a second after the phone: a 200 has to be repeated until it wakes up;
- the To tag of its ACK is a new random one;
- BYE and ACK carry the branch of the INVITE, and the request URI has no port;
- it knows 200, 404 and 503, and acknowledges no other final response; it cannot give up a call;
- its samples have 8 bits, and its clock is slow: it sends a packet each 20.1 ms or so;
- it knows no qop and takes the last of several challenges; the URI in its credentials is always
  `sip:<server>;transport=UDP`, wherever the request goes;
- it offers PCMU only; where PCMA is agreed, it hears A-law but speaks mu-law, which nobody could
  understand (`RTPClient.encode_packet`): the one bug that is mended for the tests.
"""

import asyncio
import importlib.util
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from audiocodecs.frames import Samples
from tests.phones.foreign import Journal, Refused, User, read_recording, running, write_speech

_PHONE = Path(__file__).with_name("pyvoip_phone.py")


def missing() -> str | None:
    """What has to be installed first."""
    if importlib.util.find_spec("pyVoIP") is None:
        return "pyVoIP is missing: pip install pyVoIP==1.6.8"
    if importlib.util.find_spec("audioop") is None:
        return "pyVoIP 1.6.8 needs audioop, which went with Python 3.13: pip install audioop-lts"
    return None


class PyVoipCall:
    """A call of pyVoIP's; made by `pyvoip`."""

    def __init__(self, process: asyncio.subprocess.Process, recording: Path) -> None:
        self._journal = Journal()
        self._process = process
        self._recording = recording

    async def follow(self) -> None:
        """Take down what the phone reports, to its end."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._journal.add(json.loads(line))
        self._journal.close()

    async def answered(self) -> None:
        event = await self._journal.next("event", "answered", "refused")
        if event["event"] == "refused":
            raise Refused(event["status"])

    async def hang_up(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"hang up\n")
        await self._process.stdin.drain()

    async def ended(self) -> str:
        return str((await self._journal.next("event", "ended", "refused"))["event"])

    def recording(self) -> Samples:
        return read_recording(self._recording)


@asynccontextmanager
async def pyvoip(
    folder: Path, target: str, *, says: Samples, codec: str = "PCMU", user: User | None = None
) -> AsyncIterator[PyVoipCall]:
    """Let pyVoIP call a SIP URI by UDP, as a user it is registered as first.

    Its files are in `folder`.
    """
    found = re.fullmatch(r"sip:([^@]+)@([0-9.]+):(\d+);transport=udp", target)
    assert found is not None, target
    number, server, port = found.groups()
    write_speech(folder / "says.wav", says)
    heard = folder / "heard.raw"
    heard.touch()
    who = ("--user", *user) if user is not None else ("--no-registration",)
    command = (sys.executable, _PHONE, server, port, number, *who)
    files = ("--codec", codec, "--play", folder / "says.wav", "--record", heard)
    async with running(
        *command, *files, transcript=folder / "pyvoip.txt", stdout=asyncio.subprocess.PIPE
    ) as process:
        call = PyVoipCall(process, heard)
        following = asyncio.create_task(call.follow(), name="pyVoIP's reports")
        try:
            yield call
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await following
