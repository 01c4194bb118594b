"""The lab's focus: sessions that end, move and are replaced (rules 26 to 28, 30)."""

import pytest

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.presence import parse_presence
from tests.lab.client_jingle import bridge_session, info
from tests.lab.rig import FOCUS, Rig, condition, text_of


@pytest.mark.parametrize("named", [None, "wrong"])
def test_a_terminate_must_name_the_bridge_session(named: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    refused = client.terminate(bridge_session=named)
    assert text_of(refused) == f"{named or 'null'} is not a currently active session"
    assert rig.rules == {26}
    assert condition(refused) == "item-not-found"
    assert text_of(client.terminate()) == "session ended"  # it has ended all the same


def test_a_terminate_ends_the_session_and_no_other_follows() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    assert client.terminate().get("type") == "result"
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1


def test_a_restart_brings_another_session_and_tells_the_others() -> None:
    rig = Rig()
    other = rig.joined()
    client = rig.in_session(username="11111111-client")
    other.accept(ssrc=77)
    first = client.offer
    assert client.terminate(restart=True).get("type") == "result"
    assert client.offer.sid != first.sid
    assert client.offer.bridge_session != first.bridge_session
    client.accept(ssrc=4321)
    assert [s.ssrc for s in other.jingles("source-remove")[-1].sources] == [1234]
    assert [s.ssrc for s in other.jingles("source-add")[-1].sources] == [4321]
    assert rig.rules == set()


def test_a_second_restart_within_five_seconds_is_refused_and_nothing_more_comes() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    client.terminate(restart=True)
    rig.wait(4.0)
    client.accept()
    refused = client.terminate(restart=True)
    assert text_of(refused) == "rate-limited"
    assert condition(refused) == "resource-constraint"
    assert rig.rules == {27}
    rig.joined()
    assert len(client.jingles("session-initiate")) == 2


def test_the_sixth_restart_in_a_minute_is_refused() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    for _ in range(5):
        assert client.terminate(restart=True).get("type") == "result"
        client.accept()
        rig.wait(5.1)
    assert text_of(client.terminate(restart=True)) == "rate-limited"
    assert rig.rules == {27}


def test_after_a_minute_restarts_are_granted_again() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    for _ in range(7):
        assert client.terminate(restart=True).get("type") == "result"
        client.accept()
        rig.wait(13.0)
    assert rig.rules == set()


@pytest.mark.parametrize("named", ["wrong", None])
def test_telling_of_failed_ice_is_wrong_whichever_session_it_names(named: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    told = [bridge_session(named)] if named is not None else []
    failed = element(ns.JITSI_FOCUS, "ice-state", text="failed")
    assert client.jingle(info(client, failed, *told)).get("type") == "result"
    assert client.jingles("session-terminate") == []
    assert rig.rules == {28}


def test_telling_of_failed_ice_leads_nowhere() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    state = element(ns.JITSI_FOCUS, "ice-state", text="failed")
    right = bridge_session(client.offer.bridge_session.id)
    assert client.jingle(info(client, state, right)).get("type") == "result"
    (ended,) = client.jingles("session-terminate")
    assert str(ended.reason) == "success (moving)"
    assert rig.rules == {28}
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1


def test_other_session_infos_are_acknowledged_and_an_ice_restart_may_be_unknown() -> None:
    rig = Rig(ice_restart=False)
    rig.speaker()
    client = rig.in_session()
    assert client.jingle(info(client, element("urn:lab:any", "thing"))).get("type") == "result"
    restart = bridge_session(client.offer.bridge_session.id, **{"ice-restart": "true"})
    refused = client.jingle(info(client, restart))
    assert (condition(refused), text_of(refused)) == ("feature-not-implemented", "no ICE restart")
    assert rig.rules == set()


def test_who_stays_alone_for_twenty_seconds_loses_the_session_and_gets_another_with_company() -> (
    None
):
    rig = Rig()
    ann = rig.speaker()
    client = rig.in_session()
    ann.leave()
    rig.wait(19.5)
    assert client.jingles("session-terminate") == []
    rig.wait(1.0)
    (ended,) = client.jingles("session-terminate")
    assert str(ended.reason) == "expired (Idle session timeout)"
    assert ("expire", client.nick) in rig.bridge.orders
    assert client.nick in rig.room.occupants
    rig.speaker("Bob")
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=99).get("type") == "result"
    assert rig.rules == set()


def test_company_in_time_keeps_the_session() -> None:
    rig = Rig(alone_timeout=5.0)
    ann = rig.speaker()
    client = rig.in_session()
    ann.leave()
    rig.wait(4.0)
    rig.speaker("Bob")
    rig.wait(10.0)
    assert client.jingles("session-terminate") == []


def test_moving_ends_the_session_and_offers_another() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.move(rig.member(client), rig.now)
    rig.flush()
    (ended,) = client.jingles("session-terminate")
    assert str(ended.reason) == "success (moving)"
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=4321).get("type") == "result"


