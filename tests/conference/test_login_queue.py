"""The queue in which all calls of an installation log in, in virtual time."""

import asyncio
import itertools
from dataclasses import replace

import pytest

from gateway.conference.login import log_in
from gateway.conference.login_queue import LoginQueue
from gateway.conference.participant import Participant
from gateway.conference.token import TokenIssuer
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Server
from tests.conference.world import ADDRESS, INSTALLATION, Media
from tests.xmpp.virtual_time import in_virtual_time

WEB = Server("meet.test", None, web_socket="ws://meet.test/xmpp-websocket")


class Arrivals:
    """A server that refuses everybody, and remembers who came when."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.servers: list[Server] = []

    async def connect(self, server: Server, reception: Reception) -> Connection:
        self.times.append(asyncio.get_running_loop().time())
        self.servers.append(server)
        raise ConnectionFailed(FailureCause.LOGIN, "not-allowed: token is expired")


@in_virtual_time
async def test_140_joins_in_one_minute_are_never_faster_than_the_rate() -> None:
    arrivals = Arrivals()
    installation = replace(INSTALLATION, login_queue=LoginQueue(2.5))

    async def join(at: float) -> float:
        await asyncio.sleep(at)
        with pytest.raises(ConferenceError):
            await log_in(installation, ADDRESS, arrivals.connect)
        return asyncio.get_running_loop().time() - at

    # All 140 within the first half of the minute: twice as fast as they may.
    waits = await asyncio.gather(*(join(number * 30 / 140) for number in range(140)))
    distances = [after - before for before, after in itertools.pairwise(arrivals.times)]
    assert len(arrivals.times) == 140
    assert min(distances) > 0.4 - 1e-6
    assert max(waits) == pytest.approx(139 * (0.4 - 30 / 140))  # the last one's
    assert waits == sorted(waits)  # nobody has overtaken


@in_virtual_time
async def test_who_hangs_up_while_waiting_frees_its_place() -> None:
    queue, entered = LoginQueue(1.0), []

    async def caller(name: str) -> None:
        await queue.turn()
        entered.append((name, asyncio.get_running_loop().time()))

    calls = {name: asyncio.create_task(caller(name)) for name in "abcde"}
    await asyncio.sleep(0.5)
    calls["b"].cancel()  # whose turn would be the next
    calls["d"].cancel()  # who stands further behind
    await asyncio.wait(calls.values())
    assert entered == [("a", 0.0), ("c", 1.0), ("e", 2.0)]


@in_virtual_time
async def test_a_refused_token_is_the_end_and_its_text_is_told() -> None:
    arrivals = Arrivals()
    installation = replace(INSTALLATION, server=WEB)
    with pytest.raises(ConferenceError) as refused:
        await log_in(installation, ADDRESS, arrivals.connect, token="x.y")
    assert refused.value.cause is JoinFailure.AUTHENTICATION
    assert "token is expired" in refused.value.text
    assert str(arrivals.servers[0].web_socket).endswith(f"?room={ADDRESS.name}&token=x.y")


@in_virtual_time
async def test_a_token_of_the_callers_goes_before_one_of_ours() -> None:
    arrivals = Arrivals()
    issuer = TokenIssuer("gate", "s" * 32)
    installation = replace(INSTALLATION, server=WEB, tokens=issuer)
    for token in ("x.y", None):
        with pytest.raises(ConferenceError):
            await log_in(installation, ADDRESS, arrivals.connect, token=token)
    given, made = (str(server.web_socket) for server in arrivals.servers)
    assert given.endswith("&token=x.y")
    assert "&token=eyJ" in made


@in_virtual_time
async def test_a_participant_with_a_refused_token_tries_it_once() -> None:
    arrivals = Arrivals()
    installation = replace(INSTALLATION, server=WEB)
    async with Participant(
        installation,
        ADDRESS,
        display_name="Ann",
        media=Media(),
        token="x.y",
        connect=arrivals.connect,
    ) as participant:
        with pytest.raises(ConferenceError) as refused:
            await participant.join()
    assert refused.value.cause is JoinFailure.AUTHENTICATION
    (server,) = arrivals.servers
    assert str(server.web_socket).endswith("&token=x.y")


@in_virtual_time
async def test_over_plain_tcp_a_token_is_not_dropped_silently() -> None:
    arrivals = Arrivals()
    with pytest.raises(ConferenceError, match="websocket or bosh") as refused:
        await log_in(INSTALLATION, ADDRESS, arrivals.connect, token="x.y")
    assert refused.value.cause is JoinFailure.AUTHENTICATION
    assert arrivals.times == [] and "x.y" not in str(refused.value)


@in_virtual_time
async def test_what_cannot_be_a_token_is_refused_as_one_that_is_not_good() -> None:
    arrivals = Arrivals()
    octets = b"\xff\xfe".decode("utf-8", "surrogateescape")  # of a SIP header
    with pytest.raises(ConferenceError, match="no JWT") as refused:
        await log_in(replace(INSTALLATION, server=WEB), ADDRESS, arrivals.connect, token=octets)
    assert refused.value.cause is JoinFailure.AUTHENTICATION
    assert arrivals.times == []
