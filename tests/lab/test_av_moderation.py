"""Rule 16: who may unmute while a moderator says who may."""

import pytest

from gateway.lab.site import SiteConfig
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from gateway.xmpp.mute import unmute_request
from tests.lab.rig import FOCUS, ROOM, Client, Rig, condition
from tests.lab.test_lobby import notices

COMPONENT = SiteConfig().components["av_moderation"]


def moderated() -> tuple[Rig, Client, str]:
    """A moderated room with a client that has muted itself, and its moderator's nick."""
    rig = Rig()
    ann = rig.speaker()
    client = rig.in_session()
    rig.site.moderation.enable(rig.room, ann.nick, rig.now)
    client.update(muted=True)
    rig.wait(2.5)
    assert rig.rules == set()
    return rig, client, ann.nick


def told(client: Client) -> list[dict]:
    return notices(client, "av_moderation")


def ask_to_be_heard(client: Client):
    return client.request(FOCUS, unmute_request(f"{ROOM}/{client.nick}"))


def test_all_are_told_and_muted_by_the_focus_itself() -> None:
    rig, client, ann = moderated()
    assert told(client) == [
        {
            "type": "av_moderation",
            "room": ROOM,
            "mediaType": "audio",
            "enabled": True,
            "actor": f"{ROOM}/{ann}",
        }
    ]
    (mute,) = [child(s, ns.JITSI_MUTE_AUDIO, "mute") for s in client.received if is_mute(s)]
    assert (mute.get("actor"), mute.text) == (None, "true")
    assert ("mute", client.nick, True) in rig.bridge.orders
    assert rig.room.policy.metadata["startMuted"]["audio"] is True


def is_mute(stanza) -> bool:
    return child(stanza, ns.JITSI_MUTE_AUDIO, "mute") is not None


def test_who_comes_later_is_told_and_starts_muted_and_held() -> None:
    rig, _, _ = moderated()
    second = rig.joined()
    assert told(second)[0]["enabled"] is True
    assert second.offer.start_muted
    assert ("mute", second.nick, True) in rig.bridge.orders
    second.update(muted=True)
    second.accept(ssrc=2)
    rig.wait(2.5)
    assert rig.rules == set()


def test_who_comes_later_and_does_not_mute_breaks_the_rule() -> None:
    rig, _, _ = moderated()
    rig.joined().accept(ssrc=2)
    rig.wait(2.5)
    assert rig.rules == {16, 31}


def test_who_does_not_mute_breaks_the_rule() -> None:
    rig = Rig()
    ann = rig.speaker()
    rig.in_session()
    rig.site.moderation.enable(rig.room, ann.nick, rig.now)
    rig.wait(2.5)
    assert rig.rules == {16}


def test_unmuting_before_approval_breaks_the_rule() -> None:
    rig, client, _ = moderated()
    client.update(muted=False)
    assert rig.rules == {16}


def test_asking_to_be_heard_before_approval_is_refused() -> None:
    rig, client, _ = moderated()
    assert condition(ask_to_be_heard(client)) == "not-allowed"
    assert rig.rules == {16}
    assert ("mute", client.nick, False) not in rig.bridge.orders


def test_sending_audio_before_approval_breaks_the_rule_however_late() -> None:
    rig, client, _ = moderated()
    rig.wait(30)
    rig.bridge.packets[client.nick] = 50
    rig.wait(0.2)
    assert [(v.rule, v.what) for v in rig.violations] == [
        (16, "was muted, but goes on sending RTP")
    ]
    rig.bridge.packets[client.nick] = 100
    rig.wait(5)
    assert len(rig.violations) == 1  # once is enough


def test_the_approved_may_speak_once_they_have_asked_the_focus() -> None:
    rig, client, ann = moderated()
    rig.site.moderation.approve(rig.room, client.nick, ann, rig.now)
    assert told(client)[-1] == {
        "type": "av_moderation",
        "room": ROOM,
        "mediaType": "audio",
        "approved": True,
    }
    client.update(muted=False)
    assert ask_to_be_heard(client).get("type") == "result"
    assert rig.bridge.orders[-1] == ("mute", client.nick, False)
    rig.bridge.packets[client.nick] = 500
    rig.wait(5)
    assert rig.rules == set()


