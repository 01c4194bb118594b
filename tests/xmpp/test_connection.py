import asyncio
import functools
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from gateway.xmpp.caps import Capabilities
from gateway.xmpp.connection import MAX_UNREAD, Connection, ConnectionFailed, FailureCause, Sink
from gateway.xmpp.element import element
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.reception import Reception
from gateway.xmpp.stanza import NoReply, StanzaError
from tests.xmpp.virtual_time import in_virtual_time

ROOM = "room@conference.meet.test"
JID = "1a2b3c4d-dded@meet.test/res"
PAYLOAD = element("urn:x", "x")


class Wire:
    """A stream whose server is the test."""

    def __init__(self, jid: str = JID, *, fails: Exception | None = None, takes: float = 0) -> None:
        self.jid = jid
        self.sent: list[Element] = []
        self.closed = 0
        self.answers_pings = True
        self.sink: Sink | None = None
        self._fails = fails
        self._takes = takes

    async def open(self, sink: Sink) -> str:
        await asyncio.sleep(self._takes)
        if self._fails is not None:
            raise self._fails
        self.sink = sink
        return self.jid

    def send(self, stanza: Element) -> None:
        read = fromstring(tostring(stanza))
        if read.find("{urn:xmpp:ping}ping") is None or read.get("type") != "get":
            self.sent.append(read)
        elif self.answers_pings:
            asyncio.get_running_loop().call_soon(self.answer, read)

    def suspect(self, failure: ConnectionFailed) -> None:
        assert self.sink is not None
        self.sink.lost(failure)

    async def close(self) -> None:
        self.closed += 1

    def deliver(self, xml: str) -> None:
        assert self.sink is not None
        self.sink.received(fromstring(xml))

    def answer(
        self,
        request: Element,
        inside: str = "",
        *,
        type_: str = "result",
        sender: str | None = "to",
    ) -> None:
        """Answer a request; `sender` is another one than it was sent to, or none."""
        by = request.get("to") if sender == "to" else sender
        self.deliver(
            f"<iq xmlns='jabber:client' type='{type_}' id='{request.get('id')}'"
            f"{f' from={chr(39)}{by}{chr(39)}' if by else ''}>{inside}</iq>"
        )


async def opened(wire: Wire, *, anonymous: bool = True) -> Connection:
    reception = Reception(Capabilities(), focus=f"{ROOM}/focus")
    return await Connection.open(wire, reception, anonymous=anonymous)


def presence(nick: str) -> str:
    return f"<presence xmlns='jabber:client' from='{ROOM}/{nick}'/>"


# --- opening -------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_anonymous_login_gives_the_endpoint_id() -> None:
    wire = Wire("1A2B3C4D-dded-4a56@meet.test/res")
    connection = await opened(wire)
    assert (connection.jid, connection.nick) == (wire.jid, "1a2b3c4d")
    await connection.close()


@in_virtual_time
async def test_an_account_has_an_endpoint_id_of_its_own_in_every_call() -> None:
    nicks = []
    for _ in range(2):
        connection = await opened(Wire("gateway1@auth.meet.test/x"), anonymous=False)
        nicks.append(connection.nick)
        await connection.close()
    first, second = nicks
    assert first != second and len(first) == 8 and not first.startswith("gateway")


@pytest.mark.parametrize(
    "fault", [ConnectionFailed(FailureCause.LOGIN, "not-authorized"), RuntimeError("a mistake")]
)
@in_virtual_time
async def test_a_login_that_fails_leaves_nothing_open(fault: Exception) -> None:
    wire = Wire(fails=fault)
    with pytest.raises(type(fault)):
        await opened(wire)
    assert wire.closed == 1


@in_virtual_time
async def test_a_login_that_takes_too_long_is_given_up() -> None:
    wire = Wire(takes=60)
    with pytest.raises(ConnectionFailed, match="within 15 s") as failed:
        await opened(wire)
    assert failed.value.cause is FailureCause.TIMEOUT
    assert wire.closed == 1
    assert asyncio.get_running_loop().time() == pytest.approx(15)


@in_virtual_time
async def test_a_login_that_is_not_wanted_any_more_leaves_nothing_open() -> None:
    wire = Wire(takes=60)
    login = asyncio.create_task(opened(wire))
    await asyncio.sleep(1)
    login.cancel()
    await asyncio.wait([login])
    assert wire.closed == 1


# --- requests ------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_request_gets_its_answer_and_no_other() -> None:
    wire = Wire()
    connection = await opened(wire)
    first = asyncio.create_task(connection.request("focus.meet.test", PAYLOAD))
    second = asyncio.create_task(connection.request("focus.meet.test", PAYLOAD, type_="get"))
    await asyncio.sleep(0)
    one, two = wire.sent
    assert (one.get("type"), two.get("type")) == ("set", "get")
    assert one.get("to") == "focus.meet.test" and one.get("id") != two.get("id")
    wire.answer(two, "<y xmlns='urn:two'/>")
    wire.answer(one, "<y xmlns='urn:one'/>")
    assert (await first)[0].tag == "{urn:one}y"
    assert (await second)[0].tag == "{urn:two}y"
    await connection.close()


