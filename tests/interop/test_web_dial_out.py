"""Chromium on the lab's page: a number is called, shown, sent keys, and hung up."""

import asyncio
from pathlib import Path

import pytest

from gateway.lab.narrator import Narrator
from tests.behaviour.dialling import dialling, ended, soon_gone
from tests.behaviour.meeting import hears
from tests.behaviour.stage import eventually, voice_of
from tests.helpers.chromium import Chromium, Page
from tests.interop.test_web_moderation import press
from tests.interop.test_web_page import chromium_is_there, microphone, narrator, shots, web_page

__all__ = ["chromium_is_there", "microphone", "narrator", "shots", "soon_gone"]  # fixtures

pytestmark = pytest.mark.interop


async def call_number(tab: Page, number: str) -> None:
    """Fill the form in and send it."""
    await tab.evaluate(
        "(() => { const form = document.querySelector('#phones form');"
        f"form.number.value = '{number}'; form.requestSubmit(); }})()"
    )


async def shown(tab: Page, status: str) -> None:
    """Return when the phone called last is shown with that status."""
    last = "[...document.querySelectorAll('#phones li .status')].at(-1)"
    await tab.until(f"{last}?.textContent === '{status}'")


async def test_a_number_is_called_from_the_page_sent_keys_and_hung_up(
    microphone: Path, shots: Path, narrator: Narrator, soon_gone: None
) -> None:
    async with (
        dialling() as it,
        web_page(it.scene, narrator) as page,
        Chromium(microphone=microphone) as chromium,
    ):
        tab = await chromium.open(page.url)
        await call_number(tab, "+49 30 1234")
        call = await it.called()
        call.ring()
        await shown(tab, "Ringing")
        await call.answer(voice_of("phone"))
        await shown(tab, "Connected")
        await it.scene.media_up(call)
        await hears(it.ann, {"phone"})
        await tab.evaluate("document.querySelector('#phones li details').open = true")
        await press(tab, "5", "#phones")
        assert call.media is not None
        media = call.media
        await eventually(lambda: [each.digit for each in media.pressed] == ["5"], "a 5")
        await tab.screenshot(shots / "dial-out.png")
        await press(tab, "Hang up", "#phones")
        assert await ended(call) == 200

        await asyncio.sleep(0.5)
        await call_number(tab, "+49 30 99")
        second = await it.called()
        second.refuse(603)
        await shown(tab, "Declined")
