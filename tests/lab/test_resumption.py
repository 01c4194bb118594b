"""Rule 2: a stream that is cut off is kept for a while, and taken up by nobody but its user."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.lab.lab import Lab, LabConfig
from gateway.lab.stream_management import KeptStreams
from gateway.lab.xmpp_login import Visit
from gateway.xmpp import managed_stream
from gateway.xmpp import namespaces as ns
from gateway.xmpp.client import connect
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.element import child, element, local_name
from gateway.xmpp.server import Account, Server
from gateway.xmpp.tls import tls_context
from tests.behaviour.stage import eventually
from tests.lab.test_xmpp_server import RECEPTION, join, server_of
from tests.lab.test_xmpp_session import BIND, SASL, SM, Peer, condition, names, scram


def kept() -> tuple[KeptStreams, Peer, str]:
    """Streams, a client that has one, and the id of it."""
    streams = KeptStreams()
    peer = Peer(streams=streams)
    peer.bind()
    (enabled,) = peer.write(f"<enable {SM} resume='true'/>")
    assert (enabled.get("resume"), enabled.get("max")) == ("true", "60")
    return streams, peer, enabled.get("id")


def come_back(streams: KeptStreams, id_: str, h: int = 0, *, previd: str | None = None) -> Peer:
    """The client on another connection; `previd` is in its URL. What it is told is in `told`."""
    peer = Peer(streams=streams, visit=Visit(previd=previd))
    peer.log_in()
    peer.open()
    peer.told = peer.write(f"<resume {SM} previd='{id_}' h='{h}'/>")
    return peer


def message(id_: str):
    return element(ns.CLIENT, "message", {"id": id_})


def test_a_stream_goes_on_where_it_was_cut_off() -> None:
    streams, peer, id_ = kept()
    peer.write("<message id='a'/><message id='b'/>")
    for number in "123":
        peer.session.send(message(number), peer.now)
    peer.session.kept.hold(message("4"), peer.now)  # as the server does while it hibernates
    back = come_back(streams, id_, h=2, previd=id_)
    assert names(back.told) == ["resumed", "message", "message", "r"]
    resumed, third, fourth, _ = back.told
    assert (resumed.get("h"), resumed.get("previd")) == ("2", id_)
    assert [third.get("id"), fourth.get("id")] == ["3", "4"]
    assert back.session.jid == peer.session.jid
    back.write("<message id='c'/>")
    assert back.routed[-1].get("from") == peer.session.jid
    (answer,) = back.write(f"<r {SM}/>")
    assert answer.get("h") == "3"


def test_whoever_served_the_client_before_does_no_longer() -> None:
    streams, peer, id_ = kept()
    come_back(streams, id_, previd=id_)
    assert peer.session.closed and peer.session.is_taken_over
    assert condition(peer.read()[-1]) == "conflict"
    assert streams.find(id_) is not None


def test_an_anonymous_user_without_its_id_in_the_url_is_somebody_else() -> None:
    streams, peer, id_ = kept()
    back = come_back(streams, id_)
    assert (names(back.told), condition(back.told[0])) == (["failed"], "item-not-found")
    assert not peer.session.closed
    (bound,) = back.write(f"<iq type='set' id='b'><bind xmlns='{BIND}'/></iq>")
    assert child(bound[0], BIND, "jid").text.split("@") != peer.session.jid.split("@")


def test_an_account_is_known_by_its_name() -> None:
    streams = KeptStreams()

    def logged_in() -> Peer:
        peer = Peer(domain="auth.lab.test", streams=streams)
        peer.session.encrypted()
        peer.open()
        secret = base64.b64encode(b"\0gateway\0secret").decode()
        peer.write(f"<auth {SASL} mechanism='PLAIN'>{secret}</auth>")
        peer.open()
        return peer

    peer = logged_in()
    peer.write(f"<iq type='set' id='b'><bind xmlns='{BIND}'/></iq>")
    (enabled,) = peer.write(f"<enable {SM} resume='true'/>")
    back = logged_in()
    (resumed,) = back.write(f"<resume {SM} previd='{enabled.get('id')}' h='0'/>")
    assert local_name(resumed) == "resumed" and back.session.jid == peer.session.jid


@pytest.mark.parametrize("h", [7, -1, "many"])
def test_a_count_that_cannot_be_resumes_nothing(h) -> None:
    streams, peer, id_ = kept()
    peer.session.send(message("1"), peer.now)
    back = come_back(streams, id_, h=h, previd=id_)
    assert (names(back.told), condition(back.told[0])) == (["failed"], "item-not-found")


def test_a_stream_that_ended_in_due_form_or_expired_is_not_resumed() -> None:
    streams, peer, id_ = kept()
    peer.write("</stream:stream>")
    assert streams.find(id_) is None
    streams, peer, id_ = kept()
    streams.hibernate(peer.session.kept, 100.0)
    assert streams.expire(159.0) == []
    assert [each.jid for each in streams.expire(160.0)] == [peer.session.jid]
    back = come_back(streams, id_, previd=id_)
    assert condition(back.told[0]) == "item-not-found"


@pytest.mark.parametrize(("hibernation", "kept_for"), [(60.0, 15), (1.0, 1)])
def test_the_stream_of_an_account_is_kept_for_a_quarter_of_a_minute_at_most(
    hibernation: float, kept_for: int
) -> None:
    streams = KeptStreams()
    peer = Peer(domain="auth.lab.test", streams=streams, hibernation=hibernation)
    peer.open()
    assert local_name(scram(peer, "secret")) == "success"
    peer.open()
    peer.write(f"<iq type='set' id='b'><bind xmlns='{BIND}'/></iq>")
    (enabled,) = peer.write(f"<enable {SM} resume='true'/>")
    assert enabled.get("max") == str(kept_for)
    streams.hibernate(peer.session.kept, 100.0)
    assert streams.expire(99.5 + kept_for) == []
    assert [each.jid for each in streams.expire(100.0 + kept_for)] == [peer.session.jid]


def test_a_server_that_is_told_to_resumes_nothing() -> None:
    streams, _, id_ = kept()
    streams.refuses = True
    assert names(come_back(streams, id_, previd=id_).told) == ["failed"]


def test_who_does_not_ask_for_it_is_not_kept() -> None:
    streams = KeptStreams()
    peer = Peer(streams=streams)
    peer.bind()
    (enabled,) = peer.write(f"<enable {SM}/>")
    assert enabled.attrib == {} and peer.session.kept is None


def test_it_is_resumed_before_binding_or_not_at_all() -> None:
    _, peer, id_ = kept()
    (failed,) = peer.write(f"<resume {SM} previd='{id_}' h='0'/>")
    assert condition(failed) == "unexpected-request"


# --- on the network, with the gateway's own client -----------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is cut off does not take its time to come back."""
    monkeypatch.setattr(managed_stream, "PAUSES", ((0.0, 0.01),))


