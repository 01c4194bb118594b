"""The smaller components: who may end a meeting, what is known of a room, what is mere noise."""

import json

import pytest

from gateway.lab.component_noise import component_noise
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from gateway.xmpp.presence import parse_presence
from gateway.xmpp.room_orders import end_conference
from tests.lab.rig import ROOM, Client, Rig, condition
from tests.lab.test_lobby import notices


def participant_or_moderator(is_moderator: bool) -> tuple[Rig, Client, Client]:
    """A room with a client that tells components something, and another."""
    rig = Rig()
    if not is_moderator:
        rig.speaker()
    return rig, rig.joined(), rig.joined()


@pytest.mark.parametrize("is_moderator", [False, True])
def test_rule_14_a_moderator_ends_the_meeting_for_all_and_nobody_else_does(
    is_moderator: bool,
) -> None:
    rig, client, other = participant_or_moderator(is_moderator)
    order = element(ns.CLIENT, "end_conference")
    rig.site.host.know(client.jid, room="demo")
    client.send(element(ns.CLIENT, "message", {"to": "endconference.lab.test"}, order))
    assert (ROOM in rig.site.muc.rooms) is not is_moderator
    if is_moderator:
        destroyed = parse_presence(other.presences[-1]).destroyed
        assert destroyed is not None
        assert destroyed.reason == "The meeting has been terminated"
        assert destroyed.alternate is None
        assert rig.site.focus.conferences == {}


@pytest.mark.parametrize("room", [None, "another"])
def test_who_came_without_a_url_of_the_room_ends_nothing(room: str | None) -> None:
    rig, client, _ = participant_or_moderator(True)
    rig.site.host.know(client.jid, room=room)
    client.send(end_conference("endconference.lab.test"))
    assert ROOM in rig.site.muc.rooms


@pytest.mark.parametrize("is_moderator", [False, True])
def test_a_moderator_changes_what_is_known_of_a_room(is_moderator: bool) -> None:
    _, client, other = participant_or_moderator(is_moderator)

    def tell(text: str) -> None:
        told = element(ns.JITSI_MEET, "room_metadata", {"room": ROOM}, text=text)
        client.send(element(ns.CLIENT, "message", {"to": "metadata.lab.test"}, told))

    tell(json.dumps({"key": "startMuted", "data": {"audio": True}}))
    tell("{broken")
    tell("[" * 100_000)
    tell('"a text"')
    known = notices(other, "room_metadata")[-1]["metadata"]
    assert known == ({"startMuted": {"audio": True}} if is_moderator else {})


@pytest.mark.parametrize(
    "component", ["endconference", "metadata", "avmoderation", "breakout", "lobby"]
)
def test_components_answer_requests_with_an_error(component: str) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    query = element("urn:lab:unknown", "query")
    answer = client.request(f"{component}.lab.test", query, type_="get")
    assert condition(answer) == "service-unavailable"


def test_noise_comes_from_components_and_occupants_and_one_of_it_is_broken() -> None:
    noise = list(component_noise("lab.test", ROOM, "abcdef01", "x@lab.test/y"))
    senders = {stanza.get("from", "").partition(".")[0] for stanza in noise}
    assert {"speakerstats", "polls", "visitors", "filesharing", "metadata"} <= senders
    texts = [child(stanza, ns.JITSI_MEET, "json-message") for stanza in noise]
    broken = 0
    for message in texts:
        try:
            json.loads(message.text if message is not None else "{}")
        except ValueError:
            broken += 1
    assert broken == 1
