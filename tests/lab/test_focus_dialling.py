"""The lab's focus has a gateway dial, as Jicofo does: who may order it, and what comes back."""

import pytest

from gateway.conference.brewery import BreweryStats
from gateway.lab.phones_out import PhoneOut
from gateway.lab.speaker_client import SpeakerClient
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from tests.lab.rig import FOCUS, ROOM, Client, Rig, condition
from tests.lab.waiting_gateway import BREWERY, WaitingGateway

NUMBER = "+49 30 1234"


def scene(gateways: int = 1) -> tuple[Rig, SpeakerClient, list[WaitingGateway]]:
    """A room with Ann, its moderator, and gateways that wait; the first is the least busy."""
    rig = Rig()
    rig.wait(0.1)
    waiting = [
        WaitingGateway(rig).enter(BreweryStats(participants=number)) for number in range(gateways)
    ]
    return rig, rig.speaker(), waiting


def refusal(phone: PhoneOut) -> str:
    assert phone.refusal is not None
    return phone.refusal.condition


def test_a_moderators_order_goes_to_the_gateway_without_who_it_is_from() -> None:
    _, ann, (gateway,) = scene()
    ann.phones.dial(NUMBER, password="4711", headers=[("X-Who", "Ann")])
    (order,) = gateway.orders
    dial = child(order, ns.RAYO, "dial")
    assert order.get("from") == f"{BREWERY}/focus"
    assert dial.get("to") == NUMBER
    assert {h.get("name"): h.get("value") for h in dial} == {
        "JvbRoomName": ROOM,
        "JvbRoomPassword": "4711",
        "X-Who": "Ann",
    }


def test_what_the_gateway_answers_comes_back() -> None:
    rig, ann, (gateway,) = scene()
    phone = ann.phones.dial(NUMBER)
    assert not phone.is_decided
    client = rig.joined()
    gateway.answer(f"{ROOM}/{client.nick}")
    assert phone.reference == f"{ROOM}/{client.nick}"
    assert phone.refusal is None
    assert rig.rules == set()


def test_who_waits_in_the_lobby_may_be_referred_to() -> None:
    rig, ann, (gateway,) = scene()
    rig.site.lobbies.open(rig.room, ann.nick, rig.now)
    phone = ann.phones.dial(NUMBER)
    guest = rig.client()
    lobby = "demo@lobby.lab.test"
    knock = guest.presence.join()
    knock.set("to", f"{lobby}/{guest.nick}")
    guest.send(knock)
    gateway.answer(f"{lobby}/{guest.nick}")
    assert phone.reference == f"{lobby}/{guest.nick}"
    assert rig.rules == set()


@pytest.mark.parametrize("occupant", [f"{ROOM}/deadbeef", "other@conference.lab.test/deadbeef", ""])
def test_a_reference_that_leads_to_nobody_is_blamed(occupant: str) -> None:
    rig, ann, (gateway,) = scene()
    ann.phones.dial(NUMBER)
    gateway.answer(occupant)
    assert rig.rules == {41}


def test_only_moderators_may_have_somebody_called() -> None:
    rig, _, (gateway,) = scene()
    guest = rig.joined()
    room = element(ns.RAYO, "header", {"name": "JvbRoomName", "value": ROOM})
    answer = guest.request(FOCUS, element(ns.RAYO, "dial", {"to": NUMBER}, room))
    assert condition(answer) == "forbidden"
    assert gateway.orders == []


def test_nobody_is_called_for_another_room() -> None:
    _, ann, (gateway,) = scene()
    phone = ann.phones.dial(NUMBER, room="other@conference.lab.test")
    assert refusal(phone) == "forbidden"
    assert gateway.orders == []


def test_who_is_in_no_conference_has_nobody_called() -> None:
    rig = Rig()
    rig.wait(0.1)
    stranger = Client(rig)
    answer = stranger.request("focus.lab.test", element(ns.RAYO, "dial", {"to": NUMBER}))
    assert condition(answer) == "item-not-found"


def test_without_a_gateway_the_service_is_unavailable() -> None:
    _, ann, _ = scene(gateways=0)
    assert refusal(ann.phones.dial(NUMBER)) == "service-unavailable"


def test_a_gateway_that_fails_is_followed_by_two_others_at_most() -> None:
    _, ann, gateways = scene(gateways=4)
    phone = ann.phones.dial(NUMBER)
    for number, gateway in enumerate(gateways[:3]):
        assert [len(each.orders) for each in gateways[:3]] == [1] * (number + 1) + [0] * (
            2 - number
        )
        gateway.refuse("service-unavailable")
    assert refusal(phone) == "undefined-condition"
    assert gateways[3].orders == []


def test_where_there_is_no_other_gateway_the_service_is_unavailable() -> None:
    _, ann, (gateway,) = scene()
    phone = ann.phones.dial(NUMBER)
    gateway.refuse("forbidden")
    assert refusal(phone) == "service-unavailable"


def test_a_gateway_that_does_not_answer_is_blamed() -> None:
    rig, ann, gateways = scene(gateways=2)
    phone = ann.phones.dial(NUMBER)
    rig.wait(14.5)
    assert gateways[1].orders == []
    rig.wait(1.0)
    assert len(gateways[1].orders) == 1
    assert rig.rules == {41}
    rig.wait(15.0)
    assert refusal(phone) == "service-unavailable"


def test_what_becomes_of_the_phone_is_seen_in_its_presence() -> None:
    rig, ann, (gateway,) = scene()
    phone = ann.phones.dial(NUMBER)
    client = rig.client()
    client.ask_for_conference()
    client.presence = client.presence.__class__(
        ROOM, client.nick, NUMBER, client.capabilities, status="Ringing", dial_pad=True
    )
    client.join()
    gateway.answer(f"{ROOM}/{client.nick}")
    assert ann.phones.has_dial_pad(phone)
    assert phone.status == "Ringing"
    client.update(status="Connected")
    assert phone.statuses == ["Ringing", "Connected"]
    client.leave()
    assert phone.over and phone.status == "Connected (over)"
    assert not ann.phones.has_dial_pad(phone)


def test_a_phone_is_hung_up_and_keys_are_pressed_by_requests_to_its_participant() -> None:
    rig, ann, (gateway,) = scene()
    phone = ann.phones.dial(NUMBER)
    ann.phones.hang_up(phone)  # there is nobody yet
    client = rig.joined()
    gateway.answer(f"{ROOM}/{client.nick}")
    ann.phones.press(phone, "1#")
    ann.phones.hang_up(phone)
    keys = [
        part.get("code")
        for each in client.received
        for part in each.iter("{urn:xmpp:jingle:dtmf:0}dtmf")
    ]
    assert keys == ["1", "#"]
    (hangup,) = [each for each in client.received if child(each, ns.RAYO, "hangup") is not None]
    assert hangup.get("from") == f"{ROOM}/{ann.nick}"
