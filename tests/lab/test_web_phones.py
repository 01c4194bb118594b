"""The lab's page has phones called: a number, what becomes of it, keys, and its end."""

import pytest

from gateway.lab.web_messages import BadMessage, Order
from gateway.lab.web_orders import carry_out
from tests.lab.browser import Browser, browsing
from tests.lab.test_web import site

ROOM = "demo@conference.lab.test"


async def shown(browser: Browser, status: str) -> dict:
    """Return when the page is shown a phone with that status; the phone."""
    while True:
        await browser.until("room")
        for phone in browser.room["state"]["phones"]:
            if phone["status"] == status:
                return phone


async def test_without_a_gateway_the_page_says_that_nobody_is_called() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        await browser.say("order", name="dial", text="+49 30 1")
        phone = await shown(browser, "not called: service-unavailable")
        assert phone["number"] == "+49 30 1"
        assert (phone["active"], phone["keys"], phone["reference"]) == (False, False, None)


async def test_orders_that_cannot_be_carried_out_say_why() -> None:
    async with site() as at:
        with pytest.raises(BadMessage, match="join it"):
            carry_out(at.lab, ROOM, Order("dial", text="+49 30 1"))
        await at.speaker("Ann")
        carry_out(at.lab, ROOM, Order("dial", text="+49 30 1"))
        (phones,) = at.lab.phones_out(ROOM).values()
        for order in (Order("hang-up", text="nobody"), Order("press", nick="nobody", text="1")):
            with pytest.raises(BadMessage, match="not there"):
                carry_out(at.lab, ROOM, order)
        with pytest.raises(BadMessage, match="keys are"):
            carry_out(at.lab, ROOM, Order("press", nick=phones.all[0].id, text="hello"))
