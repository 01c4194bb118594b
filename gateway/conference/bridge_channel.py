"""The bridge channel: a WebSocket to the videobridge, beside the media and never essential.

Whatever becomes of it, audio goes on. Its URL comes from the focus with the session's offer, and
holds a password: it is not logged.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import structlog

from gateway.conference.colibri import (
    WITHOUT_VIDEO,
    DominantSpeakerChanged,
    HandLowering,
    Message,
    ServerHello,
    read_message,
)
from gateway.conference.events import DominantSpeaker, Event
from gateway.conference.installation import Installation
from gateway.xmpp.web import connector

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between attempts
_CONNECT_WITHIN = 10.0
_CLOSE_WITHIN = 0.5
_HEARTBEAT = 20.0  # seconds between pings of ours; the bridge's are answered by aiohttp
# Octets. What people's data channels take (256 KiB, as browsers have it) the bridge passes on to
# us, with the sender's name: whoever sends more than we take would close our channel.
_MAX_MESSAGE = 1 << 19
_REFUSED = (403, 404)  # wrong password, or nothing there: asking again changes nothing
_GOING_AWAY = 1001  # the conference, or the bridge: another session will come

OpenChannel = Callable[[str, Callable[[Event], None]], AbstractAsyncContextManager[None]]
"""Keeps the channel at a URL open as long as `async with` lasts; told events are emitted."""


_Take = Callable[[Message | None], None]

LowerHand = Callable[[str], None]
"""Told who wants us to lower our hand, by its endpoint: it need not be a moderator."""


def channel_opener(installation: Installation, lower_hand: LowerHand) -> OpenChannel | None:
    """How channels are opened at an installation; None if they are not wanted."""
    if not installation.bridge_channel:
        return None
    tls = installation.server.tls

    @asynccontextmanager
    async def opened(url: str, emit: Callable[[Event], None]) -> AsyncIterator[None]:
        def take(message: Message | None) -> None:
            match message:
                case DominantSpeakerChanged(endpoint):
                    emit(DominantSpeaker(endpoint))
                case HandLowering(endpoint):
                    lower_hand(endpoint)

        task = asyncio.create_task(_keep_open(url, tls, take), name="bridge channel")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    return opened


def is_usable(url: str, tls: ssl.SSLContext | None) -> bool:
    """Whether it is a WebSocket's URL, encrypted unless the installation does without."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.scheme in (("wss",) if tls else ("wss", "ws"))
    except ValueError:
        return False


async def _keep_open(url: str, tls: ssl.SSLContext | None, take: _Take) -> None:
    if not is_usable(url, tls):
        log.warning("bridge channel not opened: its URL is not wss:")
        return
    try:
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector(tls), cookie_jar=jar) as session:
            await _reconnect(session, url, take)
    except Exception:
        log.exception("bridge channel failed")


async def _reconnect(session: aiohttp.ClientSession, url: str, take: _Take) -> None:
    """Connect, and again whenever that ends, until the bridge says that it is of no use."""
    pause = FIRST_PAUSE
    host = urlsplit(url).hostname
    while True:
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                socket = await session.ws_connect(
                    url,
                    heartbeat=_HEARTBEAT,
                    max_msg_size=_MAX_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_WITHIN),
                )
        except aiohttp.WSServerHandshakeError as refusal:
            if refusal.status in _REFUSED:
                log.warning("bridge channel refused", host=host, status=refusal.status)
                return
            log.info("bridge channel not open", host=host, status=refusal.status)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            log.info("bridge channel not open", host=host, error=type(error).__name__)
        else:
            if await _listen(socket, take):
                pause = FIRST_PAUSE
            log.info("bridge channel closed", host=host, code=socket.close_code)
            if socket.close_code == _GOING_AWAY:
                return
        await asyncio.sleep(random.uniform(pause / 2, pause))
        pause = min(2 * pause, LONGEST_PAUSE)


async def _listen(socket: aiohttp.ClientWebSocketResponse, take: _Take) -> bool:
    """Take messages until the channel closes; whether the bridge has ever greeted us."""
    greeted = False
    try:
        await socket.send_str(WITHOUT_VIDEO)
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            match read_message(message.data):
                case ServerHello(version):
                    greeted = True
                    log.info("bridge channel open", version=version)
                case said:
                    take(said)
    except (aiohttp.ClientError, OSError) as error:
        log.info("bridge channel broke", error=type(error).__name__)
    finally:
        await socket.close()
    return greeted
