"""The lab's videobridge: forwards the audio of each endpoint to all others of its conference.

One UDP port for everybody: a client is known by the ufrag its first check names, later by its
address. Speakers that live in the lab itself take part without a socket. The focus is the only one
who gives it orders (`gateway.lab.focus`).
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gateway.lab.bridge_endpoint import BridgeEndpoint, BridgeTimers
from gateway.lab.colibri_socket import ColibriSocket
from gateway.lab.endpoint_feedback import BridgeMediaOffer, Negotiated, for_everybody
from gateway.lab.faults import Faults
from gateway.lab.ice import Address, ControllingAgent, parse_stun
from gateway.media.messages import IceCandidate
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import SenderReport, SourceDescription
from gateway.rtp.srtp import SrtpProfile
from gateway.webrtc.dtls import PROFILES

_TICK = 0.020
_SPOKEN_KEPT = 2048  # packets of a conference's own speakers
_HOST_PREFERENCE = 2130706431
_REFLEXIVE_PREFERENCE = 1694498815

Violation = Callable[[int, str, str], None]
"""Told of a broken rule: its number in the list of rules, who broke it, and what was wrong."""


@dataclass(frozen=True, slots=True)
class BridgeTransportOffer:
    """What the focus puts into an offer on the bridge's behalf; `setup` is always "actpass"."""

    ufrag: str
    pwd: str
    fingerprint_hash: str
    fingerprint: str
    candidates: tuple[IceCandidate, ...]
    web_socket: str | None = None
    ice_generation: int | None = None  # of an ICE restart


@dataclass(slots=True)
class _Conference:
    """The endpoints of one conference: clients by their id, and listeners that live here.

    `former` are those that others with the same ids have taken the place of.
    """

    feedback_ssrc: int
    clients: dict[str, BridgeEndpoint] = field(default_factory=dict)
    former: list[tuple[str, BridgeEndpoint]] = field(default_factory=list)
    speakers: dict[str, Callable[[RtpPacket], None]] = field(default_factory=dict)
    spoken: dict[tuple[int, int], RtpPacket] = field(default_factory=dict)  # for who lost some

    @property
    def endpoints(self) -> list[tuple[str, BridgeEndpoint]]:
        """All clients."""
        return [*self.clients.items(), *self.former]


