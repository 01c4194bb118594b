"""One call through everything, shown to a person as it happens, and what came of it."""

import asyncio
import ipaddress
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.table import Table

from audiocodecs.frames import Samples
from audiocodecs.opus import OpusDecoder
from gateway import logs
from gateway.app import Gateway
from gateway.calls.record import CallRecord
from gateway.conference.address import RoomAddress
from gateway.config.configuration import Config, parse
from gateway.lab.delay import Tap, delay_between
from gateway.lab.gateway_tables import jitsi_table
from gateway.lab.lab import Lab, LabConfig, Prosody
from gateway.lab.listening import Found, find_speech
from gateway.lab.narrator import Narrator, plain
from gateway.lab.phone import NotAnswered, PhoneCall, TestPhone
from gateway.lab.phone_media import RATE
from gateway.lab.speaker import Speaker
from gateway.lab.voice import Voice, read_audio
from gateway.lab.web import WebConfig, WebPage
from gateway.media.messages import StreamReport
from gateway.rtp.packet import RtpPacket
from gateway.sip.header_values import format_host

ROOM = "demo"
GATEWAY_USER = "jigasi"  # whom the gateway logs in as to be told to dial
WEB_PORT = 8088
_NAMES = ("Ann", "Bob")
_TALK = 12.0  # seconds: everybody gets through what they have to say
_EXCERPT = 2.0  # seconds of speech that are looked for


def voice_file(name: str) -> Path:
    """A spoken WAV of the package: `caller`, `ann` or `bob`."""
    with resources.as_file(resources.files("gateway.lab") / "voices" / f"{name}.wav") as file:
        return file


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds audio spends in the gateway each way; None where nothing could be measured."""

    to_conference: float | None
    to_phone: float | None


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whether one party heard another."""

    listener: str
    speaker: str
    found: Found


async def show(host: str, *, once: bool, web: int | None = None) -> bool:
    """Run the demo, with the lab's page on port `web`; whether everybody heard everybody."""
    console = Console()
    narrator = Narrator(console)
    logs.configure("debug", watcher=narrator.watch)
    async with Lab(LabConfig(host=host)) as lab:
        lab.on_step = lambda who, what: narrator.say("lab", f"{who}: {what}")
        voices = [Voice.of_file(voice_file(name.lower())) for name in _NAMES]
        speakers = [
            await lab.add_speaker(ROOM, name, voice)
            for name, voice in zip(_NAMES, voices, strict=True)
        ]
        records: list[CallRecord] = []
        async with Gateway(demo_config(lab, host), on_end=records.append) as gateway:
            narrator.gateway = frozenset(str(listen) for listen in gateway.sip_addresses)
            first = gateway.sip_addresses[0]
            address = f"sip:{ROOM}@{format_host(first.host)}:{first.port}"
            async with _web_page(lab, narrator, web, address) as url:
                narrator.say("demo", f"the test phone calls {address}")
                good = await _call_and_judge(console, lab, gateway, speakers, address, records)
                if not once:
                    await _stay_up(console, address, url)
    return good


@asynccontextmanager
async def _web_page(
    lab: Lab, narrator: Narrator, port: int | None, address: str
) -> AsyncIterator[str | None]:
    """The lab's page and its URL; the demo goes on without it where the port is taken."""
    async with AsyncExitStack() as stack:
        url = None
        if port is not None:
            config = WebConfig(ROOM, lab.config.host, port, dial=address)
            try:
                url = (await stack.enter_async_context(WebPage(lab, narrator.steps, config))).url
            except OSError as error:
                narrator.say("demo", f"no web page (--web chooses another port): {error.strerror}")
            else:
                narrator.say("demo", f"a browser can join at {url}")
        yield url


