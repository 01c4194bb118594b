"""A stream over links that break, against a server in virtual time that keeps it for a minute."""

import asyncio
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause, Sink
from gateway.xmpp.element import element, local_name
from gateway.xmpp.managed_stream import ManagedStream
from gateway.xmpp.reception import Reception
from gateway.xmpp.stream_management import StreamManagement
from tests.xmpp.virtual_time import in_virtual_time

JID = "1a2b3c4d-dded@meet.test/res"
CUT = ConnectionFailed(FailureCause.CUT, "reset by peer")
ENDED = ConnectionFailed(FailureCause.STREAM, "system-shutdown")
UNREACHABLE = ConnectionFailed(FailureCause.UNREACHABLE, "no route")


class Server:
    """Keeps one stream. `outages` are the failures of the next logins."""

    def __init__(self, *, offers: bool = True, resumable: bool = True, max_: int = 60) -> None:
        self.offers = offers
        self.resumable = resumable
        self.max = max_
        self.outages: list[Exception] = []
        self.refuses = False
        self.keeps_quiet = False  # about <enable/> and <resume/>
        self.breaks_when_resumed = False  # once
        self.breaks_at_login = False  # once
        self.links: list[FakeLink] = []
        self.got: list[Element] = []
        self.management: StreamManagement | None = None

    @property
    def link(self) -> "FakeLink":
        return self.links[-1]

    @property
    def ids(self) -> list[str]:
        return [stanza.attrib["id"] for stanza in self.got]

    def make_link(self, resumes: str | None) -> "FakeLink":
        self.links.append(FakeLink(self, resumes))
        return self.link

    def send(self, id_: str) -> None:
        """Send a message, over the link if there is one."""
        message = element(ns.CLIENT, "message", {"id": id_})
        request = self.management.sent(message) if self.management is not None else None
        self.link.deliver(message)
        if request is not None:
            self.link.deliver(request)

    def receive(self, link: "FakeLink", part: Element) -> None:
        name = local_name(part)
        if self.keeps_quiet and name in ("enable", "resume"):
            return
        if not part.tag.startswith(f"{{{ns.SM}}}"):
            if self.management is not None:
                self.management.count_received()
            self.got.append(part)
            if part.find("{urn:xmpp:ping}ping") is not None:
                self._answer(part)
        elif name == "enable":
            self.management = StreamManagement()
            assert part.get("resume") in ("true", None)
            kept = self.resumable and part.get("resume") is not None
            keeping = {"id": "sm-1", "resume": "true", "max": str(self.max)} if kept else {}
            link.deliver(element(ns.SM, "enabled", keeping))
        elif name == "resume":
            self._resume(link, part)
        elif name == "r":
            assert self.management is not None
            link.deliver(self.management.acknowledgement())
        else:
            assert self.management is not None
            self.management.acknowledged(part)

    def _resume(self, link: "FakeLink", part: Element) -> None:
        assert self.management is not None and link.resumes == part.get("previd") == "sm-1"
        if self.refuses:
            link.deliver(element(ns.SM, "failed"))
            return
        again = self.management.resumed(part)
        link.deliver(element(ns.SM, "resumed", {"h": str(self.management.received)}))
        for each in again:
            link.deliver(each)
        if self.breaks_when_resumed:
            self.breaks_when_resumed = False
            link.lose()

    def _answer(self, request: Element) -> None:
        answer = {"type": "result", "id": request.get("id"), "from": request.get("to")}
        stanza = element(ns.CLIENT, "iq", answer)
        assert self.management is not None
        self.management.sent(stanza)
        self.link.deliver(stanza)


class FakeLink:
    """A transport to the server; what is sent over one that is broken is lost."""

    def __init__(self, server: Server, resumes: str | None) -> None:
        self.resumes = resumes
        self.end = ""
        self.broken = False
        self._server = server
        self._sink: Sink | None = None

    @property
    def offers_management(self) -> bool:
        return self._server.offers

    async def open(self, sink: Sink) -> str:
        await asyncio.sleep(0.1)
        if self._server.outages:
            raise self._server.outages.pop(0)
        self._sink = sink
        if self._server.breaks_at_login:
            self._server.breaks_at_login = False
            self.lose()
        return JID if self.resumes is None else ""

    def send(self, part: Element) -> None:
        if not self.broken:
            self._server.receive(self, fromstring(tostring(part)))

    def deliver(self, part: Element) -> None:
        if not self.broken and self._sink is not None:
            self._sink.received(part)

    def lose(self, failure: ConnectionFailed = CUT) -> None:
        self.broken = True
        assert self._sink is not None
        self._sink.lost(failure)

    async def close(self) -> None:
        self.end, self.broken = "closed", True

    async def break_off(self) -> None:
        self.end, self.broken = "broken off", True