class LabVideobridge(asyncio.DatagramProtocol):
    """The bridge. `start` and `close` belong together.

    `violation` is told what clients do wrong, `failed` which endpoint is beyond repair.
    `faults` are done to what is sent to clients.
    """

    def __init__(
        self,
        violation: Violation,
        failed: Callable[[str, str], None],
        *,
        offer: BridgeMediaOffer | None = None,
        timers: BridgeTimers | None = None,
        profiles: tuple[SrtpProfile, ...] = PROFILES[:2],
        faults: Faults | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.channel: ColibriSocket | None = None  # where clients are offered a bridge channel
        self.isolate_clients = False  # a test's doing: clients cannot reach the bridge from now on
        self._violation = violation
        self._failed = failed
        self._offer = offer or BridgeMediaOffer()
        self._timers = timers or BridgeTimers()
        self._profiles = profiles
        self._conferences: dict[str, _Conference] = {}
        self._by_ufrag: dict[str, BridgeEndpoint] = {}
        self._by_address: dict[Address, BridgeEndpoint] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._clock: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int = 0) -> None:
        """Open the port."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        self._clock = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Expire everybody and close the port."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        for conference in list(self._conferences):
            for endpoint, _ in self._conferences[conference].endpoints:
                self.expire(conference, endpoint)
                self.forget_former(conference, endpoint)
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0)

    @property
    def address(self) -> Address:
        """Where the bridge listens."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    # What the focus orders.

    def allocate(
        self, conference: str, endpoint: str, negotiated: Negotiated | None = None
    ) -> BridgeTransportOffer:
        """Make room for a client; one with the same id works until `forget_former`."""
        self._displace(conference, endpoint)
        room = self._conferences.setdefault(conference, _Conference(secrets.randbits(32) or 1))
        client = BridgeEndpoint(
            room.feedback_ssrc,
            self._offer,
            violation=lambda rule, what: self._violation(rule, endpoint, what),
            on_media=lambda packet: self._forward_of(room, endpoint, client, packet),
            on_report=partial(self._forward_report, room, endpoint),
            find_cached=partial(self._find_cached, room),
            timers=self._timers,
            profiles=self._profiles,
            negotiated=negotiated,
        )
        client.isolated = self.isolate_clients
        room.clients[endpoint] = client
        self._by_ufrag[client.agent.ufrag] = client
        offer = self._transport_of(client, client.agent)
        if self.channel is None:
            return offer
        return replace(offer, web_socket=self.channel.url(conference, endpoint, offer.pwd))

    def _transport_of(
        self, client: BridgeEndpoint, agent: ControllingAgent
    ) -> BridgeTransportOffer:
        return BridgeTransportOffer(
            ufrag=agent.ufrag,
            pwd=agent.pwd,
            fingerprint_hash="sha-256",
            fingerprint=client.identity.fingerprint("sha-256"),
            candidates=self._candidates(),
        )

    def channel_password(self, conference: str, endpoint: str) -> str | None:
        """What a client of the bridge channel has to know, None if there is no such client."""
        room = self._conferences.get(conference)
        client = room.clients.get(endpoint) if room is not None else None
        return client.agent.pwd if client is not None else None

    def feedback_ssrc(self, conference: str) -> int:
        """The SSRC of the bridge's own RTCP in a conference: the source jvb-a0."""
        return self._conferences[conference].feedback_ssrc

    def connect(
        self,
        conference: str,
        endpoint: str,
        *,
        ufrag: str,
        pwd: str,
        fingerprint: tuple[str, str],
        setup: str,
    ) -> None:
        """Give the bridge what the client answered."""
        client = self._conferences[conference].clients[endpoint]
        now = time.monotonic()
        client.connect(ufrag=ufrag, pwd=pwd, fingerprint=fingerprint, setup=setup, now=now)
        self._flush(client)

    def set_sources(self, conference: str, endpoint: str, ssrcs: frozenset[int]) -> None:
        """The SSRCs a client may send."""
        self._conferences[conference].clients[endpoint].gate.ssrcs = ssrcs

    def force_mute(self, conference: str, endpoint: str, muted: bool) -> None:
        """Drop, or let through again, what a client sends."""
        self._conferences[conference].clients[endpoint].gate.force_muted = muted

    def break_path(self, conference: str, endpoint: str) -> None:
        """A test's doing: nothing passes any more between the bridge and a client's address."""
        client = self._conferences[conference].clients[endpoint]
        if client.agent.peer is not None:
            client.broken_paths.add(client.agent.peer)

    def expire(self, conference: str, endpoint: str) -> None:
        """End a client's connection and forget it; the conference goes with its last endpoint."""
        client = self._forget(conference, endpoint)
        if client is not None:
            client.close()
            self._flush(client)

    def forget_former(self, conference: str, endpoint: str) -> None:
        """Forget a client that another with its id has taken the place of.

        It hears nothing of it: DTLS would be faster than the offer that comes by XMPP, and a client
        ought not to take it for a failure.
        """
        room = self._conferences.get(conference)
        for known, client in list(room.former) if room else ():
            if room is not None and known == endpoint:
                room.former.remove((known, client))
                self._unroute(client)
                self._close_if_empty(conference, room)

    def restart_ice(self, conference: str, endpoint: str) -> BridgeTransportOffer | None:
        """Another agent for a client; None if there is no client, or nothing to restart."""
        room = self._conferences.get(conference)
        client = room.clients.get(endpoint) if room else None
        agent = client.restart_ice(time.monotonic()) if client else None
        if client is None or agent is None:
            return None
        self._by_ufrag[agent.ufrag] = client
        return replace(self._transport_of(client, agent), ice_generation=client.ice_generation)

    def continue_ice(
        self, conference: str, endpoint: str, generation: int, ufrag: str, pwd: str
    ) -> None:
        """Give the bridge what the client answered to an ICE restart."""
        client = self._conferences[conference].clients[endpoint]
        client.continue_ice(generation, ufrag, pwd, time.monotonic())
        self._flush(client)

    def _displace(self, conference: str, endpoint: str) -> None:
        room = self._conferences.get(conference)
        client = room.clients.pop(endpoint, None) if room else None
        if room is not None and client is not None:
            room.former.append((endpoint, client))

    def _forget(self, conference: str, endpoint: str) -> BridgeEndpoint | None:
        room = self._conferences.get(conference)
        client = room.clients.pop(endpoint, None) if room else None
        if room is None or client is None:
            return None
        self._unroute(client)
        self._close_if_empty(conference, room)
        return client

    def _unroute(self, client: BridgeEndpoint) -> None:
        self._by_ufrag = {u: c for u, c in self._by_ufrag.items() if c is not client}
        self._by_address = {a: c for a, c in self._by_address.items() if c is not client}

    def _close_if_empty(self, conference: str, room: _Conference) -> None:
        if not room.endpoints and not room.speakers:
            del self._conferences[conference]

    # Speakers of the lab's own.

    def add_speaker(
        self, conference: str, endpoint: str, hear: Callable[[RtpPacket], None]
    ) -> Callable[[RtpPacket], None]:
        """Let somebody in without a socket: `hear` gets what others send; returns how to speak."""
        room = self._conferences.setdefault(conference, _Conference(secrets.randbits(32) or 1))
        room.speakers[endpoint] = hear
        return partial(self._speak, room, endpoint)

    def remove_speaker(self, conference: str, endpoint: str) -> None:
        """The opposite of `add_speaker`."""
        room = self._conferences.get(conference)
        if room is not None:
            room.speakers.pop(endpoint, None)
            self._close_if_empty(conference, room)

    # What tests and the demo look at.

    def has_client(self, conference: str, endpoint: str) -> bool:
        """Whether there is such a client."""
        return conference in self._conferences and endpoint in self._conferences[conference].clients

    def client(self, conference: str, endpoint: str) -> BridgeEndpoint:
        """A client's half of the bridge, to see how it fares."""
        return self._conferences[conference].clients[endpoint]

    @property
    def clients(self) -> int:
        """How many clients the bridge holds, those included whose place others have taken."""
        return sum(len(room.endpoints) for room in self._conferences.values())

    # The socket.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport) or hasattr(transport, "sendto")
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if not data:
            return
        source = (addr[0], addr[1])
        client = self._by_address.get(source)
        if data[0] <= 3:
            client = self._client_of_check(data) or client
        if client is None:
            return
        client.receive(data, source, time.monotonic())
        if client.agent.peer is not None or data[0] <= 3:
            self._by_address[source] = client
        self._flush(client)

    def error_received(self, exc: Exception) -> None:
        """A client's port is closed: consent will tell."""

    def _client_of_check(self, data: bytes) -> BridgeEndpoint | None:
        """The client a binding request is for, by our half of its USERNAME."""
        message = parse_stun(data)
        if message is None:
            return None
        ours, _, _ = str(message.attributes.get("USERNAME", "")).partition(":")
        return self._by_ufrag.get(ours)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            for name, room in list(self._conferences.items()):
                for endpoint, client in list(room.clients.items()):
                    client.handle_timer(now)
                    self._flush(client)
                    if client.failed is not None:
                        self.expire(name, endpoint)
                        self._failed(name, endpoint)
                for endpoint, client in list(room.former):
                    client.handle_timer(now)
                    self._flush(client)
                    if client.failed is not None:
                        self.forget_former(name, endpoint)

    def _flush(self, client: BridgeEndpoint) -> None:
        assert self._transport is not None
        for data, address in client.take_outgoing():
            self._transport.sendto(data, address)

    def _speak(self, room: _Conference, speaker: str, packet: RtpPacket) -> None:
        room.spoken[packet.ssrc, packet.sequence] = packet
        if len(room.spoken) > _SPOKEN_KEPT:
            del room.spoken[next(iter(room.spoken))]
        self._forward(room, speaker, packet)

    def _forward_of(
        self, room: _Conference, sender: str, client: BridgeEndpoint, packet: RtpPacket
    ) -> None:
        """A client's packet. One that sends by its new endpoint must not by the one before."""
        current = room.clients.get(sender)
        if current is not None and current is not client and current.received:
            self._violation(30, sender, "sends by the endpoint it had before as well")
        self._forward(room, sender, packet)

    def _forward(self, room: _Conference, sender: str, packet: RtpPacket) -> None:
        for endpoint, client in room.endpoints:
            if endpoint != sender:
                for carried in self.faults.carry(packet, endpoint):
                    client.send(carried)
                self._flush(client)
        plain = for_everybody(packet, self._offer.red)
        for endpoint, hear in list(room.speakers.items()):
            if endpoint != sender and plain is not None:
                hear(plain)

    def _forward_report(self, room: _Conference, sender: str, report: SenderReport) -> None:
        """Pass a sender's clock on, without its report blocks: they are the bridge's business."""
        bare = SenderReport(
            report.ssrc, report.ntp_time, report.rtp_timestamp, report.packets, report.octets
        )
        for endpoint, client in room.endpoints:
            if endpoint != sender:
                client.send_rtcp([bare, SourceDescription(report.ssrc, sender)])
                self._flush(client)

    def _find_cached(self, room: _Conference, ssrc: int, sequence: int) -> RtpPacket | None:
        if not self.faults.makes_good:
            return None
        for _, client in room.endpoints:
            packet = client.gate.cached(ssrc, sequence)
            if packet is not None:
                return packet
        return room.spoken.get((ssrc, sequence))

    def _candidates(self) -> tuple[IceCandidate, ...]:
        """The real one, and some a client must not stumble over."""
        host, port = self.address
        return (
            IceCandidate("1", 1, "udp", _HOST_PREFERENCE, host, port, "host"),
            IceCandidate("2", 1, "udp", _HOST_PREFERENCE - 1, "::1", port, "host"),
            IceCandidate(
                "3", 1, "udp", _REFLEXIVE_PREFERENCE, "127.0.0.2", 9, "srflx", (host, port)
            ),
            IceCandidate("4", 1, "udp", 1000, "bridge.lab.invalid", port, "host"),
            IceCandidate("5", 1, "tcp", 900, host, port, "host"),
        )
