"""The public services on a real socket: what Jitsi's web client asks, and what others try."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from gateway.ivr import dial_in_http, dial_in_request
from gateway.ivr.dial_in import DialIn, DialInConfig
from gateway.ivr.dial_in_http import MAX_BODY, DialInHttpConfig
from gateway.ivr.fixed_pins import FixedPin
from gateway.ivr.meeting import Meeting
from gateway.ivr.phone_numbers import PhoneNumber
from gateway.ivr.pin_policy import PinPolicy

MUC = "conference.meet.example.org"
PAGE = "https://meet.example.org"
TOKEN = "a-token-of-some-length"
LOCAL = (ip_network("127.0.0.0/8"),)
HTTP = DialInHttpConfig(
    ("127.0.0.1", 0),
    origins=frozenset({PAGE}),
    proxies=LOCAL,
    lookups_from=(*LOCAL, ip_network("192.0.2.7")),
    lookup_token=TOKEN,
    requests_a_minute=1_000,
)


def served(room: str) -> str | None:
    name, _, domain = room.lower().partition("@")
    return f"{name}@{MUC}" if domain in (MUC, "") and name else None


def config(tmp_path: Path, http: DialInHttpConfig = HTTP, **changes: Any) -> DialInConfig:
    values: dict[str, Any] = {
        "database": tmp_path / "pins",
        "http": http,
        "numbers": (PhoneNumber("AT", "+43 1 5550100", default=True),),
        "fixed": (FixedPin("4711", Meeting("board", "Ann", moderator=True)),),
    }
    return DialInConfig(**{**values, **changes})


class Client:
    """Asks a server."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def ask(
        self, path: str, method: str = "GET", **options: Any
    ) -> tuple[int, Any, dict[str, str]]:
        async with self._session.request(method, self.url + path, **options) as response:
            body = await response.read()
            headers = dict(response.headers)
            return response.status, json.loads(body) if body else None, headers

    async def pin_of(self, room: str, **options: Any) -> int:
        """The PIN, as the web client asks for it."""
        url = f"{PAGE}/{room}"
        path = f"/conferenceMapper?conference={room}@{MUC}&url={url}"
        status, told, _ = await self.ask(path, **options)
        assert status == 200, told
        assert isinstance(told["id"], int)
        return int(told["id"])


@asynccontextmanager
async def serving(config: DialInConfig) -> AsyncIterator[Client]:
    async with DialIn(config, served) as dial_in, ClientSession() as session:
        yield Client(session, dial_in.server.url)


async def test_the_web_client_gets_number_and_pin(tmp_path: Path) -> None:
    """What react/features/invite does: both at once, then both conference and id are wanted."""
    async with serving(config(tmp_path)) as client:
        numbers, mapping = await asyncio.gather(
            client.ask(f"/phoneNumberList?conference=Standup@{MUC}", headers={"Origin": PAGE}),
            client.ask(
                f"/conferenceMapper?conference=Standup@{MUC}&url={PAGE}/Standup",
                headers={"Origin": PAGE},
            ),
        )
    status, told, headers = numbers
    assert (status, told[0]["formattedNumber"]) == (200, "+43 1 5550100")
    assert headers["Access-Control-Allow-Origin"] == PAGE
    status, told, headers = mapping
    assert status == 200
    assert told["conference"] == f"standup@{MUC}"
    assert len(str(told["id"])) == 9
    assert set(told) == {"id", "conference", "message"}
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Content-Type"].startswith("application/json")
    assert headers["Cache-Control"] == "no-store"


async def test_a_pin_leads_back_to_its_room_for_a_pbx(tmp_path: Path) -> None:
    async with serving(config(tmp_path)) as client:
        pin = await client.pin_of("standup")
        for options in (
            {"path": f"/conferenceMapper?id={pin}"},
            {"path": "/conferenceMapper", "method": "POST", "json": {"id": pin}},
            {"path": "/conferenceMapper", "method": "POST", "json": {"id": str(pin)}},
        ):
            status, told, _ = await client.ask(**options)  # type: ignore[arg-type]
            assert (status, told["conference"], told["id"]) == (200, f"standup@{MUC}", pin)
        status, told, _ = await client.ask("/conferenceMapper?id=999999999")
        assert (status, told["conference"]) == (200, False)


@pytest.mark.parametrize("typed", ["1234%23", "12%2034", "abc", "%FF"])
async def test_what_can_be_no_pin_is_unknown(tmp_path: Path, typed: str) -> None:
    async with serving(config(tmp_path)) as client:
        status, told, _ = await client.ask(f"/conferenceMapper?id={typed}")
        assert (status, told["conference"]) == (200, False)


async def test_a_room_can_be_asked_for_by_post(tmp_path: Path) -> None:
    async with serving(config(tmp_path)) as client:
        pin = await client.pin_of("standup")
        for body in ({"conference": f"standup@{MUC}"}, {"room": "standup", "domain": MUC}):
            _, told, _ = await client.ask("/conferenceMapper", "POST", json=body)
            assert told["id"] == pin


