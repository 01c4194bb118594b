"""The bridge channel: it tells who speaks, comes back when it breaks, and never matters."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conference import bridge_channel
from gateway.conference.bridge_channel import channel_opener, is_usable
from gateway.conference.colibri import (
    DominantSpeakerChanged,
    HandLowering,
    ServerHello,
    read_message,
)
from gateway.conference.events import DominantSpeaker, Event
from gateway.conference.installation import Installation
from gateway.lab.certificate import Certificate
from gateway.lab.colibri_socket import ColibriSocket
from gateway.xmpp.server import Server
from gateway.xmpp.tls import tls_context

SECRET = "a/b c"
LOWER_HAND = {"from": "ann", "to": "me", "msgPayload": {"name": "lower-hand-message"}}


@dataclass
class Bridge:
    """A bridge with channels, and a client's view of one of them."""

    socket: ColibriSocket
    installation: Installation
    events: list[Event] = field(default_factory=list)
    violations: list[tuple[int, str, str]] = field(default_factory=list)
    lowering: list[str] = field(default_factory=list)  # who wants our hand down

    def channel(self, password: str = SECRET):
        opener = channel_opener(self.installation, self.lowering.append)
        assert opener is not None
        return opener(self.socket.url("room@muc.test", "me", password), self.events.append)

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - many kinds of condition
                await asyncio.sleep(0.01)


@asynccontextmanager
async def bridge(monkeypatch: pytest.MonkeyPatch, *, tls: bool = False) -> AsyncIterator[Bridge]:
    monkeypatch.setattr(bridge_channel, "FIRST_PAUSE", 0.01)
    certificate = Certificate(("localhost",), "127.0.0.1")
    context = tls_context(ca_file=certificate.ca_file, verify=True) if tls else None
    server = Server("meet.test", context)
    installation = Installation(server, (), "", "", bridge_channel=True)
    violations: list[tuple[int, str, str]] = []
    known = {("room@muc.test", "me"): SECRET}
    socket = ColibriSocket(
        lambda conference, endpoint: known.get((conference, endpoint)),
        lambda *parts: violations.append(parts),
    )
    await socket.start("127.0.0.1", certificate.context if tls else None)
    before = asyncio.all_tasks()
    try:
        there = Bridge(socket, installation, violations=violations)
        yield there
        # The server's own take a moment longer than the client.
        await there.until(lambda: asyncio.all_tasks() <= before | {asyncio.current_task()})
    finally:
        await socket.close()
        certificate.close()


@pytest.mark.parametrize("tls", [False, True])
async def test_the_bridge_greets_is_asked_for_no_video_and_tells_who_speaks(
    monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    async with bridge(monkeypatch, tls=tls) as scene:
        async with scene.channel():
            await scene.until(lambda: scene.socket.received["me"])
            for text in ("[]", "{", '"x"', '{"colibriClass": 7}', "[" * 60_000):
                await scene.socket.tell_text("me", text)
            await scene.socket.tell("me", "EndpointMessage", **{"from": "ann", "msgPayload": {}})
            await scene.socket.tell("me", "EndpointMessage", **LOWER_HAND)
            await scene.socket.tell(
                "me", "DominantSpeakerEndpointChangeEvent", dominantSpeakerEndpoint="ann"
            )
            await scene.until(lambda: scene.events)
        assert scene.events == [DominantSpeaker("ann")]
        assert scene.lowering == ["ann"]
        assert scene.socket.received["me"] == [
            {
                "colibriClass": "ReceiverVideoConstraints",
                "lastN": 0,
                "defaultConstraints": {"maxHeight": 0},
            }
        ]
        assert scene.violations == []


@pytest.mark.parametrize("code", [1000, 1011, 4000])
async def test_a_channel_that_closes_is_opened_again(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    async with bridge(monkeypatch) as scene, scene.channel():
        for times in (1, 2, 3):
            await scene.until(lambda times=times: len(scene.socket.received["me"]) == times)
            await scene.socket.hang_up("me", code)
        await scene.until(lambda: scene.socket.opened["me"] == 4)


async def test_what_somebody_in_the_meeting_sends_to_all_does_not_close_the_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bridge(monkeypatch) as there, there.channel():
        await there.until(lambda: there.socket.open)
        longest = "x" * (1 << 18)
        await there.socket.tell("me", "EndpointMessage", **{"from": "ann", "msgPayload": longest})
        await there.socket.tell(
            "me", "DominantSpeakerEndpointChangeEvent", dominantSpeakerEndpoint="ann"
        )
        await there.until(lambda: there.events or there.socket.opened["me"] > 1)
        assert there.events == [DominantSpeaker("ann")]
        assert there.socket.opened["me"] == 1


async def test_a_bridge_that_goes_away_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bridge(monkeypatch) as scene, scene.channel():
        await scene.until(lambda: scene.socket.received["me"])
        await scene.socket.hang_up("me", 1001)
        await asyncio.sleep(0.2)
        assert scene.socket.opened["me"] == 1


async def test_a_wrong_password_is_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bridge(monkeypatch) as scene, scene.channel("wrong"):
        await scene.until(lambda: scene.socket.refused["me"])
        await asyncio.sleep(0.2)
        assert scene.socket.refused["me"] == 1
        assert scene.socket.opened["me"] == 0


async def test_what_cannot_be_reached_is_tried_again_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with bridge(monkeypatch) as scene:
        attempts = 0
        connected = asyncio.Event()

        async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal attempts
            attempts += 1
            writer.close()
            if attempts == 3:
                connected.set()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        opener = channel_opener(scene.installation, scene.lowering.append)
        assert opener is not None
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(10), opener(f"ws://127.0.0.1:{port}/", scene.events.append):
            await connected.wait()
        server.close()
        await server.wait_closed()


def test_it_is_not_opened_unless_it_is_wanted() -> None:
    assert channel_opener(Installation(Server("meet.test", None), (), "", ""), print) is None


@pytest.mark.parametrize(
    ("url", "with_tls", "without"),
    [
        ("wss://host/colibri-ws/1?pwd=x", True, True),
        ("ws://host/colibri-ws/1?pwd=x", False, True),
        ("https://host/", False, False),
        ("file:///etc/passwd", False, False),
        ("wss:///colibri", False, False),
        ("wss://[::1/", False, False),
        ("", False, False),
    ],
)
def test_only_web_sockets_are_connected_to(url: str, with_tls: bool, without: bool) -> None:
    assert is_usable(url, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) is with_tls
    assert is_usable(url, None) is without


@given(st.text())
def test_any_text_is_a_message_or_nothing(text: str) -> None:
    assert read_message(text) is None


def test_messages_say_what_the_bridge_says() -> None:
    assert read_message('{"colibriClass":"ServerHello","version":"2.3"}') == ServerHello("2.3")
    assert read_message('{"colibriClass":"ServerHello"}') == ServerHello(None)
    changed = '{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":%s}'
    assert read_message(changed % '"ann"') == DominantSpeakerChanged("ann")
    assert read_message(changed % "null") is None


@pytest.mark.parametrize(
    "odd", [{"from": 7}, {"msgPayload": "lower-hand-message"}, {"msgPayload": {"name": ["x"]}}]
)
def test_a_word_of_clients_that_is_no_lowering_of_hands_is_nothing(odd: dict[str, object]) -> None:
    message = {"colibriClass": "EndpointMessage", **LOWER_HAND}
    assert read_message(json.dumps(message)) == HandLowering("ann")
    assert read_message(json.dumps({**message, **odd})) is None
