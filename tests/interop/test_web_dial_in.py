"""A page in Chromium asks for number and PIN as Jitsi's own page does, from another origin."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.ivr.dial_in import DialIn, DialInConfig
from gateway.ivr.dial_in_http import DialInHttpConfig
from gateway.ivr.phone_numbers import PhoneNumber
from tests.helpers.chromium import Chromium, Page, program

pytestmark = pytest.mark.interop

VOICE = Path(__file__).parents[2] / "gateway" / "lab" / "voices" / "ann.wav"
MUC = "conference.meet.example.org"
NUMBERS = (
    PhoneNumber("DE", "+49 30 5550100"),
    PhoneNumber("AT", "+43 1 5550100", default=True),
)

# What the page does (react/features/invite): both at once, with names that are not encoded; it
# needs `conference` and `id`, and shows the number with `default`, the PIN in three groups.
ASK = """
(async () => {
    const get = async url => {
        const answer = await fetch(url);
        const told = await answer.json();
        if (!answer.ok) throw new Error(told.message);
        return told;
    };
    const [numbers, mapping] = await Promise.all([
        get(`%(base)s/phoneNumberList?conference=%(room)s@%(muc)s`),
        get(`%(base)s/conferenceMapper?conference=%(room)s@%(muc)s&url=${location.href}`)
    ]);
    if (!mapping.conference || !mapping.id) throw new Error(mapping.message);
    const pin = mapping.id.toString(), part = Math.ceil(pin.length / 3);
    return {
        number: (numbers.find(each => each.default) || numbers[0]).formattedNumber,
        countries: numbers.map(each => each.countryCode.toUpperCase()),
        room: mapping.conference,
        pin: [0, part, 2 * part].map(at => pin.substring(at, at + part)).join(' ')
    };
})().catch(error => String(error))
"""


@pytest.fixture(autouse=True)
def chromium_is_there() -> None:
    if program() is None:
        missing = "Chromium is not installed: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)


@asynccontextmanager
async def a_web_server() -> AsyncIterator[str]:
    """A page without anything; its origin."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Meeting</title>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/{name:.*}", page)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def served(room: str) -> str | None:
    return room.lower() if room.lower().endswith(f"@{MUC}") else None


async def test_the_page_of_the_installation_shows_number_and_pin_and_no_other_page_does(
    tmp_path: Path,
) -> None:
    async with a_web_server() as ours, a_web_server() as another:
        http = DialInHttpConfig(("127.0.0.1", 0), origins=frozenset({ours}))
        config = DialInConfig(tmp_path / "pins", http, numbers=NUMBERS)
        async with DialIn(config, served) as dial_in, Chromium(microphone=VOICE) as browser:

            async def ask(page: Page, room: str, muc: str = MUC) -> Any:
                values = {"base": dial_in.server.url, "room": room, "muc": muc}
                return await page.evaluate(ASK % values)

            page = await browser.open(f"{ours}/StandUp?jwt=x")
            shown = await ask(page, "StandUp")
            assert shown["number"] == "+43 1 5550100"
            assert shown["countries"] == ["DE", "AT"]
            assert shown["room"] == f"standup@{MUC}"
            assert [len(group) for group in shown["pin"].split()] == [3, 3, 3]
            assert await ask(page, "standup") == shown, "everybody is shown the same"
            assert "no PIN here" in await ask(page, "standup", "elsewhere.example.org")
            other = await browser.open(f"{another}/StandUp")
            assert "Failed to fetch" in await ask(other, "StandUp")
