"""Rule 32: a browser's offer of a direct connection is acknowledged, then declined."""

from gateway.lab.direct_offer import DirectOffers
from gateway.lab.violation import Violation
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from gateway.xmpp.jingle import Action, Jingle, Reason
from tests.lab.rig import ROOM

ANN = "ann@lab.test/x"
PHONE = f"{ROOM}/1a2b3c4d"


class Offering:
    def __init__(self) -> None:
        self.sent = []
        self.violations: list[Violation] = []
        self.offers = DirectOffers(
            lambda stanza, now: self.sent.append(stanza),
            lambda *parts: self.violations.append(Violation(*parts)),
        )
        self.offers.make(ANN, PHONE, 0.0)
        (self.offer,) = self.sent
        self.sid = Jingle.parse(child(self.offer, ns.JINGLE, "jingle")).sid

    def say(self, type_: str, id_: str | None, *payload, sender: str = PHONE) -> None:
        attributes = {"type": type_, "id": id_, "from": sender, "to": ANN}
        self.offers.receive(element(ns.CLIENT, "iq", attributes, *payload))

    def acknowledge(self) -> None:
        self.say("result", self.offer.get("id"))

    def end(self, condition: str, **options) -> None:
        terminate = Jingle(Action.SESSION_TERMINATE, self.sid, reason=Reason(condition))
        self.say("set", "1", terminate.to_element(), **options)

    def rules(self) -> list[int]:
        self.offers.handle_timer(5.0)
        return [violation.rule for violation in self.violations]


def test_declining_is_right() -> None:
    offering = Offering()
    offering.acknowledge()
    offering.end("decline")
    assert offering.rules() == []


def test_saying_nothing_is_noted() -> None:
    assert Offering().rules() == [32]


def test_declining_without_acknowledging_is_noted() -> None:
    offering = Offering()
    offering.end("decline")
    assert offering.rules() == [32]


def test_ending_it_for_another_reason_is_noted() -> None:
    offering = Offering()
    offering.acknowledge()
    offering.end("success")
    assert offering.rules() == [32]


def test_nobody_else_can_decline_for_it() -> None:
    offering = Offering()
    offering.acknowledge()
    offering.end("decline", sender=f"{ROOM}/another")
    assert offering.rules() == [32]


def test_nobody_is_blamed_before_five_seconds_are_over() -> None:
    offering = Offering()
    offering.offers.handle_timer(4.9)
    assert offering.violations == []