async def test_a_personal_pin_says_whose_it_is_to_the_pbx_and_its_room_has_another(
    tmp_path: Path,
) -> None:
    async with serving(config(tmp_path)) as client:
        _, told, _ = await client.ask("/conferenceMapper?id=4711")
        assert told["conference"] == f"board@{MUC}"
        assert (told["displayName"], told["moderator"]) == ("Ann", True)
        assert await client.pin_of("board") != 4711


async def test_a_restart_keeps_the_pins(tmp_path: Path) -> None:
    async with serving(config(tmp_path)) as client:
        pin = await client.pin_of("standup")
    async with serving(config(tmp_path)) as client:
        assert await client.pin_of("standup") == pin


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/conferenceMapper?conference=standup@conference.elsewhere.org", 404),
        ("/conferenceMapper?conference=@" + MUC, 404),
        ("/conferenceMapper?conference=" + "a" * 4000 + "@" + MUC, 400),
        ("/conferenceMapper", 400),
        ("/conferenceMapper?id=", 400),
        ("/conferenceMapper?id=" + "1" * 40, 400),
        ("/", 404),
        ("/about/shutdown", 404),
    ],
)
async def test_what_cannot_be_answered_is_told_in_json(
    tmp_path: Path, path: str, status: int
) -> None:
    async with serving(config(tmp_path)) as client:
        got, told, _ = await client.ask(path)
    assert got == status
    assert told["conference"] is False and told["message"] and told["status"] == status


@pytest.mark.parametrize(
    ("method", "options", "status"),
    [
        ("POST", {"data": b"{"}, 400),
        ("POST", {"data": b"[" * 5_000}, 400),
        ("POST", {"data": b"[]"}, 400),
        ("POST", {"json": {"conference": True}}, 400),
        ("POST", {"data": b" " * (MAX_BODY + 1)}, 413),
        ("PUT", {"json": {}}, 405),
        ("DELETE", {}, 405),
    ],
)
async def test_other_methods_and_bodies_are_refused(
    tmp_path: Path, method: str, options: dict[str, Any], status: int
) -> None:
    async with serving(config(tmp_path)) as client:
        got, told, _ = await client.ask("/conferenceMapper", method, **options)
    assert (got, told["status"]) == (status, status)


async def test_pages_of_other_origins_cannot_read(tmp_path: Path) -> None:
    path = f"/conferenceMapper?conference=a@{MUC}"
    async with serving(config(tmp_path)) as client:
        for origin in ("https://evil.example", "null"):
            _, _, headers = await client.ask(path, headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in headers
            assert headers["Vary"] == "Origin"
        status, _, headers = await client.ask(path, "OPTIONS", headers={"Origin": PAGE})
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, PAGE)
        assert "Content-Type" in headers["Access-Control-Allow-Headers"]
    every = config(tmp_path, replace(HTTP, origins=frozenset({"*"})))
    async with serving(every) as client:
        _, _, headers = await client.ask(path, headers={"Origin": "https://any.example"})
        assert headers["Access-Control-Allow-Origin"] == "*"


async def test_a_wrong_domain_and_a_wrong_origin_are_told_once_with_what_to_do(
    tmp_path: Path,
) -> None:
    wrong = "/conferenceMapper?conference=a@muc.meet.jitsi"
    with capture_logs() as logs:
        async with serving(config(tmp_path)) as client:
            for _ in range(2):
                await client.ask(wrong, headers={"Origin": "https://www.example.org"})
            for number in range(dial_in_http.MOST_TOLD):
                await client.ask(f"/conferenceMapper?conference=a@{number}.org")
    told = [entry for entry in logs if "remedy" in entry]
    domain, origin, *others = told
    assert (domain["domain"], origin["origin"]) == ("muc.meet.jitsi", "https://www.example.org")
    assert "muc_domains" in domain["remedy"] and "origins" in origin["remedy"]
    assert len(others) == dial_in_http.MOST_TOLD - 2, "whoever asks does not fill the disk"


