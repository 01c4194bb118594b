"""The buttons of the lab's page: each does what it says, and one that cannot says why."""

import asyncio
import json

import pytest

from gateway.lab.troubles import TROUBLES, restart_bridge
from gateway.lab.web_messages import BadMessage, Order, parse_message
from gateway.lab.web_orders import carry_out
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child
from tests.lab.browser import Browser, browsing
from tests.lab.rig import Client, condition
from tests.lab.test_web import SILENCE, Site, site

ROOM = "demo@conference.lab.test"
LOBBY = "demo@lobby.lab.test"


async def state(browser: Browser, key: str, expected: object) -> dict:
    """Return when the page is shown that; all it is shown of the room then."""
    while True:
        await browser.until("room")
        shown = browser.room["state"]
        if shown.get(key) == expected:
            return shown


class _Rig:
    """What a scripted client of `tests.lab.rig` needs, in a lab that is on the network."""

    def __init__(self, at: Site) -> None:
        self.site = at.lab.site
        self.now = 0.0


def knocker(at: Site) -> Client:
    client = Client(_Rig(at))
    client.say(client.presence.knock(LOBBY))
    return client


async def test_the_lobby_is_switched_on_and_guests_are_let_in_or_sent_away() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        await browser.say("order", name="lobby", on=True)
        await state(browser, "lobby", True)
        first, second = knocker(at), knocker(at)
        named = [{"nick": each.nick, "name": "+49 30 1"} for each in (first, second)]
        await state(browser, "knocking", named)
        await browser.say("order", name="deny", nick=second.nick)
        await state(browser, "knocking", named[:1])
        await browser.say("order", name="admit", nick=first.nick)
        await browser.say("order", name="password", text="4711")
        await state(browser, "password", True)
        invitations = [s for s in first.received if s.get("from") == ROOM]
        assert len(invitations) == 1
        await browser.say("order", name="lobby", on=False)
        await browser.say("order", name="password", text="")
        await state(browser, "password", False)
        assert not at.lab.moderator("demo").has_lobby


async def test_the_floor_is_a_moderators() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        bob = at.lab.nick_of(await at.speaker("Bob"))
        await browser.say("order", name="mute", nick=bob)
        while not (await browser.room_with("Ann", "Bob"))["Bob"]["muted"]:
            pass
        await browser.say("order", name="moderation", on=True)
        await state(browser, "moderated", True)
        await browser.say("order", name="approve", nick=bob)
        await state(browser, "approved", [bob])
        await browser.say("order", name="reject", nick=bob)
        await state(browser, "approved", [])
        await browser.say("order", name="moderation", on=False)
        await state(browser, "moderated", False)
        await browser.say("order", name="kick", nick=bob)
        await browser.room_with("Ann")


async def test_a_recording_is_begun_and_ended() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        await browser.say("order", name="record", on=True)
        await state(browser, "recording", "pending")
        await browser.say("order", name="record", on=True)
        assert (await browser.until("error"))["message"] == "already recording"
        await state(browser, "recording", "on")
        await browser.say("order", name="record", on=False)
        await state(browser, "recording", "off")


async def test_somebody_is_sent_to_a_breakout_room_and_back() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        client = Client(_Rig(at))
        client.join()
        await browser.say("order", name="send-away", nick=client.nick)
        (breakout,) = (await state_with_breakout(browser))["breakouts"]
        assert breakout["name"] == "Breakout room"
        moves = [child(s, ns.JITSI_MEET, "json-message") for s in client.received]
        told = [json.loads(m.text) for m in moves if m is not None]
        assert [m["roomJid"] for m in told if "roomJid" in m] == [breakout["jid"]]
        client.leave()  # it hangs up instead
        bob = await at.lab.add_speaker(breakout["jid"], "Bob", SILENCE, listens=False)
        shown = await state_with_people(browser)
        assert [each["name"] for each in shown["breakouts"][0]["people"]] == ["Bob"]
        await browser.say("order", name="send-back", nick=at.lab.nick_of(bob))
        await browser.say("order", name="close-breakouts")
        await state(browser, "breakouts", [])


async def state_with_breakout(browser: Browser) -> dict:
    while not browser.room.get("state", {}).get("breakouts"):
        await browser.until("room")
    return browser.room["state"]


async def state_with_people(browser: Browser) -> dict:
    while not (await state_with_breakout(browser))["breakouts"][0]["people"]:
        await browser.until("room")
    return browser.room["state"]


async def test_the_meeting_is_ended() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        await browser.room_with("Ann")
        await browser.say("order", name="end")
        await browser.room_with()


async def test_every_trouble_is_offered_and_made() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        welcome = await browser.until("welcome")
        assert {each["name"] for each in welcome["troubles"]} == set(TROUBLES)
        assert welcome["own"] is True
        await browser.say("order", name="reservation-error")
        await browser.say("order", name="no-such-thing")
        assert "no-such-thing" in (await browser.until("error"))["message"]
        refused = Client(_Rig(at)).ask_for_conference()
        assert condition(refused) == "service-unavailable"
        assert refused.find(f".//{{{ns.JITSI_FOCUS}}}reservation-error") is not None


@pytest.mark.parametrize(
    "order",
    [
        Order("lobby"),
        Order("moderation"),
        Order("password"),
        Order("mute"),
        Order("admit", nick="nobody"),
        Order("kick", nick="nobody"),
        Order("dance", nick="nobody"),
        Order("lobby", on=False),
        Order("send-back", nick="nobody"),
        Order("record", on=False),
        Order("ban"),
    ],
    ids=str,
)
async def test_an_order_that_cannot_be_carried_out_says_so(order: Order) -> None:
    async with site() as at:
        await at.speaker("Ann")
        with pytest.raises(BadMessage):
            carry_out(at.lab, ROOM, order)
        with pytest.raises(BadMessage):
            carry_out(at.lab, "nowhere@conference.lab.test", order)


async def test_a_bridge_that_comes_back_while_the_focus_is_away_stops_no_clock() -> None:
    async with site() as at:
        await at.speaker("Ann")
        restart_bridge(at.lab, ROOM, back_after=0.0)
        at.lab.focus_leaves(ROOM)
        ticked = asyncio.Event()
        at.lab.after(0.1, ticked.set)
        async with asyncio.timeout(5.0):
            await ticked.wait()
        at.lab.focus_returns(ROOM)


def test_an_order_is_read_strictly() -> None:
    text = json.dumps({"type": "order", "name": "lobby", "on": True})
    assert parse_message(text) == Order("lobby", on=True)
    for wrong in ({}, {"name": 1}, {"name": "x", "nick": 1}, {"name": "x", "on": 1}):
        with pytest.raises(BadMessage):
            parse_message(json.dumps({"type": "order", **wrong}))
