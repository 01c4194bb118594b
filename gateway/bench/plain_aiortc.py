"""What the engine is compared with: aiortc's RTCPeerConnection and asyncio, doing the same work.

Each call has a peer connection with a section for each remote source, which it decodes by itself, a
mixer that ticks every 20 ms, and a phone on a datagram endpoint. It understands those of the
engine's commands that the benchmark gives, so the load and the measurement are the same.
"""

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from fractions import Fraction

import aioice.ice
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler

from audiocodecs.frames import Samples
from audiocodecs.g711 import G711, PCMA, PCMU
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.lab.web_sdp import bridge_offer, read_answer
from gateway.media import messages as m
from gateway.media.load import EngineLoad, Lateness
from gateway.rtp.packet import HEADER_SIZE, is_rtcp
from gateway.rtp.sender import RtpSender
from gateway.xmpp.sources import SignalledSource

_RATE, _FRAME, _TICK = 8000, 160, 0.020
_DEPTH = 5  # frames of a source that may wait to be mixed
_LAWS: dict[str, G711] = {"PCMU": PCMU, "PCMA": PCMA}


class _Microphone(MediaStreamTrack):
    """What the phone says, as aiortc wants it; silence until there is something."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.frames: asyncio.Queue[Samples] = asyncio.Queue(50)
        self._timestamp = 0

    async def recv(self) -> AudioFrame:
        samples = await self.frames.get()
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = _RATE, Fraction(1, _RATE)
        frame.pts = self._timestamp
        self._timestamp += len(samples)
        return frame


class _Phone(asyncio.DatagramProtocol):
    """The phone's side: G.711 both ways, without a jitter buffer."""

    def __init__(self) -> None:
        self.track = _Microphone()
        self._law = PCMU
        self._sender = RtpSender(secrets.randbits(32), _RATE, sequence=0, timestamp=0)
        self._media: m.PhoneMedia | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connect(self, media: m.PhoneMedia) -> None:
        """What was agreed with the phone."""
        self._media = media
        self._law = _LAWS[media.payloads[0].encoding]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not is_rtcp(data) and not self.track.frames.full():
            self.track.frames.put_nowait(self._law.decode(data[HEADER_SIZE:]))

    def hear(self, frame: Samples) -> None:
        """Send the phone a frame."""
        if self._media is None or self._media.remote is None or self._transport is None:
            return
        payload_type = self._media.payloads[0].payload_type
        packet = self._sender.packet(payload_type, self._law.encode(frame), _FRAME)
        self._transport.sendto(packet.serialize(), self._media.remote)

    def close(self) -> None:
        """Give the port back."""
        if self._transport is not None:
            self._transport.close()


@dataclass(eq=False)
class _Call:
    """One call: a phone, a peer connection, and what of each remote track waits to be mixed."""

    name: str
    lateness: Lateness
    offer: m.BridgeOffer | None = None
    phone: _Phone = field(default_factory=_Phone)
    connection: RTCPeerConnection = field(default_factory=RTCPeerConnection)
    waiting: list[deque[Samples]] = field(default_factory=list)

    async def hear(self, track: MediaStreamTrack) -> None:
        """Take the frames of a remote track, resampled for the phone."""
        frames: deque[Samples] = deque(maxlen=_DEPTH)
        self.waiting.append(frames)
        resampler = AudioResampler(format="s16", layout="mono", rate=_RATE, frame_size=_FRAME)
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                for part in resampler.resample(frame):
                    frames.append(part.to_ndarray().reshape(-1).astype(np.int16, copy=False))

    async def mix(self) -> None:
        """Every 20 ms, let the phone hear what there is."""
        deadline = time.monotonic()
        while True:
            deadline += _TICK
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))
            self.lateness.add(max(0.0, time.monotonic() - deadline))
            mix = np.zeros(_FRAME, np.int32)
            for frames in self.waiting:
                if frames:
                    mix += frames.popleft()
            self.phone.hear(np.clip(mix, -32768, 32767).astype(np.int16))

    async def close(self) -> None:
        """End both sides."""
        await self.connection.close()
        self.phone.close()


class PlainAiortc:
    """Serves as `gateway.bench.subject.Subject`; `host` is the only address that is used."""

    def __init__(self, host: str, emit: Callable[[m.Event], None]) -> None:
        # aioice never offers the loopback, and the benchmark needs nothing else.
        vars(aioice.ice)["get_host_addresses"] = lambda use_ipv4, use_ipv6: [host]
        self._host = host
        self._emit = emit
        self._lateness = Lateness()
        self._calls: dict[str, _Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def load(self) -> EngineLoad:
        """How well its mixers keep their time."""
        return EngineLoad(lateness=self._lateness.counts, lateness_sum=self._lateness.sum)

    def execute(self, command: m.Command) -> None:
        """Carry out a command; those the benchmark does not give are passed over."""
        match command:
            case m.OpenPhone():
                call = self._calls[command.call] = _Call(command.call, self._lateness)
                self._run(self._open_phone(call))
            case m.ConnectPhone():
                call = self._calls[command.call]
                call.phone.connect(command.media)
                self._run(call.mix())
            case m.OpenBridge():
                self._calls[command.call].offer = command.offer
            case m.SetSources():
                self._run(self._open_bridge(self._calls[command.call], command.sources))
            case _:
                pass

    def report(self, call: str) -> m.CallReport:
        """It measures nothing of what the engine does."""
        return m.CallReport()

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in self._calls.values():
            await call.close()

    async def _open_phone(self, call: _Call) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: call.phone, local_addr=(self._host, 0)
        )
        host, port = transport.get_extra_info("sockname")[:2]
        self._emit(m.PhoneOpened(call.name, (host, port)))

    async def _open_bridge(self, call: _Call, sources: tuple[m.Source, ...]) -> None:
        offer, connection = call.offer, call.connection
        assert offer is not None

        @connection.on("track")
        def track(remote: MediaStreamTrack) -> None:
            self._run(call.hear(remote))

        @connection.on("connectionstatechange")
        def changed() -> None:
            if connection.connectionState == "connected":
                self._emit(m.BridgeConnected(call.name, offer.session))

        connection.addTrack(call.phone.track)
        sdp = _description(offer, sources)
        await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        answer = read_answer(connection.localDescription.sdp)
        told = m.BridgeAnswer(
            answer.ufrag, answer.pwd, m.Fingerprint(*answer.fingerprint), answer.setup, ()
        )
        self._emit(m.BridgeOpened(call.name, offer.session, told))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _description(offer: m.BridgeOffer, sources: tuple[m.Source, ...]) -> str:
    """The bridge's offer as a browser would get it: a section for each source."""
    transport = BridgeTransportOffer(
        ufrag=offer.ufrag,
        pwd=offer.pwd,
        fingerprint_hash=offer.fingerprints[0].hash,
        fingerprint=offer.fingerprints[0].value,
        candidates=offer.candidates,
    )
    seats = tuple(SignalledSource(each.endpoint, each.ssrc) for each in sources)
    config = OfferConfig(opus=offer.opus.payload_type, audio_level=offer.audio_level_id or 1)
    return bridge_offer(transport, config, seats, version=1)
