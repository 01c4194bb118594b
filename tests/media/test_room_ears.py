"""Of many endpoints in a room two hear a bridge: one opens what comes, another stands by."""

import random
from dataclasses import dataclass

import numpy as np
import pytest

from gateway.media import messages as m
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Slot
from gateway.rtp.rtp_filter import PASSED
from tests.media.test_bridge_leg import Bridge, leg_to
from tests.media.test_room_bus import BEGIN, Caller, Talker


@dataclass
class Room:
    """Callers with an endpoint each; what a talker says comes to all that want it."""

    callers: list[Caller]
    bridges: list[Bridge]

    @classmethod
    def of(cls, count: int, **offered: object) -> "Room":
        bridges = [Bridge() for _ in range(count)]
        return cls([Caller(leg=leg_to(bridge, **offered)) for bridge in bridges], bridges)

    def __post_init__(self) -> None:
        self.talker = Talker("c")
        self.bus, self.slot = RoomBus(), Slot(pytest.fail)
        self.slot.rooms[self.bus] = None
        for caller in self.callers:
            self.bus.join(caller)
            self.bus.set_sources(caller, [self.talker.source], BEGIN)
        self.number = 0
        self.gone: set[int] = set()  # by id: nothing comes any more, and nobody has been told yet
        self._dice = random.Random(3)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            now = self.now
            packet = self.talker.packet(self.number)
            for caller, bridge in zip(self.callers, self.bridges, strict=True):
                data = bridge.rtp(packet)
                comes = bridge.is_wanted or self._dice.randrange(PASSED) == 0
                if comes and id(bridge) not in self.gone and caller.leg is not None:
                    self.bus.receive(caller.leg, data, now)
            self.slot.tick(now + 0.007)
            if self.number % 25 == 0:
                self.bus.expire(now)
            self.number += 1

    def leave(self, number: int) -> None:
        self.bus.leave(self.callers.pop(number), self.now)
        del self.bridges[number]

    def pair(self, number: int) -> tuple[Caller, Bridge]:
        return self.callers[number], self.bridges[number]

    @property
    def now(self) -> float:
        return BEGIN + self.number * 0.02

    @property
    def wanted(self) -> list[bool]:
        return [bridge.is_wanted for bridge in self.bridges]


def test_two_of_many_hear_and_all_callers_do() -> None:
    room = Room.of(6)
    room.run(60)
    assert sum(room.wanted) == 2
    assert all(caller.hears() == {"c"} for caller in room.callers)


def test_one_or_two_callers_hear_by_all_their_endpoints() -> None:
    for count in (1, 2):
        room = Room.of(count)
        room.run(30)
        assert room.wanted == [True] * count


def test_whoever_leaves_another_takes_over_and_another_stands_by() -> None:
    room = Room.of(6)
    room.run(60)
    while len(room.callers) > 1:
        room.leave(room.wanted.index(True))
        room.run(60)
        assert sum(room.wanted) == min(2, len(room.wanted))
        heard = np.concatenate(room.callers[-1].heard[-60:])
        gaps = np.abs(heard.astype(np.int32)).reshape(-1, 160).max(axis=1) < 500
        assert gaps.sum() <= 1, "nobody hears that another listens now"


def test_one_to_which_hardly_anything_comes_hears_at_once_when_it_has_to_take_over() -> None:
    room = Room.of(6)
    room.run(60)
    assert not room.wanted[5]
    for after, caller, bridge in ((5, *room.pair(4)), (10, *room.pair(5))):
        packet = room.talker.packet(room.number + after)
        assert caller.leg is not None
        room.bus.receive(caller.leg, bridge.rtp(packet), room.now + after * 0.02)
    assert room.wanted[5]


def test_who_stands_by_is_one_that_hears() -> None:
    room = Room.of(10)
    room.run(60)
    carrier, spare = (bridge for bridge in room.bridges if bridge.is_wanted)
    for last in (spare, carrier):
        room.gone.add(id(last))
        room.run(100)
    heard = np.concatenate(room.callers[-1].heard[-100:]).astype(np.int32)
    gaps = np.abs(heard).reshape(-1, 160).max(axis=1) < 500
    assert gaps.sum() <= 1


def test_an_endpoint_that_changes_rooms_hears_in_the_next_at_once() -> None:
    room = Room.of(4)
    room.run(60)
    deaf = room.wanted.index(False)
    caller, bridge = room.callers[deaf], room.bridges[deaf]
    room.leave(deaf)
    another = RoomBus()
    another.join(caller)
    assert bridge.is_wanted


def test_one_that_has_to_tell_of_every_packet_hears_them_all() -> None:
    room = Room.of(5, transport_cc_id=7)
    room.run(30)
    assert room.wanted == [True] * 5


def test_one_stands_by_at_each_bridge_so_that_a_bridge_may_be_lost() -> None:
    room = Room.of(6)
    callers, bridges = room.callers, room.bridges
    for caller in callers[3:]:
        assert caller.leg is not None
        caller.leg.bridge_ssrc = 1  # by which bridges are told apart
    room.run(60)
    assert room.wanted == [True, True, False, True, False, False]
    room.callers, room.bridges = callers[3:], bridges[3:]  # nothing comes from the other any more
    room.run(100)
    heard = np.concatenate(callers[-1].heard[-100:]).astype(np.int32)
    gaps = np.abs(heard).reshape(-1, 160).max(axis=1) < 500
    assert gaps.sum() <= 1


def test_a_bridge_that_is_lost_is_replaced_by_one_that_hears() -> None:
    room = Room.of(4)
    room.run(60)
    deaf = room.wanted.index(False)
    hearing = room.wanted.index(True)
    new = Bridge()
    room.bus.switch(room.callers[hearing], leg_to(new))
    room.bridges[hearing] = new
    room.run(60)
    assert sum(room.wanted) == 2
    assert room.callers[deaf].hears() == {"c"}
    assert m.Source(room.talker.ssrc, "c") == room.talker.source
