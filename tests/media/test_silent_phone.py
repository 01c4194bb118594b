"""When a phone that sends nothing is a phone that is gone, and what is told meanwhile."""

from collections.abc import Callable

import pytest

from gateway.media.call_media import CallMedia
from gateway.media.messages import (
    Address,
    Direction,
    Event,
    Measured,
    Payload,
    PhoneMedia,
    PhoneSilent,
)
from gateway.media.room_bus import RoomBus
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import ReceiverReport
from tests.media.test_bridge_leg import Bridge, leg_to

SILENT_AFTER = 30.0


class NoSockets:
    """Ports nobody listens at."""

    def send_rtcp(self, packet: bytes, destination: Address) -> None:
        """Lost."""


def agreed(
    direction: Direction = Direction.SENDRECV, *, is_held: bool = False, is_early: bool = False
) -> PhoneMedia:
    return PhoneMedia(
        remote=("192.0.2.1", 4000),
        remote_rtcp=("192.0.2.1", 4001),
        signalling_host="192.0.2.1",
        payloads=(Payload(0, "PCMU", 8000),),
        direction=direction,
        is_held=is_held,
        is_early=is_early,
    )


def call_media() -> tuple[CallMedia, list[Event]]:
    events: list[Event] = []
    media = CallMedia("call", NoSockets(), RoomBus(), events.append, silent_after=SILENT_AFTER)
    media.connect_phone(agreed(), 0.0)
    return media, events


def test_a_phone_that_should_speak_and_does_not_is_reported_once() -> None:
    media, events = call_media()
    media.watch(29.0)
    assert events == []
    media.watch(31.0)
    media.watch(32.0)
    assert events == [PhoneSilent("call", 31.0)]


def test_time_in_which_the_machine_has_stood_still_is_not_the_silence_of_a_phone() -> None:
    media, events = call_media()
    media.absent(40.0)
    media.watch(41.0)  # what has come meanwhile is still to be read
    assert events == []
    media.watch(71.0)
    assert events == [PhoneSilent("call", 31.0)]


REPORT = ReceiverReport(7, ()).serialize()
KEEPALIVE = RtpPacket(2, 1, 0, 7, b"\xff").serialize()  # of no type that was agreed on


def report(media: CallMedia, source: Address, now: float) -> None:
    media.receive_rtcp(REPORT, source, now)


def keep_alive(media: CallMedia, source: Address, now: float) -> None:
    media.receive_rtp(KEEPALIVE, source, now)


@pytest.mark.parametrize(
    ("says", "source", "is_there"),
    [
        (report, ("192.0.2.1", 4001), True),
        (report, ("192.0.2.66", 4001), False),
        (keep_alive, ("192.0.2.1", 4000), True),
        (keep_alive, ("192.0.2.66", 4000), False),
    ],
    ids=["reports", "a stranger's", "keepalives", "a stranger's"],
)
def test_who_has_nothing_to_say_may_show_otherwise_that_it_is_there(
    says: Callable[[CallMedia, Address, float], None], source: Address, is_there: bool
) -> None:
    """Asterisk sends reports where it waits or has no hold music, and `rtp_keepalive`."""
    media, events = call_media()
    says(media, source, 20.0)
    media.watch(45.0)
    assert any(isinstance(event, PhoneSilent) for event in events) is not is_there
    media.watch(51.0)
    assert PhoneSilent("call", 31.0 if is_there else 45.0) in events


def test_a_held_phone_may_be_silent_though_it_said_that_it_sends() -> None:
    media, events = call_media()
    media.connect_phone(agreed(Direction.RECVONLY, is_held=True), 10.0)
    media.watch(1000.0)
    assert events == []


def test_a_phone_that_is_resumed_has_its_time_anew() -> None:
    media, events = call_media()
    media.connect_phone(agreed(Direction.RECVONLY, is_held=True), 10.0)
    media.connect_phone(agreed(), 1000.0)
    media.watch(1029.0)
    assert events == []
    media.watch(1031.0)
    assert events == [PhoneSilent("call", 31.0)]


def test_a_phone_that_rings_may_be_silent_and_has_its_time_from_the_answer() -> None:
    """Many a trunk answers 183 with SDP, and plays nothing."""
    media, events = call_media()
    media.connect_phone(agreed(is_early=True), 10.0)
    media.watch(55.0)
    media.connect_phone(agreed(), 60.0)
    media.watch(89.0)
    assert events == []
    media.watch(91.0)
    assert events == [PhoneSilent("call", 31.0)]


def test_every_ten_seconds_it_is_told_what_has_been_measured() -> None:
    media, events = call_media()
    for turn in range(41):
        media.watch(turn * 0.5)
    assert events == [Measured("call", media.report())] * 2


def test_what_was_sent_to_a_bridge_is_counted_once_whatever_becomes_of_the_session() -> None:
    media, _ = call_media()
    room, alone, first, second = RoomBus(), RoomBus(), leg_to(Bridge()), leg_to(Bridge())

    def speak() -> int:
        """The caller says something; how many packets have gone to bridges in all."""
        for _ in range(10):
            media.next_frame(0.0)
            media.speak(20)
            media.send_to_bridge()
        return media.report().to_bridge.packets

    media.move(room, first, 0.0)
    assert speak() == 10
    media.move(alone, None, 0.0)  # interrupted, and repaired
    assert speak() == 10
    media.move(room, first, 0.0)
    assert speak() == 20
    media.switch(second)
    assert speak() == 30
    media.move(alone, None, 0.0)
    assert media.report().to_bridge.packets == 30
