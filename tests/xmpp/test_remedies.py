"""What operators are told to look at when a login fails."""

import pytest

from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.remedies import remedy


@pytest.mark.parametrize(
    ("cause", "text", "keys"),
    [
        (FailureCause.UNREACHABLE, "192.0.2.1:5222: refused", ["host", "port", "websocket"]),
        (FailureCause.UNREACHABLE, "192.0.2.1: Too many open files", ["LimitNOFILE"]),
        (FailureCause.TLS, "self-signed certificate", ["ca_file", "tls"]),
        (FailureCause.TLS, "certificate verify failed: certificate has expired", ["clock"]),
        (FailureCause.TLS, "certificate verify failed: certificate is not yet valid", ["clock"]),
        (FailureCause.LOGIN, "not-authorized", ["user", "password", "guest_domain", "jitsi.jwt"]),
        (FailureCause.STREAM, "host-unknown: other.test", ["domain"]),
        (FailureCause.TIMEOUT, "", ["log"]),
        (FailureCause.STREAM, "policy-violation", ["log"]),
    ],
)
def test_a_login_that_fails_names_the_keys_to_look_at(
    cause: FailureCause, text: str, keys: list[str]
) -> None:
    told = remedy(ConnectionFailed(cause, text))
    assert all(key in told for key in keys)
