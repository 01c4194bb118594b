"""ICE restarts within a session, as the lab's focus passes them on (4.7)."""

from dataclasses import replace

import pytest

from gateway.xmpp.jingle import Content, Jingle
from tests.lab.client_jingle import bridge_session, info
from tests.lab.rig import Rig, condition


def ask_for_a_path(client, id_: str | None = None):
    named = id_ or client.offer.bridge_session.id
    return client.jingle(info(client, bridge_session(named, **{"ice-restart": "true"})))


def renewed(client, generation: int, ufrag: str) -> Jingle:
    """What a right client answers to an ICE restart."""
    transport = client.answer().contents[0].transport
    transport = replace(transport, ufrag=ufrag, ice_generation=generation)
    return Jingle("transport-info", client.offer.sid, contents=(Content("audio", None, transport),))


def test_an_ice_restart_is_passed_on_and_its_answer_as_well() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert ask_for_a_path(client).get("type") == "result"
    (told,) = client.jingles("transport-info")
    transport = told.contents[0].transport
    assert (transport.ice_generation, transport.ufrag) == (1, "ufrag01")
    assert transport.candidates and transport.fingerprints
    assert client.jingle(renewed(client, 1, "renewed")).get("type") == "result"
    assert ("continue ice", client.nick, 1, "renewed", "p" * 22) in rig.bridge.orders
    rig.conference.sessions.restart_ice(rig.member(client), rig.now)  # of the bridge's own accord
    rig.flush()
    assert client.jingles("transport-info")[-1].contents[0].transport.ice_generation == 2
    assert rig.rules == set()


def test_where_ice_has_never_connected_nothing_is_passed_on_though_it_was_granted() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.bridge.connected.clear()
    assert ask_for_a_path(client).get("type") == "result"
    assert client.jingles("transport-info") == []


def test_ice_restarts_have_a_budget_of_their_own_that_wrong_requests_take_of_too() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert condition(ask_for_a_path(client, "wrong")) == "item-not-found"
    assert rig.rules == {26}
    assert condition(ask_for_a_path(client)) == "resource-constraint"
    assert rig.rules == {26, 27}
    rig.wait(5.5)
    for _ in range(4):
        assert ask_for_a_path(client).get("type") == "result"
        rig.wait(5.5)
    assert condition(ask_for_a_path(client)) == "resource-constraint"
    assert client.terminate(restart=True).get("type") == "result"


@pytest.mark.parametrize(("generation", "ufrag"), [(2, "renewed"), (1, "ufrg")])
def test_an_answer_to_another_ice_restart_or_without_new_credentials_is_noted(
    generation: int, ufrag: str
) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    ask_for_a_path(client)
    client.jingle(renewed(client, generation, ufrag))
    assert rig.rules == {27}
    assert [order for order in rig.bridge.orders if order[0] == "continue ice"] == []
