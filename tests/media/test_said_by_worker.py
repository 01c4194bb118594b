"""Words and music from a worker: it reads the recordings itself, and sends them to the phone."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMA
from audiocodecs.tones import tone
from gateway.ivr.texts import PACKS
from gateway.media import messages as m
from gateway.media.engine_config import EngineConfig
from gateway.media.worker_messages import Begin
from gateway.media.workers import MediaWorkers
from gateway.rtp.packet import RtpPacket
from tests.helpers.music import hears_music
from tests.helpers.prompts import find, prompt

pytestmark = pytest.mark.behaviour

OWN, NAME = [430.0, 1000.0], [610.0, 1400.0]


class Phone(asyncio.DatagramProtocol):
    """A port that listens."""

    def __init__(self) -> None:
        self.packets: list[RtpPacket] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.packets.append(RtpPacket.parse(data))

    @property
    def samples(self) -> Samples:
        """What has been sent, whenever it came."""
        packets = sorted(self.packets, key=lambda packet: packet.sequence)
        return np.concatenate([PCMA.decode(packet.payload) for packet in packets])


async def test_a_caller_hears_prompts_recordings_names_and_music(
    tmp_path: Path,
) -> None:
    (tmp_path / "pl").mkdir()
    with wave.open(str(tmp_path / "pl" / "star.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(44100)
        out.writeframes(tone(OWN, 0.4, rate=44100).astype("<i2").tobytes())
    events: asyncio.Queue[m.Event] = asyncio.Queue()
    config = EngineConfig(("127.0.0.1",), 26100, 26103, recordings=(str(tmp_path), str(PACKS)))
    workers = MediaWorkers((Begin(config, 0, "error", "json"),), events.put_nowait)
    loop = asyncio.get_running_loop()
    transport, phone = await loop.create_datagram_endpoint(Phone, local_addr=("127.0.0.1", 0))
    await workers.start()
    try:
        workers.execute(m.OpenPhone("call"))
        payloads = (m.Payload(8, "PCMA", 8000),)
        media = m.PhoneMedia(transport.get_extra_info("sockname"), None, "127.0.0.1", payloads)
        assert isinstance(await events.get(), m.PhoneOpened)
        workers.execute(m.ConnectPhone("call", media))
        spoken = m.Sampled(tone(NAME, 0.4, rate=16000).astype("<i2").tobytes())
        parts = (m.Recorded("pl", "thank-you"), m.Recorded("pl", "star"), spoken)
        workers.execute(m.Say("call", 9, parts))
        async with asyncio.timeout(20):
            while not isinstance(told := await events.get(), m.Played):
                pass
        assert told == m.Played("call", 9, True)
        words = phone.samples
        workers.execute(m.Play("call", m.Tone.MUSIC))
        async with asyncio.timeout(20):
            while not hears_music(phone.samples, 8000):  # noqa: ASYNC110 - it is sent
                await asyncio.sleep(0.1)
    finally:
        await workers.close()
        transport.close()
    beeps = (tone(each, 0.4, rate=8000) for each in (OWN, NAME))
    found = [find(each, words, 8000) for each in (prompt("pl", "thank-you", 8000), *beeps)]
    assert min(each.likeness for each in found) > 0.97
    assert found[0].at < found[1].at < found[2].at
    assert find(prompt("pl", "goodbye", 8000), words, 8000).likeness < 0.5
