"""What SIPp makes of a 200 that comes once more while it waits for the next one.

A gateway repeats its 200 until the ACK has come, over TCP as well (RFC 3261, 13.3.1.4), and on a
busy machine that may cross with the next re-INVITE. SIPp tells the two apart only where its
scenario names the transactions; otherwise the call fails, and if SIPp gives it up it says a BYE of
its own that has no Route.
"""

import asyncio
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

from sipp import HOST, Sipp, is_installed

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not is_installed(), reason="SIPp is not installed"),
]
_ROUTE = f"<sip:{HOST}:5080;transport=tcp;lr>"
_DIRECTIONS = ("sendrecv", "recvonly", "sendrecv")
_DESCRIPTION = """v=0
o=- 1 {version} IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 30000 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a={direction}
"""


class Repeating:
    """Answers over TCP; before a re-INVITE has its own 200, it has that of the INVITE before."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._answers: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer all requests of a connection."""
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                await reader.readexactly(int(request.rpartition("Content-Length: ")[2]))
                self.requests.append(request)
                writer.write("".join(self._responses(request)).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _responses(self, request: str) -> list[str]:
        if request.startswith("BYE"):
            return [_response(request, "200 OK")]
        if not request.startswith("INVITE"):
            return []
        earlier, count = self._answers[-1:], len(self._answers)
        lines = _DESCRIPTION.format(version=count + 1, direction=_DIRECTIONS[count])
        self._answers.append(_response(request, "200 OK", lines.replace("\n", "\r\n")))
        provisional = [_response(request, "100 Trying")]
        provisional += [] if earlier else [_response(request, "180 Ringing")]
        return [*provisional, *earlier, self._answers[-1]]


def _response(request: str, status: str, body: str = "") -> str:
    lines = [f"SIP/2.0 {status}", f"Record-Route: {_ROUTE}"]
    for line in request.split("\r\n"):
        if line.startswith("To:") and "tag=" not in line:
            lines.append(f"{line};tag=abc1")
        elif line.startswith("Via:"):
            lines.append(f"{line}=5080;received={HOST}")  # it ends with ;rport
        elif line.startswith(("From:", "To:", "Call-ID:", "CSeq:")):
            lines.append(line)
    lines.append(f"Contact: <sip:{HOST}:5080;transport=tcp>")
    lines.append("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS")
    lines += ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


async def test_a_repeated_answer_is_not_taken_for_that_of_the_next_re_invite() -> None:
    gateway = Repeating()
    async with await asyncio.start_server(gateway.serve, HOST, 0) as server:
        row = ("caller", "room", 30002, "conference")
        address = server.sockets[0].getsockname()
        async with Sipp("hold-and-resume.xml", [row], address, transport="tcp") as sipp:
            for event in ("answered", "held", "resumed"):
                await sipp.reported(event)
                sipp.go()
            await sipp.succeeded()
    within = [request for request in gateway.requests if ";tag=abc1" in request]
    acknowledged = [request for request in within if request.startswith("ACK")]
    assert len(acknowledged) == 5  # three answers, two of which came twice
    assert all(f"\r\nRoute: {_ROUTE}\r\n" in request for request in within)
