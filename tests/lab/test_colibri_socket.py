"""The bridge channel of the lab, and clients that use it wrongly."""

import aiohttp
import pytest

from gateway.lab.colibri_socket import ColibriSocket

BLAMED = tuple[int, str, str]


async def opened(blamed: list[BLAMED]) -> ColibriSocket:
    channel = ColibriSocket(
        lambda conference, endpoint: "secret" if endpoint == "1a2b3c4d" else None,
        lambda rule, who, what: blamed.append((rule, who, what)),
    )
    await channel.start("127.0.0.1", None)
    return channel


@pytest.mark.parametrize("wrong", ["hello", "[]", '{"colibriClass":"Whatever"}', "{", "[" * 60_000])
async def test_what_is_no_colibri_message_is_blamed(wrong: str) -> None:
    blamed: list[BLAMED] = []
    channel = await opened(blamed)
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(channel.url("room@muc.test", "1a2b3c4d", "secret")) as socket,
        ):
            assert (await socket.receive_json())["colibriClass"] == "ServerHello"
            await socket.send_json({"colibriClass": "ClientHello"})
            await socket.send_str(wrong)
            await socket.close()
        assert [(rule, who) for rule, who, _ in blamed] == [(38, "1a2b3c4d")]
        assert channel.received["1a2b3c4d"] == [{"colibriClass": "ClientHello"}]
    finally:
        await channel.close()


@pytest.mark.parametrize(
    ("endpoint", "password"), [("1a2b3c4d", "guess"), ("1a2b3c4d", ""), ("99999999", "secret")]
)
async def test_who_does_not_know_the_password_gets_no_channel(endpoint: str, password: str) -> None:
    channel = await opened([])
    try:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(channel.url("room@muc.test", endpoint, password))
        assert refused.value.status == 403
        assert channel.refused[endpoint] == 1
    finally:
        await channel.close()
