"""The private names of aioice that gateway.webrtc.ice leans on; a new release must keep them."""

import asyncio
import inspect
import socket
import time
from collections.abc import Callable
from typing import Any

import aioice
import pytest
from aioice import stun
from aioice.ice import StunProtocol, relayed_candidate
from aioice.turn import TurnTransport

from gateway.media.messages import IceCandidate
from gateway.webrtc import ice
from gateway.webrtc.ice import IceConnection, IceError
from gateway.webrtc.transport import BridgeTransport


def test_aioice_has_the_names_this_leans_on() -> None:
    connection = aioice.Connection(ice_controlling=False)
    for name in ("_nominated", "_protocols", "_local_candidates", "_remote_candidates"):
        assert hasattr(connection, name)
    assert connection._local_candidates_start is False
    assert connection._local_candidates_end is False
    component = inspect.signature(aioice.Connection.get_component_candidates)
    assert list(component.parameters)[:3] == ["self", "component", "addresses"]
    received = inspect.signature(aioice.Connection.data_received)
    assert list(received.parameters) == ["self", "data", "component"]
    assert inspect.iscoroutinefunction(aioice.Connection.get_event)
    assert inspect.iscoroutinefunction(aioice.Connection.query_consent)
    assert connection._query_consent_task is None
    request = inspect.signature(aioice.Connection.build_request)
    assert list(request.parameters) == ["self", "pair", "nominate"]
    assert issubclass(StunProtocol, asyncio.DatagramProtocol)
    assert list(inspect.signature(relayed_candidate).parameters) == [
        *("component", "hide_related_address", "protocol_factory"),
        *("turn_server", "turn_username", "turn_password", "turn_ssl", "turn_transport"),
    ]
    inner: Any = None
    assert TurnTransport(inner).__dict__["_TurnTransport__close_task"] is None


def no_data(_: bytes) -> None:
    raise AssertionError("no data is expected")


async def test_only_the_named_addresses_are_used() -> None:
    connection = IceConnection(("127.0.0.1",), no_data)
    candidates = await connection.gather()
    assert [candidate.host for candidate in candidates] == ["127.0.0.1"]
    await connection.close()


async def test_an_address_that_is_not_ours_is_an_error_that_names_it() -> None:
    connection = IceConnection(("192.0.2.1",), no_data)
    with pytest.raises(IceError, match=r"192\.0\.2\.1"):
        await connection.gather()
    await connection.close()


async def media(ours: IceConnection) -> list[bytes]:
    """The next media that comes."""
    async with asyncio.timeout(5):
        while not (datagrams := ours.read()):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    return [data for data, _, _ in datagrams]


async def test_two_agents_connect_and_data_passes_aioice_by() -> None:
    dtls: asyncio.Queue[bytes] = asyncio.Queue()
    ours, theirs = await connected(dtls.put_nowait)
    await theirs.send(b"\x80some media")
    await theirs.send(b"\x16a handshake")
    ours.transmit(b"\x80some reply")
    assert await theirs.recv() == b"\x80some reply"
    assert await media(ours) == [b"\x80some media"]
    assert await dtls.get() == b"\x16a handshake"
    await theirs.close()
    await ours.close()
    with pytest.raises(IceError):
        ours.transmit(b"\x80too late")


async def test_media_that_nobody_reads_is_not_kept_without_end() -> None:
    ours, theirs = await connected(no_data)
    for _ in range(30):
        for _ in range(10):
            await theirs.send(b"\x80some media")
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert 0 < len(ours.read()) <= 256
    await theirs.close()
    await ours.close()


async def test_a_cancelled_gathering_leaves_no_socket() -> None:
    connection = IceConnection(("127.0.0.1",), no_data)
    gathering = asyncio.ensure_future(connection.gather())
    await asyncio.sleep(0)
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    assert len(connection._protocols) == 1
    await connection.close()
    assert not connection._protocols


async def pair(
    receive: Callable[[bytes], None] = no_data,
) -> tuple[IceConnection, aioice.Connection]:
    """Our agent and a bridge's, which know nothing of each other yet."""
    ours = IceConnection(("127.0.0.1",), receive)
    theirs = aioice.Connection(ice_controlling=True)
    theirs._local_candidates = await theirs.get_component_candidates(1, ["127.0.0.1"])
    theirs._local_candidates_end = True
    await ours.gather()
    theirs.remote_username, theirs.remote_password = ours.local_username, ours.local_password
    return ours, theirs


