"""Digits for a phone: RFC 4733 packets where they were negotiated, tones elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.g711 import PCMU
from gateway.media.messages import Direction, Payload, PhoneMedia
from gateway.media.phone_leg import PhoneLeg
from gateway.rtp.packet import RtpPacket
from gateway.rtp.telephone_event import DIGITS, TelephoneEventReceiver
from tests.helpers.examples import at_most
from tests.helpers.link import Link
from tests.helpers.listening import share_of

PCMU_ONLY = (Payload(0, "PCMU", 8000),)
WITH_EVENTS = (*PCMU_ONLY, Payload(96, "TELEPHONE-EVENT", 8000))
FRAME = PCMU.encode(np.full(160, 1000, np.int16))
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
DTMF = {
    digit: (row, column)
    for row, digits in zip(ROWS, ("123A", "456B", "789C", "*0#D"), strict=True)
    for digit, column in zip(digits, COLUMNS, strict=True)
}


def leg(payloads: tuple[Payload, ...], direction: Direction = Direction.SENDRECV) -> PhoneLeg:
    media = PhoneMedia(("192.0.2.1", 4000), None, "192.0.2.1", payloads, direction=direction)
    return PhoneLeg(media, 0.0)


def sent(phone: PhoneLeg, frames: int) -> list[tuple[float, RtpPacket]]:
    """What goes to the phone in some frames, and when."""
    return [
        (0.02 * number, RtpPacket.parse(data))
        for number in range(frames)
        for data in phone.push(FRAME)
    ]


def test_a_press_is_a_run_of_packets_as_the_rfc_has_it() -> None:
    phone = leg(WITH_EVENTS)
    (_, audio), *_ = sent(phone, 1)
    phone.send_digit("#", 0.1)
    packets = [packet for _, packet in sent(phone, 14)]
    events = [packet for packet in packets if packet.payload_type == 96]
    assert packets[: len(events)] == events  # no audio between them
    assert [packet.marker for packet in events] == [True] + [False] * 6
    assert {packet.timestamp for packet in events} == {audio.timestamp + 160}
    assert [packet.payload.hex() for packet in events] == [
        "0b0a00a0",
        "0b0a0140",
        "0b0a01e0",
        "0b0a0280",
        *["0b8a0320"] * 3,
    ]
    after = packets[len(events)]
    assert after.payload_type == 0
    assert after.marker
    assert after.sequence == (audio.sequence + 8) & 0xFFFF
    assert after.timestamp == audio.timestamp + 160 * 12  # 7 packets, and a pause of 4 frames


@at_most(50)
@given(
    st.text("0123456789*#ABCD", min_size=1, max_size=8),
    st.floats(0.01, 0.5),
    st.integers(0, 1000),
)
def test_each_press_arrives_once_over_a_bad_network(digits: str, held: float, seed: int) -> None:
    phone = leg(WITH_EVENTS)
    for digit in digits:
        phone.send_digit(digit, held)
    link = Link(loss=0.1, duplicate=0.1, jitter=0.030, seed=seed)
    receiver, presses = TelephoneEventReceiver(8000), []
    for now, packet in link.carry(sent(phone, 40 * len(digits))):
        if packet.payload_type == 96:
            presses += receiver.expire(now)
            presses += receiver.receive(packet, now)
    presses += receiver.expire(1e6)
    assert "".join(press.digit for press in presses) == digits


@pytest.mark.parametrize("digit", DIGITS)
def test_without_telephone_event_a_press_is_its_two_tones(digit: str) -> None:
    phone = leg(PCMU_ONLY)
    phone.send_digit(digit, 0.2)
    packets = [packet for _, packet in sent(phone, 20)]
    assert {packet.payload_type for packet in packets} == {0}
    assert len(packets) == 20
    said = PCMU.decode(b"".join(packet.payload for packet in packets))
    row, column = DTMF[digit]
    pressed = said[:1600]
    assert share_of(row, pressed, 8000) == pytest.approx(0.5, abs=0.05)
    assert share_of(column, pressed, 8000) == pytest.approx(0.5, abs=0.05)
    assert np.abs(said[1600:2240]).max() < 50  # a pause, for the next press to be another
    assert said[2240:].tolist() == PCMU.decode(FRAME * 6).tolist()


def test_a_phone_that_may_not_hear_is_sent_nothing_then_or_later() -> None:
    phone = leg(WITH_EVENTS, Direction.RECVONLY)
    phone.send_digit("1", 0.1)
    assert sent(phone, 10) == []
    media = PhoneMedia(("192.0.2.1", 4000), None, "192.0.2.1", WITH_EVENTS)
    phone.negotiated(media, 1.0)
    assert {packet.payload_type for _, packet in sent(phone, 10)} == {0}


@pytest.mark.parametrize("wrong", ["", "E", "12", "!"])
def test_what_is_no_key_is_our_own_mistake(wrong: str) -> None:
    with pytest.raises(ValueError, match="key"):
        leg(WITH_EVENTS).send_digit(wrong, 0.1)
