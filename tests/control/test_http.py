"""The HTTP server on a real socket: paths, statuses, the token, bodies."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession
from structlog.testing import capture_logs

from gateway.control.http import MAX_BODY, MOST_CONNECTIONS, ControlConfig, ControlServer
from gateway.control.metrics import Metrics
from gateway.control.snapshot import Snapshot
from gateway.errors import ConfigError
from tests.control.snapshots import call, snapshot, table

TOKEN = "a-token-of-some-length"
ADD, REMOVE, LIST = (f"/configure/call-control-muc/{what}" for what in ("add", "remove", "list"))
ACCOUNT = {
    "id": "shard-1",
    "USER_ID": "jigasi@auth.example.org",
    "PASSWORD": "c2VjcmV0",
    "SERVER_ADDRESS": "192.0.2.1",
    "BREWERY": "jigasibrewery@internal.example.org",
}


@dataclass
class Controlled:
    """A gateway that only shows what it is given."""

    shown: Snapshot = field(default_factory=snapshot)
    drained: int = 0

    def snapshot(self) -> Snapshot:
        return self.shown

    def drain(self) -> None:
        self.drained += 1


class Mucs:
    """Call control MUCs that have to have a BREWERY."""

    def __init__(self) -> None:
        self.accounts: dict[str, Mapping[str, str]] = {}

    def add(self, id: str, properties: Mapping[str, str]) -> None:
        problems = [f"{name}: is missing" for name in ("BREWERY",) if name not in properties]
        if problems:
            raise ConfigError(problems)
        self.accounts[id] = properties

    async def remove(self, id: str) -> bool:
        return self.accounts.pop(id, None) is not None

    def list(self) -> tuple[str, ...]:
        return tuple(self.accounts)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.loads(self.body)


class Client:
    def __init__(self, session: ClientSession, url: str) -> None:
        self.url = url
        self.session = session

    async def ask(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> Answer:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.session.request(
            method, self.url + path, headers=headers, **options
        ) as response:
            return Answer(response.status, response.headers, await response.read())


@asynccontextmanager
async def serving(
    controlled: Controlled | None = None,
    mucs: Mucs | None = None,
    *,
    host: str = "127.0.0.1",
    token: str | None = TOKEN,
    enable_shutdown: bool = True,
) -> AsyncIterator[Client]:
    shown = controlled or Controlled()
    config = ControlConfig((host, 0), token, enable_shutdown)
    async with (
        ControlServer(config, shown, Metrics(shown.snapshot), mucs) as server,
        ClientSession() as session,
    ):
        yield Client(session, server.url)


READ = [path for method, path, *_ in table("Endpoints") if method == "GET" and path != LIST]
CHANGE = [path for method, path, *_ in table("Endpoints") if method == "POST"]


@pytest.mark.parametrize("path", READ)
async def test_what_is_read_needs_no_token_and_has_a_head(path: str) -> None:
    async with serving() as client:
        got = await client.ask("GET", path)
        assert got.status == 200
        head = await client.ask("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        refused = await client.ask("POST", path)
        assert refused.status == 405
        assert "GET" in refused.headers["Allow"]
        assert refused.json["reason"]


async def test_who_guesses_the_token_does_not_fill_the_log() -> None:
    with capture_logs() as entries:
        async with serving() as client:
            for _ in range(200):
                refused = await client.ask("POST", CHANGE[0], token="another-token-of-length")
                assert refused.status == 401
    told = [each for each in entries if each["event"] == "wrong token"]
    assert 30 <= len(told) < 100


@pytest.mark.parametrize("path", CHANGE)
async def test_what_changes_something_needs_the_token(path: str) -> None:
    controlled, mucs = Controlled(), Mucs()
    mucs.add("shard-1", ACCOUNT)
    async with serving(controlled, mucs) as client:
        for token in (None, "", "another-token-of-length", TOKEN[:-1], "tök€n"):
            refused = await client.ask("POST", path, token=token, json=ACCOUNT)
            assert refused.status == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert refused.json["reason"]
        basic = await client.ask("POST", path, headers={"Authorization": f"Basic {TOKEN}"})
        assert basic.status == 401
        assert controlled.drained == 0
        assert mucs.list() == ("shard-1",)
        assert (await client.ask("POST", path, token=TOKEN, json=ACCOUNT)).status == 200


@pytest.mark.parametrize("path", CHANGE)
async def test_without_a_token_in_the_configuration_nothing_can_be_changed(path: str) -> None:
    controlled = Controlled()
    async with serving(controlled, Mucs(), token=None) as client:
        for token in (None, "", TOKEN):
            refused = await client.ask("POST", path, token=token, json=ACCOUNT)
            assert refused.status == 403
            assert "control.token" in refused.json["reason"]
    assert controlled.drained == 0


async def test_shutdown_drains() -> None:
    controlled = Controlled()
    async with serving(controlled) as client:
        assert (await client.ask("GET", "/about/shutdown", token=TOKEN)).status == 405
        assert controlled.drained == 0
        assert (await client.ask("POST", "/about/shutdown", token=TOKEN)).json == {}
    assert controlled.drained == 1


async def test_shutdown_can_be_switched_off() -> None:
    controlled = Controlled()
    async with serving(controlled, enable_shutdown=False) as client:
        refused = await client.ask("POST", "/about/shutdown", token=TOKEN)
        assert refused.status == 503
        assert "enable_shutdown" in refused.json["reason"]
    assert controlled.drained == 0


async def test_health_has_the_status_of_the_snapshot() -> None:
    async with serving(Controlled(snapshot(takes_calls=False))) as client:
        ill = await client.ask("GET", "/about/health")
        assert ill.status == 500
        assert ill.json["reason"].startswith("sip: ")
        verbose = await client.ask("GET", "/about/health?verbose")
        assert verbose.status == 500
        assert verbose.json == (await client.ask("GET", "/health")).json
        assert (await client.ask("GET", "/live")).status == 200
        assert (await client.ask("GET", "/ready")).status == 503


async def test_version_names_the_program() -> None:
    async with serving() as client:
        told = (await client.ask("GET", "/about/version")).json
    assert set(told) == {"name", "version", "os"}
    assert told["version"] == "1.2.3"


async def test_stats_debug_and_metrics_tell_of_the_calls() -> None:
    async with serving(Controlled(snapshot(calls=(call(participants=2),)))) as client:
        assert (await client.ask("GET", "/about/stats")).json["participants"] == 2
        assert "Erika" in (await client.ask("GET", "/debug")).json["gateways"]["sip"]["sessions"]
        metrics = await client.ask("GET", "/metrics", headers={"Accept": "text/plain"})
        assert metrics.headers["Content-Type"].startswith("text/plain")
        assert b"jitsi_jigasi_participants 2.0" in metrics.body
        accept = {"Accept": "application/openmetrics-text"}
        metrics = await client.ask("GET", "/metrics", headers=accept)
        assert metrics.headers["Content-Type"].startswith("application/openmetrics-text")
        assert metrics.body.endswith(b"# EOF\n")


async def test_no_other_origin_may_read() -> None:
    async with serving() as client:
        origin = {"Origin": "https://elsewhere.example"}
        answer = await client.ask("GET", "/debug", headers=origin)
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8788", 200),
        ("127.0.0.1", 200),
        ("[::1]:8788", 200),
        ("elsewhere.example", 403),
        ("elsewhere.example:8788", 403),
        ("[", 403),
    ],
)
async def test_on_loopback_nobody_comes_by_a_foreign_name(host: str, status: int) -> None:
    async with serving() as client:
        assert (await client.ask("GET", "/debug", headers={"Host": host})).status == status
    async with serving(host="0.0.0.0") as client:
        url = client.url.replace("0.0.0.0", "127.0.0.1")
        open_ = Client(client.session, url)
        name = {"Host": "jigasi.example"}
        assert (await open_.ask("GET", "/debug", headers=name)).status == 200


async def test_what_is_not_there_is_told_as_json() -> None:
    async with serving() as client:
        for path in ("/", "/about", "/about/health/", "/configure/call-control-muc/", "/../etc"):
            missing = await client.ask("GET", path)
            assert missing.status == 404
            assert missing.json["reason"]


async def test_call_control_mucs_are_added_listed_and_removed() -> None:
    mucs = Mucs()
    async with serving(mucs=mucs) as client:
        assert (await client.ask("POST", ADD, token=TOKEN, json=ACCOUNT)).json == {}
        assert mucs.accounts["shard-1"]["BREWERY"] == ACCOUNT["BREWERY"]
        assert "id" not in mucs.accounts["shard-1"]
        assert (await client.ask("GET", LIST)).json == ["shard-1"]
        assert (await client.ask("GET", ADD)).status == 405
        assert (await client.ask("POST", LIST, token=TOKEN)).status == 405
        gone = {"id": "shard-1"}
        assert (await client.ask("POST", REMOVE, token=TOKEN, json=gone)).status == 200
        again = await client.ask("POST", REMOVE, token=TOKEN, json=gone)
        assert again.status == 400
        assert again.json["reason"]
        assert (await client.ask("GET", LIST)).json == []


async def test_problems_of_an_account_are_told() -> None:
    async with serving(mucs=Mucs()) as client:
        refused = await client.ask("POST", ADD, token=TOKEN, json={"id": "a"})
    assert refused.status == 400
    assert refused.json["problems"] == ["BREWERY: is missing"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 10_000, "application/json", 400),
        (b'{"BREWERY": "a"}', "application/json", 400),
        (b'{"id": 1, "BREWERY": "a"}', "application/json", 400),
        (b'{"id": "", "BREWERY": "a"}', "application/json", 400),
        (b'{"id": "a", "BREWERY": ["a"]}', "application/json", 400),
        (b'{"id": "a", "BREWERY": null}', "application/json", 400),
        (b'{"id": "a", "BREWERY": "a"}', "text/plain", 415),
        (b'{"id": "a", "BREWERY": "a"}', "application/json; charset=utf-8", 200),
        (b'{"id": "a", "BREWERY": "a", "PORT": 5222, "X": true}', "application/json", 200),
        (b'{"id": "' + b"a" * MAX_BODY + b'"}', "application/json", 413),
    ],
)
async def test_bodies(body: bytes, content_type: str, status: int) -> None:
    mucs = Mucs()
    async with serving(mucs=mucs) as client:
        headers = {"Content-Type": content_type}
        answer = await client.ask("POST", ADD, token=TOKEN, data=body, headers=headers)
        assert answer.status == status
        assert ("reason" in answer.json) is (status != 200)
    assert all(isinstance(value, str) for value in mucs.accounts.get("a", {}).values())


async def test_a_gateway_without_call_control_says_so() -> None:
    async with serving(mucs=None) as client:
        assert (await client.ask("GET", LIST)).status == 404
        for path in (ADD, REMOVE):
            answer = await client.ask("POST", path, token=TOKEN, json=ACCOUNT)
            assert answer.status == 404
            assert "no orders" in answer.json["reason"]


async def test_a_mistake_of_ours_is_a_500_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controlled = Controlled()
    async with serving(controlled) as client:

        def fail() -> Snapshot:
            raise AssertionError("a secret")

        monkeypatch.setattr(controlled, "snapshot", fail)
        answer = await client.ask("GET", "/about/stats")
    assert answer.status == 500
    assert answer.json == {"reason": "internal error"}


async def test_ipv6_is_listened_on() -> None:
    async with serving(host="::1") as client:
        assert client.url.startswith("http://[::1]:")
        assert (await client.ask("GET", "/live")).status == 200


async def test_what_is_no_http_is_refused_and_does_no_harm() -> None:
    async with serving() as client:
        host, _, port = client.url.removeprefix("http://").rpartition(":")
        for nonsense in (
            b"\0\1\2\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"INVITE sip:a SIP/2.0\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(nonsense)
            assert b" 400 " in await reader.readline()
            writer.close()
            await writer.wait_closed()
        assert (await client.ask("GET", "/live")).status == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"INVITE sip:a SIP/2.0\r\n\r\n",
        b"GET /live\xff HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"POST %s HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n%s\r\nnone",
        b"POST %s HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n%s\r\n{",
        b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%s\r\nzz\r\n",
    ],
)
async def test_what_others_do_wrong_is_no_error_of_the_log(request_: bytes) -> None:
    head = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    async with serving(mucs=Mucs()) as client:
        with structlog.testing.capture_logs() as told:
            host, _, port = client.url.removeprefix("http://").rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                request_ % (ADD.encode(), head.encode()) if b"%s" in request_ else request_
            )
            await reader.readline()
            writer.close()
            await writer.wait_closed()
            assert (await client.ask("GET", "/live")).status == 200
    assert [each for each in told if each["log_level"] == "error" or "logger" in each] == []


async def test_connections_that_say_nothing_keep_nobody_out() -> None:
    async with serving() as client:
        host, _, port = client.url.removeprefix("http://").rpartition(":")
        silent = [
            await asyncio.open_connection(host, int(port)) for _ in range(MOST_CONNECTIONS + 5)
        ]
        for reader, _ in silent[:5]:
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 3) == b""
        assert (await client.ask("GET", "/live")).status == 200
        assert not silent[-1][0].at_eof()
        for _, writer in silent:
            writer.close()


async def test_an_address_in_use_is_an_error() -> None:
    async with serving() as client:
        port = int(client.url.rpartition(":")[2])
        taken = ControlConfig(("127.0.0.1", port))
        controlled = Controlled()
        with pytest.raises(OSError, match="in use"):
            async with ControlServer(taken, controlled, Metrics(controlled.snapshot)):
                pass