async def connected(
    receive: Callable[[bytes], None],
) -> tuple[IceConnection, aioice.Connection]:
    """Both, with a path between them."""
    ours, theirs = await pair(receive)
    for candidate in theirs.local_candidates:
        await ours.add_remote_candidate(candidate)
    await asyncio.gather(
        ours.establish(theirs.local_username, theirs.local_password), theirs.connect()
    )
    return ours, theirs


async def test_a_socket_that_was_taken_over_is_read_only_when_we_read_it() -> None:
    dtls: list[bytes] = []
    ours, theirs = await connected(dtls.append)
    (local,) = ours.local_candidates
    ours.take_over()
    ours.take_over()
    sent = time.monotonic()
    for data in (b"\x80some media", b"\x16a handshake", b"\x80more media"):
        await theirs.send(data)
    await asyncio.sleep(0.05)
    assert dtls == []
    (first, _, at), (second, _, then) = ours.read()
    assert (first, second) == (b"\x80some media", b"\x80more media")
    assert sent <= min(at, then) <= max(at, then) <= time.monotonic()
    assert dtls == [b"\x16a handshake"]
    assert ours.read() == []
    ours.transmit(b"\x80some reply")
    assert await theirs.recv() == b"\x80some reply"
    await theirs.close()
    await ours.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.bind((local.host, local.port))


async def test_checks_are_answered_at_a_socket_that_was_taken_over() -> None:
    ours, theirs = await connected(no_data)
    ours.take_over()
    (theirs_at,) = theirs._protocols
    (candidate,) = ours.local_candidates
    check = theirs.build_request(theirs._nominated[1], nominate=False)
    answering = asyncio.ensure_future(
        theirs_at.request(
            check, (candidate.host, candidate.port), ours.local_password.encode("utf8")
        )
    )
    while not answering.done():
        ours.read()
        await asyncio.sleep(0.01)
    answer, source = await answering
    assert answer.message_class.name == "RESPONSE"
    assert source == (candidate.host, candidate.port)
    await theirs.close()
    await ours.close()


STRANGE = (
    b"",
    b"\x00",
    b"\x80",
    b"\x80\xc8\x00",
    # Binding requests with a USE-CANDIDATE and a PRIORITY of two octets, an error without a code.
    bytes.fromhex("000100082112a442") + bytes(12) + bytes.fromhex("00240002ffff0000"),
    bytes.fromhex("000100082112a442") + bytes(12) + bytes.fromhex("002a802a00010000"),
    bytes.fromhex("011100042112a442") + bytes(12) + bytes.fromhex("80280000"),
)


async def test_what_strangers_send_to_our_socket_is_no_error_and_no_data() -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    ours, theirs = await pair()
    (local,) = ours.local_candidates
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        async def meddle() -> None:
            for datagram in STRANGE:
                stranger.sendto(datagram, (local.host, local.port))
            await asyncio.sleep(0.05)

        await meddle()
        for candidate in theirs.local_candidates:
            await ours.add_remote_candidate(candidate)
        await asyncio.gather(
            ours.establish(theirs.local_username, theirs.local_password), theirs.connect()
        )
        await meddle()
    await theirs.send(b"\x80some media")
    assert await media(ours) == [b"\x80some media"]
    assert errors == []
    await theirs.close()
    await ours.close()


@pytest.mark.parametrize("is_taken_over", [False, True])
async def test_of_strangers_neither_handshakes_nor_media_are_taken(is_taken_over: bool) -> None:
    dtls: asyncio.Queue[bytes] = asyncio.Queue()
    ours, theirs = await connected(dtls.put_nowait)
    if is_taken_over:
        ours.take_over()
    (local,) = ours.local_candidates
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in (b"\x16 of no use", b"\x80 of a stranger"):
            stranger.sendto(datagram, (local.host, local.port))
    await theirs.send(b"\x16a handshake")
    await theirs.send(b"\x80some media")
    assert await media(ours) == [b"\x80some media"]
    assert await dtls.get() == b"\x16a handshake"
    assert dtls.empty()
    await theirs.close()
    await ours.close()


async def test_more_candidates_than_any_bridge_has_are_passed_over() -> None:
    ours = BridgeTransport(("127.0.0.1",))
    told = tuple(
        IceCandidate("1", 1, "udp", 1, f"127.0.{number // 250}.{number % 250 + 1}", 9, "host")
        for number in range(1000)
    )
    await ours.add_candidates(told[:500])
    await ours.add_candidates(told[500:])
    known = ours._ice.remote_candidates
    assert [each.host for each in known] == [each.host for each in told[: len(known)]]
    assert 1 < len(known) <= 100  # as many pairs as an agent is to have (RFC 8445 6.1.2.5)
    await ours.close()


