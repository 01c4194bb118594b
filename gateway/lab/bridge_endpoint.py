"""One client of the lab's videobridge: its ICE agent, DTLS association, SRTP and RTCP.

No IO and no clock: datagrams and `now` come in; after each call the owner sends `outgoing`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import RtpError
from gateway.lab.endpoint_feedback import BridgeMediaOffer, EndpointFeedback, Negotiated
from gateway.lab.ice import Address, ControllingAgent, IceState
from gateway.lab.media_gate import MediaGate
from gateway.rtp.packet import RtpPacket, is_rtcp
from gateway.rtp.rtcp import (
    GenericNack,
    ReceiverReport,
    RtcpPacket,
    SenderReport,
    parse_compound,
)
from gateway.rtp.srtp import SrtpProfile
from gateway.rtp.statistics import Reception
from gateway.rtp.transport_cc import TransportFeedback
from gateway.webrtc.dtls import PROFILES, DtlsEndpoint, DtlsError, DtlsIdentity, Role

REPORT_INTERVAL = 0.5
_DTLS_LIMIT = 30.0
_SENDER_REPORT_LIMIT = 5.0
_ICE_RESTART_LIMIT = 20.0
_CLOCK_RATE = 48000


@dataclass(frozen=True, slots=True)
class BridgeTimers:
    """How patient the bridge is, in seconds."""

    consent: float = 15.0
    inactive: float = 8.0
    expire: float = 60.0


class BridgeEndpoint:
    """The bridge's half of one client.

    `on_media` gets each packet that passes the gate and `on_report` each sender report, both as
    other endpoints are to receive them; `violation` is told of a broken rule by its number.
    """

    def __init__(
        self,
        feedback_ssrc: int,
        offer: BridgeMediaOffer,
        *,
        violation: Callable[[int, str], None],
        on_media: Callable[[RtpPacket], None],
        on_report: Callable[[SenderReport], None],
        find_cached: Callable[[int, int], RtpPacket | None],
        timers: BridgeTimers,
        profiles: tuple[SrtpProfile, ...] = PROFILES[:2],
        negotiated: Negotiated | None = None,
    ) -> None:
        self.agent = ControllingAgent(consent_interval=timers.consent)
        self.identity = DtlsIdentity()
        self.feedback = EndpointFeedback(
            feedback_ssrc, offer, negotiated or Negotiated(), violation
        )
        self.gate = MediaGate(self.feedback.payload_types, offer.level_id, violation)
        self.failed: str | None = None
        self.isolated = False  # a test's doing: the network to this client is broken
        self.broken_paths: set[Address] = set()  # a test's doing: or to these addresses of it
        self.ice_generation = 0
        self.ice_restarts = 0  # those that have come to an end
        self.inactive = 0  # how often nothing came for longer than the limit
        self.lose_every = 0  # a test's doing: each so manieth packet of it is lost on the way
        self.received = 0
        self.longest_silence = 0.0  # seconds between two signs of life
        self.outgoing: list[tuple[bytes, Address]] = []
        self._feedback_ssrc = feedback_ssrc
        self._violation = violation
        self._on_media = on_media
        self._on_report = on_report
        self._find_cached = find_cached
        self._timers = timers
        self._profiles = profiles
        self._next_agent: ControllingAgent | None = None  # of an ICE restart
        self._next_agent_until = 0.0
        self._dtls: DtlsEndpoint | None = None
        self._dtls_deadline: float | None = None
        self._receptions: dict[int, Reception] = {}
        self._fingerprint: tuple[str, str] = ("", "")
        self._role = Role.SERVER
        self._next_report = 0.0
        self._heard: float | None = None
        self._waits_since: float | None = None
        self._is_inactive = False
        self._last_packet = 0.0
        self._last_sender_report = 0.0
        self._consents = 0
        self._arrived = 0

    @property
    def connected(self) -> bool:
        """Whether media can flow: DTLS is done and nothing has failed."""
        return self.failed is None and self._dtls is not None and self._dtls.keys is not None

    @property
    def lost(self) -> int:
        """How many packets of the client have not come, not even when they were asked for."""
        return sum(reception.lost for reception in self._receptions.values())

    def connect(
        self, *, ufrag: str, pwd: str, fingerprint: tuple[str, str], setup: str, now: float
    ) -> None:
        """Take what the client answered; from here on checks are sent to where it was seen."""
        self._fingerprint = fingerprint
        self._role = Role.CLIENT if setup == "passive" else Role.SERVER
        self._heard = now
        self.agent.set_remote(ufrag, pwd, now)
        self._collect()

    def restart_ice(self, now: float) -> ControllingAgent | None:
        """Make another agent, of generation `ice_generation`, beside the one that is used.

        None, and nothing happens, if the old one has never connected. Asked again before the client
        has answered it is the same.
        """
        if self.agent.state is not IceState.CONNECTED or self.failed:
            return None
        pending = self._next_agent
        if pending is None or pending.has_remote:
            self.ice_generation += 1
            pending = ControllingAgent(consent_interval=self._timers.consent)
            self._next_agent, self._next_agent_until = pending, now + _ICE_RESTART_LIMIT
        return pending

    def continue_ice(self, generation: int, ufrag: str, pwd: str, now: float) -> None:
        """The client's half of an ICE restart; of one that was overtaken nothing is taken."""
        if self._next_agent is not None and generation == self.ice_generation:
            self._next_agent.set_remote(ufrag, pwd, now)
            self._collect()

    @property
    def agents(self) -> list[ControllingAgent]:
        """The agent in use, and the one that may take its place."""
        return [self.agent] if self._next_agent is None else [self.agent, self._next_agent]

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram the owner knows to be this client's."""
        if self.isolated or source in self.broken_paths:
            return
        if data[0] <= 3:
            agent = self._agent_for(data)
            if agent is not None:
                agent.receive(data, source, now)
            self._after_ice(now)
        elif 20 <= data[0] <= 63:
            self._receive_dtls(data, now)
        elif 128 <= data[0] <= 191 and self._dtls is not None and self._dtls.keys is not None:
            if is_rtcp(data):
                self._receive_rtcp(data, now)
            else:
                self._receive_rtp(data, now)

    def send(self, packet: RtpPacket) -> None:
        """Forward another endpoint's packet to this client."""
        if self._dtls is not None and self._dtls.keys is not None and self.agent.peer is not None:
            for_client = self.feedback.outgoing(packet)
            if for_client is None:
                return
            protected = self._dtls.keys.sender.protect(for_client.serialize())
            self.outgoing.append((protected, self.agent.peer))

    def send_rtcp(self, packets: list[RtcpPacket]) -> None:
        """Send a compound to this client."""
        if self._dtls is not None and self._dtls.keys is not None and self.agent.peer is not None:
            compound = b"".join(packet.serialize() for packet in packets)
            protected = self._dtls.keys.sender.protect_rtcp(compound)
            self.outgoing.append((protected, self.agent.peer))

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time: checks, flights, reports, and patience running out."""
        for agent in self.agents:
            agent.handle_timer(now)
        self._after_ice(now)
        self._handle_dtls_timer(now)
        if self.connected and now >= self._next_report:
            self._next_report = now + REPORT_INTERVAL
            blocks = tuple(reception.report(now) for reception in self._receptions.values())
            self.send_rtcp([ReceiverReport(self._feedback_ssrc, blocks)])
        for feedback in self.feedback.arrivals(now):
            self.send_rtcp([feedback])
        self._watch(now)

    def take_outgoing(self) -> list[tuple[bytes, Address]]:
        """What has to be sent now, and where."""
        taken = [] if self.isolated else self.outgoing
        if self.broken_paths:
            taken = [(data, address) for data, address in taken if address not in self.broken_paths]
        self.outgoing = []
        return taken

    def close(self) -> None:
        """Say goodbye to the client; the owner sends it."""
        if self._dtls is not None:
            self._dtls.close()
            self._collect()

    def _after_ice(self, now: float) -> None:
        for agent in self.agents:
            for what in agent.violations:
                self._violation(33, what)
            agent.violations.clear()
        self._follow_ice_restart(now)
        if self.agent.consents > self._consents:
            self._consents = self.agent.consents
            self._alive(now)
        if self.agent.state is IceState.FAILED:
            self._fail("the client does not answer consent checks any more")
        elif self.agent.state is IceState.CONNECTED and self._dtls is None and self._fingerprint[0]:
            self._dtls = DtlsEndpoint(
                self.identity, self._role, (self._fingerprint,), self._profiles
            )
            self._dtls_deadline = now + _DTLS_LIMIT
            if self._role is Role.CLIENT:
                self._dtls.start()
        self._collect()

    def _agent_for(self, data: bytes) -> ControllingAgent | None:
        """Whose STUN message it is; an agent that another took the place of gets none any more."""
        concerned = [agent for agent in self.agents if agent.is_for(data)]
        if concerned:
            return concerned[0]
        return None if self.ice_restarts else self.agent

    def _follow_ice_restart(self, now: float) -> None:
        pending = self._next_agent
        if pending is None:
            return
        if pending.state is IceState.CONNECTED:
            self.agent, self._next_agent, self._consents = pending, None, 0
            self.ice_restarts += 1
            self._alive(now)
        elif pending.state is IceState.FAILED or now >= self._next_agent_until:
            self._next_agent = None

    def _receive_dtls(self, data: bytes, now: float) -> None:
        if self._dtls is None:
            return  # the client repeats its flight
        try:
            self._dtls.receive(data)
            self._check_certificate()
        except DtlsError as error:
            self._violation(34, str(error))
            self._fail(str(error))
        self._collect()
        if self._dtls.closed:
            self._fail("the client closed DTLS")

    def _check_certificate(self) -> None:
        """Elliptic curves only, as the bridge's own list of signature algorithms demands."""
        assert self._dtls is not None
        key = self._dtls.peer_key() if self._dtls.keys else None
        if key is not None and not isinstance(key, ec.EllipticCurvePublicKey):
            raise DtlsError("the client's certificate is not ECDSA")

    def _handle_dtls_timer(self, now: float) -> None:
        dtls = self._dtls
        if dtls is None or dtls.keys is not None or self.failed or self._dtls_deadline is None:
            return
        if now >= self._dtls_deadline:
            self._violation(34, "the DTLS handshake took longer than 30 s")
            self._fail("DTLS timed out")
        elif dtls.timeout() == 0.0:
            try:
                dtls.handle_timeout()
            except DtlsError as error:
                self._fail(str(error))
            self._collect()

    def _receive_rtp(self, data: bytes, now: float) -> None:
        assert self._dtls is not None
        assert self._dtls.keys is not None
        self._arrived += 1
        if self.lose_every and self._arrived % self.lose_every == 0:
            return
        try:
            packet = RtpPacket.parse(self._dtls.keys.receiver.unprotect(data))
        except RtpError as error:
            self._violation(35, str(error))
            return
        self._alive(now)
        self.received += 1
        nack = self.feedback.received(packet, now)
        if nack is not None:
            self.send_rtcp([nack])
        if packet.ssrc in self.gate.ssrcs:
            reception = self._receptions.setdefault(
                packet.ssrc, Reception(packet.ssrc, _CLOCK_RATE)
            )
            reception.received(packet, now)
            self._expect_sender_report(now)
        forwarded = self.gate.admit(packet)
        if forwarded is not None:
            self._on_media(forwarded)

    def _expect_sender_report(self, now: float) -> None:
        """Called for each packet: one that sends for 5 s must have reported meanwhile."""
        if now - self._last_packet > _SENDER_REPORT_LIMIT:  # it was silent: count from here
            self._last_sender_report = now
        self._last_packet = now
        if now - self._last_sender_report > _SENDER_REPORT_LIMIT:
            self._last_sender_report = now
            self._violation(37, "sends RTP but no sender report within 5 s")

    def _receive_rtcp(self, data: bytes, now: float) -> None:
        assert self._dtls is not None
        assert self._dtls.keys is not None
        try:
            packets = parse_compound(self._dtls.keys.receiver.unprotect_rtcp(data))
        except RtpError as error:
            self._violation(35, str(error))
            return
        self._alive(now)
        for packet in packets:
            match packet:
                case SenderReport() if packet.ssrc in self.gate.ssrcs:
                    self._last_sender_report = now
                    if packet.ssrc in self._receptions:
                        self._receptions[packet.ssrc].reported(packet, now)
                    self._on_report(packet)
                case GenericNack():
                    self._retransmit(packet)
                case TransportFeedback():
                    self.feedback.told(packet)
                case _:
                    pass

    def _retransmit(self, nack: GenericNack) -> None:
        for sequence in nack.sequences:
            packet = self._find_cached(nack.ssrc, sequence)
            if packet is not None:
                self.send(packet)

    def _alive(self, now: float) -> None:
        if self._heard is not None:
            self.longest_silence = max(self.longest_silence, now - self._heard)
        self._heard = now
        self._is_inactive = False

    def _watch(self, now: float) -> None:
        if self.failed:
            return
        if self._heard is None:
            self._watch_unanswered(now)
            return
        silent = now - self._heard
        if silent > self._timers.inactive and not self._is_inactive:
            self._is_inactive = True
            self.inactive += 1
        if silent > self._timers.expire:
            self._violation(39, "no traffic: the endpoint has expired")
            self._fail("expired")

    def _watch_unanswered(self, now: float) -> None:
        """Nobody has taken the offer, nor has the focus, which may be gone, ended it."""
        if self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > 2 * self._timers.expire:
            self._fail("never connected")

    def _fail(self, reason: str) -> None:
        if self.failed is None:
            self.failed = reason

    def _collect(self) -> None:
        for agent in self.agents:
            self.outgoing += agent.outgoing
            agent.outgoing.clear()
        if self._dtls is not None and self.agent.peer is not None:
            peer = self.agent.peer
            self.outgoing += [(datagram, peer) for datagram in self._dtls.datagrams_to_send()]
