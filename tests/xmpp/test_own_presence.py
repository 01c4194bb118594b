import json
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest

from gateway.xmpp.caps import Capabilities
from gateway.xmpp.own_presence import MAX_DISPLAY_NAME, NAMELESS, OwnPresence, unavailable
from gateway.xmpp.presence import OccupantPresence, parse_presence

CLIENT = "{jabber:client}"
MUC = "{http://jabber.org/protocol/muc}x"


def presence(**changes: object) -> OwnPresence:
    fields: dict[str, object] = {
        "room": "demo@muc.meet.test",
        "nick": "1a2b3c4d",
        "display_name": "+33 1 23 45 67 89",
        "capabilities": Capabilities(),
    }
    return OwnPresence(**(fields | changes))  # type: ignore[arg-type]


def as_occupants_see_it(sent: Element) -> OccupantPresence:
    sent.set("from", sent.get("to", ""))
    seen = parse_presence(sent)
    assert isinstance(seen, OccupantPresence)
    return seen


def test_only_the_join_enters_the_room() -> None:
    assert presence().join().find(MUC) is not None
    assert presence().update().find(MUC) is None


def test_a_password_is_given_when_there_is_one() -> None:
    password = "{http://jabber.org/protocol/muc}password"
    assert presence().join("4711").findtext(f"{MUC}/{password}") == "4711"
    assert presence().join("").findtext(f"{MUC}/{password}") == ""
    assert presence().join().find(f"{MUC}/{password}") is None


def test_the_first_presence_shows_a_phone() -> None:
    sent = presence().join()
    assert as_occupants_see_it(sent).features == {"http://jitsi.org/protocol/jigasi"}
    assert sent.find("{http://jitsi.org/protocol/jigasi}initiator") is not None
    assert sent.find("{http://jabber.org/protocol/caps}c") is not None


def test_every_presence_tells_name_and_mute_in_both_forms() -> None:
    for muted in (False, True):
        for sent in (presence(muted=muted).join(), presence(muted=muted).update()):
            sources = json.loads(sent.findtext(f"{CLIENT}SourceInfo") or "")
            assert sources == {"1a2b3c4d-a0": {"muted": muted}}
            assert sent.findtext(f"{CLIENT}audiomuted") == str(muted).lower()
            seen = as_occupants_see_it(sent)
            assert seen.audio_muted is muted
            assert seen.display_name == "+33 1 23 45 67 89"


def test_region_and_status_are_there_when_configured() -> None:
    sent = presence(region="eu", status="Ringing").update()
    assert sent.findtext(f"{CLIENT}jitsi_participant_region") == "eu"
    assert sent.findtext(f"{CLIENT}status") == "Ringing"
    assert presence().update().find(f"{CLIENT}status") is None


def test_where_a_call_comes_from_is_in_the_headers_of_its_initiator() -> None:
    sent = presence(initiator={"JigasiCallDirection": "in", "X-Odd": "<\x00&'>"}).join()
    headers = sent.findall("{http://jitsi.org/protocol/jigasi}initiator/{urn:xmpp:rayo:1}header")
    assert [(each.get("name"), each.get("value")) for each in headers] == [
        ("JigasiCallDirection", "in"),
        ("X-Odd", "<&'>"),
    ]


def test_an_avatar_statistics_and_a_dial_pad_are_shown_where_wanted() -> None:
    sent = presence(avatar_url="https://x.test/phone.png", stats_id="gw-1", dial_pad=True).update()
    assert sent.findtext(f"{CLIENT}avatar-url") == "https://x.test/phone.png"
    assert sent.findtext(f"{CLIENT}stats-id") == "gw-1"
    features = {"http://jitsi.org/protocol/jigasi", "urn:xmpp:jingle:dtmf:0"}
    assert as_occupants_see_it(sent).features == features
    assert presence().update().find(f"{CLIENT}avatar-url") is None


@pytest.mark.parametrize("name", ["", " ", "\x00\x1b"])
def test_nobody_knocks_or_comes_without_a_name(name: str) -> None:
    # A lobby answers 406 with <displayname-required/> to who has none.
    for sent in (presence(display_name=name).knock("l@l.d"), presence(display_name=name).join()):
        assert as_occupants_see_it(sent).display_name == NAMELESS


def test_a_name_is_cut_and_cannot_break_the_stream() -> None:
    seen = as_occupants_see_it(presence(display_name="\x00\x1b[2J" + "x" * 500).join())
    assert seen.display_name is not None
    assert seen.display_name.startswith("[2Jx")
    assert len(seen.display_name) <= MAX_DISPLAY_NAME


def test_leaving_is_addressed_to_our_own_place() -> None:
    sent = unavailable("demo@muc.meet.test", "1a2b3c4d")
    assert sent.attrib == {"to": "demo@muc.meet.test/1a2b3c4d", "type": "unavailable"}


def test_leaving_for_another_room_is_said_so() -> None:
    sent = unavailable("demo@muc.meet.test", "1a2b3c4d", "switch_room")
    assert sent.findtext(f"{CLIENT}status") == "switch_room"


def test_a_raised_hand_is_shown_with_its_time_and_a_lowered_one_is_empty() -> None:
    hand = f"{CLIENT}jitsi_participant_raisedHand"
    raised = presence(hand_raised_at=1700000000000)
    assert raised.join().findtext(hand) == raised.update().findtext(hand) == "1700000000000"
    assert presence().join().find(hand) is None
    # lib-jitsi-meet forgets no property by its absence.
    assert presence().update().findtext(hand) == ""


def test_a_visitors_hand_that_is_down_is_mentioned_only_if_it_was_up() -> None:
    # At a node Prosody passes on to moderators whatever is said of it, each time.
    hand = f"{CLIENT}jitsi_participant_raisedHand"
    visitor = presence(has_source=False)
    assert visitor.update().find(hand) is None
    assert replace(visitor, hand_raised_at=1700000000000).update().findtext(hand) == "1700000000000"
    assert replace(visitor, hand_is_shown=True).update().findtext(hand) == ""


def test_who_knocks_says_its_name_and_nothing_about_its_sources() -> None:
    sent = presence().knock("demo@lobby.meet.test")
    assert sent.get("to") == f"demo@lobby.meet.test/{presence().nick}"
    assert [part.tag.rpartition("}")[2] for part in sent] == ["x", "c", "nick"]
    assert as_occupants_see_it(sent).display_name == "+33 1 23 45 67 89"
