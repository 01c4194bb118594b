"""Everything the lab can do to a phone that a real installation may do as well, by name.

    trouble(lab, "bridge-restart", "demo")
    trouble(lab, "replace", "demo", nick)

Tests order it by the name, the web page lists it. Each says which of the rules it is about.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from gateway.lab.component_noise import component_noise
from gateway.lab.focus_port import Allocation
from gateway.lab.lab import Lab


@dataclass(frozen=True, slots=True)
class Trouble:
    """`words` for a person; `act` is done to a room (a JID), or to one occupant of it."""

    rules: tuple[int, ...]
    words: str
    act: Callable[[Lab, str], None] | None = None
    act_on: Callable[[Lab, str, str], None] | None = None

    @property
    def needs_nick(self) -> bool:
        """Whether it is done to one occupant."""
        return self.act_on is not None


def trouble(lab: Lab, name: str, room: str, nick: str | None = None) -> None:
    """Make trouble. KeyError: there is none of that name, or no such room or occupant.

    NotHere: only the lab's own server makes it.
    """
    made, jid = TROUBLES[name], lab.room_jid(room)
    if made.act is not None:
        made.act(lab, jid)
    elif made.act_on is not None:
        if nick is None:
            raise KeyError("nobody is named")
        made.act_on(lab, jid, nick)


def restart_bridge(lab: Lab, room: str, *, back_after: float = 2.0) -> None:
    """The bridge dies: nothing passes it, sessions end; it is back after some seconds."""
    jid = lab.room_jid(room)
    for occupant in lab.occupants(jid):
        if lab.has_endpoint(jid, occupant.nick):
            lab.pause_bridge(jid, occupant.nick)
    lab.set_bridge_available(jid, False)
    lab.after(back_after, lambda: _give_bridge_back(lab, jid))


def restart_focus(lab: Lab, room: str, *, back_after: float = 1.0) -> None:
    """The focus dies: media goes on; it is back after some seconds and offers new sessions."""
    jid = lab.room_jid(room)
    lab.focus_leaves(jid)
    lab.after(back_after, lambda: _bring_focus_back(lab, jid))


def tell_config_changed(lab: Lab, room: str) -> None:
    """The room's configuration is another one (104)."""
    lab.site.room(lab.room_jid(room)).tell_config_changed(time.monotonic())


def make_noise(lab: Lab, room: str) -> None:
    """Everybody is told what components tell and a phone has nothing to do with."""
    found, now = lab.site.room(lab.room_jid(room)), time.monotonic()
    about = next(iter(found.occupants))
    for occupant in list(found.occupants.values()):
        for message in component_noise(lab.domain, found.jid, about, occupant.jid):
            lab.site.host.send(message, now)


def _give_bridge_back(lab: Lab, room: str) -> None:
    with suppress(KeyError):  # the room may have ended, or its focus be away: it has a bridge then
        lab.set_bridge_available(room, True)


def _bring_focus_back(lab: Lab, room: str) -> None:
    if lab.occupants(room):
        lab.focus_returns(room)


def _answer(*allocations: Allocation) -> Callable[[Lab, str], None]:
    return lambda lab, _: lab.answer_next(*allocations)


def _need_host(needed: bool) -> Callable[[Lab, str], None]:
    def change(lab: Lab, _: str) -> None:
        lab.needs_host = needed

    return change


def _offer_directly(lab: Lab, room: str, nick: str) -> None:
    lab.offer_directly(lab.speakers(room)[0], nick)


def _record_in_vain(lab: Lab, room: str) -> None:
    moderator = lab.moderator(room)
    moderator.record()
    moderator.stop_recording("busy")


TROUBLES: Mapping[str, Trouble] = {
    "not-ready": Trouble(
        (6,),
        "The next conference request: not ready, twice",
        _answer(Allocation.NOT_READY, Allocation.NOT_READY),
    ),
    "not-authorized": Trouble(
        (6,), "The next conference request: no host yet", _answer(Allocation.NOT_AUTHORIZED)
    ),
    "session-invalid": Trouble(
        (6,),
        "The next conference requests: not ready, then session invalid",
        _answer(Allocation.NOT_READY, Allocation.SESSION_INVALID),
    ),
    "reservation-error": Trouble(
        (6,), "The next conference request: reserved", _answer(Allocation.RESERVATION_ERROR)
    ),
    "service-unavailable": Trouble(
        (6,), "The next conference request: unavailable", _answer(Allocation.SERVICE_UNAVAILABLE)
    ),
    "slow": Trouble(
        (6,), "The next conference request: answered after 10 s", _answer(Allocation.SLOW)
    ),
    "no-reply": Trouble(
        (6,), "The next conference request: not answered", _answer(Allocation.NO_REPLY)
    ),
    "host-needed": Trouble((6,), "Conferences need a host from now on", _need_host(True)),
    "host-not-needed": Trouble((6,), "Conferences need no host any more", _need_host(False)),
    "members-only": Trouble(
        (10, 14),
        "Lobby on, and everybody without membership out (322)",
        lambda lab, room: lab.moderator(room).open_lobby(expel=True),
    ),
    "wait-for-host": Trouble(
        (10,),
        "Lobby on: newcomers wait for the host",
        lambda lab, room: lab.moderator(room).open_lobby(waits_for_host=True),
    ),
    "ban": Trouble((14,), "Ban (301)", act_on=Lab.ban),
    "server-restart": Trouble((14,), "The server ends the room (332)", Lab.shut_down_room),
    "config-changed": Trouble((14,), "The room's configuration changes (104)", tell_config_changed),
    "destroyed": Trouble((14,), "The room is destroyed", lambda lab, room: lab.destroy(room, None)),
    "focus-restart": Trouble((14,), "The focus dies, and is back after 1 s", restart_focus),
    "muted-by-focus": Trouble(
        (15,),
        "The focus mutes, by its own rules",
        act_on=Lab.mute,
    ),
    "recorder-busy": Trouble((18,), "A recording fails: the recorder is busy", _record_in_vain),
    "move": Trouble(
        (30,),
        "To another bridge: session ends, another begins",
        act_on=Lab.move,
    ),
    "replace": Trouble(
        (30,),
        "Another session without a word",
        act_on=Lab.replace,
    ),
    "expire": Trouble((30,), "The session ends as if alone", act_on=Lab.expire),
    "start-muted": Trouble((31,), "Newcomers start muted", lambda lab, room: lab.start_muted(room)),
    "start-unmuted": Trouble(
        (31,), "Newcomers do not start muted", lambda lab, room: lab.start_muted(room, False)
    ),
    "direct-offer": Trouble(
        (32,), "A browser offers a connection past the bridge", act_on=_offer_directly
    ),
    "bridge-restart": Trouble((30,), "The bridge dies, and is back after 2 s", restart_bridge),
    "bridge-gone": Trouble(
        (30,), "No bridge any more", lambda lab, room: lab.set_bridge_available(room, False)
    ),
    "bridge-back": Trouble(
        (30,), "There is a bridge again", lambda lab, room: lab.set_bridge_available(room, True)
    ),
    "unreachable": Trouble(
        (33,),
        "The network to the bridge breaks",
        act_on=Lab.pause_bridge,
    ),
    "reachable": Trouble(
        (33,),
        "The network to the bridge is mended",
        act_on=lambda lab, room, nick: lab.pause_bridge(room, nick, False),
    ),
    "disconnect": Trouble(
        (2,), "The XMPP connection breaks", act_on=lambda lab, _, nick: lab.drop_connection(nick)
    ),
    "noise": Trouble((3,), "Messages that are no business of a phone", make_noise),
}
