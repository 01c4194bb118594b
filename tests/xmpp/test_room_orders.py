"""A moderator's orders as they are on the wire, and what a room says of who may come in."""

from xml.etree.ElementTree import Element, fromstring, tostring

import pytest

from gateway.xmpp import room_orders
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.mute import mute_request
from gateway.xmpp.reception import Reception
from gateway.xmpp.recording import start_recording, stop_recording
from gateway.xmpp.room_entrance import RoomEntrance, RoomReconfigured

FORMS = "{jabber:x:data}"


def fields(order: Element) -> dict[str | None, str | None]:
    assert order.tag == "{http://jabber.org/protocol/muc#owner}query"
    form = order.find(f"{FORMS}x")
    assert form is not None and form.get("type") == "submit"
    return {each.get("var"): each.findtext(f"{FORMS}value") for each in form}


@pytest.mark.parametrize(
    ("order", "password", "members_only"),
    [
        (room_orders.lock("123456"), "123456", "0"),
        (room_orders.admit_members_only(), None, "1"),
        (room_orders.unlock(), "", "0"),
    ],
)
def test_a_form_says_what_changes_and_always_whether_members_only_come_in(
    order: Element, password: str | None, members_only: str
) -> None:
    submitted = fields(order)
    assert submitted.pop("FORM_TYPE") == "http://jabber.org/protocol/muc#roomconfig"
    assert submitted.pop("muc#roomconfig_membersonly") == members_only
    assert (submitted.pop("muc#roomconfig_roomsecret", None) or None) == (password or None)
    assert submitted == {}


def test_several_are_made_members_and_let_in_at_a_time() -> None:
    members = room_orders.make_members(["a@d", "b@d"])
    assert [(item.get("jid"), item.get("affiliation")) for item in members] == [
        ("a@d", "member"),
        ("b@d", "member"),
    ]
    message = room_orders.invitation("r@muc.d", ["a@d/x", "b@d/y"])
    assert message.get("to") == "r@muc.d" and message.get("type") is None
    assert [invite.get("to") for invite in message[0]] == ["a@d/x", "b@d/y"]


def test_other_orders_name_what_they_are_about() -> None:
    assert mute_request("r@muc.d/a").attrib == {"jid": "r@muc.d/a"}
    assert mute_request("r@muc.d/a").text == "true"
    assert start_recording().get("action") == "start"
    assert start_recording().get("recording_mode") == "file"
    assert stop_recording("s1").get("action") == "stop"
    assert stop_recording("s1").get("session_id") == "s1"
    assert b"<ns0:end_conference" in tostring(room_orders.end_conference("end.d"))
    reason = room_orders.destroy("over").findtext(".//{http://jabber.org/protocol/muc#owner}reason")
    assert reason == "over"


def described(inside: str) -> Element:
    query = f"<query xmlns='http://jabber.org/protocol/disco#info'>{inside}</query>"
    return fromstring(f"<iq xmlns='jabber:client' type='result'>{query}</iq>")


FORM = (
    "<x xmlns='jabber:x:data'><field var='muc#roominfo_meetingId'><value>7</value></field>"
    "<field var='muc#roominfo_lobbyroom'><value>r@lobby.d</value></field></x>"
)


@pytest.mark.parametrize(
    ("inside", "entrance", "locked"),
    [
        ("", RoomEntrance(), False),
        ("<feature var='muc_passwordprotected'/>", RoomEntrance(has_password=True), True),
        ("<feature var='muc_membersonly'/>", RoomEntrance(members_only=True), True),
        (
            f"<feature var='muc_membersonly'/>{FORM}",
            RoomEntrance(members_only=True, lobby="r@lobby.d"),
            True,
        ),
        ("<x xmlns='jabber:x:data'><field/></x>", RoomEntrance(), False),
    ],
)
def test_a_room_says_who_may_come_in(inside: str, entrance: RoomEntrance, locked: bool) -> None:
    assert RoomEntrance.parse(described(inside)) == entrance
    assert entrance.is_locked is locked


def test_an_answer_without_a_description_says_nothing() -> None:
    assert RoomEntrance.parse(fromstring("<iq xmlns='jabber:client'/>")) == RoomEntrance()


def message(sender: str, inside: str) -> Element:
    return fromstring(
        f"<message xmlns='jabber:client' type='groupchat' from='{sender}'>{inside}</message>"
    )


CODE = "<x xmlns='http://jabber.org/protocol/muc#user'><status code='{}'/></x>"


def test_that_a_room_has_other_rules_only_the_room_itself_says() -> None:
    reception = Reception(Capabilities(), focus="r@muc.d/focus")
    told = [
        reception.receive(message("r@muc.d", CODE.format(104)))[1],
        reception.receive(message("r@muc.d/ann", CODE.format(104)))[1],
        reception.receive(message("r@muc.d", CODE.format(172)))[1],
        reception.receive(message("r@muc.d", "<subject/>"))[1],
    ]
    assert told == [RoomReconfigured("r@muc.d"), None, None, None]
