"""Rule 3: what a client must be able to bear, and what it must answer."""

from gateway.lab.nuisances import Nuisances
from gateway.lab.refusal import refuse, result
from gateway.lab.violation import Violation
from gateway.xmpp.element import local_name

JID = "a@lab.test/x"


class Bothered:
    def __init__(self) -> None:
        self.sent = []
        self.spaces = 0
        self.violations: list[Violation] = []
        self.nuisances = Nuisances(
            "lab.test",
            lambda stanza, now: self.sent.append(stanza),
            lambda *parts: self.violations.append(Violation(*parts)),
        )
        self.nuisances.add(JID, self._space, 0.0)
        self.nuisances.handle_timer(0.0)

    def _space(self) -> None:
        self.spaces += 1

    @property
    def requests(self):
        return [stanza for stanza in self.sent if local_name(stanza) == "iq"]


def test_a_client_is_bothered_in_every_way() -> None:
    bothered = Bothered()
    assert [local_name(stanza) for stanza in bothered.sent] == ["iq"] * 3 + ["message"] * 2
    assert bothered.spaces == 1
    bothered.nuisances.handle_timer(5.0)
    assert bothered.spaces == 2


def test_right_answers_are_taken_and_lead_to_nothing() -> None:
    bothered = Bothered()
    ping, *unknown = bothered.requests
    assert bothered.nuisances.take_answer(result(ping))
    for request in unknown:
        answer = refuse(request, "cancel", "service-unavailable")
        assert bothered.nuisances.take_answer(answer)
        assert not bothered.nuisances.take_answer(answer)
    bothered.nuisances.handle_timer(5.0)
    assert bothered.violations == []


def test_wrong_answers_are_noted() -> None:
    bothered = Bothered()
    ping, get, set_ = bothered.requests
    bothered.nuisances.take_answer(refuse(ping, "cancel", "service-unavailable"))
    bothered.nuisances.take_answer(result(get))
    bothered.nuisances.take_answer(refuse(set_, "cancel", "item-not-found"))
    assert [violation.rule for violation in bothered.violations] == [3, 3, 3]


def test_missing_answers_are_noted() -> None:
    bothered = Bothered()
    bothered.nuisances.handle_timer(5.0)
    assert [violation.rule for violation in bothered.violations] == [3, 3, 3]


def test_who_is_gone_owes_nothing() -> None:
    bothered = Bothered()
    bothered.nuisances.remove(JID)
    bothered.nuisances.handle_timer(5.0)
    assert bothered.violations == []
