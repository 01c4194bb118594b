"""Keys that people in the room press by XEP-0181: each press is told once."""

from dataclasses import replace
from xml.etree.ElementTree import fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.events import ConferenceDigit
from gateway.conference.room_keys import RoomKeys
from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import PARTICIPANT_FEATURES, Capabilities
from gateway.xmpp.jingle_dtmf import CODES, Dtmf
from gateway.xmpp.reception import JingleReceived, Reception
from tests.conference.world import INSTALLATION, ROOM, Call, Media, World, settle
from tests.xmpp.virtual_time import in_virtual_time

FOCUS = f"{ROOM}/focus"
TAKES_KEYS = Capabilities().with_features(ns.JINGLE_DTMF)


def dtmf(attributes: str) -> Dtmf:
    return Dtmf.parse(fromstring(f"<dtmf xmlns='{ns.JINGLE_DTMF}' {attributes}/>"))


def session_info(attributes: str, sender: str = FOCUS) -> str:
    return (
        f"<iq xmlns='jabber:client' type='set' id='d1' from='{sender}'>"
        f"<jingle xmlns='{ns.JINGLE}' action='session-info' sid='s1'>"
        f"<dtmf xmlns='{ns.JINGLE_DTMF}' {attributes}/></jingle></iq>"
    )


@pytest.mark.parametrize("wrong", ["", "code=''", "code='12'", "code='E'", "code='1' action='up'"])
def test_what_is_no_key_press_is_refused(wrong: str) -> None:
    with pytest.raises(JingleError, match=r"code|action"):
        dtmf(wrong)


def test_a_press_that_lasts_is_told_as_it_begins() -> None:
    keys = RoomKeys()
    down = keys.received("ann", dtmf("code='5' action='button-down'"))
    assert down == ConferenceDigit("ann", "5", 0.1)
    assert keys.received("ann", dtmf("code='5' action='button-up' duration='400'")) is None


def test_those_who_have_left_without_letting_go_do_not_double_what_others_press() -> None:
    keys = RoomKeys()
    for gone in range(100):
        for code in CODES:
            keys.received(f"gone{gone}", dtmf(f"code='{code}' action='button-down'"))
    assert keys.received("ann", dtmf("code='5' action='button-down'")) is not None
    assert keys.received("ann", dtmf("code='5' action='button-up'")) is None


def test_a_press_in_one_message_says_how_long_it_was() -> None:
    pressed = RoomKeys().received("ann", dtmf("code='#' duration='250'"))
    assert pressed == ConferenceDigit("ann", "#", 0.25)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(CODES), st.integers(0, 2))))
def test_each_press_is_told_once_however_it_is_sent(presses: list[tuple[str, str, int]]) -> None:
    keys, told = RoomKeys(), []
    forms = (["button-down", "button-up"], [None], ["button-up"])
    for who, code, form in presses:
        for action in forms[form]:
            message = dtmf(f"code='{code}'" + (f" action='{action}'" if action else ""))
            told.append(keys.received(who, message))
    assert [(t.endpoint, t.digit) for t in told if t] == [(who, code) for who, code, _ in presses]


@pytest.mark.parametrize(
    ("capabilities", "sender", "condition"),
    [
        (Capabilities(), FOCUS, "feature-not-implemented"),
        (TAKES_KEYS, "room@elsewhere.test/ann", "forbidden"),
    ],
)
def test_a_key_nobody_may_press_is_refused(
    capabilities: Capabilities, sender: str, condition: str
) -> None:
    stanza = fromstring(session_info("code='1'", sender))
    answer, received = Reception(capabilities, FOCUS).receive(stanza)
    assert received is None
    assert answer is not None
    assert answer.find(f".//{{{ns.STANZA_ERRORS}}}{condition}") is not None


@pytest.mark.parametrize("sender", [FOCUS, f"{ROOM}/ann"])
def test_a_key_somebody_in_the_room_presses_is_received(sender: str) -> None:
    stanza = fromstring(session_info("code='1'", sender))
    answer, received = Reception(TAKES_KEYS, FOCUS).receive(stanza)
    assert answer is not None
    assert answer.get("type") == "result"
    assert isinstance(received, JingleReceived)


def test_it_is_advertised_only_where_it_is_wanted() -> None:
    assert ns.JINGLE_DTMF not in PARTICIPANT_FEATURES
    assert TAKES_KEYS.features == (*PARTICIPANT_FEATURES, ns.JINGLE_DTMF)
    assert TAKES_KEYS.verification != Capabilities().verification


@in_virtual_time
async def test_who_takes_keys_says_so_to_the_room_and_is_told_of_them() -> None:
    world = World(occupants={"ann": "Ann"})
    installation = replace(INSTALLATION, features=(ns.JINGLE_DTMF,))
    async with Call(world, Media(), installation=installation) as call:
        (joined,) = world.stream.of("join")
        caps = joined.stanza.find(f"{{{ns.CAPS}}}c")
        assert caps is not None
        assert caps.get("ver") == TAKES_KEYS.verification
        call.told()
        pressed = fromstring(session_info("code='7' duration='200'"))[0]
        id_ = world.request(tostring(pressed, encoding="unicode"), sender=f"{ROOM}/ann")
        await settle(0.1)
        assert call.told() == [ConferenceDigit("ann", "7", 0.2)]
        assert [answer.get("type") for answer in world.answers(id_)] == ["result"]
