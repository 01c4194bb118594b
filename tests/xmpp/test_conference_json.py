"""The conference request as JSON: the same as the IQ, and refused in the same terms."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.conference_json import parse, refusal, serialize
from gateway.xmpp.conference_request import AS_VISITOR, ConferenceRequest, ConferenceResult


def test_a_request_says_what_the_iq_says() -> None:
    assert json.loads(serialize(ConferenceRequest("r@m", "uid"))) == {
        "room": "r@m",
        "machineUid": "uid",
        "properties": {},
    }
    asked = json.loads(serialize(ConferenceRequest("r@m", "uid", "s1", AS_VISITOR)))
    assert asked["sessionId"] == "s1"
    assert asked["properties"] == {"visitors-version": "1", "visitor": "true"}


def test_an_answer_is_read() -> None:
    body = {
        "room": "r@m",
        "ready": True,
        "focusJid": "focus@auth.d",
        "properties": {"authentication": "false", "live": False},
        "sessionId": "s1",
        "identity": None,
        "vnode": "v1",
    }
    properties = {"authentication": "false", "live": "False"}
    assert parse(json.dumps(body).encode()) == ConferenceResult(
        True, "focus@auth.d", "s1", "v1", properties
    )
    assert parse(b'{"ready": false, "vnode": null}') == ConferenceResult(False)


@given(st.binary(max_size=100) | st.sampled_from([b"[]", b"{}", b'{"ready": 1}', b"[" * 9000]))
def test_whatever_else_comes_makes_no_sense(body: bytes) -> None:
    with pytest.raises(JingleError):
        parse(body)


@pytest.mark.parametrize(
    ("status", "body", "type_", "condition"),
    [
        (400, b"Bad room", "modify", "bad-request"),
        (400, b"invalid-session", "modify", "not-acceptable"),
        (401, b"", "auth", "not-authorized"),
        (403, b"not-authorized", "auth", "not-authorized"),
        (404, b"<html>", "cancel", "item-not-found"),
        (429, b"", "wait", "internal-server-error"),
        (500, b"", "wait", "internal-server-error"),
        (503, b"", "wait", "internal-server-error"),
        (301, b"", "cancel", "item-not-found"),
        (418, b"\xff", "cancel", "undefined-condition"),
    ],
)
def test_a_refusal_is_told_in_the_terms_of_the_iq(
    status: int, body: bytes, type_: str, condition: str
) -> None:
    error = refusal(status, body)
    assert (error.type, error.condition) == (type_, condition)
    assert error.has(ns.JITSI_FOCUS, "session-invalid") == (body == b"invalid-session")
    assert error.text.startswith(f"HTTP {status}")
    assert len(refusal(status, body * 100_000).text) < 300
