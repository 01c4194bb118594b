"""Messages in the log carry the name of their call."""

from typing import Any

import pytest

from audiocodecs.frames import silence
from gateway import logs
from gateway.lab.phone import NotAnswered, TestPhone
from gateway.sip.admission import Verdict
from gateway.sip.network import Listen
from gateway.sip.user_agent import UserAgent, UserAgentConfig


@pytest.fixture
def entries() -> Any:
    """What is logged, down to the wire."""
    seen: list[dict[str, Any]] = []
    logs.configure("debug", watcher=lambda entry: seen.append(dict(entry)))
    yield seen
    logs.configure("warning")


async def test_every_message_of_a_call_is_logged_with_its_label(
    entries: list[dict[str, Any]],
) -> None:
    config = UserAgentConfig((Listen("udp", "127.0.0.1", 0),))
    agent = UserAgent(config, lambda flow, request: Verdict.ACCEPT)
    async with agent, TestPhone("127.0.0.1") as phone:
        uri = f"sip:a@127.0.0.1:{agent.listening[0].port}"
        dialled = await phone.dial(uri, speaks=silence(160))
        call = await anext(agent.incoming_calls())
        agent.label(call, "c0ffee")
        call.reject(404)
        with pytest.raises(NotAnswered):
            await dialled.answered()
    (refusal,) = (e for e in entries if e["event"] == "> message" and b" 404 " in e["data"])
    assert refusal["call"] == "c0ffee"
    # The first INVITE came before anybody could name the call; the phone has no names.
    assert all("call" not in e for e in entries if e.get("data", b"").startswith(b"INVITE"))