def demo_config(lab: Lab, host: str) -> Config:
    """A gateway for the lab: any phone of this machine, or of `host`'s networks, may call."""
    local = ["127.0.0.0/8", "::1"]
    if not ipaddress.ip_address(host).is_loopback:
        local += ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10", host]
    return parse(
        {
            "sip": {"listen": [f"{each}:{format_host(host)}:5060" for each in ("udp", "tcp")]},
            "media": {"workers": 0, "host": host, "bridge_addresses": [host]},
            "jitsi": jitsi_table(lab),
            "control": {"listen": ""},
            "trunk": [{"name": "demo", "from": local, "default_room": ROOM}],
        }
    )


async def _call_and_judge(
    console: Console,
    lab: Lab,
    gateway: Gateway,
    speakers: list[Speaker],
    address: str,
    records: list[CallRecord],
) -> bool:
    said = read_audio(voice_file("caller"), RATE)
    async with TestPhone(gateway.sip_addresses[0].host, name="Caller") as phone:
        call = await phone.dial(address, speaks=said)
        call.media.said, call.media.arrived = Tap(RATE), Tap(RATE)
        try:
            await call.answered()
        except NotAnswered as refusal:
            console.print(f"[red]the call was not answered: {refusal}[/]")
            return False
        with tapped_bridge(lab) as taps:
            await asyncio.sleep(_TALK)
        hearings = list(_judge(call, speakers, said))
        delays = _delays(call, speakers[0], taps, lab)
        for speaker in speakers:  # there may be days to come
            speaker.stop_listening()
        call.hang_up()
        await asyncio.wait_for(gateway.switchboard.emptied(), 10)
    _print_result(console, hearings, records[-1], delays)
    for violation in lab.violations:
        console.print(f"[red]rule {violation.rule} broken by {violation.who}: {violation.what}[/]")
    return all(hearing.found.is_present for hearing in hearings) and not lab.violations


def _judge(call: PhoneCall, speakers: list[Speaker], said: Samples) -> Iterator[Hearing]:
    """Who heard whom, by looking for what was said in what was recorded."""
    for speaker in speakers:
        spoken = read_audio(voice_file(speaker.name.lower()), RATE)
        yield Hearing("Caller", speaker.name, _find(spoken, call.media.recording()))
        yield Hearing(speaker.name, "Caller", _find(said, speaker.mix()))


def _find(spoken: Samples, recording: Samples) -> Found:
    length = round(_EXCERPT * RATE)
    excerpts = (spoken[at : at + length] for at in range(0, len(spoken) - length, length))
    found = (find_speech(excerpt, recording, RATE) for excerpt in excerpts)
    return max(found, key=lambda each: each.likeness, default=Found(0.0, 0.0))


@contextmanager
def tapped_bridge(lab: Lab) -> Iterator[dict[int, Tap]]:
    """What the bridge forwards meanwhile, decoded as it passes: a tap for each source."""
    taps: dict[int, Tap] = {}
    decoders: dict[int, OpusDecoder] = {}
    loop = asyncio.get_running_loop()

    def hear(packet: RtpPacket) -> None:
        decoder = decoders.setdefault(packet.ssrc, OpusDecoder(RATE))
        tap = taps.setdefault(packet.ssrc, Tap(RATE))
        tap.put(decoder.decode(packet.payload), loop.time())

    lab.bridge.add_speaker(lab.room_jid(ROOM), "tap", hear)
    try:
        yield taps
    finally:
        lab.bridge.remove_speaker(lab.room_jid(ROOM), "tap")


def _delays(call: PhoneCall, speaker: Speaker, taps: dict[int, Tap], lab: Lab) -> Delays:
    """What the gateway adds each way: between the phone's socket and the bridge."""
    own = lab.own_ssrcs(ROOM)
    from_phone = next((tap for ssrc, tap in taps.items() if ssrc not in own), None)
    said, arrived = call.media.said, call.media.arrived
    assert said is not None and arrived is not None
    return Delays(
        to_conference=delay_between(said, from_phone) if from_phone is not None else None,
        to_phone=delay_between(taps[speaker.ssrc], arrived) if speaker.ssrc in taps else None,
    )


