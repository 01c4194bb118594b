"""A gateway that waits in Jicofo's brewery to be told to dial."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element, fromstring

import pytest

from gateway.conference.breweries import Breweries
from gateway.conference.brewery import (
    ENTER_WITHIN,
    UPDATE_INTERVAL,
    BreweryAccount,
    BreweryStats,
    Dial,
)
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause, Sink
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Account, Server
from tests.xmpp.traces import trace
from tests.xmpp.virtual_time import in_virtual_time

ROOM = "jigasibrewery@internal.auth.meet.test"
FOCUS = f"{ROOM}/focus"
ACCOUNT = BreweryAccount(
    "brewery",
    Server("auth.meet.test", None, account=Account("jigasi@auth.meet.test", "secret")),
    ROOM,
    "jitsi",
)
DIAL = (
    "<dial xmlns='urn:xmpp:rayo:1' to='+15550100'>"
    "<header name='JvbRoomName' value='r@conference.meet.test'/></dial>"
)


@dataclass
class Stream:
    """The server's end of a login; lets us in at once unless it does not `answer`."""

    answers: bool = True
    sink: Sink | None = None
    sent: list[Element] = field(default_factory=list)
    is_closed: bool = False

    async def open(self, sink: Sink) -> str:
        self.sink = sink
        return "jigasi@auth.meet.test/abc"

    def send(self, stanza: Element) -> None:
        self.sent.append(stanza)
        if self.answers and stanza.find("{http://jabber.org/protocol/muc}x") is not None:
            self.shows_us()
        if stanza.find("{urn:xmpp:ping}ping") is not None:
            self.deliver(f"<iq xmlns='jabber:client' type='result' id='{stanza.get('id')}'/>")

    async def close(self) -> None:
        self.is_closed = True

    def deliver(self, text: str) -> None:
        assert self.sink is not None
        self.sink.received(fromstring(text))

    def shows_us(self, type_: str = "") -> None:
        nick = self.sent[0].get("to", "").partition("/")[2]
        self.deliver(
            f"<presence xmlns='jabber:client' from='{ROOM}/{nick}' {type_}>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x></presence>"
        )

    def orders(self, sender: str = FOCUS, inside: str = DIAL) -> None:
        self.deliver(f"<iq xmlns='jabber:client' type='set' id='7' from='{sender}'>{inside}</iq>")

    @property
    def answer(self) -> Element:
        (answer,) = [stanza for stanza in self.sent if stanza.get("id") == "7"]
        return answer

    @property
    def stats(self) -> list[dict[str, str]]:
        """What we have told of ourselves, each time."""
        return [
            {stat.get("name", ""): stat.get("value", "") for stat in stanza.findall(".//{*}stat")}
            for stanza in self.sent
            if stanza.tag.endswith("presence")
        ]


@dataclass
class Jicofo:
    """The server that we log in to, again and again."""

    answers: bool = True
    stats: BreweryStats = field(default_factory=lambda: BreweryStats(version="1.0"))
    streams: list[Stream] = field(default_factory=list)
    dialled: list[Dial] = field(default_factory=list)
    failure: Exception | None = None
    takes: float = 0.5

    async def connect(self, server: Server, reception: Reception) -> Connection:
        assert server is ACCOUNT.server
        self.streams.append(Stream(self.answers))
        return await Connection.open(self.streams[-1], reception, anonymous=False)

    async def dial(self, account: BreweryAccount, dial: Dial) -> Element:
        self.dialled.append(dial)
        await asyncio.sleep(self.takes)
        if self.failure is not None:
            raise self.failure
        return dial.reference("r@conference.meet.test/1a2b3c4d")

    @property
    def stream(self) -> Stream:
        return self.streams[-1]


@asynccontextmanager
async def waiting(jicofo: Jicofo, account: BreweryAccount = ACCOUNT) -> AsyncIterator[Breweries]:
    breweries = Breweries(jicofo.dial, lambda: jicofo.stats, jicofo.connect)
    breweries.add(account)
    async with breweries:
        await asyncio.sleep(0.1)
        yield breweries
    assert all(stream.is_closed for stream in jicofo.streams)


@in_virtual_time
async def test_we_say_what_a_real_jigasi_says_of_itself() -> None:
    jicofo = Jicofo()
    async with waiting(jicofo) as breweries:
        assert breweries.present == {"brewery": True}
        (joined,) = [s for s in jicofo.stream.sent if s.tag.endswith("presence")]
        assert joined.get("to", "").startswith(f"{ROOM}/")
        (real,) = [
            entry.stanza
            for entry in trace("dial-out-from-brewery")
            if entry.stanza.find("{*}stats") is not None and entry.stanza.get("from") is None
        ]
        names = {stat.get("name") for stat in real.findall(".//{*}stat")}
        assert set(jicofo.stream.stats[0]) == names
        assert jicofo.stream.stats[0]["supports_sip"] == "true"


@in_virtual_time
async def test_changes_are_told_and_nothing_else() -> None:
    jicofo = Jicofo()
    async with waiting(jicofo):
        await asyncio.sleep(100)
        assert len(jicofo.stream.stats) == 1
        jicofo.stats = replace(jicofo.stats, participants=3, region="eu", graceful_shutdown=True)
        await asyncio.sleep(UPDATE_INTERVAL)
        told = jicofo.stream.stats[-1]
        assert (told["participants"], told["region"]) == ("3", "eu")
        assert told["graceful_shutdown"] == "true"
        second = [s for s in jicofo.stream.sent if s.tag.endswith("presence")][1]
        assert second.find("{http://jabber.org/protocol/muc}x") is None  # that would join again