class User:
    """Who uses the stream, and expects to hear of its end only if it is one."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.failure: ConnectionFailed | None = None
        self.lost_at = 0.0

    def received(self, stanza: Element) -> None:
        self.ids.append(stanza.attrib["id"])

    def lost(self, failure: ConnectionFailed) -> None:
        assert self.failure is None
        self.failure, self.lost_at = failure, asyncio.get_running_loop().time()


def stanza(id_: str) -> Element:
    return element(ns.CLIENT, "message", {"id": id_})


async def opened(server: Server, *, resumes: bool = True) -> tuple[ManagedStream, User]:
    stream, user = ManagedStream(server.make_link, resumes=resumes), User()
    assert await stream.open(user) == JID
    return stream, user


@in_virtual_time
async def test_a_stream_that_is_cut_off_goes_on_as_if_nothing_had_been() -> None:
    server = Server()
    stream, user = await opened(server)
    stream.send(stanza("a"))
    server.send("1")
    server.link.broken = True  # what is under way now does not arrive
    stream.send(stanza("b"))
    server.send("2")
    server.link.lose()
    stream.send(stanza("c"))
    server.send("3")
    await asyncio.sleep(5)
    stream.send(stanza("d"))
    server.send("4")
    assert server.ids == ["a", "b", "c", "d"]
    assert user.ids == ["1", "2", "3", "4"]
    assert user.failure is None and len(server.links) == 2
    assert [link.end for link in server.links] == ["broken off", ""]
    await stream.close()
    assert server.link.end == "closed"


@in_virtual_time
async def test_a_server_that_is_away_for_a_while_is_asked_again() -> None:
    server = Server()
    stream, user = await opened(server)
    server.outages = [UNREACHABLE] * 3
    server.link.lose()
    stream.send(stanza("a"))
    await asyncio.sleep(30)
    assert server.ids == ["a"] and user.failure is None and len(server.links) == 5
    await stream.close()
    assert all(link.end for link in server.links)


@in_virtual_time
async def test_it_may_be_cut_off_again_and_again_even_while_it_is_resumed() -> None:
    server = Server()
    stream, user = await opened(server)
    for number in range(4):
        server.breaks_when_resumed = number % 2 == 1
        server.link.lose()
        stream.send(stanza(str(number)))
        await asyncio.sleep(5)
        assert server.ids[-1] == str(number)
    server.keeps_quiet = True
    server.link.lose()
    await asyncio.sleep(2)
    server.link.lose()  # while it waits for an answer to <resume/>
    server.keeps_quiet = False
    await asyncio.sleep(20)
    assert server.ids == ["0", "1", "2", "3"] and user.failure is None
    assert len(server.links) == 1 + 4 + 2 + 2
    await stream.close()


@in_virtual_time
async def test_when_the_server_does_not_keep_the_stream_any_more_it_is_lost() -> None:
    server = Server()
    stream, user = await opened(server)
    server.refuses = True
    server.link.lose()
    await asyncio.sleep(5)
    assert user.failure is CUT and len(server.links) == 2
    await stream.close()


@in_virtual_time
async def test_a_mistake_of_ours_while_it_is_resumed_is_told_as_a_loss() -> None:
    server = Server()
    stream, user = await opened(server)
    server.outages = [ZeroDivisionError("a mistake of ours")]
    server.link.lose()
    await asyncio.sleep(5)
    assert user.failure is not None
    await stream.close()


@in_virtual_time
async def test_after_the_time_the_server_keeps_it_a_stream_is_lost() -> None:
    server = Server(max_=20)
    stream, user = await opened(server)
    server.outages = [UNREACHABLE] * 99
    server.link.lose()
    await asyncio.sleep(100)
    assert user.failure is CUT and 10 < user.lost_at < 22
    await stream.close()


@in_virtual_time
async def test_a_server_that_says_nothing_does_not_hold_up_the_end() -> None:
    server = Server(max_=20)
    stream, user = await opened(server)
    server.keeps_quiet = True
    server.link.lose()
    await asyncio.sleep(100)
    assert user.failure is CUT and 10 < user.lost_at < 22
    await stream.close()


@pytest.mark.parametrize("cause", [FailureCause.LOGIN, FailureCause.TLS])
@in_virtual_time
async def test_who_is_not_let_in_any_more_does_not_knock_again(cause: FailureCause) -> None:
    server = Server()
    stream, user = await opened(server)
    server.outages = [ConnectionFailed(cause, "not-allowed")] * 99
    server.link.lose()
    await asyncio.sleep(5)
    assert user.failure is CUT and len(server.links) == 2
    await stream.close()


@pytest.mark.parametrize(
    ("server", "resumes", "failure"),
    [
        (Server(), True, ENDED),
        (Server(), False, CUT),
        (Server(resumable=False), True, CUT),
        (Server(offers=False), True, CUT),
    ],
    ids=["the server ended it", "we do not want it", "the server does not keep it", "no XEP-0198"],
)
@in_virtual_time
async def test_what_cannot_be_resumed_is_lost_at_once(
    server: Server, resumes: bool, failure: ConnectionFailed
) -> None:
    stream, user = await opened(server, resumes=resumes)
    stream.send(stanza("a"))
    server.send("1")
    server.link.lose(failure)
    await asyncio.sleep(0.1)
    assert user.failure is failure and user.ids == ["1"] and server.ids == ["a"]
    assert len(server.links) == 1
    await stream.close()


@in_virtual_time
async def test_a_server_that_counts_wrongly_is_left() -> None:
    server = Server()
    stream, user = await opened(server)
    server.link.deliver(element(ns.SM, "a", {"h": "7"}))
    await asyncio.sleep(0.1)
    assert user.failure is not None and user.failure.cause is FailureCause.STREAM
    await stream.close()


@in_virtual_time
async def test_a_link_that_is_lost_during_the_login_is_no_login() -> None:
    server = Server()
    server.keeps_quiet = True
    stream = ManagedStream(server.make_link, resumes=True)
    login = asyncio.create_task(stream.open(User()))
    await asyncio.sleep(1)
    server.link.lose()
    with pytest.raises(ConnectionFailed, match="reset"):
        await login
    await stream.close()


@in_virtual_time
async def test_a_link_may_be_lost_the_moment_it_is_there() -> None:
    server = Server()
    server.breaks_at_login = True
    stream = ManagedStream(server.make_link, resumes=True)
    with pytest.raises(ConnectionFailed, match="reset"):
        await stream.open(User())
    await stream.close()
    stream, user = await opened(server)
    server.breaks_at_login = True
    server.link.lose()
    stream.send(stanza("a"))
    await asyncio.sleep(10)
    assert server.ids == ["a"] and user.failure is None
    await stream.close()


@in_virtual_time
async def test_closing_while_it_is_resumed_leaves_nothing() -> None:
    server = Server()
    stream, user = await opened(server)
    server.outages = [UNREACHABLE] * 99
    server.link.lose()
    await asyncio.sleep(8)
    before = asyncio.get_running_loop().time()
    await stream.close()
    assert asyncio.get_running_loop().time() - before < 3.1
    assert user.failure is None and all(link.end for link in server.links)


@in_virtual_time
async def test_who_leaves_while_it_is_resumed_is_heard_to_leave() -> None:
    server = Server()
    stream, _ = await opened(server)
    server.link.lose()
    stream.send(stanza("goodbye"))
    await stream.close()
    assert server.ids == ["goodbye"] and server.link.end == "closed"


# --- with a connection on it ---------------------------------------------------------------------


async def connection_to(server: Server) -> Connection:
    reception = Reception(Capabilities(), focus="room@conference.meet.test/focus")
    stream = ManagedStream(server.make_link, resumes=True)
    return await Connection.open(stream, reception, anonymous=True)


@in_virtual_time
async def test_a_request_waits_for_its_answer_across_a_loss() -> None:
    server = Server()
    connection = await connection_to(server)
    server.link.broken = True
    answer = asyncio.create_task(
        connection.request("meet.test", element(ns.PING, "ping"), type_="get", timeout=15)
    )
    await asyncio.sleep(1)
    server.link.lose()
    assert (await answer).get("type") == "result"
    await connection.close()


@in_virtual_time
async def test_unanswered_pings_lead_to_another_link_and_not_to_the_end() -> None:
    server = Server()
    connection = await connection_to(server)
    await asyncio.sleep(25)
    server.link.broken = True  # and nobody tells
    await asyncio.sleep(40)
    assert not connection.is_lost and len(server.links) == 2
    assert server.links[0].end == "broken off"
    await asyncio.sleep(60)
    assert not connection.is_lost and len(server.links) == 2
    await connection.close()


@in_virtual_time
async def test_pings_during_an_outage_do_not_end_the_connection_before_its_time() -> None:
    server = Server()
    connection = await connection_to(server)
    server.outages = [UNREACHABLE] * 6
    server.link.lose()
    await asyncio.sleep(100)
    assert not connection.is_lost and len(server.links) == 8
    await connection.close()
