"""User agents on real sockets: two that call each other, and one against a plain socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.admission import FORBID, Verdict
from gateway.sip.call import Call, CallEnded
from gateway.sip.events import (
    Answered,
    Cancelled,
    Failed,
    HungUp,
    Provisional,
    Reoffered,
)
from gateway.sip.flow import Flow
from gateway.sip.locate import Destination
from gateway.sip.message import Request, Response
from gateway.sip.network import Listen
from gateway.sip.reason import Reason
from gateway.sip.tcp_connection import TcpLimits
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgent, UserAgentConfig
from tests.sip.edge import (
    FAST,
    ROOM,
    TcpPeer,
    UdpPeer,
    assert_nothing_remains,
    eventually,
    new_agent,
    nothing_left,
    open_sockets,
    uri_of,
)
from tests.sip.wire import ANSWER, OFFER, accept_everybody, request, response

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


async def next_call(agent: UserAgent) -> Call:
    async with asyncio.timeout(3):
        return await anext(agent.incoming_calls())


@asynccontextmanager
async def two(
    transport: str = "udp", host: str = "127.0.0.1", timers: Timers = FAST
) -> AsyncIterator[tuple[UserAgent, UserAgent]]:
    """Two user agents; afterwards all their calls and transactions must be over."""
    async with (
        new_agent(transport, host=host, timers=timers) as alice,
        new_agent(transport, host=host, timers=timers) as bob,
    ):
        yield alice, bob
        await eventually(lambda: alice.call_count == bob.call_count == 0)
        for agent in (alice, bob):
            assert_nothing_remains(agent)
            assert agent.counters.unparsable == 0


@asynccontextmanager
async def talking(
    alice: UserAgent, bob: UserAgent, transport: str
) -> AsyncIterator[tuple[Call, Call]]:
    """Alice calls Bob, who answers; their two ends of the call."""
    out = await alice.invite(uri_of(bob, transport), OFFER, from_=ROOM)
    incoming = await next_call(bob)
    assert incoming.offer == OFFER
    async with asyncio.timeout(3):
        assert await incoming.answer(ANSWER) is None
        event = await out.events.next()
        assert isinstance(event, Answered) and event.sdp == ANSWER
    with out, incoming:
        yield out, incoming


async def last_event(call: Call) -> object:
    async with asyncio.timeout(3):
        return [event async for event in call.events][-1]


# --- whole calls --------------------------------------------------------------------------------


@TRANSPORTS
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_caller_hangs_up(transport: str, host: str) -> None:
    async with (
        two(transport, host) as (alice, bob),
        talking(alice, bob, transport) as (out, incoming),
    ):
        out.hang_up(Reason("Q.850", 16))
        event = await last_event(incoming)
        assert isinstance(event, HungUp)
        assert event.reasons == (Reason("Q.850", 16),)


@TRANSPORTS
async def test_the_callee_hangs_up(transport: str) -> None:
    async with two(transport) as (alice, bob), talking(alice, bob, transport) as (out, incoming):
        incoming.hang_up()
        assert isinstance(await last_event(out), HungUp)


@TRANSPORTS
async def test_ringing_early_media_and_a_refusal_arrive(transport: str) -> None:
    async with two(transport) as (alice, bob):
        out = await alice.invite(uri_of(bob, transport), OFFER, from_=ROOM)
        incoming = await next_call(bob)
        async with asyncio.timeout(3):
            incoming.ring()
            incoming.progress(183, sdp=ANSWER)  # goes when that has had its PRACK
            ringing, progress = [await out.events.next() for _ in range(2)]
            incoming.reject(486, reason=Reason("Q.850", 17))
            (failed,) = [event async for event in out.events]
        assert isinstance(ringing, Provisional) and ringing.status == 180
        assert isinstance(progress, Provisional) and progress.sdp == ANSWER
        assert isinstance(failed, Failed) and failed.status == 486


@TRANSPORTS
async def test_the_caller_gives_up_while_it_rings(transport: str) -> None:
    async with two(transport) as (alice, bob):
        out = await alice.invite(uri_of(bob, transport), OFFER, from_=ROOM)
        incoming = await next_call(bob)
        incoming.ring()
        async with asyncio.timeout(3):
            assert isinstance(await out.events.next(), Provisional)
        out.hang_up(Reason("SIP", 200, "Call completed elsewhere"))
        event = await last_event(incoming)
        assert isinstance(event, Cancelled)
        assert event.reasons[0].text == "Call completed elsewhere"
        with pytest.raises(CallEnded):
            await incoming.answer(ANSWER)


@TRANSPORTS
async def test_the_caller_gives_up_before_anything_came_back(transport: str) -> None:
    async with two(transport) as (alice, bob):
        with await alice.invite(uri_of(bob, transport), OFFER, from_=ROOM):
            pass
        incoming = await next_call(bob)
        assert isinstance(await last_event(incoming), Cancelled)


@TRANSPORTS
async def test_a_late_offer_is_answered_in_the_ack(transport: str) -> None:
    async with two(transport) as (alice, bob):
        out = await alice.invite(uri_of(bob, transport), None, from_=ROOM)
        incoming = await next_call(bob)
        assert incoming.offer is None

        async def acknowledge() -> None:
            event = await out.events.next()
            assert isinstance(event, Answered) and event.sdp == OFFER
            out.acknowledge(ANSWER)

        async with asyncio.timeout(3):
            answer, _ = await asyncio.gather(incoming.answer(OFFER), acknowledge())
        assert answer == ANSWER
        out.hang_up()
        assert isinstance(await last_event(incoming), HungUp)


async def test_many_calls_at_once() -> None:
    # Patient enough for a machine that is busy with something else.
    async with two("udp", timers=Timers(t1=0.1, t2=0.4, t4=0.5)) as (alice, bob):

        async def serve(incoming: Call) -> None:
            with incoming:
                await incoming.answer(ANSWER)
                async for _ in incoming.events:
                    pass

        async def call() -> None:
            with await alice.invite(uri_of(bob), OFFER, from_=ROOM) as out:
                assert isinstance(await out.events.next(), Answered)

        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(call())
            for _ in range(50):
                group.create_task(serve(await next_call(bob)))


async def test_a_name_is_resolved_and_a_destination_may_differ_from_the_uri() -> None:
    async with two("udp") as (alice, bob):
        port = bob.listening[0].port
        for target, destination in [
            (f"sip:room@localhost:{port}", None),
            ("sip:room@example.com", Destination("udp", "127.0.0.1", port)),
        ]:
            out = await alice.invite(target, OFFER, from_=ROOM, destination=destination)
            incoming = await next_call(bob)
            assert incoming.request.uri == target
            incoming.reject(480)
            assert isinstance(await last_event(out), Failed)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("nobody", SipSyntaxError),
        ("sip:a@127.0.0.1;transport=tls", OSError),
        ("sip:a@[::1]", OSError),
        ("sip:a@nowhere.invalid", OSError),
    ],
)
async def test_a_call_to_nowhere_is_an_error(target: str, error: type[Exception]) -> None:
    async with new_agent("udp") as alice:
        with pytest.raises(error):
            await alice.invite(target, OFFER, from_=ROOM)
        assert alice.call_count == 0


# --- what can go wrong below --------------------------------------------------------------------


async def test_a_closed_port_is_known_at_once() -> None:
    async with new_agent("udp", timers=Timers()) as alice:
        with UdpPeer() as gone:
            port = gone.address[1]
        out = await alice.invite(f"sip:a@127.0.0.1:{port}", OFFER, from_=ROOM)
        event = await last_event(out)
        assert isinstance(event, Failed) and event.status == 503
        assert alice.call_count == alice.transaction_count == 0


async def test_a_connection_refused_is_known_at_once() -> None:
    async with new_agent("tcp", timers=Timers()) as alice:
        with UdpPeer() as gone:
            port = gone.address[1]
        out = await alice.invite(f"sip:a@127.0.0.1:{port};transport=tcp", OFFER, from_=ROOM)
        event = await last_event(out)
        assert isinstance(event, Failed) and event.status == 503


async def test_a_silent_peer_is_a_408_after_64_t1() -> None:
    async with new_agent("udp") as alice:
        with UdpPeer() as silent:
            out = await alice.invite(f"sip:a@127.0.0.1:{silent.address[1]}", OFFER, from_=ROOM)
            event = await last_event(out)
            assert isinstance(event, Failed) and event.status == 408
        assert_nothing_remains(alice)


async def test_a_caller_whose_port_closes_while_it_rings_has_given_up() -> None:
    async with new_agent("udp", timers=replace(Timers(), provisional=0.02)) as bob:
        with UdpPeer() as caller:
            port = caller.address[1]
            via = f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-1"
            caller.send(request(via=via, body=OFFER), bob)
            incoming = await next_call(bob)
            incoming.ring()
        event = await last_event(incoming)
        assert isinstance(event, Cancelled)
        assert bob.call_count == 0


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_call_survives_the_end_of_its_connection(who: str) -> None:
    """RFC 3261 18: the connection is not the call. The BYE takes a new one."""
    async with two("tcp") as (alice, bob), talking(alice, bob, "tcp") as (out, incoming):
        for agent in (alice, bob):
            for connection in tuple(agent._sockets.listeners[0]._by_number.values()):  # type: ignore[union-attr]
                connection.abort()
        await eventually(
            lambda: not bob._sockets.listeners[0]._by_number  # type: ignore[union-attr]
        )
        (out if who == "caller" else incoming).hang_up()
        assert isinstance(await last_event(incoming if who == "caller" else out), HungUp)


async def test_a_caller_whose_connection_is_gone_for_good_ends_at_the_answer() -> None:
    async with new_agent("tcp") as bob:
        async with TcpPeer.connect("127.0.0.1", bob.listening[0].port) as caller:
            with UdpPeer() as gone:
                via = f"SIP/2.0/TCP 127.0.0.1:{gone.address[1]};branch=z9hG4bK-1"
            contact = f"<sip:a@127.0.0.1:{gone.address[1]};transport=tcp>"
            caller.writer.write(request(via=via, body=OFFER, contact=contact))
            incoming = await next_call(bob)
            await caller.receive_response(100)
        await eventually(
            lambda: not bob._sockets.listeners[0]._by_number  # type: ignore[union-attr]
        )
        incoming.ring()
        assert isinstance(await last_event(incoming), Cancelled)
        assert bob.call_count == bob.transaction_count == 0


async def test_a_connection_that_closes_amid_a_message_leaves_nothing() -> None:
    async with new_agent("tcp") as bob:
        async with TcpPeer.connect("127.0.0.1", bob.listening[0].port) as caller:
            caller.writer.write(request(body=OFFER)[:100])
            await caller.writer.drain()
        await eventually(
            lambda: not bob._sockets.listeners[0]._by_number  # type: ignore[union-attr]
        )
        assert bob.call_count == 0
        assert bob.counters.requests == 0


async def test_lost_datagrams_are_sent_again() -> None:
    async with new_agent("udp") as alice:
        with UdpPeer() as peer:
            target = f"sip:a@127.0.0.1:{peer.address[1]}"
            out = await alice.invite(target, OFFER, from_=ROOM)
            await peer.receive_request("INVITE")  # say it was lost
            invite = await peer.receive_request("INVITE")
            contact = f"<{target}>"
            peer.send(response(invite, 200, contact=contact, body=ANSWER), alice)
            await peer.receive_request("ACK")  # lost as well
            peer.send(response(invite, 200, contact=contact, body=ANSWER), alice)
            await peer.receive_request("ACK")
            out.hang_up()
            await peer.receive_request("BYE")  # and this one
            bye = await peer.receive_request("BYE")
            peer.send(response(bye, 200), alice)
            await eventually(lambda: alice.call_count == 0)
            assert_nothing_remains(alice)


async def test_our_200_is_repeated_until_the_ack_that_pyvoip_sends() -> None:
    async with new_agent("udp") as bob:
        with UdpPeer() as phone:
            port = phone.address[1]
            via = f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-1"
            contact = f"<sip:phone@127.0.0.1:{port}>"
            phone.send(request(via=via, body=OFFER, contact=contact), bob)
            incoming = await next_call(bob)
            answering = asyncio.create_task(incoming.answer(ANSWER))
            for _ in range(3):
                ok = await phone.receive_response(200)
            phone.send(request("ACK", via=via, to_tag="random"), bob)
            assert await answering is None
            assert bob.counters.wrong_to_tags == 1
            tag = ok.headers.to.tag
            bye = request("BYE", via=via, to_tag=tag, cseq=2, uri=contact[1:-1])
            phone.send(bye, bob)
            assert isinstance(await last_event(incoming), HungUp)
            await phone.receive_response(200)
        assert_nothing_remains(bob)


async def test_a_missing_ack_ends_the_call_with_a_bye() -> None:
    async with new_agent("udp") as bob:
        with UdpPeer() as phone:
            port = phone.address[1]
            via = f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-1"
            phone.send(request(via=via, contact=f"<sip:phone@127.0.0.1:{port}>"), bob)
            incoming = await next_call(bob)
            with pytest.raises(CallEnded, match="AckMissing"):
                await incoming.answer(OFFER)
            bye = await phone.receive_request("BYE")
            phone.send(response(bye, 481), bob)
            await eventually(lambda: bob.call_count == 0)


# --- strangers, limits, draining ----------------------------------------------------------------


@pytest.mark.parametrize(("verdict", "status"), [(Verdict.DROP, None), (FORBID, 403)])
async def test_a_stranger_is_dropped_or_refused(verdict: object, status: int | None) -> None:
    async with new_agent("udp", admit=lambda flow, asked: verdict) as bob:  # type: ignore[arg-type, return-value]
        with UdpPeer() as stranger:
            via = f"SIP/2.0/UDP 127.0.0.1:{stranger.address[1]};branch=z9hG4bK-1"
            stranger.send(request("OPTIONS", via=via), bob)
            if status is None:
                await eventually(lambda: bob.counters.dropped_strangers == 1)
            else:
                await stranger.receive_response(status)
        assert bob.transaction_count == 0


async def test_what_is_not_sip_is_counted() -> None:
    async with new_agent("udp") as bob:
        with UdpPeer() as stranger:
            for data in (b"hello", b"\r\n\r\n", bytes(100)):
                stranger.send(data, bob)
            await eventually(lambda: bob.counters.unparsable == 1)
            await eventually(lambda: bob.counters.keep_alives == 2)


@TRANSPORTS
async def test_options_are_answered_and_say_when_we_drain(transport: str) -> None:
    async with new_agent("udp", "tcp") as bob:
        port = next(one.port for one in bob.listening if one.transport == "tcp")
        with UdpPeer() as udp:
            async with TcpPeer.connect("127.0.0.1", port) as tcp:
                via = f"SIP/2.0/UDP 127.0.0.1:{udp.address[1]};rport;branch=z9hG4bK-1"
                for status in (200, 503):
                    options = request("OPTIONS", via=via)
                    if transport == "udp":
                        udp.send(options, bob)
                        answer: Response = await udp.receive_response(status)
                    else:
                        tcp.writer.write(options)
                        answer = await tcp.receive_response(status)
                    bob.is_draining = True
                assert answer.headers["Retry-After"] == "30"
        assert bob.is_draining


async def test_above_the_number_of_calls_there_is_a_503() -> None:
    async with new_agent("udp") as alice, new_agent("udp", max_sessions=1) as bob:
        first = await alice.invite(uri_of(bob), OFFER, from_=ROOM)
        await next_call(bob)
        second = await alice.invite(uri_of(bob), OFFER, from_=ROOM)
        event = await last_event(second)
        assert isinstance(event, Failed) and event.status == 503
        assert event.response is not None and event.response.headers["Retry-After"] == "30"
        first.hang_up()
        await eventually(lambda: bob.call_count == 0)


# --- the end ------------------------------------------------------------------------------------


@TRANSPORTS
async def test_closing_hangs_up_what_is_there_and_waits_for_the_others(transport: str) -> None:
    async with new_agent(transport) as alice:
        async with new_agent(transport) as bob:
            out = await alice.invite(uri_of(bob, transport), OFFER, from_=ROOM)
            incoming = await next_call(bob)
            await incoming.answer(ANSWER)
            ringing = await alice.invite(uri_of(bob, transport), OFFER, from_=ROOM)
            await eventually(lambda: bob.call_count == 2)
        event = await last_event(out)
        assert isinstance(event, HungUp)
        assert event.reasons[0].cause == 503
        failed = await last_event(ringing)
        assert isinstance(failed, Failed) and failed.status == 503
        assert alice.call_count == 0
        assert [call async for call in bob.incoming_calls()] != []  # that nobody took


async def test_closing_does_not_wait_for_ever() -> None:
    with UdpPeer() as silent:
        async with new_agent("udp", timers=Timers()) as alice:
            target = f"sip:a@127.0.0.1:{silent.address[1]}"
            await alice.invite(target, OFFER, from_=ROOM)
            await silent.receive_request("INVITE")
            started = asyncio.get_running_loop().time()
        assert 0.5 < asyncio.get_running_loop().time() - started < 2.0


async def test_orders_after_the_end_have_no_effect() -> None:
    async with new_agent("udp") as alice, new_agent("udp") as bob:
        out = await alice.invite(uri_of(bob), OFFER, from_=ROOM)
        incoming = await next_call(bob)
        await bob.__aexit__(None, None, None)
        incoming.ring()
        incoming.hang_up()
        with pytest.raises(CallEnded):
            await incoming.answer(ANSWER)
        assert isinstance(await last_event(out), Failed)


async def test_incoming_calls_end_when_the_user_agent_is_closed() -> None:
    calls: list[Call] = []

    async def serve(agent: UserAgent) -> None:
        async for call in agent.incoming_calls():
            calls.append(call)

    async with new_agent("udp") as bob:
        serving = asyncio.create_task(serve(bob))
        await asyncio.sleep(0)
    async with asyncio.timeout(3):
        await serving
    assert calls == []


async def test_a_listener_that_cannot_be_opened_leaves_none() -> None:
    sockets = open_sockets()
    config = UserAgentConfig(
        listen=(Listen("udp", "127.0.0.1", 0), Listen("tcp", "203.0.113.1", 5060)),
        tcp=TcpLimits(),
    )
    with pytest.raises(OSError):
        async with UserAgent(config, accept_everybody):
            pass
    assert open_sockets() == sockets


async def test_we_state_the_address_we_were_told_to() -> None:
    async with new_agent("udp", advertised_host="gw.example.com") as alice:
        with UdpPeer() as peer:
            out = await alice.invite(f"sip:a@127.0.0.1:{peer.address[1]}", OFFER, from_=ROOM)
            invite = await peer.receive_request("INVITE")
            port = alice.listening[0].port
            assert invite.headers["Contact"] == f"<sip:gw.example.com:{port}>"
            assert invite.headers.via.host == "gw.example.com"
            peer.send(response(invite, 603), alice)
            assert isinstance(await last_event(out), Failed)


async def test_a_hold_and_a_resume_of_the_peer() -> None:
    async with new_agent("udp") as bob:
        with UdpPeer() as phone:
            port = phone.address[1]
            via = f"SIP/2.0/UDP 127.0.0.1:{port}"
            contact = f"<sip:phone@127.0.0.1:{port}>"

            def invite(cseq: int, **kwargs: str) -> None:
                phone.send(
                    request(
                        via=f"{via};branch=z9hG4bK-{cseq}",
                        contact=contact,
                        cseq=cseq,
                        body=OFFER,
                        **kwargs,  # type: ignore[arg-type]
                    ),
                    bob,
                )

            async def acknowledge(cseq: int) -> str:
                ok = await phone.receive_response(200)
                tag = ok.headers.to.tag
                ack = request("ACK", via=f"{via};branch=z9hG4bK-a{cseq}", to_tag=tag, cseq=cseq)
                phone.send(ack, bob)
                return tag

            invite(1)
            incoming = await next_call(bob)
            _, tag = await both(incoming.answer(ANSWER), lambda: acknowledge(1))
            for cseq in (2, 3):
                invite(cseq, to_tag=tag)
                assert isinstance(await incoming.events.next(), Reoffered)
                accepting = incoming.accept_reoffer(ANSWER)
                await both(accepting, lambda cseq=cseq: acknowledge(cseq))  # type: ignore[misc]
            incoming.hang_up()
            bye = await phone.receive_request("BYE")
            phone.send(response(bye, 200), bob)
            await eventually(lambda: bob.call_count == 0)
            assert isinstance(bye, Request)


async def both(
    one: Awaitable[bytes | None], other: Callable[[], Awaitable[str]]
) -> tuple[bytes | None, str]:
    async with asyncio.timeout(3):
        return await asyncio.gather(one, other())


async def test_a_call_that_replaces_another_knows_which() -> None:
    async with nothing_left(), new_agent() as agent, new_agent() as caller:
        calls = agent.incoming_calls()
        first = await caller.invite(uri_of(agent), OFFER, from_=ROOM)
        received = await anext(calls)
        answering = asyncio.create_task(received.answer(ANSWER))
        answered = await first.events.next()
        assert isinstance(answered, Answered)
        await answering
        headers = answered.response.headers
        dialog = f"{headers.call_id};to-tag={headers.to.tag};from-tag={headers.from_.tag}"
        second = await caller.invite(
            uri_of(agent), OFFER, from_=ROOM, headers=[("Replaces", dialog)]
        )
        taking_over = await anext(calls)
        assert taking_over.replaces is received
        assert received.replaces is None
        second.hang_up()
        first.hang_up()


async def test_a_connection_on_which_nothing_has_come_is_not_taken_for_a_call() -> None:
    asked: list[str | None] = []

    def hears(flow: Flow, method: str | None) -> bool:
        asked.append(method)
        return False

    config = UserAgentConfig((Listen("tcp", "127.0.0.1", 0),))
    async with UserAgent(config, accept_everybody, hears=hears) as agent:
        (listen,) = agent.listening
        async with TcpPeer.connect(listen.host, listen.port):
            await eventually(lambda: bool(asked))
    assert asked == [None]