@in_virtual_time
async def test_a_refusal_is_raised() -> None:
    wire = Wire()
    connection = await opened(wire)
    request = asyncio.create_task(connection.request(f"{ROOM}/focus", PAYLOAD))
    await asyncio.sleep(0)
    wire.answer(
        wire.sent[0],
        "<x xmlns='urn:x'/><error type='cancel'>"
        "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        type_="error",
    )
    with pytest.raises(StanzaError, match="cancel/gone"):
        await request
    await connection.close()


@pytest.mark.parametrize(
    "forger", [f"{ROOM}/alice", ROOM, "evil.test", f"{ROOM}/focus2", JID, "meet.test"]
)
@in_virtual_time
async def test_an_answer_of_somebody_else_is_no_answer(forger: str) -> None:
    wire = Wire()
    connection = await opened(wire)
    request = asyncio.create_task(connection.request(f"{ROOM}/focus", PAYLOAD))
    await asyncio.sleep(0)
    wire.answer(wire.sent[0], sender=forger)
    await asyncio.sleep(1)
    assert not request.done()
    wire.answer(wire.sent[0], "<true xmlns='urn:x'/>")
    assert len(await request) == 1
    await connection.close()


@in_virtual_time
async def test_an_answer_without_a_sender_is_the_servers_own() -> None:
    wire = Wire()
    connection = await opened(wire)
    request = asyncio.create_task(connection.request("meet.test", PAYLOAD))
    await asyncio.sleep(0)
    wire.answer(wire.sent[0], sender=None)
    await request
    await connection.close()


@in_virtual_time
async def test_a_request_without_an_answer_is_given_up_and_a_late_one_does_no_harm() -> None:
    wire = Wire()
    connection = await opened(wire)
    for timeout in (15.0, 2.0):
        begun = asyncio.get_running_loop().time()
        with pytest.raises(NoReply):
            await connection.request("focus.meet.test", PAYLOAD, timeout=timeout)
        assert asyncio.get_running_loop().time() - begun == pytest.approx(timeout)
    for sent in wire.sent:
        wire.answer(sent)
        wire.answer(sent)  # and again
    wire.deliver("<iq xmlns='jabber:client' type='result' id='never-sent' from='x.test'/>")
    wire.deliver("<iq xmlns='jabber:client' type='error'/>")
    assert connection.unreadable == 0
    await connection.close()


@in_virtual_time
async def test_two_answers_in_a_row_are_one() -> None:
    wire = Wire()
    connection = await opened(wire)
    request = asyncio.create_task(connection.request("focus.meet.test", PAYLOAD))
    await asyncio.sleep(0)
    wire.answer(wire.sent[0], "<a xmlns='urn:x'/>")
    wire.answer(wire.sent[0], "<b xmlns='urn:x'/>")
    assert (await request)[0].tag == "{urn:x}a"
    await connection.close()


# --- what comes in -------------------------------------------------------------------------------


@in_virtual_time
async def test_what_is_told_is_received_in_order() -> None:
    wire = Wire()
    connection = await opened(wire)
    for nick in "abc":
        wire.deliver(presence(nick))
    received = [await connection.receive() for _ in range(3)]
    assert [part.nick for part in received if isinstance(part, OccupantPresence)] == ["a", "b", "c"]
    await connection.close()


@in_virtual_time
async def test_requests_are_answered_before_anybody_reads_them() -> None:
    wire = Wire()
    connection = await opened(wire)
    wire.deliver(
        f"<iq xmlns='jabber:client' type='set' id='7' from='{ROOM}/focus'>"
        "<jingle xmlns='urn:xmpp:jingle:1' action='source-add' sid='s'/></iq>"
    )
    (answer,) = wire.sent
    assert answer.attrib == {"type": "result", "id": "7", "to": f"{ROOM}/focus"}
    await connection.close()


@in_virtual_time
async def test_what_makes_no_sense_is_counted_and_nothing_more() -> None:
    wire = Wire()
    connection = await opened(wire)
    wire.deliver("<presence xmlns='jabber:client'/>")
    wire.deliver(presence("a"))
    await connection.receive()
    assert connection.unreadable == 1
    await connection.close()


LONG = "x" * 200_000


