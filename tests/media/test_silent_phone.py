"""When a phone that sends nothing is a phone that is gone, and what is told meanwhile."""

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

SILENT_AFTER = 30.0


class NoSockets:
    """Ports nobody listens at."""

    def send_rtcp(self, packet: bytes, destination: Address) -> None:
        """Lost."""


def agreed(direction: Direction = Direction.SENDRECV, *, is_held: bool = False) -> PhoneMedia:
    return PhoneMedia(
        remote=("192.0.2.1", 4000),
        remote_rtcp=("192.0.2.1", 4001),
        signalling_host="192.0.2.1",
        payloads=(Payload(0, "PCMU", 8000),),
        direction=direction,
        is_held=is_held,
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


def test_every_ten_seconds_it_is_told_what_has_been_measured() -> None:
    media, events = call_media()
    for turn in range(41):
        media.watch(turn * 0.5)
    assert events == [Measured("call", media.report())] * 2
