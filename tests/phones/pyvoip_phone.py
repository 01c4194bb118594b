# SPDX-License-Identifier: GPL-3.0-only
#
# This file, unlike the rest of the project, is under the GNU General Public License, version 3:
# it imports pyVoIP, which is GPLv3, and so is a work based on it. It is run as a process of its
# own by the tests (see pyvoip.py beside it), is never imported, and is in no package.
"""A phone made of pyVoIP 1.6.8 that places one call, says a WAV file and records what it hears.

Reports, one JSON object a line on stdout: {"event": "answered"}, {"event": "refused", "status":
404}, {"event": "ended"}. A line on stdin hangs up; the end of stdin ends the process.

What is changed of pyVoIP, from outside: with --no-registration it sends no REGISTER, and with
--codec PCMA it offers and speaks A-law. Its other bugs are left in, they are what it is here for.
"""

import argparse
import audioop
import json
import socket
import sys
import threading
import time
import wave
from typing import BinaryIO

from pyVoIP.RTP import PayloadType, RTPClient

# SIP from here: pyVoIP.SIP cannot be imported first, it imports itself in a circle.
from pyVoIP.VoIP.VoIP import SIP, CallState, PhoneStatus, VoIPCall, VoIPPhone

FRAME = 160  # samples of 20 ms, one octet each: pyVoIP's audio is unsigned 8-bit
BUFFER = 0.1  # seconds between the first sound and its playout, for what comes unevenly
POLL = 0.02  # pyVoIP calls nobody when a call changes its state

reports = sys.stdout
sys.stdout = sys.stderr  # pyVoIP prints


def report(event: str, **more: object) -> None:
    """Tell the test."""
    reports.write(json.dumps({"event": event, **more}) + "\n")
    reports.flush()


class Phone(VoIPPhone):
    """pyVoIP's phone; tells about the refusals that pyVoIP understands (404 and 503)."""

    def _callback_RESP_NotFound(self, request: SIP.SIPMessage) -> None:
        super()._callback_RESP_NotFound(request)
        report("refused", status=404)

    def _callback_RESP_Unavailable(self, request: SIP.SIPMessage) -> None:
        super()._callback_RESP_Unavailable(request)
        report("refused", status=503)


def free_port() -> int:
    """pyVoIP puts the port it is given into its messages, so it has to be a real one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_phone(server: str, port: int, user: str, password: str) -> Phone:
    """A phone with one RTP port: pyVoIP takes any of its range without looking if it is free."""
    rtp_port = free_port()
    return Phone(
        server,
        port,
        user,
        password,
        myIP="127.0.0.1",
        sipPort=free_port(),
        rtpPortLow=rtp_port,
        rtpPortHigh=rtp_port,
    )


def offer_only(phone: Phone, codec: PayloadType) -> None:
    """Offer `codec` where `VoIPPhone.call` offers PCMU, always."""
    invite = phone.sip.invite

    def invite_with(
        number: str, media: dict[int, dict[int, PayloadType]], mode: object
    ) -> tuple[SIP.SIPMessage, str, int]:
        offered = {port: {int(codec): codec, 101: PayloadType.EVENT} for port in media}
        return invite(number, offered, mode)

    phone.sip.invite = invite_with


def speak_a_law() -> None:
    """Encode A-law where A-law was agreed: `RTPClient.encode_packet` encodes mu-law, always."""
    RTPClient.encode_packet = RTPClient.encode_pcma


def read_speech(path: str) -> bytes:
    """The 8-bit samples of a WAV file of 16-bit ones."""
    with wave.open(path, "rb") as file:
        samples = file.readframes(file.getnframes())
    return audioop.bias(audioop.lin2lin(samples, 2, 1), 1, 128)


def talk(call: VoIPCall, speech: bytes, recording: BinaryIO) -> None:
    """Say it all and record, from the answer to the end of the call."""
    while call.state is CallState.DIALING:
        time.sleep(POLL)
    if call.state is not CallState.ANSWERED:
        return  # refused, and reported as such
    report("answered")
    call.write_audio(speech)
    heard = call.read_audio(FRAME, blocking=True)
    due = time.monotonic() + BUFFER
    while call.state is CallState.ANSWERED:
        recording.write(audioop.lin2lin(audioop.bias(heard, 1, -128), 1, 2))
        time.sleep(max(0.0, due - time.monotonic()))
        due += 0.02
        heard = call.read_audio(FRAME, blocking=False)
    report("ended")


def main() -> None:
    arguments = argparse.ArgumentParser(description="One call by pyVoIP.")
    arguments.add_argument("server")
    arguments.add_argument("port", type=int)
    arguments.add_argument("number")
    arguments.add_argument("--codec", choices=("PCMU", "PCMA"), default="PCMU")
    arguments.add_argument("--play", required=True, help="WAV file, 16 bit, 8 kHz, mono")
    arguments.add_argument("--record", required=True, help="raw 16-bit samples")
    arguments.add_argument("--no-registration", action="store_true")
    arguments.add_argument("--user", nargs=2, default=("pyvoip", ""), help="name and password")
    given = arguments.parse_args()

    phone = make_phone(given.server, given.port, *given.user)
    offer_only(phone, PayloadType[given.codec])
    if given.codec == "PCMA":
        speak_a_law()
    if given.no_registration:
        phone.sip.register = lambda: True
    phone.start()
    while not given.no_registration and phone._status is not PhoneStatus.REGISTERED:
        time.sleep(POLL)  # another thread registers
    call = phone.call(given.number)
    with open(given.record, "wb", buffering=0) as recording:
        talking = threading.Thread(target=talk, args=(call, read_speech(given.play), recording))
        talking.start()
        for _ in sys.stdin:
            if call.state is CallState.ANSWERED:
                call.hangup()
        phone.stop()
        talking.join()


main()