@in_virtual_time
async def test_what_changes_while_the_room_lets_us_in_is_told_as_well() -> None:
    jicofo = Jicofo(answers=False)
    async with waiting(jicofo):
        jicofo.stats = replace(jicofo.stats, graceful_shutdown=True)
        jicofo.stream.shows_us()
        await asyncio.sleep(UPDATE_INTERVAL + 1)
        assert [told["graceful_shutdown"] for told in jicofo.stream.stats] == ["false", "true"]


@in_virtual_time
async def test_the_focus_has_us_dial_and_is_answered_when_it_is_known() -> None:
    jicofo = Jicofo()
    async with waiting(jicofo):
        jicofo.stream.orders()
        await asyncio.sleep(0.1)
        assert [dial.to for dial in jicofo.dialled] == ["+15550100"]
        assert not [s for s in jicofo.stream.sent if s.get("id") == "7"]
        await asyncio.sleep(1)
        reference = jicofo.stream.answer.find("{urn:xmpp:rayo:1}ref")
        assert reference is not None
        assert reference.get("uri") == "xmpp:r@conference.meet.test/1a2b3c4d"


@pytest.mark.parametrize(
    ("sender", "allowed", "is_obeyed"),
    [
        (FOCUS, (), True),
        (f"{ROOM}/eve", (), False),
        ("focus@auth.meet.test/focus", (), False),
        (f"{ROOM}/eve", (ROOM,), True),
        (f"{ROOM}/eve", (f"{ROOM}/eve",), True),
        (f"{ROOM}/bob", (f"{ROOM}/eve",), False),
    ],
)
def test_only_the_focus_and_who_is_allowed_are_obeyed(
    sender: str, allowed: tuple[str, ...], is_obeyed: bool
) -> None:
    @in_virtual_time
    async def run() -> None:
        jicofo = Jicofo(takes=0.0)
        async with waiting(jicofo, replace(ACCOUNT, allowed=allowed)):
            jicofo.stream.orders(sender)
            await asyncio.sleep(0.1)
            assert bool(jicofo.dialled) is is_obeyed
            refused = jicofo.stream.answer.find(".//{*}forbidden") is not None
            assert refused is not is_obeyed

    run()


@in_virtual_time
async def test_a_mistake_of_ours_is_an_answer_too() -> None:
    jicofo = Jicofo(failure=ValueError("ours"))
    async with waiting(jicofo):
        jicofo.stream.orders()
        await asyncio.sleep(1)
        assert jicofo.stream.answer.find(".//{*}internal-server-error") is not None


@in_virtual_time
async def test_we_come_back_after_an_outage() -> None:
    jicofo = Jicofo()
    async with waiting(jicofo) as breweries:
        assert jicofo.stream.sink is not None
        jicofo.stream.sink.lost(ConnectionFailed(FailureCause.CLOSED, "restarted"))
        await asyncio.sleep(0.1)
        assert breweries.present == {"brewery": False}
        await asyncio.sleep(1)
        assert breweries.present == {"brewery": True}
        jicofo.stream.shows_us("type='unavailable'")
        await asyncio.sleep(5)
        assert breweries.present == {"brewery": True}
        assert len(jicofo.streams) == 3


@pytest.mark.parametrize("type_", ["unavailable", "error"])
@in_virtual_time
async def test_only_the_room_can_put_us_out(type_: str) -> None:
    jicofo = Jicofo()
    async with waiting(jicofo) as breweries:
        jicofo.stream.deliver(
            f"<presence xmlns='jabber:client' from='eve@meet.test/x' type='{type_}'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x></presence>"
        )
        await asyncio.sleep(0.1)
        assert breweries.present == {"brewery": True} and len(jicofo.streams) == 1


@in_virtual_time
async def test_a_brewery_that_is_left_just_as_its_server_goes_is_left() -> None:
    for moments in range(10):
        jicofo = Jicofo()
        async with waiting(jicofo) as breweries, asyncio.timeout(5):
            assert jicofo.stream.sink is not None
            jicofo.stream.sink.lost(ConnectionFailed(FailureCause.CLOSED, "restarted"))
            for _ in range(moments):
                await asyncio.sleep(0)
            assert await breweries.remove("brewery")


@in_virtual_time
async def test_a_room_that_is_not_there_yet_is_tried_less_and_less_often() -> None:
    jicofo = Jicofo(answers=False)
    async with waiting(jicofo) as breweries:
        await asyncio.sleep(ENTER_WITHIN * 4)
        assert 3 <= len(jicofo.streams) <= 4
        assert breweries.present == {"brewery": False}
        jicofo.answers = True
        await asyncio.sleep(120)
        assert breweries.present == {"brewery": True}


@in_virtual_time
async def test_breweries_come_and_go_while_we_run() -> None:
    jicofo = Jicofo()
    async with waiting(jicofo) as breweries:
        with pytest.raises(ValueError, match="already"):
            breweries.add(ACCOUNT)
        breweries.add(replace(ACCOUNT, id="second"))
        await asyncio.sleep(0.1)
        assert breweries.present == {"brewery": True, "second": True}
        assert await breweries.remove("brewery")
        assert not await breweries.remove("brewery")
        assert jicofo.streams[0].is_closed
        assert breweries.present == {"second": True}
