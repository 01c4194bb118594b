"""Messages in the log carry the name of their call."""

import re
from typing import Any

import pytest

from audiocodecs.frames import silence
from gateway import logs
from gateway.lab.phone import NotAnswered, TestPhone
from gateway.sip.admission import Verdict
from gateway.sip.digest import Credentials
from gateway.sip.events import Failed
from gateway.sip.network import Listen
from gateway.sip.user_agent import UserAgent, UserAgentConfig
from gateway.sip.wire_log import masked
from tests.helpers.captured_log import log_at_once
from tests.sip.edge import ROOM, UdpPeer
from tests.sip.wire import OFFER, response


@pytest.fixture
def entries() -> Any:
    """What is logged, down to the wire."""
    seen: list[dict[str, Any]] = []
    logs.configure("debug", watcher=lambda entry: seen.append(dict(entry)))
    yield seen
    log_at_once()


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


async def test_a_call_made_is_labelled_from_its_first_message_and_tells_no_secret(
    entries: list[dict[str, Any]],
) -> None:
    config = UserAgentConfig((Listen("udp", "127.0.0.1", 0),))  # so slow that nothing is repeated
    agent = UserAgent(config, lambda flow, request: Verdict.ACCEPT)
    with UdpPeer() as trunk:
        async with agent:
            call = await agent.invite(
                f"sip:+4930123@127.0.0.1:{trunk.address[1]}",
                OFFER,
                from_=ROOM,
                credentials=Credentials("alice", "open sesame"),
                label="c0ffee",
            )
            invite = await trunk.receive_request("INVITE")
            nonce = [("WWW-Authenticate", 'Digest realm="trunk", nonce="n"')]
            trunk.send(response(invite, 401, fields=nonce), agent)
            await trunk.receive_request("ACK")
            again = await trunk.receive_request("INVITE")
            trunk.send(response(again, 603), agent)
            async for event in call.events:
                assert isinstance(event, Failed) and event.status == 603
            assert call.is_over
    (secret,) = re.findall(r'response="(\w+)"', again.headers["Authorization"])
    messages = [e for e in entries if e["event"] in ("> message", "< message")]
    assert [e["data"].partition(b" ")[0] for e in messages[:4]] == [
        b"INVITE",
        b"SIP/2.0",
        b"ACK",
        b"INVITE",
    ]
    assert all(e["call"] == "c0ffee" for e in messages[:5])
    assert b'response="***"' in messages[3]["data"]
    assert not any(secret in repr(e) or "open sesame" in repr(e) for e in entries)


_SECRET = b"6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("field", "logged"),
    [
        (
            b'Authorization: Digest username="a", response="%s", nc=00000001',
            b'Authorization: Digest username="a", response="***", nc=00000001',
        ),
        (
            b'PROXY-AUTHORIZATION:Digest realm="r",response = %s,\r\n\turi="sip:a@b"',
            b'PROXY-AUTHORIZATION:Digest realm="r",response="***",\r\n\turi="sip:a@b"',
        ),
        (
            b'Authorization: Digest realm="r",\r\n response="%s"',
            b'Authorization: Digest realm="r",\r\n response="***"',
        ),
        (b"Authorization: Basic %s", b"Authorization: ***"),
        (b"Authorization: Bearer\r\n %s", b"Authorization: ***"),
    ],
)
def test_what_a_password_can_be_guessed_from_is_not_logged(field: bytes, logged: bytes) -> None:
    head, tail = (
        b"INVITE sip:b@192.0.2.1 SIP/2.0\r\nTo: <sip:b@x>\r\n",
        b"\r\nCSeq: 2 INVITE\r\n\r\n",
    )
    assert masked(head + field % _SECRET + tail) == head + logged + tail


@pytest.mark.parametrize("name", [b"Content-Type", b"c"])
@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (b"application/dtmf-relay", b"Signal=5\r\n\r\nDuration=160"),
        (b"application/json", b'{"i":1,"t":4,"d":{"pwd":"1234"}}'),
    ],
)
def test_digits_and_what_a_pbx_tells_are_not_logged(
    name: bytes, media_type: bytes, body: bytes
) -> None:
    head = b"INFO sip:b@192.0.2.1 SIP/2.0\r\n" + name + b": " + media_type + b"\r\n\r\n"
    assert masked(head + body) == head + b"***"


@pytest.mark.parametrize(
    "name", [b"Jitsi-Conference-Room-Pass", b"Jitsi-Auth-Token", b"X-PIN", b"x-roompassword"]
)
def test_headers_that_are_secret_by_their_name_are_not_logged(name: bytes) -> None:
    head, tail = b"INVITE sip:b@192.0.2.1 SIP/2.0\r\n", b"\r\nCSeq: 2 INVITE\r\n\r\n"
    assert masked(head + name + b": 12\r\n 34" + tail) == head + name + b": ***" + tail


@pytest.mark.parametrize("name", [b"Jitsi-Conference-Room-Pass", b"jitsi-auth-token", b"pin"])
def test_such_headers_are_not_logged_either_where_a_refer_has_them(name: bytes) -> None:
    said = b"REFER sip:a@b SIP/2.0\r\nRefer-To: <sip:r@b;pin=1?X-Room=r&%s=%s&a=b>\r\n\r\n"
    assert masked(said % (name, b"s%203cret")) == said % (name, b"***")


def test_keys_of_media_are_not_logged() -> None:
    line = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s|2^31|1:1\r\n"
    line += b"a=crypto:2 X INLINE:%s;inline:%s\r\na=ice-ufrag:abcd\r\na=ice-pwd:%s\r\n"
    key = b"WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz+/=="
    said = b"INVITE sip:a@b SIP/2.0\r\n\r\nv=0\r\n" + line
    assert masked(said % (key, key, key, key)) == said % (b"***", b"***", b"***", b"***")


def test_other_messages_are_logged_as_they_are() -> None:
    data = b'SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\nresponse="x"'
    assert masked(data) == data
