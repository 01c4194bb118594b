"""What a participant sends never exceeds the rates of its kind, and keeps its order."""

import asyncio
from xml.etree.ElementTree import Element

from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.connection import Connection, Sink
from gateway.xmpp.element import element, local_name
from gateway.xmpp.outgoing import MAX_COURTESIES, MOST, PERIOD, Outgoing
from gateway.xmpp.reception import Reception
from tests.xmpp.virtual_time import in_virtual_time

PAYLOAD = element(ns.PING, "ping")
KINDS = st.sampled_from(sorted(MOST))


def stanza(kind: str, number: int = 0) -> Element:
    return element(ns.CLIENT, kind, {"id": str(number)})


def assert_slow_enough(sent: list[tuple[float, Element]]) -> None:
    for kind, most in MOST.items():
        times = [at for at, each in sent if local_name(each) == kind]
        for first, one_too_many in zip(times, times[most:], strict=False):
            assert one_too_many - first > 1.0


@given(st.lists(st.tuples(KINDS, st.floats(0, 0.5)), max_size=80))
def test_no_second_has_too_many_of_a_kind_and_nobody_overtakes(
    stanzas: list[tuple[str, float]],
) -> None:
    outgoing, now, sent = Outgoing(), 0.0, []
    for number, (kind, pause) in enumerate(stanzas):
        until = now + pause
        while (wait := outgoing.wait(now)) is not None and now + wait <= until:
            now += wait + 1e-9
            sent += [(now, each) for each in outgoing.due(now)]
        now = max(now, until)
        outgoing.put(stanza(kind, number))
        sent += [(now, each) for each in outgoing.due(now)]
    assert_slow_enough(sent)
    left = [each for _, each in sent] + outgoing.rest()
    for kind in MOST:
        order = [each.get("id") for each in left if local_name(each) == kind]
        assert order == [str(n) for n, (each, _) in enumerate(stanzas) if each == kind]


@given(st.lists(st.tuples(KINDS, st.booleans()), max_size=60), st.booleans())
def test_what_was_put_before_a_farewell_does_not_follow_it(
    before: list[tuple[str, bool]], closes: bool
) -> None:
    outgoing, now, sent = Outgoing(), 0.0, []
    for kind, is_courtesy in before:
        (outgoing.put_courtesy if is_courtesy else outgoing.put)(stanza(kind))
        sent += outgoing.due(now)
    outgoing.put(element(ns.CLIENT, "presence", {"type": "unavailable"}))
    sent += outgoing.due(now)
    while not closes and (wait := outgoing.wait(now)) is not None:
        now += wait + 1e-9
        due = outgoing.due(now)
        assert due or outgoing.wait(now) != 0
        sent += due
    sent += outgoing.rest()
    assert [each.get("type") for each in sent] == [None] * len(before) + ["unavailable"]


def test_what_is_due_at_once_and_the_rest_keep_the_order_in_which_they_came() -> None:
    outgoing = Outgoing()
    for number, kind in enumerate(("presence", "iq", "message") * 6):
        outgoing.put(stanza(kind, number))
    numbers = [int(each.get("id", "")) for each in outgoing.due(0.0)]
    assert len(numbers) == 4 + 6 + 3 and numbers == sorted(numbers)
    rest = [int(each.get("id", "")) for each in outgoing.rest()]
    assert len(rest) == 5 and rest == sorted(rest)
    assert outgoing.wait(0.0) is None


def test_courtesies_wait_for_the_rest_and_many_are_left_out() -> None:
    outgoing = Outgoing()
    for number in range(1000):
        outgoing.put_courtesy(stanza("iq", number))
    assert len(outgoing.due(0.0)) == MOST["iq"]
    outgoing.put(stanza("iq", 5000))
    assert outgoing.due(PERIOD)[-1].get("id") == "5000"
    assert len(outgoing.rest()) == MAX_COURTESIES - 2 * MOST["iq"] + 1


class Timed:
    """A stream that remembers what was sent when."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, Element]] = []

    async def open(self, sink: Sink) -> str:
        return "12345678@meet.test/x"

    def send(self, stanza: Element) -> None:
        self.sent.append((asyncio.get_running_loop().time(), stanza))

    async def close(self) -> None:
        pass


async def opened() -> tuple[Timed, Connection]:
    stream = Timed()
    reception = Reception(Capabilities(), focus="room@conference.meet.test/focus")
    return stream, await Connection.open(stream, reception, anonymous=True)


@in_virtual_time
async def test_a_connection_sends_a_flood_slowly_whoever_asks_for_it() -> None:
    stream, connection = await opened()
    for number in range(24):
        connection.send(stanza(("presence", "iq")[number % 2], number))
    assert len(stream.sent) == MOST["presence"] + MOST["iq"]
    await asyncio.sleep(4)
    assert len(stream.sent) == 24
    assert_slow_enough(stream.sent)
    await connection.close()


@in_virtual_time
async def test_a_flood_of_requests_does_not_delay_what_the_focus_is_told() -> None:
    stream, connection = await opened()
    flood = asyncio.create_task(requests(connection, sender="room@conference.meet.test/mallory"))
    await asyncio.sleep(60)
    asked, now = len(stream.sent), asyncio.get_running_loop().time()
    request = asyncio.create_task(connection.request("room@conference.meet.test/focus", PAYLOAD))
    await requests(connection, sender="room@conference.meet.test/focus", times=1)
    await asyncio.sleep(PERIOD)
    to_focus = [at for at, each in stream.sent[asked:] if "focus" in each.get("to", "")]
    assert len(to_focus) == 2 and max(to_focus) - now <= PERIOD
    assert_slow_enough(stream.sent)
    for task in (flood, request):
        task.cancel()
    await connection.close()
    assert len(stream.sent) < 60 * 10 + 100


async def requests(connection: Connection, *, sender: str, times: int = 10_000) -> None:
    for number in range(times):
        ping = {"type": "get", "id": str(number), "from": sender}
        connection.received(element(ns.CLIENT, "iq", ping, element(ns.PING, "ping")))
        await asyncio.sleep(0.02)


@in_virtual_time
async def test_what_waits_when_we_leave_is_sent_before_the_end() -> None:
    stream, connection = await opened()
    for number in range(6):
        connection.send(stanza("presence", number))
    assert len(stream.sent) == 4
    await connection.close()
    assert [each.get("id") for _, each in stream.sent] == [str(number) for number in range(6)]
    connection.send(stanza("presence"))
    assert len(stream.sent) == 6