@pytest.mark.parametrize(
    ("id_", "payload", "answer"),
    [
        (LONG, "<ping xmlns='urn:xmpp:ping'/>", []),
        ("7", f"<query xmlns='http://jabber.org/protocol/disco#info' node='{LONG}'/>", ["error"]),
        (
            "7",
            f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='{LONG}'/>",
            ["error"],
        ),
    ],
)
@in_virtual_time
async def test_nobody_can_have_us_send_what_a_server_takes_for_too_much(
    id_: str, payload: str, answer: list[str]
) -> None:
    wire = Wire()
    connection = await opened(wire)
    type_ = "set" if "jingle" in payload else "get"
    wire.deliver(
        f"<iq xmlns='jabber:client' type='{type_}' id='{id_}' from='{ROOM}/eve'>{payload}</iq>"
    )
    assert [sent.get("type") for sent in wire.sent] == answer
    assert all(len(tostring(sent)) < 2000 for sent in wire.sent)
    with pytest.raises(TimeoutError):  # it is handed to nobody who would repeat it
        async with asyncio.timeout(1):
            await connection.receive()
    await connection.close()


@in_virtual_time
async def test_stanzas_that_nobody_reads_end_the_connection() -> None:
    wire = Wire()
    connection = await opened(wire)
    for _ in range(MAX_UNREAD + 10):
        wire.deliver(presence("a"))
    for _ in range(MAX_UNREAD):
        await connection.receive()
    with pytest.raises(ConnectionFailed) as failed:
        await connection.receive()
    assert failed.value.cause is FailureCause.OVERRUN
    await connection.close()


# --- the end -------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_connection_that_is_lost_says_so_to_everybody_who_waits() -> None:
    wire = Wire()
    connection = await opened(wire)
    request = asyncio.create_task(connection.request("focus.meet.test", PAYLOAD))
    reading = asyncio.create_task(connection.receive())
    await asyncio.sleep(1)
    assert wire.sink is not None
    wire.sink.lost(ConnectionFailed(FailureCause.STREAM, "reset"))
    wire.sink.lost(ConnectionFailed(FailureCause.STREAM, "and again"))
    for waiting in (request, reading):
        with pytest.raises(ConnectionFailed, match="reset"):
            await waiting
    with pytest.raises(ConnectionFailed, match="reset"):
        await connection.request("focus.meet.test", PAYLOAD)
    sent = len(wire.sent)
    connection.send(PAYLOAD)  # nobody to send it to
    assert len(wire.sent) == sent
    await connection.close()
    with pytest.raises(ConnectionFailed, match="reset"):  # the first word counts
        await connection.receive()


@in_virtual_time
async def test_what_came_before_the_end_is_still_received() -> None:
    wire = Wire()
    connection = await opened(wire)
    wire.deliver(presence("a"))
    assert wire.sink is not None
    wire.sink.lost(ConnectionFailed(FailureCause.STREAM, "reset"))
    wire.deliver(presence("b"))  # too late
    received = await connection.receive()
    assert isinstance(received, OccupantPresence) and received.nick == "a"
    for _ in range(2):
        with pytest.raises(ConnectionFailed):
            await connection.receive()
    await connection.close()


@in_virtual_time
async def test_closing_twice_is_closing() -> None:
    wire = Wire()
    connection = await opened(wire)
    await connection.close()
    await connection.close()
    with pytest.raises(ConnectionFailed) as failed:
        await connection.receive()
    assert failed.value.cause is FailureCause.CLOSED


# --- pings ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_server_that_answers_pings_is_kept() -> None:
    wire = Wire()
    connection = await opened(wire)
    await asyncio.sleep(3600)
    wire.deliver(presence("a"))
    assert await connection.receive()
    await connection.close()


@in_virtual_time
async def test_a_server_that_refuses_pings_is_alive() -> None:
    wire = Wire()
    wire.answer = functools.partial(  # type: ignore[method-assign]
        wire.answer,
        inside="<error type='cancel'><service-unavailable "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
        type_="error",
    )
    connection = await opened(wire)
    await asyncio.sleep(3600)
    wire.deliver(presence("a"))
    assert await connection.receive()
    await connection.close()


@in_virtual_time
async def test_a_server_that_stops_answering_is_gone_within_half_a_minute() -> None:
    wire = Wire()
    connection = await opened(wire)
    await asyncio.sleep(100)
    wire.answers_pings = False
    begun = asyncio.get_running_loop().time()
    with pytest.raises(ConnectionFailed) as failed:
        await connection.receive()
    assert failed.value.cause is FailureCause.SILENT
    assert asyncio.get_running_loop().time() - begun <= 30
    await connection.close()


@in_virtual_time
async def test_one_lost_ping_is_forgiven() -> None:
    wire = Wire()
    connection = await opened(wire)
    for _ in range(10):
        wire.answers_pings = False
        await asyncio.sleep(15)
        wire.answers_pings = True
        await asyncio.sleep(15)
    wire.deliver(presence("a"))
    assert await connection.receive()
    await connection.close()