def test_who_speaks_again_without_asking_the_focus_breaks_the_rule() -> None:
    rig, client, ann = moderated()
    rig.site.moderation.approve(rig.room, client.nick, ann, rig.now)
    client.update(muted=False)
    rig.wait(2.5)
    assert rig.rules == {16}


def test_an_approval_that_is_taken_back_mutes() -> None:
    rig, client, ann = moderated()
    rig.site.moderation.approve(rig.room, client.nick, ann, rig.now)
    client.update(muted=False)
    ask_to_be_heard(client)
    rig.site.moderation.reject(rig.room, client.nick, ann, rig.now)
    assert told(client)[-1]["removed"] is True
    assert rig.bridge.orders[-1] == ("mute", client.nick, True)
    client.update(muted=True)
    rig.wait(2.5)
    assert rig.rules == set()
    assert condition(ask_to_be_heard(client)) == "not-allowed"


def test_an_approval_that_is_taken_back_has_to_be_followed() -> None:
    rig, client, ann = moderated()
    rig.site.moderation.approve(rig.room, client.nick, ann, rig.now)
    client.update(muted=False)
    ask_to_be_heard(client)
    rig.site.moderation.reject(rig.room, client.nick, ann, rig.now)
    rig.wait(2.5)
    assert rig.rules == {16}


def test_when_it_is_over_everybody_may_unmute() -> None:
    rig, client, ann = moderated()
    rig.site.moderation.disable(rig.room, ann, rig.now)
    assert told(client)[-1]["enabled"] is False
    assert "startMuted" not in rig.room.policy.metadata
    client.update(muted=False)
    assert ask_to_be_heard(client).get("type") == "result"
    assert not rig.conference.sessions.start_muted
    assert rig.rules == set()


def test_in_a_room_that_is_not_moderated_an_approval_is_a_request() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    rig.site.moderation.approve(rig.room, client.nick, ann.nick, rig.now)
    assert told(client)[-1]["from"] == f"{ROOM}/{ann.nick}"
    assert told(client)[-1]["approved"] is True


def test_only_moderators_are_told_who_is_approved() -> None:
    rig, client, ann = moderated()
    rig.site.moderation.approve(rig.room, client.nick, ann, rig.now)
    assert not any("whitelists" in message for message in told(client))
    rig.room.set_affiliation(client.jid.partition("/")[0], "owner", ann, rig.now)
    rig.site.moderation.reject(rig.room, client.nick, ann, rig.now)
    assert told(client)[-1]["whitelists"] == {"audio": []}


def test_moderators_are_not_moderated() -> None:
    rig, client, ann = moderated()
    rig.room.set_affiliation(client.jid.partition("/")[0], "owner", ann, rig.now)
    client.update(muted=False)
    assert ask_to_be_heard(client).get("type") == "result"
    assert rig.rules == set()


@pytest.mark.parametrize(("is_moderator", "expected"), [(False, False), (True, True)])
def test_orders_are_taken_from_moderators_only(is_moderator: bool, expected: bool) -> None:
    rig = Rig()
    client = rig.joined() if is_moderator else (rig.speaker(), rig.joined())[1]
    order = element(ns.CLIENT, "av_moderation", {"enable": "true", "mediaType": "audio"})
    client.send(element(ns.CLIENT, "message", {"to": COMPONENT}, order))
    assert rig.site.moderation.is_enabled(rig.room) is expected
    if is_moderator:
        listed = {"jidToWhitelist": f"{ROOM}/{client.nick}", "mediaType": "audio"}
        order = element(ns.CLIENT, "av_moderation", listed)
        client.send(element(ns.CLIENT, "message", {"to": COMPONENT}, order))
        assert rig.site.moderation.approved(rig.room) == {client.nick}


def test_another_session_does_not_give_the_voice_back() -> None:
    rig, client, _ = moderated()
    rig.bridge.orders.clear()
    rig.conference.sessions.move(rig.member(client), rig.now)
    rig.flush()
    orders = [order[:2] for order in rig.bridge.orders]
    assert orders.index(("mute", client.nick)) > orders.index(("allocate", client.nick))
