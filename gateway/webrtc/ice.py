"""ICE (RFC 8445) towards a videobridge: aioice's agent with addresses of our choosing.

aioice gathers on every interface but loopback and queues what it receives; here the operator may
name the addresses (loopback included), and data goes straight to a callback, past aioice, which
sees STUN only. The private names this leans on are held by
`tests/webrtc/test_ice.py`; aioice is pinned.
"""

import asyncio
import contextlib
import random
import struct
import time
from collections.abc import Callable
from typing import Any

import aioice
import structlog
from aioice.ice import StunProtocol, relayed_candidate
from aioice.stun import TransactionError, TransactionFailed
from aioice.turn import TurnTransport

from gateway.media.messages import TurnServer
from gateway.rtp.datagrams import Datagram, try_address
from gateway.trust import trusting_the_system
from gateway.webrtc.taken_over import TakenOver

log = structlog.get_logger(__name__)

RELAY_WITHIN = 3.0  # seconds in which a TURN server has to give us an address
_CLOSE_WITHIN = 2.0  # seconds in which it has to take it back
_LEAST_DATA = 8  # octets of the shortest packet there is: an RTCP header with an SSRC

_UNKNOWN = ("", 0)  # where a TURN server has something from
_MOST_WAITING = 256  # datagrams of media that nobody has read

# aioice opens a socket before it says which candidate that is, and asks it for one when something
# comes: who still sends to the last user of a port does not wait. Of the only component it is.
StunProtocol.local_candidate = aioice.Candidate("", 1, "udp", 0, "", 0, "host")

SILENT_FOR = 12.0
"""Seconds without anything on a path that is of no use: two checks for consent are unanswered by
then, and of the bridge's reports, two a second, nothing has come."""
_LOOK_EVERY = 1.0

_CONSENT_EVERY = 5.0  # seconds, a fifth more or less (RFC 7675 section 5.1)
_CONSENT_TRIES = 6  # unanswered in a row: it has expired
_FORBIDDEN = 403
_REFUSALS = 2  # in a row are no accident
_ASK_AGAIN = 1.0  # seconds after the first


class IceError(Exception):
    """No connection could be made, or there is none to send on."""