def test_a_session_can_be_replaced_without_a_word() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    old = client.offer.sid
    rig.conference.sessions.invite(rig.member(client), rig.now)
    rig.flush()
    assert client.jingles("session-terminate") == []
    assert client.offer.sid != old
    assert text_of(client.accept(sid=old)) == "session ended"
    assert client.accept().get("type") == "result"
    assert rig.rules == set()


def test_the_bridge_forgets_an_endpoint_a_little_after_its_session_has_ended() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.terminate(rig.member(client), "expired", "", rig.now)
    rig.flush()
    assert ("expire", client.nick) not in rig.bridge.orders
    rig.wait(0.1)
    assert ("expire", client.nick) in rig.bridge.orders


def test_an_endpoint_that_was_replaced_works_until_the_bridge_is_told() -> None:
    rig = Rig(bridge_keeps=3.0)
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.move(rig.member(client), rig.now)
    rig.flush()
    rig.wait(2.9)
    assert ("forget former", client.nick) not in rig.bridge.orders
    rig.wait(0.2)
    assert ("forget former", client.nick) in rig.bridge.orders
    assert ("expire", client.nick) not in rig.bridge.orders


def test_who_leaves_in_between_is_forgotten_at_once() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.sessions.terminate(rig.member(client), "expired", "", rig.now)
    client.leave()
    assert rig.bridge.orders.count(("expire", client.nick)) == 1


def test_without_a_bridge_sessions_end_and_the_focus_says_so_until_there_is_one() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    rig.conference.set_bridge_available(False, rig.now)
    rig.flush()
    told = parse_presence(client.presences[-1])
    assert (told.nick, told.bridge_available) == ("focus", False)
    assert str(client.jingles("session-terminate")[0].reason) == "success (moving)"
    rig.joined()
    assert len(client.jingles("session-initiate")) == 1
    rig.conference.set_bridge_available(True, rig.now)
    rig.flush()
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=7).get("type") == "result"
    assert rig.rules == set()


def test_an_endpoint_the_bridge_has_lost_is_invited_anew() -> None:
    rig = Rig(reinvite_after=2.0)
    rig.speaker()
    client = rig.in_session()
    rig.site.focus.bridge_lost("demo@conference.lab.test", client.nick, rig.now)
    rig.wait(1.5)
    assert len(client.jingles("session-initiate")) == 1
    rig.wait(1.0)
    assert len(client.jingles("session-initiate")) == 2
    assert client.accept(ssrc=5).get("type") == "result"


def test_a_client_that_asks_first_is_not_invited_twice() -> None:
    rig = Rig(reinvite_after=2.0)
    rig.speaker()
    client = rig.in_session()
    rig.site.focus.bridge_lost("demo@conference.lab.test", client.nick, rig.now)
    client.terminate(restart=True)
    rig.wait(5.0)
    assert len(client.jingles("session-initiate")) == 2


def test_the_focus_sends_its_presence_again_when_it_uses_a_bridge() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    properties = [
        {part.get("key") for part in s.iter(f"{{{ns.JITSI_FOCUS}}}property")}
        for s in client.presences
        if s.get("from") == FOCUS
    ]
    assert "bridge-count" not in properties[0]
    assert "bridge-count" in properties[-1]
