"""The media path to a videobridge: ICE finds it, DTLS agrees on keys, SRTP carries the audio."""

import asyncio
import ipaddress
from collections.abc import Coroutine
from typing import Literal

import aioice

from gateway.media.messages import (
    BridgeAnswer,
    BridgeOffer,
    Fingerprint,
    IceCandidate,
    IceParameters,
)
from gateway.rtp.datagrams import Datagram
from gateway.rtp.srtp import SrtpProfile
from gateway.webrtc.dtls import PROFILES, DtlsEndpoint, DtlsError, DtlsIdentity, Role, SrtpKeys
from gateway.webrtc.ice import IceConnection, IceError

_INBOX = 64  # DTLS datagrams waiting; a handshake needs a handful
_MOST_CANDIDATES = 64  # of the bridge's; a pair with each is looked through whenever one comes


class TransportError(Exception):
    """The path to the bridge could not be made or is gone; the text says why."""


class BridgeTransport:
    """One connection to a videobridge, from `open` to `close`.

    ICE may be restarted under the DTLS association (RFC 8445 section 2.4): `gather_again` makes
    another agent, `switch` connects it and sends through it from then on, and `leave_former` closes
    the one that was used before, whose last datagrams are still taken.

    `addresses` are the local ones to use (all interfaces' if empty). What may be SRTP or SRTCP has
    to be `read`, and is as it came: the caller unprotects what it wants.
    """

    def __init__(
        self,
        addresses: tuple[str, ...],
        profiles: tuple[SrtpProfile, ...] = PROFILES,
    ) -> None:
        self.keys: SrtpKeys | None = None
        self._addresses = addresses
        self._ice = IceConnection(addresses, self._receive_dtls)
        self._other_ice: IceConnection | None = None  # is to take its place, or had it before
        self._identity = DtlsIdentity()
        self._profiles = profiles
        self._dtls: DtlsEndpoint | None = None
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue(_INBOX)
        self._goodbye = asyncio.Event()
        self._wants_rtp = True

    async def open(self, offer: BridgeOffer) -> BridgeAnswer:
        """Open our sockets and say what the session-accept has to carry. TransportError: none."""
        try:
            candidates = await self._ice.gather(offer.relays)
        except IceError as error:
            raise TransportError(str(error)) from error
        return BridgeAnswer(
            ufrag=self._ice.local_username,
            pwd=self._ice.local_password,
            fingerprint=Fingerprint("sha-256", self._identity.fingerprint("sha-256")),
            setup=_role(offer.setup).value,
            candidates=tuple(_from_aioice(candidate) for candidate in candidates),
        )

    async def add_candidates(self, candidates: tuple[IceCandidate, ...]) -> None:
        """Candidates of the bridge; those that cannot be used (host names, TCP) are passed over."""
        await _add_candidates(self._ice, candidates)

    async def connect(self, offer: BridgeOffer) -> None:
        """Connect to the bridge of `offer`. TransportError: it cannot be reached or trusted.

        Takes as long as the peer makes it take: the caller sets the limit.
        """
        await self.add_candidates(offer.candidates)
        try:
            await self._ice.establish(offer.ufrag, offer.pwd)
            fingerprints = tuple((known.hash, known.value) for known in offer.fingerprints)
            dtls = DtlsEndpoint(self._identity, _role(offer.setup), fingerprints, self._profiles)
            self._dtls = dtls
            await self._shake_hands(dtls)
            self._ice.take_over()
        except IceError as error:
            raise TransportError(f"ICE: {error}") from error
        except DtlsError as error:
            raise TransportError(f"DTLS: {error}") from error

    async def gather_again(self, generation: int) -> IceParameters:
        """Open sockets for another ICE agent. TransportError: none."""
        await self.leave_former()
        self._other_ice = other = IceConnection(self._addresses, self._receive_dtls)
        try:
            candidates = await other.gather()
        except IceError as error:
            raise TransportError(str(error)) from error
        return IceParameters(
            generation,
            other.local_username,
            other.local_password,
            tuple(_from_aioice(candidate) for candidate in candidates),
        )

    async def switch(self, remote: IceParameters) -> None:
        """Connect the agent of `gather_again`, and use it. TransportError: the old one stays."""
        assert self._other_ice is not None
        await _add_candidates(self._other_ice, remote.candidates)
        try:
            await self._other_ice.establish(remote.ufrag, remote.pwd)
        except IceError as error:
            raise TransportError(f"ICE: {error}") from error
        self._ice, self._other_ice = self._other_ice, self._ice
        self._ice.take_over()
        self._ice.want_rtp(self._wants_rtp)

    def want_rtp(self, wanted: bool) -> None:
        """Whether RTP is to come from the bridge; if it is not, a packet now and then does all the
        same. Once it is connected; on a path through a TURN server all comes."""
        self._wants_rtp = wanted
        self._ice.want_rtp(wanted)

    def read(self) -> list[Datagram]:
        """What has come since the last time."""
        datagrams = self._ice.read()
        return datagrams if self._other_ice is None else datagrams + self._other_ice.read()

    async def leave_former(self) -> None:
        """Close the agent that is not in use, if there is one."""
        if self._other_ice is not None:
            await self._other_ice.close()
            self._other_ice = None

    @property
    def is_secured(self) -> bool:
        """Whether the DTLS association stands, whatever has become of the path."""
        return self.keys is not None and not self._goodbye.is_set()

    async def lost(self) -> str:
        """Wait until the path or the association is gone, and say why."""
        goodbye = asyncio.ensure_future(self._goodbye.wait())
        try:
            while not goodbye.done():
                used = self._ice
                await _first(used.lost(), goodbye)
                if used is self._ice and not goodbye.done():
                    return "the bridge is gone (ICE)"
            return "the bridge closed DTLS"
        finally:
            goodbye.cancel()

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send; a packet is dropped while there is no connection."""
        if self.keys is not None:
            self._transmit(self.keys.sender.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send a compound; it is dropped while there is no connection."""
        if self.keys is not None:
            self._transmit(self.keys.sender.protect_rtcp(packet))

    async def close(self) -> None:
        """Say goodbye and give back every socket and task; more than once does no harm."""
        if self._dtls is not None:
            self._dtls.close()
            self._flush(self._dtls)
        self.keys = None
        await self._ice.close()
        await self.leave_former()

    async def _shake_hands(self, dtls: DtlsEndpoint) -> None:
        dtls.start()
        self._flush(dtls)
        while dtls.keys is None:
            try:
                async with asyncio.timeout(dtls.timeout()):
                    datagram = await self._inbox.get()
            except TimeoutError:
                dtls.handle_timeout()
            else:
                dtls.receive(datagram)
            self._flush(dtls)
        self.keys = dtls.keys

    def _receive_dtls(self, datagram: bytes) -> None:
        if self._dtls is None or self.keys is None:
            if not self._inbox.full():
                self._inbox.put_nowait(datagram)
            return
        self._dtls.receive(datagram)
        self._flush(self._dtls)
        if self._dtls.closed:
            self._goodbye.set()

    def _flush(self, dtls: DtlsEndpoint) -> None:
        for datagram in dtls.datagrams_to_send():
            self._transmit(datagram)

    def _transmit(self, datagram: bytes) -> None:
        try:
            self._ice.transmit(datagram)
        except IceError:
            return  # media is not worth an error: `lost` tells the owner


