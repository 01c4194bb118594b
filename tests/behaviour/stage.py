"""The stage of behaviour tests: a lab conference, a gateway, phones; everybody with a tone."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from audiocodecs.frames import Samples
from audiocodecs.tones import pulsed
from gateway.app import Gateway
from gateway.calls.record import CallRecord
from gateway.config.configuration import Config, parse
from gateway.lab.calm import in_calm
from gateway.lab.gateway_tables import brewery_tables, jitsi_table
from gateway.lab.lab import Lab, LabConfig, Prosody
from gateway.lab.listening import Heard, listen_for
from gateway.lab.phone import PhoneCall, TestPhone
from gateway.lab.relay import LossyRelay
from gateway.lab.speaker import Speaker
from gateway.lab.voice import Voice
from gateway.lab.weather import Weather
from gateway.sip.digest import Credentials

RATE, WIDE_RATE = 8000, 16000
HOST = "127.0.0.1"
PULSE = 0.100  # seconds of silence in every pulsed tone
_HOLE = 0.040  # seconds on top of that: what measuring leaves, and a packet
_SETTLING, _LISTENING = 2.0, 3.0  # seconds

# No DTMF frequency, no multiple of another.
TONES = {
    "phone": 480.0,
    "phone 2": 820.0,
    "ann": 1070.0,
    "bob": 1800.0,
    "cec": 2300.0,
    "dan": 2750.0,
}


def voice_of(name: str, rate: int = RATE) -> Samples:
    """What a phone of that name says."""
    return pulsed(TONES[name], rate=rate)


def rate_of(codec: str) -> int:
    """The rate of what a phone with that codec says and hears."""
    return RATE if codec in ("PCMU", "PCMA") else WIDE_RATE


def heard_in(samples: Samples, rate: int = RATE) -> dict[str, Heard]:
    """Which of the tones are in a recording."""
    found = {name: listen_for(hertz, samples, rate) for name, hertz in TONES.items()}
    return {name: heard for name, heard in found.items() if heard.is_present}


def names_in(samples: Samples, rate: int = RATE) -> set[str]:
    """The names of those who are heard."""
    return set(heard_in(samples, rate))


def gateway_config(lab: Lab, **sections: Any) -> Config:
    """A gateway for the lab; `sections` are laid over it. One process does the work of all."""
    return parse(gateway_tables(lab, **sections))


def gateway_tables(lab: Lab, **sections: Any) -> dict[str, Any]:
    """The tables of its configuration."""
    values: dict[str, Any] = {
        "sip": {"listen": [f"udp:{HOST}:0", f"tcp:{HOST}:0"], "t1": 0.1, "max_stress": 0},
        "media": {"workers": 0, "host": HOST, "bridge_addresses": [HOST]},
        "jitsi": {**jitsi_table(lab), "logins_per_second": 1000},
        "control": {"listen": ""},
        "trunk": {
            "name": "phones",
            "from": ["127.0.0.0/8"],
            "rule": [{"called": r"7(\d+)", "room": r"room\1"}],
        },
    }
    for brewery in brewery_tables(lab):
        values["brewery"] = {**brewery, **sections.pop("brewery", {})}
    for section, keys in sections.items():
        is_table = isinstance(keys, dict)
        values[section] = {**values.get(section, {}), **keys} if is_table else keys
    lists = {name: [values[name]] for name in ("trunk", "brewery") if name in values}
    return {**values, **lists}


@dataclass
class Stage:
    """What a test has at hand."""

    lab: Lab
    gateway: Gateway
    phone: TestPhone
    records: list[CallRecord]
    relays: list[LossyRelay] = field(default_factory=list)

    def uri(self, user: str, transport: str = "udp") -> str:
        """A SIP URI of the gateway."""
        at = next(each for each in self.gateway.sip_addresses if each.transport == transport)
        return f"sip:{user}@{at.host}:{at.port};transport={transport}"

    async def speakers(self, room: str, *names: str) -> dict[str, Speaker]:
        """Lab speakers with their tones."""
        return {
            name: await self.lab.add_speaker(room, name, Voice.of_tone(TONES[name]))
            for name in names
        }

    async def dial(
        self,
        user: str,
        name: str = "phone",
        *,
        transport: str = "udp",
        codec: str = "PCMU",
        weather: Weather | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        credentials: Credentials | None = None,
    ) -> PhoneCall:
        """Call and wait for the answer; with `weather` the media crosses a bad network."""
        call = await self.phone.dial(
            self.uri(user, transport),
            speaks=voice_of(name, rate_of(codec)),
            name=name,
            codec=codec,
            headers=headers,
            credentials=credentials,
        )
        if weather is not None:
            call.through = self._relay(weather)
        await call.answered()
        return call

    def _relay(self, weather: Weather) -> Any:
        async def insert(target: tuple[str, int]) -> tuple[str, int]:
            relay = LossyRelay(target, weather, weather, seed=7)
            self.relays.append(relay)
            return await relay.start(HOST)

        return insert

    async def media_up(self, *calls: PhoneCall) -> None:
        """Return when the bridge carries audio for every call."""
        await eventually(
            lambda: (
                len(self.gateway.switchboard.calls) >= len(calls)
                and all(record.media_at is not None for record in self.gateway.switchboard.calls)
            ),
            "media of every call",
        )

    async def hear_each_other(self, call: PhoneCall, speakers: dict[str, Speaker]) -> None:
        """All hear all others and nobody itself, and the phone without a hole."""
        await asyncio.sleep(_SETTLING)

        async def listen() -> None:
            call.media.frames.clear()
            for speaker in speakers.values():
                speaker.forget()
            await asyncio.sleep(_LISTENING)
            assert names_in(call.media.recording()) == set(speakers)
            for name, speaker in speakers.items():
                heard = heard_in(speaker.mix())
                assert set(heard) == {"phone", *speakers} - {name}
                assert heard["phone"].longest_absence <= PULSE + _HOLE

        await in_calm(self.gateway.engine.clock, listen)

    async def over(self) -> CallRecord:
        """Return when no call is left; the record of the last."""
        await eventually(
            lambda: self.records and not self.gateway.switchboard.calls, "the end of every call"
        )
        return self.records[-1]


async def eventually(condition: Any, what: str, seconds: float = 20.0) -> None:
    """Wait for something that has to come about; how long it takes is not judged."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - many kinds of condition
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} did not come about") from None


