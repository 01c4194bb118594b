"""The sources of clients (rules 22 to 24), and of others (29)."""

import pytest

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from tests.lab.client_jingle import source
from tests.lab.rig import Rig, condition, text_of


def test_a_source_add_in_json_has_no_effect() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    text = '{"sources":{"x":[[],[],[{"s":5,"n":"x-a0"}]]}}'
    added = element(
        ns.JINGLE,
        "jingle",
        {"action": "source-add", "sid": client.offer.sid},
        element(ns.JITSI_MEET, "json-message", text=text),
    )
    before = list(rig.bridge.orders)
    assert client.jingle(added).get("type") == "result"
    assert rig.bridge.orders == before
    assert rig.rules == {22}


@pytest.mark.parametrize("action", ["content-modify", None])
def test_what_jicofo_ignores_is_not_answered(action: str | None) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.in_session()
    payload = element(ns.JINGLE, "jingle", {"action": action, "sid": client.offer.sid})
    assert client.jingle(payload) is None
    assert rig.rules == {23}


@pytest.mark.parametrize("ssrc", ["", "--5", "1e3", "9" * 5000])
def test_an_ssrc_that_is_no_number_is_refused(ssrc: str) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()

    def change(jingle) -> None:
        for listed in jingle.iter(f"{{{ns.JINGLE_SOURCES}}}source"):
            listed.set("ssrc", ssrc)

    assert condition(client.accept(change=change)) == "bad-request"
    assert rig.rules == {21}


def test_media_of_an_unknown_kind_are_not_answered() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()

    def change(jingle) -> None:
        next(jingle.iter(f"{{{ns.JINGLE_RTP}}}description")).set("media", "smell")

    assert client.accept(change=change) is None
    assert rig.rules == {23}


def test_an_unknown_session_is_a_bad_request() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    refused = client.accept(sid="nonsense")
    assert condition(refused) == "bad-request"
    assert rig.rules == {24}


def test_the_session_of_another_is_unknown() -> None:
    rig = Rig()
    first, second = rig.joined(), rig.joined()
    refused = second.accept(sid=first.offer.sid)
    assert condition(refused) == "bad-request"


def test_sources_cannot_be_added_before_the_session_is_accepted() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    refused = client.source_change("source-add", source(client, 5))
    assert text_of(refused) == "jingle session no longer active"


def test_only_an_own_source_can_be_removed() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.in_session()
    refused = client.source_change("source-remove", source(client, ann.ssrc))
    assert text_of(refused) == (
        f"Source does not exist or is not owned by endpoint (ssrc={ann.ssrc})."
    )
    assert client.source_change("source-remove", source(client, 1234)).get("type") == "result"
    assert ("sources", client.nick, frozenset()) in rig.bridge.orders


def test_a_new_source_is_signalled_once_the_session_is_accepted() -> None:
    rig = Rig()
    first, second = rig.joined(), rig.joined()
    second.accept(ssrc=2)
    assert first.jingles("source-add") == []
    first.accept(ssrc=1)
    assert [s.ssrc for s in first.jingles("source-add")[0].sources] == [2]
    assert [s.ssrc for s in second.jingles("source-add")[0].sources] == [1]


def test_who_leaves_is_not_removed_by_a_source_remove() -> None:
    rig = Rig()
    rig.speaker()
    first, second = rig.in_session(), rig.joined()
    second.accept(ssrc=2)
    second.terminate()
    second.leave()
    assert first.jingles("source-remove") == []
    third = rig.joined()
    assert 2 not in {s.ssrc for s in third.offer.sources}


def test_a_speaker_that_comes_later_is_signalled() -> None:
    rig = Rig()
    rig.speaker("Ann")
    client = rig.in_session()
    bob = rig.speaker("Bob")
    (added,) = client.jingles("source-add")
    assert [(s.owner, s.ssrc) for s in added.sources] == [(bob.nick, bob.ssrc)]


def test_sources_may_come_early_twice_and_of_strangers() -> None:
    rig = Rig(early_sources=True)
    ann = rig.speaker()
    client = rig.joined()
    (early,) = client.jingles("source-add")
    assert {s.owner for s in early.sources} == {ann.nick, "jvb", "ffffffff"}
    client.accept()
    (removed,) = client.jingles("source-remove")
    assert {s.owner for s in removed.sources} == {"ffffffff"}
    assert rig.rules == set()
