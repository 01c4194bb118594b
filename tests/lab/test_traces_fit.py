"""What the lab sends has the shape of what the real Prosody and Jicofo have sent."""

import json
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest

from gateway.lab.end_conference import TERMINATED
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.muc_stanzas import Removal
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child
from tests.lab.rig import FOCUS, ROOM, Client, Rig
from tests.lab.test_lobby import notices
from tests.xmpp.traces import trace

# What differs on purpose: the lab has more candidates, and no bridge channel by default; nobody
# says which language a stanza is in; ids of Jicofo's presence are not repeated.
_LEFT_OUT = (f"{{{ns.JITSI_COLIBRI}}}web-socket", f"{{{ns.JINGLE_ICE_UDP}}}candidate")
_NO_MATTER = ("{http://www.w3.org/XML/1998/namespace}lang", "id", "rel-addr", "rel-port")


def shape(part: Element, path: str = "") -> Iterator[str]:
    """Each element by its path, with the names of its attributes."""
    keys = sorted(key for key in part.attrib if key not in _NO_MATTER)
    here = f"{path}/{part.tag}"
    yield f"{here} {keys}"
    for inner in part:
        if inner.tag not in _LEFT_OUT:
            yield from shape(inner, here)


def recorded(name: str, tag: str, **attributes: str) -> Element:
    """The first stanza received in a trace that has an element of that name inside."""
    return next(
        entry.stanza
        for entry in trace(name)
        if entry.incoming
        and any(
            all(part.get(key) == value for key, value in attributes.items())
            for part in entry.stanza.iter(tag)
        )
    )


JINGLE = f"{{{ns.JINGLE}}}jingle"


def jingle_of(client, action: str) -> Element:
    found = [child(stanza, ns.JINGLE, "jingle") for stanza in client.received]
    return next(j for j in found if j is not None and j.get("action") == action)


def test_the_offer() -> None:
    # In the recorded one RED was on in Jicofo, and the client did not know it.
    rig = Rig(offer=OfferConfig(red=112))
    rig.speaker()
    client = rig.joined()
    real = child(recorded("join-and-leave", JINGLE, action="session-initiate"), ns.JINGLE, "jingle")
    assert list(shape(jingle_of(client, "session-initiate"))) == list(shape(real))


def test_the_offer_to_start_muted() -> None:
    rig = Rig(offer=OfferConfig(red=112))
    rig.speaker()
    rig.conference.sessions.start_muted = True
    client = rig.joined()
    real = child(recorded("start-muted", JINGLE, action="session-initiate"), ns.JINGLE, "jingle")
    assert list(shape(jingle_of(client, "session-initiate"))) == list(shape(real))


@pytest.mark.parametrize("action", ["source-add", "source-remove", "session-terminate"])
def test_messages_within_a_session(action: str) -> None:
    rig = Rig()
    rig.speaker()
    first, second = rig.in_session(), rig.joined()
    second.accept(ssrc=2)
    rig.conference.sessions.move(rig.member(second), rig.now)
    rig.conference.sessions.move(rig.member(first), rig.now)
    rig.flush()
    real = child(recorded("bridge-killed", JINGLE, action=action), ns.JINGLE, "jingle")
    assert list(shape(jingle_of(first, action))) == list(shape(real))


def test_the_answer_to_a_conference_request() -> None:
    rig = Rig()
    answer = rig.client().ask_for_conference()
    real = recorded("join-and-leave", f"{{{ns.JITSI_FOCUS}}}conference")
    assert list(shape(answer)) == list(shape(real))


def test_the_presence_of_the_focus() -> None:
    rig = Rig()
    client = rig.joined()
    ours = next(stanza for stanza in client.presences if stanza.get("from") == FOCUS)
    # Before it has chosen a bridge.
    real = recorded("muted-by-moderator", f"{{{ns.JITSI_FOCUS}}}conference-properties")
    assert list(shape(ours)) == list(shape(real))


def own_muc_user(client) -> list[str]:
    own = [s for s in client.presences if s.get("from") == f"{ROOM}/{client.nick}"][-1]
    return list(shape(child(own, ns.MUC_USER, "x")))


def recorded_muc_user(name: str, code: str, *, last: bool = False) -> list[str]:
    status = f"{{{ns.MUC_USER}}}status"
    found = [
        entry.stanza
        for entry in trace(name)
        if entry.incoming and code in {part.get("code") for part in entry.stanza.iter(status)}
    ]
    return list(shape(child(found[-1 if last else 0], ns.MUC_USER, "x")))


def test_ones_own_presence_on_joining_and_on_leaving() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    assert own_muc_user(client) == recorded_muc_user("join-and-leave", "100")
    client.leave()
    assert own_muc_user(client) == recorded_muc_user("join-and-leave", "110", last=True)


def test_being_kicked() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    rig.room.remove(rig.room.occupants[client.nick], Removal((307,), ann.nick, "bye"), rig.now)
    assert own_muc_user(client) == recorded_muc_user("kicked", "307")


def test_the_end_of_the_meeting() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.site.end(rig.room, Removal(reason=TERMINATED, destroyed=True), rig.now)
    assert own_muc_user(client) == recorded_muc_user("end-meeting", "110", last=True)


def test_being_made_a_moderator() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    rig.room.set_affiliation(client.jid.partition("/")[0], "owner", ann.nick, rig.now)
    assert own_muc_user(client) == recorded_muc_user("chat-hand-owner", "110", last=True)
    own = client.presences[-1]
    real = recorded("chat-hand-owner", f"{{{ns.JITSI_MEET}}}permissions")
    permissions = [list(shape(child(s, ns.JITSI_MEET, "permissions"))) for s in (own, real)]
    assert permissions[0] == permissions[1]


