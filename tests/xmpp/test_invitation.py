from xml.etree.ElementTree import fromstring

from gateway.xmpp.invitation import Invitation
from tests.xmpp.traces import trace

X = "http://jabber.org/protocol/muc#user"


def parse(inside: str) -> Invitation | None:
    return Invitation.parse(
        fromstring(
            f"<message xmlns='jabber:client' from='r@m'><x xmlns='{X}'>{inside}</x></message>"
        )
    )


def test_an_invitation_may_hold_the_rooms_password() -> None:
    assert parse("<invite from='mod@x'/>") == Invitation("r@m", None)
    assert parse("<invite from='mod@x'/><password>geheim</password>") == Invitation("r@m", "geheim")


def test_a_message_about_something_else_is_none() -> None:
    assert parse("<status code='104'/>") is None
    assert Invitation.parse(fromstring("<message xmlns='jabber:client' from='r@m'/>")) is None


def test_the_password_is_not_printed() -> None:
    assert "geheim" not in repr(Invitation("r@m", "geheim"))


def test_a_real_moderator_invites_in_the_name_of_the_room() -> None:
    found = [Invitation.parse(entry.stanza) for entry in trace("lobby-approved") if entry.incoming]
    assert [each for each in found if each] == [Invitation("tlobby@conference.meet.test", None)]
