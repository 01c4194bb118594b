"""What a participant sends never exceeds the rates of its kind, and keeps its order."""

import asyncio
from xml.etree.ElementTree import Element

from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.connection import Connection, Sink
from gateway.xmpp.element import element, local_name
from gateway.xmpp.outgoing import MOST, Outgoing
from gateway.xmpp.reception import Reception
from tests.xmpp.virtual_time import in_virtual_time

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
    order = [each.get("id") for each in [each for _, each in sent] + outgoing.rest()]
    assert order == [str(number) for number in range(len(stanzas))]


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
    assert len(stream.sent) == 8  # at once: as many presences as may be, and what is between
    await asyncio.sleep(4)
    assert [each.get("id") for _, each in stream.sent] == [str(number) for number in range(24)]
    assert_slow_enough(stream.sent)
    await connection.close()


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
