"""Where a server is, as operators are told."""

import pytest

from gateway.xmpp.server import Server

TOKEN = "wss://meet.example.org/xmpp-websocket?room=a&token=secret"


@pytest.mark.parametrize(
    ("server", "place"),
    [
        (Server("meet.example.org", None), "meet.example.org:5222"),
        (Server("meet.example.org", None, host="::1", port=15222), "::1:15222"),
        (Server("a.b", None, web_socket=TOKEN), "wss://meet.example.org/xmpp-websocket"),
        (Server("a.b", None, bosh="https://c.d/http-bind?token=x"), "https://c.d/http-bind"),
    ],
)
def test_a_place_has_no_secrets(server: Server, place: str) -> None:
    assert server.place == place
