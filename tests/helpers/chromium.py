"""Chromium without a screen, driven by its DevTools protocol: what a person would do and see.

    async with Chromium(microphone=wav) as browser:
        page = await browser.open("http://127.0.0.1:8088/")
        await page.evaluate("document.title")
        await page.screenshot(path)

The microphone is a WAV file, repeated; permission to use it is given.
"""

import asyncio
import base64
import itertools
import os
import shutil
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--metrics-recording-only",
    "--no-pings",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--ignore-certificate-errors",
    "--remote-debugging-port=0",
)


LOOPBACK = "--allow-loopback-in-peer-connection"
"""Needed where there is no other network: otherwise Chromium finds no address to send from."""


def program() -> str | None:
    """Where it is, if it is installed."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Chromium:
    """One browser process with an empty profile."""

    def __init__(self, *, microphone: Path) -> None:
        self._microphone = microphone
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)

    async def __aenter__(self) -> Self:
        name = program()
        assert name is not None
        profile = Path(self._folder.name)
        self._process = await asyncio.create_subprocess_exec(
            name,
            *FLAGS,
            *(() if _has_network() else (LOOPBACK,)),
            f"--user-data-dir={profile}",
            f"--use-file-for-fake-audio-capture={self._microphone}",
            "about:blank",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "HOME": str(profile)},
            start_new_session=True,
        )
        self._http = aiohttp.ClientSession()
        self.port = await self._devtools_port(profile / "DevToolsActivePort")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        self._process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await self._process.wait()
        with suppress(ProcessLookupError):  # its helpers, which are of its session
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._folder.cleanup()

    async def open(self, url: str, *, width: int = 1280, height: int = 860) -> "Page":
        """A page in a tab of its own, when it has loaded."""
        async with self._http.put(f"http://127.0.0.1:{self.port}/json/new?about:blank") as answer:
            target = await answer.json()
        connection = await self._http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
        page = Page(connection)
        await page.resize(width, height)
        await page.order("Page.navigate", url=url)
        await page.until("document.readyState === 'complete'")
        return page

    async def _devtools_port(self, told: Path) -> int:
        async with asyncio.timeout(60):
            while not (told.exists() and told.read_text().strip()):  # noqa: ASYNC110, ASYNC240
                await asyncio.sleep(0.1)
        return int(told.read_text().split()[0])  # noqa: ASYNC240


def _has_network() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return False
    return True


class Page:
    """One tab. Orders are answered one at a time; events are not listened to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def order(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give an order of the protocol; its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression, or of its promise; as if a person had clicked."""
        result = await self.order(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, expression: str, seconds: float = 20.0) -> Any:
        """Return when an expression is true; its value."""
        try:
            async with asyncio.timeout(seconds):
                while not (value := await self.evaluate(expression)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(
                f"{expression} did not come about; the page says:\n{text}"
            ) from None
        return value

    async def resize(self, width: int, height: int) -> None:
        """As wide and high as a window, or a phone, of that size."""
        await self.order(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def prefer(self, scheme: str) -> None:
        """Dark or light."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.order("Emulation.setEmulatedMedia", features=[feature])

    async def screenshot(self, path: Path) -> None:
        """What a person sees now, as PNG."""
        shot = await self.order("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))  # noqa: ASYNC240
