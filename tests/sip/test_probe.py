"""Up or down, by what became of OPTIONS."""

import pytest

from gateway.sip.client_request import Outcome
from gateway.sip.headers import Headers
from gateway.sip.message import Response
from gateway.sip.probe import Probe, ProbeConfig, ProbeState

CONFIG = ProbeConfig("sip:pbx.test", 30, answers=2, failures=3)
US = "sip:192.0.2.1:5060"


def answer(status: int) -> Outcome:
    return Outcome(status, "Whatever", Response(status, "Whatever", Headers()))


def states(outcomes: str) -> list[ProbeState]:
    """What a probe thinks after each of several outcomes: + an answer, - none."""
    probe, now, found = Probe(CONFIG), 0.0, []
    for each in outcomes:
        probe.begin(US, now)
        if each == "+":
            probe.receive(answer(200), now)
        else:
            probe.receive(Outcome.without_response(408), now + 32)
        now = probe.due
        found.append(probe.state)
    return found


UNKNOWN, UP, DOWN = ProbeState.UNKNOWN, ProbeState.UP, ProbeState.DOWN


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("++", [UNKNOWN, UP]),
        ("---", [UNKNOWN, UNKNOWN, DOWN]),
        ("++--+---+++", [UNKNOWN, UP, UP, UP, UP, UP, UP, DOWN, DOWN, UP, UP]),
        ("+-+-", [UNKNOWN] * 4),
    ],
)
def test_only_so_many_in_a_row_change_what_is_thought(
    outcomes: str, expected: list[ProbeState]
) -> None:
    assert states(outcomes) == expected


@pytest.mark.parametrize("status", [200, 401, 404, 405, 486, 500])
def test_whoever_answers_is_there(status: int) -> None:
    probe = Probe(ProbeConfig("sip:pbx.test", 30))
    probe.receive(answer(status), 0)
    assert (probe.state, probe.error) == (UP, "")


@pytest.mark.parametrize("status", [408, 503, 504])
def test_who_says_that_nobody_can_answer_is_not(status: int) -> None:
    probe = Probe(ProbeConfig("sip:pbx.test", 30, failures=1))
    probe.receive(answer(status), 0)
    assert (probe.state, probe.error) == (DOWN, f"{status} Whatever")


def test_no_way_to_ask_is_a_failure() -> None:
    probe = Probe(ProbeConfig("sip:pbx.test", 30, failures=1))
    probe.begin(US, 0)
    probe.fail("no such name", 5)
    assert (probe.state, probe.error, probe.due) == (DOWN, "no such name", 30)


def test_the_next_question_is_an_interval_after_the_last_but_never_at_once() -> None:
    probe = Probe(ProbeConfig("sip:pbx.test", 30))
    probe.begin(US, 100)
    probe.receive(answer(200), 101)
    assert probe.due == 130
    probe.begin(US, 130)
    probe.receive(Outcome.without_response(408), 162)
    assert probe.error == "no answer"  # nobody has said 408
    assert probe.due == 163


def test_each_question_is_a_transaction_of_its_own() -> None:
    probe = Probe(CONFIG)
    first, second = probe.begin(US, 0), probe.begin(US, 30)
    assert first.uri == "sip:pbx.test"
    assert first.headers.call_id != second.headers.call_id
    assert first.headers.from_.tag != second.headers.from_.tag
