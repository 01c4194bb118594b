"""Everything that may happen to a call, each by its name, and which ends may follow from it."""

import asyncio
from collections.abc import Callable
from random import Random

from gateway.calls.end_reason import EndReason as End
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from tests.calls.exchange import Exchange, Party
from tests.conference.strict_world import StrictWorld
from tests.conference.world import BREAKOUT, LOBBY, NOT_YET, error, members_only, sources

AT_ONCE = 0.01  # seconds; of what happens together, either may win
WRONG = error("auth", "not-authorized")
_REPAIRED = {End.MEDIA_FAILED, End.CONFERENCE_LOST}
_ON_RETURN = {
    *_REPAIRED,
    End.LOBBY_DENIED,
    End.MEETING_ENDED,
    End.MEMBERS_ONLY,
}


class Fate:
    """What happens to one call. `may` is how it may end, `must` how it has to, once something
    has decided that."""

    def __init__(self, exchange: Exchange, party: Party, chance: Random) -> None:
        self.party = party
        self.may = {End.CALLER_HUNG_UP, End.CALLER_CANCELLED}
        self.must: set[End] = set()
        self._decided_at = -AT_ONCE
        self._last_act_at = -AT_ONCE
        self._hung_up_at: float | None = None
        self._exchange = exchange
        self._chance = chance

    @property
    def world(self) -> StrictWorld | None:
        """Where its participant is in a room, otherwise None."""
        world = self.party.world
        return world if isinstance(world, StrictWorld) and world.is_inside else None

    def befall(self) -> None:
        """Let something happen, if the call can still be met by it."""
        act, may = self._chance.choice(ENDINGS if self._chance.random() < 0.02 else ACTS)
        if not self.party.is_over and self.world is not None:
            self.may |= may
            act(self)
            self._last_act_at = _now()

    def fits(self, end: End) -> bool:
        """Whether a call to which this has happened may have ended so."""
        if self._hung_up_at is not None and self._hung_up_at < self._decided_at + AT_ONCE:
            return end in self.may
        return end in (self.must or self.may)

    def _decide(self, end: End) -> None:
        now = _now()
        if not self.must and now >= self._last_act_at + AT_ONCE:
            self._decided_at = now
        if now < self._decided_at + AT_ONCE:
            self.must.add(end)

    # The phone

    def hang_up(self) -> None:
        if self.party.phone is not None:
            self._hung_up_at = self._hung_up_at or _now()
            self.party.phone.goes()

    def press_the_key(self) -> None:
        for key in "*6":
            self._exchange.engine.presses(self.party.call, key)

    def press_keys(self) -> None:
        for key in "47*#9":
            self._exchange.engine.presses(self.party.call, key)

    def hold(self) -> None:
        if self.party.phone is not None:
            self.party.phone.offers(self._chance.choice(["sendonly", "sendrecv"]))

    def write(self) -> None:
        phone = self.party.phone
        for text in ("a", "b", "c", "d", "e"):
            if phone is not None and phone.is_answered:
                phone.says(text)

    def fall_silent(self) -> None:
        self._exchange.engine.silent(self.party.call)
        self._decide(End.NO_RTP)

    # The people

    def come(self) -> None:
        assert self.world is not None
        nick = self._chance.choice(["alice", "bob", "carol"])
        self.world.comes(nick, nick.title())

    def go(self) -> None:
        assert self.world is not None
        if self.world.occupants:
            self.world.goes(self._chance.choice(list(self.world.occupants)))

    def chat(self) -> None:
        assert self.world is not None
        for number in range(20):
            self.world.stream.deliver(
                f"<message xmlns='jabber:client' type='groupchat' from='{self.world.room}/alice'>"
                f"<body>{number} {'я' * 900}</body></message>"
            )

    def mute(self) -> None:
        self._request("<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute>")

    def moderate(self) -> None:
        assert self.world is not None
        content = self._chance.choice(
            [{"enabled": True}, {"enabled": False}, {"approved": True}, {"removed": True}]
        )
        self.world.moderates(**content)

    def promote(self) -> None:
        assert self.world is not None
        self.world.promotes(self._chance.choice(["moderator", "participant"]))

    def kick(self) -> None:
        self._remove("<status code='307'/>")
        self._decide(End.KICKED)

    def ban(self) -> None:
        self._remove("<status code='301'/>")
        self._decide(End.BANNED)

    def destroy(self) -> None:
        self._remove("<destroy><reason>over</reason></destroy>")
        self._decide(End.MEETING_ENDED)

    def close_the_door(self) -> None:
        """Members only from now on: we come back by the lobby, and are let in there, or not."""
        assert self.world is not None
        world = self.world
        world.joins.append(members_only())
        self._remove("<status code='322'/>")
        self._later(30.0, lambda: self._let_in(world))

    def send_to_breakout(self) -> None:
        assert self.world is not None
        world = self.world
        rooms = [BREAKOUT, "room@conference.meet.test"]
        world.sends_us_to(self._chance.choice([each for each in rooms if each != world.room]))

    def hang_up_by_rayo(self) -> None:
        assert self.world is not None
        if not self.world.focus_present:  # or it would not be obeyed
            self._bring_focus_back(self.world)
        self._request("<hangup xmlns='urn:xmpp:rayo:1'/>")
        self._decide(End.HUNG_UP)

    # The focus and the bridge

    def replace(self) -> None:
        assert self.world is not None
        self.world.offers()

    def expire(self) -> None:
        assert self.world is not None
        self.world.ends_session("expired")

    def move(self) -> None:
        assert self.world is not None
        self.world.ends_session("success", "moving", again=True)

    def fail(self) -> None:
        assert self.world is not None
        self.world.ends_session("general-error", again=self._chance.random() < 0.7)

    def lose_bridge(self) -> None:
        self._exchange.engine.lose_bridge(self.party.call)

    def lose_bridge_and_be_refused(self) -> None:
        assert self.world is not None
        if self.party.media.carrier is not None:
            self.world.terminates.append(error("wait", "resource-constraint"))
            self._exchange.engine.lose_bridge(self.party.call)

    def change_sources(self) -> None:
        assert self.world is not None
        action = self._chance.choice(["source-add", "source-remove"])
        self._request(sources(action, self.world._sid, {"bob": self._chance.randrange(1, 2**32)}))

    def take_focus_away(self) -> None:
        assert self.world is not None
        world = self.world
        world.focus_present = False
        world.presence("focus", gone=True)
        self._later(40.0, lambda: self._bring_focus_back(world))

    def cut(self) -> None:
        """The connection breaks, and the server is away for a while, perhaps."""
        assert self.world is not None
        times = self._chance.choice([0, 0, 1, 3, 20])
        self.world.login_failures += [away() for _ in range(times)]
        self.world.lose()

    def drop(self) -> None:
        self._remove("<status code='332'/>")

    def refuse_to_join(self) -> None:
        """The next way into a room is a long one."""
        assert self.world is not None
        self.world.joins.append(self._chance.choice([NOT_YET, None]))
        self.world.conference.append(error("cancel", "service-unavailable"))

    def _request(self, payload: str) -> None:
        assert self.world is not None
        self.world.request(payload)

    def _remove(self, inside: str) -> None:
        assert self.world is not None
        self.world.removes_us(inside)

    def _later(self, within: float, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(self._chance.uniform(0.1, within), act)

    def _let_in(self, world: StrictWorld) -> None:
        if not world.streams or world.stream.sink is None or world.is_inside:
            return
        if self._chance.random() < 0.8:
            world.invites_us(sender=world.room)
        else:
            world.removes_us("<status code='307'/>", room=LOBBY)

    def _bring_focus_back(self, world: StrictWorld) -> None:
        world.focus_present = True
        if world.is_inside:
            world.presence("focus")
            world.offers()


Acts = list[tuple[Callable[[Fate], None], set[End]]]

ENDINGS: Acts = [
    (Fate.hang_up, set()),
    (Fate.fall_silent, {End.NO_RTP}),
    (Fate.kick, {End.KICKED}),
    (Fate.ban, {End.BANNED}),
    (Fate.destroy, {End.MEETING_ENDED}),
    (Fate.hang_up_by_rayo, {End.HUNG_UP}),
]

ACTS: Acts = [
    (Fate.close_the_door, {*_ON_RETURN, End.LOBBY}),
    *[(Fate.press_the_key, set())] * 4,
    (Fate.press_keys, set()),
    *[(Fate.hold, set())] * 2,
    (Fate.write, set()),
    *[(Fate.come, set())] * 3,
    *[(Fate.go, set())] * 3,
    (Fate.chat, set()),
    *[(Fate.mute, set())] * 2,
    *[(Fate.moderate, set())] * 4,
    (Fate.promote, set()),
    *[(Fate.send_to_breakout, _ON_RETURN)] * 2,
    *[(Fate.replace, _REPAIRED)] * 2,
    (Fate.expire, _REPAIRED),
    *[(Fate.move, _REPAIRED)] * 2,
    (Fate.fail, _REPAIRED),
    *[(Fate.lose_bridge, _REPAIRED)] * 2,
    (Fate.lose_bridge_and_be_refused, _REPAIRED),
    (Fate.change_sources, set()),
    (Fate.take_focus_away, _REPAIRED),
    *[(Fate.cut, _ON_RETURN)] * 2,
    (Fate.drop, _ON_RETURN),
    (Fate.refuse_to_join, _ON_RETURN),
]


def away() -> ConnectionFailed:
    """The server does not listen."""
    return ConnectionFailed(FailureCause.UNREACHABLE, "connection refused")


def _now() -> float:
    return asyncio.get_running_loop().time()


Doors = list[tuple[Callable[[StrictWorld], None], set[End]]]
DOORS: Doors = [
    *[(lambda world: None, set())] * 8,
    (lambda world: world.joins.append(NOT_YET), set()),
    (lambda world: world.joins.extend([WRONG]), {End.PASSWORD_WRONG}),
    (lambda world: world.joins.extend([WRONG] * 9), {End.PASSWORD_WRONG}),
    (lambda world: world.joins.append(members_only()), {End.LOBBY, End.LOBBY_DENIED}),
    (lambda world: world.joins.append(error("auth", "forbidden")), {End.BANNED}),
    (lambda world: world.joins.append(error("wait", "resource-constraint")), {End.ROOM_FULL}),
    (lambda world: world.joins.append(None), {End.CONFERENCE_TIMEOUT}),
    (
        lambda world: world.conference.extend([error("auth", "not-authorized")] * 9),
        {End.WAITING_FOR_HOST},
    ),
    (lambda world: world.login_failures.append(away()), {End.CONFERENCE_UNAVAILABLE}),
]
"""How a room meets those who come, and how calls may end by that."""
