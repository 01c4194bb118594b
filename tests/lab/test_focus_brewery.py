"""The lab's brewery: who may wait there, what it has to say, and who is chosen."""

import pytest

from gateway.conference.brewery import BreweryStats
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from tests.lab.rig import Rig, statuses
from tests.lab.waiting_gateway import BREWERY, WaitingGateway


def brewery(rig: Rig):
    rig.wait(0.1)
    return rig.site.focus.brewery


def test_the_focus_is_in_the_brewery_from_the_beginning() -> None:
    rig = Rig()
    assert brewery(rig).is_open
    gateway = WaitingGateway(rig).enter()
    assert "110" in statuses(gateway.client.presences[-1])
    assert {stanza.get("from") for stanza in gateway.client.presences} == {
        f"{BREWERY}/focus",
        f"{BREWERY}/{gateway.nick}",
    }
    assert rig.rules == set()


def test_the_least_busy_of_the_region_is_chosen() -> None:
    rig = Rig(region="eu")
    room = brewery(rig)
    idle = WaitingGateway(rig).enter(BreweryStats(participants=0, region="us"))
    busy = WaitingGateway(rig).enter(BreweryStats(participants=9, region="eu"))
    less = WaitingGateway(rig).enter(BreweryStats(participants=3, region="eu"))
    order = [less, busy]
    tried: list[str] = []
    for gateway in order:
        chosen = room.choose("eu", tried)
        assert chosen.address == f"{BREWERY}/{gateway.nick}"
        tried.append(chosen.address)
    assert room.choose("eu", tried).address == f"{BREWERY}/{idle.nick}"
    assert room.choose(None, ()).address == f"{BREWERY}/{idle.nick}"


def test_who_shuts_down_or_has_no_telephone_is_not_chosen() -> None:
    rig = Rig()
    room = brewery(rig)
    gateway = WaitingGateway(rig).enter()
    assert room.choose(None, ())
    gateway.say(BreweryStats(graceful_shutdown=True).to_element())
    assert room.choose(None, ()) is None
    gateway.say(BreweryStats().to_element())
    assert room.choose(None, ())
    stats = BreweryStats().to_element()
    next(s for s in stats if s.get("name") == "supports_sip").set("value", "false")
    gateway.say(stats)
    assert room.choose(None, ()) is None


def test_who_has_gone_is_not_chosen() -> None:
    rig = Rig()
    room = brewery(rig)
    gateway = WaitingGateway(rig).enter()
    gateway.client.disconnect()
    assert room.choose(None, ()) is None


def test_a_gateway_that_does_not_say_how_busy_it_is_is_blamed() -> None:
    rig = Rig()
    brewery(rig)
    gateway = WaitingGateway(rig).enter()
    assert rig.rules == set()
    gateway.say(None)
    assert rig.rules == {40}


@pytest.mark.parametrize(
    ("name", "value"), [("supports_sip", "yes"), ("participants", "many"), ("conferences", "-1")]
)
def test_numbers_and_truths_in_it_must_be_such(name: str, value: str) -> None:
    rig = Rig()
    brewery(rig)
    stats = BreweryStats().to_element()
    next(s for s in stats if s.get("name") == name).set("value", value)
    WaitingGateway(rig).say(stats, element(ns.MUC, "x"))
    assert rig.rules == {40}


@pytest.mark.parametrize("participants", ["many", "9" * 5000])
def test_who_hears_nobody_knows_how_many_is_taken_for_idle(participants: str) -> None:
    rig = Rig()
    room = brewery(rig)
    WaitingGateway(rig).enter(BreweryStats(participants=1))
    stats = BreweryStats().to_element()
    next(s for s in stats if s.get("name") == "participants").set("value", participants)
    gateway = WaitingGateway(rig)
    gateway.say(stats, element(ns.MUC, "x"))
    assert room.choose(None, ()).address == f"{BREWERY}/{gateway.nick}"


def test_guests_do_not_get_into_the_brewery() -> None:
    rig = Rig()
    room = brewery(rig)
    guest = WaitingGateway(rig, domain="lab.test").enter()
    assert guest.client.received == []
    assert room.instances == {}
    assert rig.rules == {40}
