"""Who waits in the lobby, as a moderator sees it."""

from gateway.conference.events import Knocked
from gateway.conference.lobby_watch import MAX_GUESTS, Guest, LobbyWatch
from gateway.xmpp.presence import OccupantPresence

LOBBY = "room@lobby.d"


def presence(
    nick: str, *, gone: bool = False, name: str | None = None, lobby: str = LOBBY
) -> OccupantPresence:
    return OccupantPresence(
        f"{lobby}/{nick}", not gone, real_jid=f"{nick}-4a@d/res", display_name=name
    )


def watching() -> LobbyWatch:
    watch = LobbyWatch("me")
    watch.enters(LOBBY)
    return watch


def test_who_knocks_is_told_once_and_forgotten_when_it_goes() -> None:
    watch = watching()
    assert watch.receive(presence("a", name="Ann"), is_inside=False) == Knocked("Ann")
    assert watch.receive(presence("a", name="Anna"), is_inside=False) is None
    assert watch.receive(presence("b"), is_inside=False) == Knocked(None)
    assert watch.guests == (Guest("a-4a@d/res", "a", "Anna"), Guest("b-4a@d/res", "b", None))
    watch.receive(presence("a", gone=True), is_inside=False)
    assert watch.guests == (Guest("b-4a@d/res", "b", None),)


def test_neither_we_nor_who_is_in_the_room_nor_other_rooms_are_guests() -> None:
    watch = watching()
    assert watch.receive(presence("me"), is_inside=True) is None
    assert watch.receive(presence("a"), is_inside=True) is None
    assert watch.receive(presence("b", lobby="other@lobby.d"), is_inside=False) is None
    assert watch.guests == ()


def test_a_lobby_that_is_closed_has_no_guests() -> None:
    watch = watching()
    watch.receive(presence("a"), is_inside=False)
    watch.receive(presence("me", gone=True), is_inside=True)
    assert (watch.lobby, watch.guests) == (None, ())
    assert watch.receive(presence("b"), is_inside=False) is None


def test_a_crowd_does_not_grow_without_limit() -> None:
    watch = watching()
    for number in range(2 * MAX_GUESTS):
        watch.receive(presence(f"g{number}"), is_inside=False)
    assert len(watch.guests) == MAX_GUESTS