def test_being_refused_without_the_password() -> None:
    rig = Rig()
    rig.speaker()
    rig.room.policy.password = "4711"
    refused = rig.client().join()
    real = recorded("password-room", f"{{{ns.STANZA_ERRORS}}}not-authorized")
    assert list(shape(refused)) == list(shape(real))


def test_being_sent_to_the_lobby() -> None:
    rig = Rig()
    ann = rig.speaker()
    rig.site.lobbies.open(rig.room, ann.nick, rig.now)
    refused = rig.client().join()
    real = recorded("lobby-denied", f"{{{ns.STANZA_ERRORS}}}registration-required")
    assert list(shape(refused)) == list(shape(real))


def test_being_muted() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.in_session()
    rig.conference.mutes.order(rig.member(client), f"{ROOM}/{ann.nick}", rig.now)
    rig.flush()
    mute = f"{{{ns.JITSI_MUTE_AUDIO}}}mute"
    ours = next(stanza for stanza in client.received if stanza.find(mute) is not None)
    assert list(shape(ours)) == list(shape(recorded("muted-by-moderator", mute)))


@pytest.mark.parametrize("component", ["metadata", "conferenceduration"])
def test_messages_of_components(component: str) -> None:
    rig = Rig()
    client = rig.joined()
    ours = next(s for s in client.received if s.get("from") == f"{component}.lab.test")
    real = next(
        entry.stanza
        for entry in trace("join-and-leave")
        if entry.stanza.get("from") == f"{component}.meet.test"
    )
    assert list(shape(ours)) == list(shape(real))


def told_by(component: str, trace_name: str) -> list[dict]:
    """What a component told in a trace, as JSON."""
    messages = [
        child(entry.stanza, ns.JITSI_MEET, "json-message")
        for entry in trace(trace_name)
        if entry.incoming and entry.stanza.get("from") == f"{component}.meet.test"
    ]
    return [json.loads(message.text or "") for message in messages if message is not None]


def test_rule_16_audio_moderation() -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    moderation = rig.site.moderation
    moderation.enable(rig.room, ann.nick, rig.now)
    moderation.approve(rig.room, client.nick, ann.nick, rig.now)
    moderation.reject(rig.room, client.nick, ann.nick, rig.now)
    moderation.disable(rig.room, ann.nick, rig.now)
    ours = notices(client, "av_moderation")
    real = told_by("avmoderation", "av-moderation")
    assert [sorted(each) for each in ours] == [sorted(each) for each in real]
    said = [(each.get("enabled"), each.get("approved"), each.get("removed")) for each in real]
    assert [(e.get("enabled"), e.get("approved"), e.get("removed")) for e in ours] == said
    mute = f"{{{ns.JITSI_MUTE_AUDIO}}}mute"
    order = next(stanza for stanza in client.received if stanza.find(mute) is not None)
    assert list(shape(order)) == list(shape(recorded("av-moderation", mute)))


def test_rule_14_being_sent_to_a_breakout_room() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    breakout = rig.site.breakouts.add(rig.room, "Group 1", rig.now)
    rig.site.breakouts.send_to(rig.room, client.nick, breakout.jid, rig.now)
    ours = notices(client, "breakout_rooms")
    real = told_by("breakout", "breakout-room")
    assert [(each["event"], sorted(each)) for each in ours] == [
        (each["event"], sorted(each)) for each in real
    ]
    for mine, theirs in zip(ours[0]["rooms"].values(), real[0]["rooms"].values(), strict=True):
        assert sorted(mine) == sorted(theirs)
        people = zip(mine["participants"].values(), theirs["participants"].values(), strict=True)
        assert all(sorted(one) == sorted(other) for one, other in people)


def lobby_with_a_guest() -> tuple[Rig, str, Client]:
    rig = Rig()
    ann = rig.speaker()
    rig.site.lobbies.open(rig.room, ann.nick, rig.now)
    client = rig.client()
    client.say(client.presence.knock("demo@lobby.lab.test"))
    return rig, ann.nick, client


def recorded_in_lobby(name: str, *, last: bool) -> list[str]:
    found = [
        entry.stanza
        for entry in trace(name)
        if entry.incoming and "@lobby." in entry.stanza.get("from", "")
    ]
    return list(shape(child(found[-1 if last else 0], ns.MUC_USER, "x")))


def seen_in_lobby(client: Client) -> list[str]:
    return list(shape(child(client.presences[-1], ns.MUC_USER, "x")))


def test_rule_10_knocking_and_being_denied() -> None:
    rig, ann, client = lobby_with_a_guest()
    assert seen_in_lobby(client) == recorded_in_lobby("lobby-denied", last=False)
    rig.site.lobbies.deny(rig.room, client.nick, ann, rig.now)
    assert seen_in_lobby(client) == recorded_in_lobby("lobby-denied", last=True)


def test_rule_10_a_lobby_that_is_switched_off() -> None:
    rig, ann, client = lobby_with_a_guest()
    rig.site.lobbies.close(rig.room, ann, rig.now)
    assert seen_in_lobby(client) == recorded_in_lobby("lobby-disabled", last=True)


def test_rule_10_being_let_in() -> None:
    rig, ann, client = lobby_with_a_guest()
    rig.site.lobbies.admit(rig.room, client.nick, ann, rig.now)
    real = recorded("lobby-approved", f"{{{ns.MUC_USER}}}invite")
    assert list(shape(client.received[-1])) == list(shape(real))
    client.join()
    known = notices(client, "room_metadata")[-1]["metadata"]
    assert known == told_by("metadata", "lobby-approved")[-1]["metadata"]
