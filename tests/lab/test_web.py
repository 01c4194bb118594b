"""The lab's page as a browser's messages meet it; a real browser is tests/interop/test_web_page."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from gateway.lab.lab import Lab, LabConfig
from gateway.lab.lab_occupant import LabOccupant
from gateway.lab.muc_stanzas import Occupant
from gateway.lab.steps import Steps
from gateway.lab.voice import Voice
from gateway.lab.web import WebConfig, WebPage, page_files
from gateway.lab.web_messages import MAX_MESSAGE, BadMessage, Join, parse_message
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from tests.lab.browser import browsing

SILENCE = Voice.of_silence()


@dataclass
class Site:
    """A lab with a page."""

    lab: Lab
    steps: Steps
    page: WebPage

    async def speaker(self, name: str, voice: Voice = SILENCE):
        return await self.lab.add_speaker("demo", name, voice, listens=False)


@asynccontextmanager
async def site(**config: object) -> AsyncIterator[Site]:
    """The page on any port; afterwards nothing of it is left."""
    before = asyncio.all_tasks()
    steps = Steps(lambda: 0.0)
    async with Lab(LabConfig(starttls=False), on_step=steps.tell) as lab:
        async with WebPage(lab, steps, WebConfig("demo", **config)) as page:
            yield Site(lab, steps, page)
        assert lab.bridge.clients == 0
        assert lab.violations == []
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_a_page_that_opens_is_told_the_room_the_address_and_what_has_happened() -> None:
    async with site(dial="sip:demo@127.0.0.1:5060") as at:
        await at.speaker("Ann")
        async with browsing(at.page.url) as browser:
            welcome = await browser.until("welcome")
            assert (welcome["room"], welcome["dial"]) == ("demo", "sip:demo@127.0.0.1:5060")
            assert any(step["what"].endswith("as Ann") for step in welcome["steps"])
            occupants = await browser.room_with("Ann")
            assert occupants["Ann"]["kind"] == "speaker"
            at.steps.tell("SIP", "phone -> INVITE sip:x SIP/2.0")
            step = await browser.until("step")
            assert (step["who"], step["what"]) == ("SIP", "phone -> INVITE sip:x SIP/2.0")


async def test_a_browser_joins_as_an_occupant_whose_source_is_signalled_and_goes() -> None:
    async with site() as at:
        ann = await at.speaker("Ann")
        async with browsing(at.page.url) as browser:
            nick = await browser.join("Zoe", ssrc=4711)
            occupants = await browser.room_with("Ann", "Zoe")
            assert occupants["Zoe"] == {
                "nick": nick,
                "name": "Zoe",
                "kind": "browser",
                "muted": False,
                "moderator": False,
                "hand": False,
                "connected": False,
            }
            assert {s.ssrc for s in at.lab.sources("demo") if s.owner == nick} == {4711}
            assert at.lab.endpoint("demo", nick).gate.ssrcs == {4711}
            assert at.lab.own_ssrcs("demo") == {4711, ann.ssrc}
            await browser.say("leave")
            assert (await browser.until("removed"))["reason"] == "you have left"
            await browser.room_with("Ann")
            assert at.lab.bridge.clients == 0


async def test_the_offer_names_everybody_who_speaks_and_only_a_candidate_that_works() -> None:
    async with site() as at:
        ann = await at.speaker("Ann")
        async with browsing(at.page.url) as browser:
            await browser.say("join", name="Zoe", muted=False)
            offer = await browser.until("offer")
            assert offer["owners"] == {"1": at.lab.nick_of(ann)}
            assert f"a=ssrc:{ann.ssrc} cname:{at.lab.nick_of(ann)}" in offer["sdp"]
            host, port = at.lab.bridge.address
            lines = [line for line in offer["sdp"].splitlines() if "candidate:" in line]
            assert set(lines) == {f"a=candidate:1 1 udp 2130706431 {host} {port} typ host"}


async def test_who_comes_later_is_offered_and_who_goes_is_no_longer() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        await browser.join("Zoe", ssrc=4711)
        await browser.room_with("Ann", "Zoe")
        bob = await at.speaker("Bob")
        offer = await browser.until("offer")
        assert offer["owners"]["2"] == at.lab.nick_of(bob)
        await browser.answer(offer, ssrc=4711)
        await browser.room_with("Ann", "Bob", "Zoe")
        at.lab.remove_speaker(bob)
        offer = await browser.until("offer")
        assert set(offer["owners"]) == {"1"}
        assert "a=inactive" in offer["sdp"]


async def test_two_browsers_are_in_the_room_and_offered_each_other() -> None:
    async with site() as at, browsing(at.page.url) as one, browsing(at.page.url) as two:
        yan = await one.join("Yan", ssrc=1001)
        zoe = await two.join("Zoe", ssrc=1002)
        await two.room_with("Yan", "Zoe")
        assert (await one.until("offer"))["owners"] == {"1": zoe}
        assert at.lab.own_ssrcs("demo") == {1001, 1002}
        assert yan != zoe


async def test_when_the_socket_closes_the_browser_is_out_of_the_room() -> None:
    async with site() as at, browsing(at.page.url) as watcher:
        async with browsing(at.page.url) as browser:
            await browser.join("Zoe", ssrc=4711)
            await watcher.room_with("Zoe")
        await watcher.room_with()


async def test_muting_is_seen_by_everybody_and_a_moderator_can_order_it() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        nick = await browser.join("Zoe", ssrc=4711, muted=True)
        assert (await browser.room_with("Ann", "Zoe"))["Zoe"]["muted"]
        await browser.say("mute", muted=False)
        while (await browser.room_with("Ann", "Zoe"))["Zoe"]["muted"]:
            pass
        at.lab.mute("demo", nick)
        await browser.until("muted")
        assert (await browser.room_with("Ann", "Zoe"))["Zoe"]["muted"]


@pytest.mark.parametrize("time", ["now", "9" * 5000])
def test_a_hand_that_was_raised_at_no_time_is_down(time: str) -> None:
    hand = element(ns.CLIENT, "jitsi_participant_raisedHand", text=time)
    occupant = Occupant("1a2b3c4d", "user@lab.test/r", "participant", "none", [hand])
    assert LabOccupant.of(occupant).hand_raised_at is None


async def test_whoever_is_thrown_out_is_told_why_and_can_come_back() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        nick = await browser.join("Zoe", ssrc=4711)
        await browser.room_with("Ann", "Zoe")
        at.lab.kick("demo", nick, "too loud")
        assert (await browser.until("removed"))["reason"] == "you were removed: too loud"
        await browser.join("Zoe", ssrc=4712)
        await browser.room_with("Ann", "Zoe")


async def test_a_room_that_lets_nobody_in_says_so() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        at.lab.set_password("demo", "secret")
        await browser.join("Zoe", ssrc=4711)
        assert "not-authorized" in (await browser.until("removed"))["reason"]
        assert at.lab.bridge.clients == 0


async def test_a_browser_that_does_not_speak_as_it_should_is_not_a_violation() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await at.speaker("Ann")
        nick = await browser.join("Zoe", ssrc=4711)
        await browser.room_with("Ann", "Zoe")
        at.lab._blame(37, nick, "reports late")
        assert at.lab.violations == []


async def test_levels_are_those_the_senders_state() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        ann = await at.speaker("Ann", Voice.of_tone(440.0))
        await at.speaker("Quiet")
        nick = at.lab.nick_of(ann)
        while nick not in browser.room["levels"]:
            await browser.room_with("Ann", "Quiet")
        assert set(browser.room["levels"]) == {nick}
        assert 10 < browser.room["levels"][nick] < 30


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 50_000,
        '"join"',
        "{}",
        '{"type": 7}',
        '{"type": ["join"]}',
        '{"type": "constructor"}',
        '{"type": "join"}',
        '{"type": "join", "name": 7, "muted": false}',
        '{"type": "join", "name": "Zoe", "muted": 0}',
        '{"type": "join", "name": "  \\u0000 ", "muted": false}',
        '{"type": "answer", "id": 1, "sdp": "v=0"}',
        '{"type": "answer", "id": true, "sdp": "v=0"}',
        '{"type": "mute", "muted": true}',
    ],
)
async def test_nonsense_is_answered_with_an_error_and_the_page_goes_on(nonsense: str) -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await browser.socket.send_str(nonsense)
        assert (await browser.until("error"))["message"]
        await browser.join("Zoe", ssrc=4711)
        await browser.room_with("Zoe")


async def test_an_answer_that_is_none_leaves_the_offer_open() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        ann = await at.speaker("Ann")
        await browser.say("join", name="Zoe", muted=False)
        offer = await browser.until("offer")
        await browser.say("answer", id=1, sdp="\ud800v=0")
        await browser.until("error")
        await browser.answer({**offer, "id": 2}, ssrc=4711)
        assert "no offer 2" in (await browser.until("error"))["message"]
        await browser.answer(offer, ssrc=ann.ssrc)
        assert "somebody else's" in (await browser.until("error"))["message"]
        await browser.say("join", name="Zoe", muted=False)
        assert "already" in (await browser.until("error"))["message"]
        await browser.answer(offer, ssrc=4711)
        await browser.room_with("Ann", "Zoe")


async def test_binary_is_refused_and_what_is_too_large_ends_the_socket() -> None:
    async with site() as at, browsing(at.page.url) as browser:
        await browser.socket.send_bytes(b"{}")
        assert "only text" in (await browser.until("error"))["message"]
        await browser.socket.send_str(" " * (MAX_MESSAGE + 1))
        with pytest.raises(aiohttp.WSMessageTypeError):
            await browser.until("error")
        assert browser.socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


def test_a_name_is_one_line_that_can_be_shown() -> None:
    told = '{"type": "join", "name": " Zo\\u00eb\\n\\u202e\\ud800 <b> ", "muted": true}'
    assert parse_message(told) == Join("Zoë <b>", True)
    with pytest.raises(BadMessage, match="60"):
        parse_message(f'{{"type": "join", "name": "{"x" * 61}", "muted": true}}')


# The page itself.


async def test_everything_the_page_needs_comes_from_the_lab() -> None:
    async with site() as at, aiohttp.ClientSession() as session:
        for name in ("", *page_files()):
            async with session.get(at.page.url + name) as answer:
                assert answer.status == 200
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                text = await answer.text()
            assert "https://" not in text
            assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        for name in ("nothing.js", "..%2Fweb.py", "web.py"):
            async with session.get(at.page.url + name) as answer:
                assert answer.status == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_pages_from_elsewhere_cannot_listen_in(origin: str) -> None:
    async with site() as at, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{at.page.url}socket", headers={"Origin": origin})
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 403), ("[", 403), ("localhost:1", 200), ("[::1]", 200), ("10.0.0.7", 200)],
)
async def test_a_foreign_name_for_this_machine_is_refused(host: str, status: int) -> None:
    async with site() as at, aiohttp.ClientSession() as session:
        answer = await session.get(at.page.url, headers={"Host": host})
        assert answer.status == status
        await answer.read()


async def test_beyond_this_machine_it_is_https_with_a_certificate_of_its_own() -> None:
    async with site(host="0.0.0.0") as at, aiohttp.ClientSession() as session:
        assert at.page.url.startswith("https://0.0.0.0:")
        url = at.page.url.replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        async with session.get(url, ssl=trusting) as answer:
            assert answer.status == 200


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_behind() -> None:
    async with site() as at:
        port = int(at.page.url.rstrip("/").rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            async with WebPage(at.lab, at.steps, WebConfig("demo", port=port)):
                pass


def test_steps_are_told_as_they_come_and_remembered() -> None:
    times = iter([10.0, 10.5, 12.0])
    steps = Steps(lambda: next(times))
    told: list[str] = []
    stop = steps.watch(lambda step: told.append(step.what))
    steps.tell("SIP", "one")
    stop()
    steps.tell("SIP", "two")
    assert told == ["one"]
    assert [(step.at, step.what) for step in steps.past] == [(0.5, "one"), (2.0, "two")]