@asynccontextmanager
async def stage(
    lab_config: LabConfig | None = None,
    *,
    by_websocket: bool = False,
    prosody: Prosody | None = None,
    **sections: Any,
) -> AsyncIterator[Stage]:
    """A lab, a gateway and a phone; afterwards nothing of them is left, and no rule was broken.

    With `prosody` the conference takes place there.
    """
    before = left_over()
    # As in production: what a test run has loaded would be looked through again and again.
    gc.collect()
    gc.freeze()
    async with AsyncExitStack() as parts:
        lab = await parts.enter_async_context(Lab(lab_config, prosody=prosody))
        records: list[CallRecord] = []
        if by_websocket:
            sections["jitsi"] = {"websocket": lab.web_socket_url, **sections.get("jitsi", {})}
        config = gateway_config(lab, **sections)
        gateway = await parts.enter_async_context(Gateway(config, on_end=records.append))
        phone = await parts.enter_async_context(TestPhone(HOST))
        made = Stage(lab, gateway, phone, records)
        try:
            yield made
        finally:
            for relay in made.relays:
                await relay.close()
        violations = list(lab.violations)
    assert gateway.call_count == 0
    await eventually(lambda: left_over() <= before, f"{left_over()} more than {before}", 5.0)
    assert violations == [], violations


def left_over() -> int:
    """Open sockets and tasks of this process."""
    sockets = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            sockets += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
        except OSError:  # closed meanwhile, the listing itself for one
            continue
    return sockets + len(asyncio.all_tasks())