async def _first(
    coroutine: Coroutine[None, None, None], future: asyncio.Future[Literal[True]]
) -> None:
    """Return when either is done; the coroutine is over then."""
    task = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait((task, future), return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _add_candidates(ice: IceConnection, candidates: tuple[IceCandidate, ...]) -> None:
    for candidate in candidates:
        if len(ice.remote_candidates) >= _MOST_CANDIDATES:
            return
        if _is_usable(candidate):
            await ice.add_remote_candidate(_to_aioice(candidate))


def _is_usable(candidate: IceCandidate) -> bool:
    """Addresses only: resolving a name here would ask the network about it for every call."""
    try:
        ipaddress.ip_address(candidate.host)
    except ValueError:
        return False
    return candidate.protocol.lower() == "udp" and candidate.component == 1


def _role(offered_setup: str) -> Role:
    """Our role: the client whenever the bridge lets us choose (RFC 5763 section 5)."""
    return Role.SERVER if offered_setup == "active" else Role.CLIENT


def _to_aioice(candidate: IceCandidate) -> aioice.Candidate:
    """With an IPv6 address as the system tells it: Java's has all of its zeros."""
    related = candidate.related
    return aioice.Candidate(
        foundation=candidate.foundation,
        component=candidate.component,
        transport=candidate.protocol.lower(),
        priority=candidate.priority,
        host=str(ipaddress.ip_address(candidate.host)),
        port=candidate.port,
        type=candidate.type,
        related_address=related[0] if related else None,
        related_port=related[1] if related else None,
    )


def _from_aioice(candidate: aioice.Candidate) -> IceCandidate:
    related = None
    if candidate.related_address is not None and candidate.related_port is not None:
        related = (candidate.related_address, candidate.related_port)
    return IceCandidate(
        foundation=candidate.foundation,
        component=candidate.component,
        protocol=candidate.transport,
        priority=candidate.priority,
        host=candidate.host,
        port=candidate.port,
        type=candidate.type,
        related=related,
    )