class IceConnection(aioice.Connection):
    """The controlled agent of one bridge connection.

    `addresses` are the local ones to use, all interfaces' if empty. `receive_dtls` gets what is
    DTLS, as it comes; from `take_over` on, when somebody `read`s what is media.
    """

    def __init__(self, addresses: tuple[str, ...], receive_dtls: Callable[[bytes], None]) -> None:
        super().__init__(ice_controlling=False)
        self._addresses = addresses
        self._receive_dtls = receive_dtls
        self._heard = 0  # datagrams of the bridge's since somebody looked
        self._peers: set[tuple[str, int]] = set()  # where it is, as far as somebody has asked
        self._media: list[Datagram] = []  # that nobody has read yet
        self._taken: list[tuple[TakenOver, StunProtocol]] = []

    async def gather(self, relays: tuple[TurnServer, ...] = ()) -> tuple[aioice.Candidate, ...]:
        """Open a socket on each address and, in a bounded time, an allocation at each relay.

        IceError: none could be opened.
        """
        # aioice loses sockets that are being opened when it is cancelled: let it finish.
        gathering = asyncio.ensure_future(self._gather(relays))
        try:
            await asyncio.shield(gathering)
        except asyncio.CancelledError:
            await asyncio.wait((gathering,))
            raise
        if not self._local_candidates:
            raise IceError(f"no local address to use of {self._addresses or 'all interfaces'}")
        return tuple(self._local_candidates)

    async def _gather(self, relays: tuple[TurnServer, ...]) -> None:
        if self._addresses:
            self._local_candidates_start = True
            usable = [address for address in self._addresses if _is_ours(address)]
            self._local_candidates = await self.get_component_candidates(1, usable)
            self._local_candidates_end = True
        else:
            await self.gather_candidates()
        for protocol in self._protocols:
            protocol.transport.set_protocol(_Demultiplexer(protocol, self._take))
        await asyncio.gather(*(self._allocate(relay) for relay in relays))

    async def _allocate(self, relay: TurnServer) -> None:
        """Have a TURN server (RFC 8656) receive and send for us; do without it if it does not."""
        try:
            async with asyncio.timeout(RELAY_WITHIN):
                candidate, protocol = await relayed_candidate(
                    component=1,
                    hide_related_address=False,
                    protocol_factory=lambda: StunProtocol(self),
                    turn_server=(relay.host, relay.port),
                    turn_username=relay.username,
                    turn_password=relay.password,
                    # What is said to be a bool is passed on to asyncio, which takes a context too.
                    turn_ssl=trusting_the_system() if relay.transport == "tls" else False,  # type: ignore[arg-type]
                    turn_transport="udp" if relay.transport == "udp" else "tcp",
                )
        except (OSError, UnicodeError, TransactionError) as error:  # TimeoutError is an OSError
            log.warning("no relay", host=relay.host, transport=relay.transport, error=repr(error))
            return
        self._protocols.append(protocol)
        self._local_candidates.append(candidate)

    async def establish(self, ufrag: str, pwd: str) -> None:
        """Check pairs until the bridge has nominated one. IceError: all have failed."""
        self.remote_username, self.remote_password = ufrag, pwd
        try:
            await self.connect()
        except ConnectionError as error:
            raise IceError(str(error)) from error

    def take_over(self) -> None:
        """Have the event loop no longer read the nominated pair's socket: `read` does it.

        Nothing changes on a path through a TURN server, whose socket is not ours to read.
        """
        pair = self._nominated.get(1)
        if pair is None or isinstance(pair.protocol.transport, TurnTransport | TakenOver):
            return
        stun = pair.protocol
        stun.transport = taken = TakenOver(stun.transport, stun)
        self._taken.append((taken, stun))

    def want_rtp(self, wanted: bool) -> None:
        """Whether RTP is to come, apart from a packet now and then; by sockets that were taken
        over."""
        for taken, _ in self._taken:
            taken.want_rtp(wanted)

    def read(self) -> list[Datagram]:
        """What may be SRTP or SRTCP and has come since the last time."""
        media, self._media = self._media, []
        for taken, stun in self._taken:
            for datagram in taken.read():
                if datagram[1] in self._peers and _may_be_media(datagram[0]):  # the usual case
                    self._heard += 1
                    media.append(datagram)
                else:
                    self._take(stun, datagram)
        return media

    def _take(self, stun: StunProtocol | None, datagram: Datagram) -> None:
        """Give a datagram to whom it concerns, by its first octet (RFC 7983 section 7).

        Of strangers nothing counts but checks, by which they prove that they are none: anything
        else in clear would end a handshake.
        """
        data, source, _ = datagram
        is_peers = stun is None or self._is_peer(source)  # a TURN server lets nobody else through
        self._heard += is_peers
        if data[0] <= 3 and stun is not None:
            # Attributes of a wrong length or none at all; aioice takes care of other damage.
            with contextlib.suppress(struct.error, KeyError):
                stun.datagram_received(data, source)
        elif not is_peers:
            return
        elif 20 <= data[0] <= 63:
            self._receive_dtls(data)
        elif _may_be_media(data) and len(self._media) < _MOST_WAITING:
            self._media.append(datagram)

    def _is_peer(self, source: tuple[str, int]) -> bool:
        """Whether the bridge is there: it has told so, or proved it by a check."""
        if source not in self._peers:
            self._peers = {(each.host, each.port) for each in self._remote_candidates}
        return source in self._peers

    def transmit(self, datagram: bytes) -> None:
        """Send on the nominated pair. IceError: there is none."""
        pair = self._nominated.get(1)
        if pair is None:
            raise IceError("not connected")
        pair.protocol.transport.sendto(datagram, pair.remote_addr)

    async def query_consent(self) -> None:
        """Ask the bridge for consent (RFC 7675), close when it is over; in place of aioice's own.

        A videobridge answers 403 to an address that is new to it: a NAT before us has given us
        another. Media will not follow us there, so that is not waited for as silence is.
        """
        unanswered = refused = 0
        while unanswered < _CONSENT_TRIES and refused < _REFUSALS:
            pause = _ASK_AGAIN if refused else _CONSENT_EVERY * random.uniform(0.8, 1.2)
            await asyncio.sleep(pause)
            try:
                await self._ask_for_consent(self._nominated[1])
            except TransactionFailed as failure:
                unanswered += 1
                refused = refused + 1 if failure.response.error_code == _FORBIDDEN else 0
            except TransactionError:
                unanswered, refused = unanswered + 1, 0
            else:
                unanswered = refused = 0
        if refused:
            log.info("the bridge does not know our address any more")
        self._query_consent_task = None
        await self.close()

    async def _ask_for_consent(self, pair: aioice.ice.CandidatePair) -> None:
        assert self.remote_password is not None
        await pair.protocol.request(
            self.build_request(pair, nominate=False),
            pair.remote_addr,
            integrity_key=self.remote_password.encode(),
            retransmissions=0,
        )

    async def lost(self) -> None:
        """Return once the path is of no use: the bridge has withdrawn its consent (RFC 7675),
        nothing has come from it for `SILENT_FOR` seconds, or the agent is closed. Through a TURN
        server not everything that comes is seen here: there consent alone counts."""
        over = asyncio.ensure_future(self.get_event())
        pair = self._nominated.get(1)
        is_seen = pair is not None and hasattr(pair.protocol.transport, "set_protocol")
        silent = 0.0
        try:
            while silent < SILENT_FOR and not over.done():
                self._heard = 0
                await asyncio.wait((over,), timeout=_LOOK_EVERY)
                silent = 0.0 if self._heard or not is_seen else silent + _LOOK_EVERY
        finally:
            over.cancel()
            await asyncio.gather(over, return_exceptions=True)

    async def close(self) -> None:
        """Give back sockets and allocations; one whose TURN server is gone is not waited for."""
        transports: list[Any] = [protocol.transport for protocol in self._protocols]
        relayed = [each for each in transports if isinstance(each, TurnTransport)]
        for transport in relayed:
            transport.close()
        closing = asyncio.ensure_future(super().close())
        await asyncio.wait((closing,), timeout=_CLOSE_WITHIN)
        if not closing.done():
            for transport in relayed:
                transport.__dict__["_TurnTransport__close_task"].cancel()
        await closing

    def data_received(self, data: bytes, component: int) -> None:
        """What aioice takes for data: what a TURN server passes on, which is no socket of ours."""
        if data:
            self._take(None, (data, _UNKNOWN, time.monotonic()))


def _may_be_media(data: bytes) -> bool:
    """Whether it is SRTP or SRTCP, by its first octet (RFC 7983 section 7) and its length."""
    return 128 <= data[0] <= 191 and len(data) >= _LEAST_DATA


def _is_ours(address: str) -> bool:
    """Whether a socket can be bound there; a failed attempt in the event loop would leak."""
    try:
        try_address(address)
    except OSError:
        return False
    return True


class _Demultiplexer(asyncio.DatagramProtocol):
    """Stands between a socket of aioice's and its protocol, which is for STUN alone."""

    def __init__(self, stun: StunProtocol, take: Callable[[StunProtocol, Datagram], None]) -> None:
        self._stun = stun
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data:
            self._take(self._stun, (data, addr[:2], time.monotonic()))

    def error_received(self, exc: Exception) -> None:
        self._stun.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stun.connection_lost(exc)
