"""Checks of a phone's full agent, answered by an ICE-lite agent: with real STUN messages."""

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.messages import PhoneIce
from gateway.webrtc.ice_lite import IceLite

OURS = PhoneIce("ours", "our password of 22 letters", "them", "their password of 22 or so")
HERE, THERE = ("192.0.2.1", 4000), ("192.0.2.9", 50000)


def check(
    *,
    username: str = "ours:them",
    password: str = OURS.pwd,
    nominates: bool = False,
    role: str = "ICE-CONTROLLING",
    method: stun.Method = stun.Method.BINDING,
    kind: stun.Class = stun.Class.REQUEST,
) -> bytes:
    message = stun.Message(method, kind)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes[role] = 7
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_check_is_answered_with_where_it_came_from() -> None:
    agent, asked = IceLite(OURS), check()
    answer = agent.receive(asked, THERE)
    assert answer is not None
    message = stun.parse_message(answer)
    assert message.message_class is stun.Class.RESPONSE
    assert message.transaction_id == stun.parse_message(asked).transaction_id
    assert message.attributes["XOR-MAPPED-ADDRESS"] == THERE
    assert message.check_message_integrity(OURS.pwd.encode())
    assert "FINGERPRINT" in message.attributes
    assert (agent.nominated, agent.paths) == (None, {THERE})


def test_the_path_that_is_nominated_last_is_used() -> None:
    agent = IceLite(OURS)
    agent.receive(check(), THERE)
    agent.receive(check(nominates=True), HERE)
    assert agent.nominated == HERE
    agent.receive(check(), THERE)
    assert agent.nominated == HERE
    agent.receive(check(nominates=True), THERE)
    assert agent.nominated == THERE


@pytest.mark.parametrize(
    "wrong",
    [
        check(username="ours:somebody", nominates=True),
        check(username="them:ours", nominates=True),
        check(username="", nominates=True),
        check(password="a guess", nominates=True),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)),
        check()[:-1],
        b"\0",
    ],
    ids=["other", "reversed", "nameless", "guessed", "bare", "cut", "short"],
)
def test_nobody_else_is_answered(wrong: bytes) -> None:
    agent = IceLite(OURS)
    assert agent.receive(wrong, THERE) is None
    assert (agent.nominated, agent.paths, agent.refused) == (None, set(), 1)


def test_a_check_of_ours_is_one_of_a_controlled_agent_that_the_phone_knows() -> None:
    agent = IceLite(OURS)
    message = stun.parse_message(agent.check())
    assert message.message_class is stun.Class.REQUEST
    assert message.attributes["USERNAME"] == "them:ours"
    assert message.check_message_integrity(OURS.remote_pwd.encode())
    assert {"PRIORITY", "ICE-CONTROLLED", "FINGERPRINT"} <= message.attributes.keys()
    assert "USE-CANDIDATE" not in message.attributes


def test_what_is_no_request_wants_no_answer() -> None:
    agent = IceLite(OURS)
    assert agent.receive(check(kind=stun.Class.INDICATION, nominates=True), THERE) is None
    assert agent.receive(check(method=stun.Method.ALLOCATE, nominates=True), THERE) is None
    assert (agent.nominated, agent.refused) == (None, 0)


def test_who_does_not_want_to_control_is_told_that_we_cannot() -> None:
    agent = IceLite(OURS)
    answer = agent.receive(check(role="ICE-CONTROLLED", nominates=True), THERE)
    assert answer is not None
    assert stun.parse_message(answer).error_code == 487
    assert agent.nominated is None


def test_after_a_restart_only_the_new_credentials_count_and_the_path_stays() -> None:
    agent = IceLite(OURS)
    agent.receive(check(nominates=True), THERE)
    agent.credentials = PhoneIce("anew", "another password of 22 letters", "they")
    assert agent.receive(check(nominates=True), HERE) is None
    assert agent.nominated == THERE
    asked = check(username="anew:they", password=agent.credentials.pwd, nominates=True)
    assert agent.receive(asked, HERE) is not None
    assert agent.nominated == HERE


def test_a_phone_that_checks_from_everywhere_is_remembered_in_part() -> None:
    agent = IceLite(OURS)
    agent.receive(check(nominates=True), HERE)
    for port in range(1000, 1100):
        assert agent.receive(check(), ("192.0.2.9", port)) is not None
        assert len(agent.paths) <= 16 and HERE in agent.paths


@given(st.integers(0, len(check()) - 9), st.integers(1, 255))
def test_damage_is_dropped(at: int, damage: int) -> None:
    damaged = bytearray(check(nominates=True))
    damaged[at] ^= damage
    agent = IceLite(OURS)
    assert agent.receive(bytes(damaged), THERE) is None
    assert agent.nominated is None


@given(st.binary(max_size=80))
def test_whatever_comes_is_dropped(data: bytes) -> None:
    assert IceLite(OURS).receive(data, THERE) is None