def over_web_socket(lab: Lab) -> Server:
    tls = None if lab.ca_file is None else tls_context(ca_file=lab.ca_file)
    return Server(lab.domain, tls, web_socket=lab.web_socket_url)


@asynccontextmanager
async def in_the_room(lab: Lab, server: Server) -> AsyncIterator[Connection]:
    connection = await connect(server, RECEPTION)
    try:
        await join(lab, connection)
        yield connection
    finally:
        await connection.close()


async def is_alive(lab: Lab, connection: Connection) -> None:
    await connection.request(lab.domain, element(ns.PING, "ping"), type_="get")


def ways(lab: Lab) -> dict[str, Server]:
    account = Account("gateway@auth.lab.test", "secret")
    by_tcp, by_web_socket = server_of(lab, account=account), over_web_socket(lab)
    return {
        "websocket": by_web_socket,
        "account": by_tcp,
        "both": replace(by_tcp, web_socket=by_web_socket.web_socket),
    }


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("way", "starttls"), [("websocket", True), ("account", False), ("both", False)]
)
async def test_who_is_cut_off_stays_in_the_room_and_comes_back(way: str, starttls: bool) -> None:
    steps: list[tuple[str, str]] = []
    config = LabConfig(starttls=starttls, accounts={"gateway": "secret"})
    async with Lab(config, on_step=lambda *step: steps.append(step)) as lab:
        async with in_the_room(lab, ways(lab)[way]) as connection:
            for _ in range(2):
                steps.clear()
                lab.drop_connection(connection.nick)
                await is_alive(lab, connection)
                assert [what for who, what in steps if who == connection.jid] == [
                    "is cut off, and kept for a while",
                    "is back",
                ]
                assert connection.nick in {each.nick for each in lab.occupants("demo")}
        assert lab.occupants("demo") == [] and lab.session_count == 0
        assert {each.rule for each in lab.violations} & {1, 2, 3} == set()


@pytest.mark.usefixtures("at_once")
async def test_who_comes_back_brings_a_new_token_if_it_has_one() -> None:
    steps: list[tuple[str, str]] = []
    async with Lab(LabConfig(starttls=False), on_step=lambda *step: steps.append(step)) as lab:
        plain = over_web_socket(lab)
        server = replace(plain.for_room("first"), renewed=lambda: plain.for_room("again"))
        async with in_the_room(lab, server) as connection:
            lab.drop_connection(connection.nick)
            await is_alive(lab, connection)
            assert (connection.jid, "is back") in steps
        rooms = [what for who, what in steps if who == "server" and "WebSocket" in what]
        assert rooms == ["a WebSocket for room 'first'", "a WebSocket for room 'again'"]


async def test_who_is_cut_off_for_too_long_has_left_the_room() -> None:
    async with Lab(LabConfig(starttls=False, hibernation=0.5)) as lab:
        server = over_web_socket(lab)
        async with in_the_room(lab, server) as connection:
            lab.refuses_resumes = True
            lab.drop_connection(connection.nick)
            with pytest.raises(ConnectionFailed) as failed:
                while True:
                    await connection.receive()
            assert failed.value.cause is FailureCause.CUT
            await eventually(lambda: lab.occupants("demo") == [], "an empty room")


async def test_an_anonymous_client_over_tcp_does_not_leave_a_ghost() -> None:
    config = LabConfig(starttls=False)
    async with Lab(config) as lab, in_the_room(lab, server_of(lab)) as connection:
        lab.drop_connection(connection.nick)
        with pytest.raises(ConnectionFailed):
            while True:
                await connection.receive()
        await eventually(lambda: lab.occupants("demo") == [], "an empty room", 1.0)
