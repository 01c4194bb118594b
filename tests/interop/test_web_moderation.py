"""Chromium on the lab's page: a moderator's buttons, and a phone that follows them."""

import asyncio
from pathlib import Path

import pytest

from gateway.lab.narrator import Narrator
from tests.behaviour.meeting import ROOM, USER, hears, phone_hears
from tests.behaviour.stage import eventually, stage
from tests.helpers.chromium import Chromium, Page
from tests.interop.test_web_page import chromium_is_there, microphone, narrator, shots, web_page

__all__ = ["chromium_is_there", "microphone", "narrator", "shots"]  # fixtures

pytestmark = pytest.mark.interop


async def press(tab: Page, words: str, within: str = "body") -> None:
    """Press the button that says that, once it is there and may be pressed."""
    buttons = f"[...document.querySelectorAll('{within} button')]"
    usable = "!b.disabled && !b.closest('[inert]')"
    found = f"{buttons}.find((b) => b.textContent.trim() === '{words}' && {usable})"
    await tab.until(f"{found} !== undefined")
    await tab.evaluate(f"{found}.click()")


async def test_a_moderator_at_the_page_lets_a_phone_in_mutes_it_and_sends_it_away(
    microphone: Path,
    shots: Path,
    narrator: Narrator,
) -> None:
    async with (
        stage() as at,
        web_page(at, narrator) as page,
        Chromium(microphone=microphone) as chromium,
    ):
        ann = (await at.speakers(ROOM, "ann"))["ann"]
        tab = await chromium.open(page.url)
        await press(tab, "Lobby")
        await tab.until("document.querySelector('[data-order=lobby]').ariaPressed === 'true'")
        call = await at.dial(USER)
        await press(tab, "Let in", "#knocking")
        await at.media_up(call)
        await asyncio.gather(phone_hears(call, {"ann"}), hears(ann, {"phone"}))

        await asyncio.sleep(0.5)  # to be let in took four presences, and four a second is the limit
        phone = ".person[data-kind=phone]"
        await press(tab, "Audio moderation")
        await tab.until(f"document.querySelector('{phone} .flags').innerText === 'muted'")
        call.media.press("*6")
        await tab.until(f"document.querySelector('{phone} .flags').innerText === 'hand raised'")
        await press(tab, "Recording")
        await tab.evaluate(f"document.querySelector('{phone} .menu').open = true")
        for scheme in ("light", "dark"):
            await tab.prefer(scheme)
            await asyncio.sleep(0.3)
            await tab.screenshot(shots / f"moderate-{scheme}.png")
        await press(tab, "Let speak", phone)
        await tab.until(f"document.querySelector('{phone} .flags').innerText !== 'hand raised'")
        call.media.press("*6")
        await hears(ann, {"phone"})

        await press(tab, "Audio moderation")
        await press(tab, "To the breakout room", phone)
        await tab.until("document.querySelector('#breakout li') !== null")
        await tab.resize(390, 1600)
        await asyncio.sleep(1.0)  # each way takes two presences and more
        await tab.screenshot(shots / "moderate-narrow.png")
        assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await press(tab, "Send back", "#breakout")
        await hears(ann, {"phone"})
        await asyncio.sleep(1.0)
        await press(tab, "To the breakout room", phone)
        await tab.until("document.querySelector('#breakout li') !== null")
        await asyncio.sleep(1.0)
        await press(tab, "Close it: everybody back")
        await hears(ann, {"phone"})

        await press(tab, "Remove", phone)
        async with asyncio.timeout(20):
            (reason,) = await call.ended()
        assert reason.cause == 403
        await eventually(lambda: len(at.lab.occupants(ROOM)) == 1, "Ann alone")