async def test_only_who_is_configured_learns_the_room_of_a_pin(tmp_path: Path) -> None:
    async with serving(
        config(tmp_path, replace(HTTP, lookups_from=(ip_network("192.0.2.7"),)))
    ) as client:
        pin = await client.pin_of("standup")
        path = f"/conferenceMapper?id={pin}"

        async def status(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return (await client.ask(path, headers=named))[0]

        assert await status() == 403
        assert await status(X_Forwarded_For="192.0.2.7") == 200
        assert await status(X_Forwarded_For="192.0.2.7, 198.51.100.1") == 403
        assert await status(Authorization=f"Bearer {TOKEN}") == 200
        assert await status(Authorization="Bearer another-token-altogether") == 403
        assert await status(Authorization=f"Basic {TOKEN}") == 403
    nobody = replace(HTTP, lookups_from=(), lookup_token=None)
    async with serving(config(tmp_path, nobody)) as client:
        assert (await client.ask(path, headers={"Authorization": "Bearer "}))[0] == 403


async def test_who_claims_to_be_a_proxy_has_no_rights_of_its_address(tmp_path: Path) -> None:
    """As a web server on this machine would be that nobody told us of."""
    async with serving(config(tmp_path, replace(HTTP, proxies=()))) as client:
        forwarded = {"X-Forwarded-For": "127.0.0.1"}
        assert (await client.ask("/conferenceMapper?id=4711", headers=forwarded))[0] == 403
        assert (await client.ask("/conferenceMapper?id=4711"))[0] == 200


async def test_guesses_by_way_of_a_pbx_are_slowed_down_by_caller(tmp_path: Path) -> None:
    async with serving(config(tmp_path)) as client:
        for _ in range(3):
            await client.ask("/conferenceMapper?id=123456789&caller=+431555")
        status, told, headers = await client.ask("/conferenceMapper?id=4711&caller=+431555")
        assert (status, told["conference"], headers["Retry-After"]) == (429, False, "2")
        assert (await client.ask("/conferenceMapper?id=4711&caller=+431556"))[0] == 200


async def test_an_address_may_ask_so_often_and_others_go_on(tmp_path: Path) -> None:
    few = replace(HTTP, requests_a_minute=5, lookups_from=())
    async with serving(config(tmp_path, few)) as client:
        first, second = ({"X-Forwarded-For": f"192.0.2.{each}"} for each in (1, 2))
        for _ in range(5):
            assert (await client.ask("/phoneNumberList", headers=first))[0] == 200
        status, _, headers = await client.ask("/phoneNumberList", headers=first)
        assert status == 429 and int(headers["Retry-After"]) > 0
        assert (await client.ask("/phoneNumberList", headers=second))[0] == 200


async def test_an_address_may_have_so_many_new_rooms_and_known_ones_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_in_request, "NEW_ROOMS", (3, 60.0))
    async with serving(config(tmp_path)) as client:
        first, second = ({"X-Forwarded-For": f"198.51.100.{each}"} for each in (1, 2))
        for name in "abc":
            await client.pin_of(name, headers=first)
        status, _, _ = await client.ask(f"/conferenceMapper?conference=d@{MUC}", headers=first)
        assert status == 429
        assert await client.pin_of("a", headers=first)
        assert await client.pin_of("d", headers=second)


async def test_when_there_are_no_more_pins_that_is_told(tmp_path: Path) -> None:
    full = config(tmp_path, policy=PinPolicy(most_rooms=1))
    with capture_logs() as logs:
        async with serving(full) as client:
            pin = await client.pin_of("a")
            status, told, headers = await client.ask(f"/conferenceMapper?conference=b@{MUC}")
            assert (status, told["conference"]) == (503, False)
            assert "Retry-After" in headers
            assert await client.pin_of("a") == pin
    assert str(pin) not in str(logs)


async def test_that_there_are_no_more_pins_is_a_few_lines_of_the_log_however_many_ask(
    tmp_path: Path,
) -> None:
    full = config(tmp_path, policy=PinPolicy(most_rooms=1))
    with capture_logs() as logs:
        async with serving(full) as client:
            await client.pin_of("a")
            for number in range(60):
                others = {"X-Forwarded-For": f"198.51.100.{number}"}
                await client.ask(f"/conferenceMapper?conference=b{number}@{MUC}", headers=others)
    told = [entry for entry in logs if entry["event"] == "a room gets no PIN"]
    assert 0 < len(told) < 50


async def test_neither_pins_nor_callers_are_in_the_log(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with serving(config(tmp_path)) as client:
            pin = await client.pin_of("standup")
            for number in range(50):
                await client.ask(f"/conferenceMapper?id=98765432&caller=555{number}")
            await client.ask(f"/conferenceMapper?id={pin}")
    events = [entry["event"] for entry in logs]
    assert "somebody guesses PINs" in events
    told = str(logs)
    assert str(pin) not in told and "98765432" not in told and "555" not in told


async def test_there_are_so_many_connections_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_in_http, "MOST_CONNECTIONS", 3)
    async with serving(config(tmp_path)) as client, opened(client, 5) as streams:
        ending = [asyncio.create_task(reader.read()) for reader, _ in streams]
        while sum(task.done() for task in ending) < 2:
            unfinished = [task for task in ending if not task.done()]
            await asyncio.wait(unfinished, return_when=asyncio.FIRST_COMPLETED)
        _, writer = streams[next(at for at, task in enumerate(ending) if not task.done())]
        writer.write(b"GET /phoneNumberList HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.wait(
            [task for task in ending if not task.done()], return_when=asyncio.FIRST_COMPLETED
        )
        ended = sorted(task.result() for task in ending if task.done())
        for task in ending:
            task.cancel()
        assert ended[:2] == [b"", b""]
        assert ended[2].startswith(b"HTTP/1.1 200"), "those that are there are served"


async def test_who_sends_a_letter_now_and_then_is_got_rid_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_in_http, "LIFETIME", 0.1)
    async with serving(config(tmp_path)) as client, opened(client, 1) as ((reader, writer),):
        writer.write(b"GET /phoneNumberList HTTP/1.1\r\n")
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


@asynccontextmanager
async def opened(
    client: Client, count: int
) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """Connections to a server."""
    port = int(client.url.rpartition(":")[2])
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    try:
        yield streams
    finally:
        for _, writer in streams:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