async def test_an_address_is_the_same_however_it_is_written() -> None:
    ours = BridgeTransport(("127.0.0.1",))
    told = IceCandidate("1", 1, "udp", 1, "2001:DB8:0:0:0:0:0:1", 10000, "host")
    await ours.add_candidates((told,))
    assert [each.host for each in ours._ice.remote_candidates] == ["2001:db8::1"]
    await ours.close()


async def test_who_has_not_told_its_address_proves_it_by_a_check() -> None:
    """A bridge behind a NAT, perhaps: what it says of itself leads nowhere."""
    ours, theirs = await pair()
    told = aioice.Candidate("1", 1, "udp", 1, "127.0.0.1", 9, "host")
    await ours.add_remote_candidate(told)
    for candidate in ours.local_candidates:
        await theirs.add_remote_candidate(candidate)
    await asyncio.gather(
        ours.establish(theirs.local_username, theirs.local_password), theirs.connect()
    )
    await theirs.send(b"\x80some media")
    assert await media(ours) == [b"\x80some media"]
    await theirs.close()
    await ours.close()


async def test_a_stranger_does_not_make_a_lost_path_look_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ice, "SILENT_FOR", 0.4)
    monkeypatch.setattr(ice, "_LOOK_EVERY", 0.1)
    ours, theirs = await connected(no_data)
    (local,) = ours.local_candidates
    lost = asyncio.ensure_future(ours.lost())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        async with asyncio.timeout(5):
            while not lost.done():
                stranger.sendto(b"\x80some media", (local.host, local.port))
                await asyncio.sleep(0.03)
    await theirs.close()
    await ours.close()


async def test_a_bridge_to_which_our_address_is_new_is_lost_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A NAT has given us another: media goes on to the old one, and checks are forbidden."""
    monkeypatch.setattr(ice, "_CONSENT_EVERY", 0.02)
    monkeypatch.setattr(ice, "_ASK_AGAIN", 0.02)
    ours, theirs = await connected(no_data)
    answers: list[tuple[int, str] | None] = [None, (403, "Forbidden"), None, (500, "Server Error")]
    asked = 0

    def answer(message: stun.Message, address: tuple[str, int], protocol: StunProtocol) -> None:
        nonlocal asked
        error = answers[asked] if asked < len(answers) else (403, "Forbidden")
        asked += 1
        kind = stun.Class.ERROR if error else stun.Class.RESPONSE
        response = stun.Message(stun.Method.BINDING, kind, message.transaction_id)
        if error:
            response.attributes["ERROR-CODE"] = error
        response.add_message_integrity(theirs.local_password.encode())
        protocol.send_stun(response, address)

    monkeypatch.setattr(theirs, "request_received", answer)
    await asyncio.wait_for(ours.lost(), 5)
    assert asked == len(answers) + 2
    await theirs.close()
    await ours.close()


async def test_what_comes_before_a_socket_has_its_candidate_is_no_error() -> None:
    """A port may be new to us, and not to who still sends to its last user."""
    ours = IceConnection(("127.0.0.1",), lambda data: None)
    socket_being_opened = StunProtocol(ours)
    for datagram in (b"", b"\x80 some audio of another call", b"\x16\xfe\xfd"):
        socket_being_opened.datagram_received(datagram, ("127.0.0.1", 9))
    await ours.close()


async def test_an_offer_without_candidates_is_waited_with_until_there_are_some() -> None:
    ours, theirs = await pair()
    establishing = asyncio.ensure_future(
        ours.establish(theirs.local_username, theirs.local_password)
    )
    connecting = asyncio.ensure_future(theirs.connect())
    await asyncio.sleep(0.1)
    assert not establishing.done()
    for candidate in theirs.local_candidates:
        await ours.add_remote_candidate(candidate)
    await asyncio.gather(establishing, connecting)
    await theirs.close()
    await ours.close()


async def test_a_path_on_which_nothing_comes_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "SILENT_FOR", 0.4)
    monkeypatch.setattr(ice, "_LOOK_EVERY", 0.1)
    ours, theirs = await pair()
    for candidate in theirs.local_candidates:
        await ours.add_remote_candidate(candidate)
    await asyncio.gather(
        ours.establish(theirs.local_username, theirs.local_password), theirs.connect()
    )
    lost = asyncio.ensure_future(ours.lost())
    for _ in range(10):  # as long as something comes it is there
        await theirs.send(b"\x80some media")
        await asyncio.sleep(0.06)
    assert not lost.done()
    await asyncio.wait_for(lost, 5)
    await theirs.close()
    await ours.close()
