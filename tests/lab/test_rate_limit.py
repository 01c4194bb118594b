"""Jitsi's limits, as the lab's server has them: nobody is refused, who hurries waits."""

import asyncio
from contextlib import AsyncExitStack
from xml.etree.ElementTree import Element

import pytest

from gateway.lab.lab import Lab, LabConfig
from gateway.lab.lab_config import RateLimit
from gateway.lab.rate_limit import JoinQueue, RateLimiter
from gateway.xmpp import namespaces as ns
from gateway.xmpp.client import connect, stream_to
from gateway.xmpp.connection import ConnectionFailed
from gateway.xmpp.element import element
from gateway.xmpp.stanza import iq
from tests.behaviour.stage import eventually
from tests.lab.test_xmpp_server import RECEPTION, join, server_of

ROOM = "demo@conference.lab.test"
MUC_DOMAIN = "conference.lab.test"
KINDS = {"presence": 4, "iq": 10, "message": 3}


def stanza(kind: str) -> Element:
    return element(ns.CLIENT, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_over_the_limit_a_session_is_slow_for_a_minute(kind: str) -> None:
    session = RateLimiter(RateLimit()).arrived("192.0.2.1", 100.0)
    for _ in range(KINDS[kind]):
        session.count(stanza(kind), 100.5)
    assert session.pause(1000, 100.5) == 0
    session.count(stanza(kind), 101.4)
    assert session.pause(1000, 101.4) == 5.0
    assert session.pause(1000, 161.3) == 5.0
    assert session.pause(1000, 161.5) == 0


def test_at_a_moderate_pace_nobody_is_slow() -> None:
    session = RateLimiter(RateLimit()).arrived("192.0.2.1", 0.0)
    for number in range(100):
        session.count(stanza("presence"), number * 0.26)
        session.count(stanza("iq"), number * 0.26)
    assert session.pause(1000, 26.0) == 0


def test_who_logs_in_too_often_from_an_address_is_slow_and_nobody_else() -> None:
    limiter = RateLimiter(RateLimit())
    early = [limiter.arrived("192.0.2.1", 10.0 + 0.1 * number) for number in range(4)]
    assert [session.pause(200, 10.5) for session in early] == [0, 0, 0, 1.0]
    assert limiter.arrived("192.0.2.1", 60.0).pause(200, 60.0) == 1.0
    assert limiter.arrived("192.0.2.1", 71.0).pause(200, 71.0) == 0
    assert limiter.arrived("192.0.2.2", 10.5).pause(200, 10.5) == 0


def joins(who: str, room: str = ROOM) -> Element:
    to = {"from": who, "to": f"{room}/{who}"}
    return element(ns.CLIENT, "presence", to, element(ns.MUC, "x"))


def senders(stanzas: list[Element]) -> list[str | None]:
    return [each.get("from") for each in stanzas]


def test_who_joins_too_soon_after_others_waits_for_its_turn() -> None:
    queue = JoinQueue(3, MUC_DOMAIN)
    admitted = [queue.admits(joins(str(number)), 10.0) for number in range(8)]
    assert admitted == [True] * 3 + [False] * 5
    assert queue.handle_timer(10.9) == []
    assert senders(queue.handle_timer(11.0)) == ["3", "4", "5"]
    assert not queue.admits(joins("8"), 11.5)  # it is not overtaken by who comes later
    assert senders(queue.handle_timer(12.0)) == ["6", "7", "8"]
    assert queue.admits(joins("9"), 13.1)
    assert queue.handle_timer(14.0) == []


def test_rooms_do_not_wait_for_each_other_and_what_is_no_join_does_not_wait() -> None:
    queue = JoinQueue(1, MUC_DOMAIN)
    assert queue.admits(joins("ann"), 10.0)
    assert queue.admits(joins("ann", f"other@{MUC_DOMAIN}"), 10.0)
    assert queue.admits(joins("ann", "lobby@lobby.lab.test"), 10.0)
    update = element(ns.CLIENT, "presence", {"from": "ann", "to": f"{ROOM}/ann"})
    assert queue.admits(update, 10.0)


def test_what_somebody_sends_while_it_waits_comes_after_its_join() -> None:
    queue = JoinQueue(1, MUC_DOMAIN)
    assert queue.admits(joins("ann"), 10.0)
    assert not queue.admits(joins("bob"), 10.0)
    leaves = {"from": "bob", "to": f"{ROOM}/bob", "type": "unavailable"}
    assert not queue.admits(element(ns.CLIENT, "presence", leaves), 10.1)
    assert [each.get("type") for each in queue.handle_timer(11.0)] == [None, "unavailable"]


# --- on the network ------------------------------------------------------------------------------


class Heard(list[Element]):
    """What a stream has received."""

    def received(self, stanza: Element) -> None:
        self.append(stanza)

    def lost(self, failure: ConnectionFailed) -> None:
        raise failure


async def test_a_client_that_floods_is_read_slowly() -> None:
    config = LabConfig(starttls=False, rate_limit=RateLimit())
    async with Lab(config) as lab, AsyncExitStack() as stack:

        async def pinging(messages: int) -> Heard:
            """A client that sends so many messages at once and then two pings."""
            # A stream, for a connection would not flood.
            stream, heard = stream_to(server_of(lab), resumes=False), Heard()
            stack.push_async_callback(stream.close)
            await stream.open(heard)
            for _ in range(messages):
                stream.send(element(ns.CLIENT, "message", {"to": lab.domain}))
            for _ in range(2):  # the first may be read together with the messages
                stream.send(iq("get", lab.domain, element(ns.PING, "ping")))
                await asyncio.sleep(0.1)
            return heard

        hasty, steady = await pinging(20), await pinging(3)
        await eventually(lambda: len(steady) == 2, "both answers")
        assert len(hasty) < 2


async def test_a_room_takes_in_so_many_a_second() -> None:
    config = LabConfig(starttls=False, joins_a_second=2)
    async with Lab(config) as lab, AsyncExitStack() as stack:
        connections = [await connect(server_of(lab), RECEPTION) for _ in range(4)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        joining = [asyncio.create_task(join(lab, connection)) for connection in connections]
        await eventually(lambda: len(lab.occupants("demo")) == 2, "the first two")
        await asyncio.sleep(0.3)
        assert len(lab.occupants("demo")) == 2
        await asyncio.gather(*joining)
        assert len(lab.occupants("demo")) == 4