def _print_result(
    console: Console,
    hearings: list[Hearing],
    record: CallRecord,
    delays: Delays,
) -> None:
    table = Table("who", "hears", "likeness", title="Who heard whom")
    for hearing in hearings:
        verdict = f"{hearing.found.likeness:.2f}" if hearing.found.is_present else "not at all"
        table.add_row(hearing.listener, hearing.speaker, verdict)
    console.print(table)
    report = record.report
    rows = {
        "answered after": f"{record.setup_time * 1000:.0f} ms",
        "audio after": f"{record.media_time * 1000:.0f} ms",
        "lost from the phone": _loss(report.from_phone),
        "lost from the bridge": _loss(report.from_bridge),
        "phone to conference": _milliseconds(delays.to_conference),
        "conference to phone": _milliseconds(delays.to_phone),
    }
    for name, value in rows.items():
        console.print(f"{name:>22}: {value}", highlight=False)


def _milliseconds(delay: float | None) -> str:
    return f"{delay * 1000:.0f} ms in the gateway" if delay is not None else "not measured"


def _loss(report: StreamReport) -> str:
    return f"{report.lost} of {report.packets + report.lost} packets"


async def _stay_up(console: Console, address: str, url: str | None) -> None:
    """Until Ctrl-C; calls go on being served, and told of."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    console.print(f"\nThe lab stays up. A phone can dial [bold]{plain(address)}[/],", end=" ")
    if url is not None:
        console.print(f"a browser can join at [bold]{plain(url)}[/],", end=" ")
    console.print("Ctrl-C ends it.")
    if url is not None and url.startswith("https:"):
        console.print("The browser will warn: the page's certificate is the lab's own.")
    await stopping.wait()


async def keep_lab(
    host: str,
    port: int,
    room: str,
    speakers: int,
    web: int | None = None,
    prosody: Prosody | None = None,
) -> None:
    """Run the lab alone until Ctrl-C, with speakers in a room, and say how to reach it.

    With `web` there is its page on that port, with `prosody` it takes place there. OSError: it
    cannot listen somewhere; ConnectionFailed: Prosody does not let its focus in; ConferenceError:
    there can be no such room.
    """
    console = Console()
    narrator = Narrator(console)
    accounts = {GATEWAY_USER: secrets.token_urlsafe(9)} if prosody is None else {}
    config = LabConfig(host=host, xmpp_port=port, accounts=accounts)
    # Where a gateway goes that is told the same name.
    room = RoomAddress.parse(room, (config.site.muc_domain,)).name
    async with Lab(config, prosody=prosody) as lab:
        lab.on_step = lambda who, what: narrator.say("lab", f"{who}: {what}")
        for number in range(speakers):
            voice = Voice.of_file(voice_file(_NAMES[number % 2].lower()))
            name = f"{_NAMES[number % 2]} {number + 1}"
            await lab.add_speaker(room, name, voice, listens=False)
        console.print(plain(jitsi_section(lab)), highlight=False)
        console.print(plain(brewery_section(lab)), highlight=False)
        async with AsyncExitStack() as stack:
            url = None
            if web is not None:
                page = WebPage(lab, narrator.steps, WebConfig(room, host, web))
                url = (await stack.enter_async_context(page)).url
            await _stay_up(console, f"room {room}", url)


def brewery_section(lab: Lab) -> str:
    """What a gateway's configuration says of the room in which it waits to be told to dial."""
    host, port = lab.xmpp_address
    user = next(iter(lab.config.accounts), GATEWAY_USER)
    password = lab.config.accounts.get(user, "PASSWORD")
    return f"""[[brewery]]
user = "{user}@{lab.config.site.auth_domain}"
password = "{password}"
room = "{lab.brewery}"
host = "{host}"
port = {port}
"""


def jitsi_section(lab: Lab) -> str:
    """What a gateway's configuration says of the lab."""
    host, port = lab.xmpp_address
    trusted = f'ca_file = "{lab.ca_file}"' if lab.ca_file is not None else f'tls = "{lab.tls}"'
    return f"""[jitsi]
domain = "{lab.domain}"
host = "{host}"
port = {port}
{trusted}
muc_domains = ["{lab.muc_domain}"]
focus = "{lab.focus_jid}"
"""
