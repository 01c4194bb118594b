"""Rules 4 to 7: asking the lab's focus for a conference."""

import pytest

from gateway.lab.focus_port import Allocation
from gateway.xmpp import namespaces as ns
from gateway.xmpp.conference_request import ConferenceRequest, ConferenceResult
from gateway.xmpp.element import child
from tests.lab.rig import FOCUS, ROOM, Rig, condition, text_of


def test_the_focus_is_in_the_room_before_it_says_ready() -> None:
    rig = Rig()
    client = rig.client()
    answer = client.ask_for_conference()
    assert answer.get("from") == "focus.lab.test"
    asked = ConferenceResult.parse(answer)
    assert (asked.ready, asked.focus_jid) == (True, "focus@auth.lab.test")
    assert asked.properties == {
        "authentication": "false",
        "sipGatewayEnabled": "true",
        "visitors-supported": "false",
    }
    assert set(rig.room.occupants) == {"focus"}
    assert rig.rules == set()


def test_the_focus_answers_at_its_own_address_as_well() -> None:
    rig = Rig()
    request = ConferenceRequest(ROOM, "machine").to_element()
    answer = rig.client().request(rig.site.focus.jid, request)
    assert answer.get("from") == rig.site.focus.jid
    assert ConferenceResult.parse(answer).ready


def test_a_conference_is_not_to_be_got_but_set() -> None:
    rig = Rig()
    asked = ConferenceRequest(ROOM, "machine").to_element()
    refused = rig.client().request("focus.lab.test", asked, type_="get")
    assert condition(refused) == "service-unavailable"
    assert rig.site.muc.rooms == {}


def test_a_request_without_a_room_is_never_answered() -> None:
    rig = Rig()
    assert rig.client().ask_for_conference("") is None
    assert rig.rules == {5}


def test_a_request_without_the_machines_id_is_noted() -> None:
    rig = Rig()
    rig.client().ask_for_conference(machine_uid="")
    assert rig.rules == {6}


def test_a_wish_to_be_a_visitor_is_noted() -> None:
    rig = Rig()
    asked = ConferenceRequest(ROOM, "machine", properties={"visitors-version": "1"})
    rig.client().request("focus.lab.test", asked.to_element())
    assert rig.rules == {7}


def test_the_focus_may_not_be_ready_at_once() -> None:
    rig = Rig(allocations=(Allocation.NOT_READY, Allocation.NOT_READY))
    client = rig.client()
    answers = [ConferenceResult.parse(client.ask_for_conference()).ready for _ in range(3)]
    assert answers == [False, False, True]


def test_a_guest_waits_for_the_host() -> None:
    rig = Rig(needs_host=True)
    client = rig.client()
    assert condition(client.ask_for_conference()) == "not-authorized"
    rig.speaker()
    assert ConferenceResult.parse(client.ask_for_conference()).ready


def test_a_session_can_become_invalid_and_must_then_be_dropped() -> None:
    rig = Rig(allocations=(Allocation.NOT_READY, Allocation.SESSION_INVALID))
    client = rig.client()
    session = ConferenceResult.parse(client.ask_for_conference()).session_id
    refused = client.ask_for_conference(session_id=session)
    assert condition(refused) == "not-acceptable"
    assert refused.find(f".//{{{ns.JITSI_FOCUS}}}session-invalid") is not None
    assert rig.rules == set()
    assert condition(client.ask_for_conference(session_id=session)) == "not-acceptable"
    assert rig.rules == {6}
    assert ConferenceResult.parse(client.ask_for_conference()).ready


def test_a_reservation_can_forbid_the_conference() -> None:
    rig = Rig(allocations=(Allocation.RESERVATION_ERROR,))
    refused = rig.client().ask_for_conference()
    assert condition(refused) == "service-unavailable"
    assert text_of(refused)
    assert refused.find(f".//{{{ns.JITSI_FOCUS}}}reservation-error") is not None


@pytest.mark.parametrize(
    ("allocation", "expected"),
    [
        (Allocation.SERVICE_UNAVAILABLE, "service-unavailable"),
        (Allocation.NOT_AUTHORIZED, "not-authorized"),
    ],
)
def test_the_focus_may_refuse(allocation: Allocation, expected: str) -> None:
    rig = Rig(allocations=(allocation,))
    assert condition(rig.client().ask_for_conference()) == expected


def test_without_a_focus_its_address_is_unavailable() -> None:
    rig = Rig()
    rig.site.host.remove_entity(rig.site.focus.jid, rig.now)
    assert condition(rig.client().ask_for_conference()) == "service-unavailable"


def test_a_slow_focus_answers_after_ten_seconds() -> None:
    rig = Rig(allocations=(Allocation.SLOW,))
    client = rig.client()
    assert client.ask_for_conference() is None
    rig.wait(9.5)
    assert client.received == []
    rig.wait(1.0)
    (answer,) = client.received
    assert ConferenceResult.parse(answer).ready
    assert answer.get("from") == "focus.lab.test"


def test_an_answer_may_never_come() -> None:
    rig = Rig(allocations=(Allocation.NO_REPLY,))
    assert rig.client().ask_for_conference() is None


def test_a_room_nobody_joins_is_left_after_a_while() -> None:
    rig = Rig()
    client = rig.client()
    client.ask_for_conference()
    rig.wait(15.5)
    assert rig.site.muc.rooms == {}
    assert condition(client.join()) == "not-allowed"


def test_the_focus_says_what_it_is() -> None:
    rig = Rig()
    client = rig.joined()
    caps = next(
        child(presence, ns.CAPS, "c")
        for presence in client.presences
        if presence.get("from") == FOCUS
    )
    assert caps is not None
    assert caps.get("node") == "http://jitsi.org/jicofo"
