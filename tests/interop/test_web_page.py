"""Chromium on the lab's page: a person there and a phone hear each other.

Screenshots are in a folder of pytest's; `LAB_SCREENSHOTS=folder` keeps them there instead.
"""

import asyncio
import base64
import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from audiocodecs.frames import Samples
from audiocodecs.tones import pulsed
from gateway import logs
from gateway.lab.listening import listen_for
from gateway.lab.narrator import Narrator
from gateway.lab.voice import write_audio
from gateway.lab.web import WebConfig, WebPage
from tests.behaviour.stage import PULSE, RATE, TONES, Stage, eventually, names_in, stage
from tests.helpers.captured_log import log_at_once
from tests.helpers.chromium import Chromium, Page, program

BROWSER = 1400.0
"""The browser's tone: no DTMF frequency, and nobody else's."""

ROOM = "room1"
GAP = 0.2  # seconds of silence allowed beyond the pulse: a browser conceals, and this one is busy


@pytest.fixture(autouse=True)
def chromium_is_there() -> None:
    if program() is None:
        missing = "Chromium is not installed: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """What the browser's person says."""
    file = tmp_path / "microphone.wav"
    write_audio(file, np.tile(pulsed(BROWSER, rate=48000), 100), 48000)
    return file


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("LAB_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def narrator() -> Iterator[Narrator]:
    """The page's timeline, fed as the demo feeds it."""
    made = Narrator(Console(file=io.StringIO()))
    logs.configure("debug", watcher=made.watch)
    yield made
    log_at_once()


@dataclass
class Person:
    """Somebody in front of the page."""

    tab: Page

    async def join(self, name: str, button: str = "join-talk") -> None:
        """Into the room with an unprocessed microphone; returns when audio flows."""
        await self.tab.until(f"!document.getElementById('{button}').disabled")
        await self.tab.evaluate(f"document.getElementById('name').value = '{name}'")
        await self.tab.evaluate("document.getElementById('clean').checked = false")
        await self.click(button)
        await self.flows()

    async def flows(self) -> None:
        await self.tab.until("document.querySelector('.dot').classList.contains('up')")

    async def click(self, button: str) -> None:
        await self.tab.evaluate(f"document.getElementById('{button}').click()")

    async def sees(self, *names: str) -> None:
        """Return when exactly these people are listed."""
        shown = "[...document.querySelectorAll('.who')].map((who) => who.firstChild.data.trim())"
        await self.tab.until(f"{shown}.sort().join() === '{','.join(sorted(names))}'")

    async def is_told_of(self, *names: str) -> None:
        """Return when the offer of all of these has been taken."""
        nicks = "[...document.querySelectorAll('#sounds audio')].map((a) => a.dataset.nick)"
        rows = "[...document.querySelectorAll('.person')]"
        for name in names:
            named = f"(row) => row.querySelector('.who').textContent.startsWith('{name}')"
            await self.tab.until(f"{nicks}.includes({rows}.find({named})?.dataset.nick)")

    async def hears(self, seconds: float = 3.0) -> Samples:
        """What comes out of the page's sounds, recorded by WebAudio at the phone's rate."""
        recorded = await self.tab.evaluate(_RECORD % (RATE, seconds))
        return np.frombuffer(base64.b64decode(recorded), np.int16)


_RECORD = """(async () => {
  const audio = new AudioContext({ sampleRate: %d });
  await audio.resume();
  const tape = audio.createScriptProcessor(1024, 1, 1);
  for (const { srcObject } of document.querySelectorAll('#sounds audio')) {
    audio.createMediaStreamSource(srcObject).connect(tape);
  }
  tape.connect(audio.destination);
  const wanted = %f * audio.sampleRate, samples = [];
  await new Promise((done) => {
    tape.onaudioprocess = ({ inputBuffer }) => {
      for (const value of inputBuffer.getChannelData(0)) samples.push(value * 32767);
      if (samples.length >= wanted) done();
    };
  });
  await audio.close();
  const bytes = new Uint8Array(Int16Array.from(samples).buffer);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
})()"""


@asynccontextmanager
async def web_page(at: Stage, narrator: Narrator, **config: object) -> AsyncIterator[WebPage]:
    at.lab.on_step = lambda who, what: narrator.say("lab", f"{who}: {what}")
    narrator.gateway = frozenset(str(listen) for listen in at.gateway.sip_addresses)
    shown = WebConfig(ROOM, dial=at.uri("71"), **config)
    async with WebPage(at.lab, narrator.steps, shown) as page:
        yield page


def is_heard(name: str, frequency: float, samples: Samples) -> None:
    """A tone is there, with no pause much longer than those it has itself."""
    heard = listen_for(frequency, samples, RATE)
    print(f"{name}: amplitude {heard.amplitude:.0f}, longest pause {heard.longest_absence:.3f} s")
    assert heard.is_present, name
    assert heard.longest_absence < PULSE + GAP, (name, heard)


@pytest.mark.interop
async def test_a_browser_and_a_phone_hear_each_other(
    microphone: Path, shots: Path, narrator: Narrator
) -> None:
    async with (
        stage() as at,
        web_page(at, narrator) as page,
        Chromium(microphone=microphone) as chromium,
    ):
        await at.speakers(ROOM, "ann")
        person = Person(await chromium.open(page.url))
        await person.tab.screenshot(shots / "before.png")
        await person.join("Zoe")
        call = await at.dial("71", "phone")
        await at.media_up(call)
        await person.sees("Zoe", "ann", "phone")
        await person.is_told_of("ann", "phone")
        await asyncio.sleep(1.5)
        heard = await person.hears()
        assert names_in(heard) == {"phone", "ann"}
        is_heard("phone in the browser", TONES["phone"], heard)
        is_heard("browser at the phone", BROWSER, call.media.recording()[-3 * RATE :])

        # What one sees meanwhile.
        tab = person.tab
        phone = "document.querySelector('.person[data-kind=phone]')"
        await tab.until(f"{phone}.classList.contains('speaking')")
        assert await tab.evaluate(f"{phone}.querySelector('.face svg') !== null")
        steps = await tab.evaluate("document.getElementById('steps').innerText")
        assert "phone → INVITE" in steps
        assert "phone ← SIP/2.0 200" in steps
        assert "session-initiate" in steps
        assert await tab.evaluate("document.getElementById('dial-address').textContent")
        for scheme in ("light", "dark"):
            await tab.prefer(scheme)
            await asyncio.sleep(0.3)
            await tab.screenshot(shots / f"call-{scheme}.png")
        await tab.resize(390, 844)
        await asyncio.sleep(0.3)
        await tab.screenshot(shots / "call-narrow.png")
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")

        # Another phone comes, in the place of the first.
        call.hang_up()
        await person.sees("Zoe", "ann")
        second = await at.dial("71", "phone 2")
        await at.media_up(second)
        await person.is_told_of("ann", "phone 2")
        await asyncio.sleep(1.5)
        heard = await person.hears(2.0)
        assert names_in(heard) == {"phone 2", "ann"}
        is_heard("browser at the second phone", BROWSER, second.media.recording()[-2 * RATE :])
        second.hang_up()
        await at.over()


@pytest.mark.interop
async def test_two_browsers_hear_each_other_and_who_is_muted_is_not_heard(
    microphone: Path, narrator: Narrator
) -> None:
    async with (
        stage() as at,
        web_page(at, narrator) as page,
        Chromium(microphone=microphone) as chromium,
    ):
        talker = Person(await chromium.open(page.url))
        await talker.join("Yan")
        listener = Person(await chromium.open(page.url))
        await listener.join("Zoe", "join-listen")
        await listener.is_told_of("Yan")
        await asyncio.sleep(1.5)
        is_heard("one browser in the other", BROWSER, await listener.hears(2.0))
        assert not listen_for(BROWSER, await talker.hears(1.0), RATE).is_present

        await talker.click("mute")
        await listener.tab.until("document.querySelector('.flags').innerText === 'muted'")
        await asyncio.sleep(0.5)
        assert not listen_for(BROWSER, await listener.hears(1.0), RATE).is_present
        await talker.click("mute")
        await asyncio.sleep(1.0)
        is_heard("again", BROWSER, await listener.hears(1.5))

        await talker.click("leave")
        await listener.sees("Zoe")
        assert await talker.tab.evaluate("!document.getElementById('join').hidden")


@pytest.mark.interop
async def test_the_page_says_that_the_lab_is_gone_and_comes_back_with_it(
    microphone: Path, shots: Path, narrator: Narrator
) -> None:
    async with stage() as at, Chromium(microphone=microphone) as chromium:
        ann = (await at.speakers(ROOM, "ann"))["ann"]
        async with web_page(at, narrator) as page:
            port = int(page.url.rstrip("/").rpartition(":")[2])
            person = Person(await chromium.open(page.url))
            await person.join("Zoe")
            await person.sees("Zoe", "ann")
        await person.tab.until("document.getElementById('link').dataset.state === 'lost'")
        orders = "document.querySelectorAll('#moderate, #phones')"
        assert await person.tab.evaluate(f"[...{orders}].every((card) => card.inert)")
        assert len(at.lab.occupants(ROOM)) == 1
        await person.tab.screenshot(shots / "lost.png")
        async with web_page(at, narrator, port=port):
            await person.sees("Zoe", "ann")
            await person.flows()
            assert await person.tab.evaluate(f"![...{orders}].some((card) => card.inert)")
            ann.forget()
            await eventually(
                lambda: listen_for(BROWSER, ann.mix()[-RATE:], RATE).is_present,
                "the browser, heard again",
            )
            assert await person.tab.evaluate("document.getElementById('notice').hidden")

            # Whoever was thrown out stays out, and is told why.
            (nick,) = (each.nick for each in at.lab.occupants(ROOM) if each.display_name == "Zoe")
            at.lab.kick(ROOM, nick, "too loud")
            notice = "document.getElementById('notice').textContent"
            assert "too loud" in await person.tab.until(notice)
            await person.sees("ann")


@pytest.mark.interop
async def test_over_https_a_browser_gives_the_page_its_microphone(
    microphone: Path, narrator: Narrator
) -> None:
    async with (
        stage() as at,
        web_page(at, narrator, host="0.0.0.0") as page,
        Chromium(microphone=microphone) as chromium,
    ):
        ann = (await at.speakers(ROOM, "ann"))["ann"]
        person = Person(await chromium.open(page.url.replace("0.0.0.0", "127.0.0.1")))
        assert await person.tab.evaluate("location.protocol + isSecureContext") == "https:true"
        await person.join("Zoe")
        await eventually(
            lambda: listen_for(BROWSER, ann.mix()[-RATE:], RATE).is_present, "the browser, heard"
        )
