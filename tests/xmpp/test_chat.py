from xml.etree.ElementTree import fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.chat import MAX_CHAT_LENGTH, ChatMessage, chat
from tests.xmpp.traces import trace

ROOM = "tchat@conference.meet.test"


def message(inside: str, type_: str = "groupchat", sender: str = f"{ROOM}/alice") -> object:
    return ChatMessage.parse(
        fromstring(
            f"<message xmlns='jabber:client' type='{type_}' from='{sender}'>{inside}</message>"
        )
    )


def test_browsers_write_to_all_and_to_one() -> None:
    said = [
        ChatMessage.parse(entry.stanza)
        for entry in trace("chat-hand-owner")
        if entry.incoming and entry.stanza.tag == "{jabber:client}message"
    ]
    assert [each for each in said if each is not None] == [
        ChatMessage(f"{ROOM}/0704b97b", "hello all", private=False),
        ChatMessage(f"{ROOM}/0704b97b", "hello phone", private=True),
        ChatMessage(f"{ROOM}/0befa224", "hello from the phone", private=False),  # the echo
    ]


@pytest.mark.parametrize(
    "inside",
    [
        "<subject>Topic</subject>",
        "<body/>",
        "<body> </body>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>+</reaction></reactions>",
        "<body>old</body><delay xmlns='urn:xmpp:delay' stamp='2026-11-23T10:00:00Z'/>",
        "<body>old</body><x xmlns='jabber:x:delay' stamp='20261123T10:00:00'/>",
    ],
)
def test_what_nobody_has_just_written_is_no_chat(inside: str) -> None:
    assert message(inside) is None


@pytest.mark.parametrize(("type_", "sender"), [("normal", f"{ROOM}/a"), ("groupchat", ROOM)])
def test_the_room_itself_does_not_chat(type_: str, sender: str) -> None:
    assert message("<body>hi</body>", type_, sender) is None


def test_long_texts_are_cut_both_ways() -> None:
    long = "x" * (MAX_CHAT_LENGTH + 1)
    said = message(f"<body>{long}</body>")
    assert isinstance(said, ChatMessage) and len(said.text) == MAX_CHAT_LENGTH
    (body,) = chat(ROOM, long)
    assert len(body.text or "") == MAX_CHAT_LENGTH


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=50))
def test_what_is_written_is_read(text: str) -> None:
    for to, type_ in ((ROOM, "groupchat"), (f"{ROOM}/alice", "chat")):
        sent = fromstring(tostring(chat(to, text)))
        assert (sent.get("to"), sent.get("type")) == (to, type_)
        sent.set("from", f"{ROOM}/bob")
        assert ChatMessage.parse(sent) == ChatMessage(f"{ROOM}/bob", text, type_ == "chat")
