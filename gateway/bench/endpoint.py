"""A call's endpoint at the benchmark's videobridge: ICE, DTLS, SRTP, consent and RTCP.

What it forwards it protects anew for each endpoint, as an SFU has to; it has a socket for each
endpoint, where a videobridge has one for all: the client cannot tell.
"""

import socket
import time
from collections.abc import Callable

from gateway.errors import RtpError
from gateway.lab.ice import Address, ControllingAgent, IceState
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.media.messages import BridgeAnswer, IceCandidate
from gateway.rtp.packet import RtpPacket, is_rtcp
from gateway.rtp.rtcp import ReceiverReport
from gateway.rtp.srtp import SrtpReceiver, SrtpSender
from gateway.rtp.statistics import Reception
from gateway.webrtc.dtls import DtlsEndpoint, DtlsIdentity, Role

_READ = 2048
_REPORT_INTERVAL = 0.5
_OPUS_CLOCK = 48000

Forward = Callable[["LoadEndpoint", bytes], None]
"""Lets others hear an RTP packet of an endpoint."""


class LoadEndpoint:
    """The bridge's half of one call; `forward` gets each of its packets, unprotected.

    `feedback_ssrc` is the bridge's own.
    """

    def __init__(self, host: str, feedback_ssrc: int, forward: Forward) -> None:
        self.received = 0
        self.sent = 0
        self.damaged = 0
        self._forward = forward
        self._feedback_ssrc = feedback_ssrc
        self._agent = ControllingAgent()
        self._identity = DtlsIdentity()
        self._dtls: DtlsEndpoint | None = None
        self._answer: BridgeAnswer | None = None
        self._sender: SrtpSender | None = None
        self._receiver: SrtpReceiver | None = None
        self._reception: Reception | None = None
        self._next_report = 0.0
        self._peer: Address | None = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        self.socket.bind((host, 0))

    @property
    def is_connected(self) -> bool:
        """Whether media can flow."""
        return self._sender is not None

    def transport(self) -> BridgeTransportOffer:
        """What the focus offers in the bridge's name."""
        host, port = self.socket.getsockname()
        candidate = IceCandidate("1", 1, "udp", 2130706431, host, port, "host")
        return BridgeTransportOffer(
            ufrag=self._agent.ufrag,
            pwd=self._agent.pwd,
            fingerprint_hash="sha-256",
            fingerprint=self._identity.fingerprint("sha-256"),
            candidates=(candidate,),
        )

    def connect(self, answer: BridgeAnswer) -> None:
        """Take what the client has answered."""
        self._answer = answer
        self._agent.set_remote(answer.ufrag, answer.pwd, time.monotonic())
        self._flush_ice()

    def send(self, packet: bytes) -> None:
        """Protect an RTP packet for this client and send it."""
        if self._sender is not None:
            self.socket.send(self._sender.protect(packet))
            self.sent += 1

    def send_rtcp(self, compound: bytes) -> None:
        """Protect a compound for this client and send it."""
        if self._sender is not None:
            self.socket.send(self._sender.protect_rtcp(compound))

    def receive(self) -> None:
        """Read a datagram."""
        data, source = self.socket.recvfrom(_READ)
        if data[0] >= 128 and self._receiver is not None:
            self._receive_media(data, self._receiver)
            return
        now = time.monotonic()
        if data[0] <= 3:
            self._agent.receive(data, source[:2], now)
            self._begin_dtls()
            self._flush_ice()
        elif 20 <= data[0] <= 63 and self._dtls is not None:
            self._dtls.receive(data)
            self._end_dtls()
        self._flush_dtls()

    def watch(self, now: float) -> None:
        """What happens by time: checks, consent, flights, reports."""
        self._agent.handle_timer(now)
        self._flush_ice()
        if self._sender is None:
            if self._dtls is not None and self._dtls.timeout() == 0.0:
                self._dtls.handle_timeout()
                self._flush_dtls()
        elif now >= self._next_report:
            self._next_report = now + _REPORT_INTERVAL
            blocks = (self._reception.report(now),) if self._reception is not None else ()
            self.send_rtcp(ReceiverReport(self._feedback_ssrc, blocks).serialize())

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()

    def _receive_media(self, data: bytes, receiver: SrtpReceiver) -> None:
        try:
            if is_rtcp(data):
                receiver.unprotect_rtcp(data)
                return
            packet = receiver.unprotect(data)
        except RtpError:
            self.damaged += 1
            return
        self.received += 1
        parsed = RtpPacket.parse(packet)
        if self._reception is None:
            self._reception = Reception(parsed.ssrc, _OPUS_CLOCK)
        self._reception.received(parsed, time.monotonic())
        self._forward(self, packet)

    def _begin_dtls(self) -> None:
        answer = self._answer
        if self._dtls is not None or answer is None or self._agent.state is not IceState.CONNECTED:
            return
        self._peer = self._agent.peer
        assert self._peer is not None
        role = Role.CLIENT if answer.setup == "passive" else Role.SERVER
        fingerprint = (answer.fingerprint.hash, answer.fingerprint.value)
        self._dtls = DtlsEndpoint(self._identity, role, (fingerprint,))
        if role is Role.CLIENT:
            self._dtls.start()

    def _end_dtls(self) -> None:
        assert self._dtls is not None
        if self._dtls.keys is None or self._sender is not None:
            return
        assert self._peer is not None
        self.socket.connect(self._peer)
        self._sender, self._receiver = self._dtls.keys.sender, self._dtls.keys.receiver

    def _flush_ice(self) -> None:
        for data, address in self._agent.outgoing:
            self.socket.sendto(data, address)
        self._agent.outgoing.clear()

    def _flush_dtls(self) -> None:
        if self._dtls is not None and self._peer is not None:
            for datagram in self._dtls.datagrams_to_send():
                self.socket.sendto(datagram, self._peer)
