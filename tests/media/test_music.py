"""Music for who waits: it comes and goes softly, lies beneath words, and never begins anew."""

from collections.abc import Iterator
from time import sleep

import numpy as np
import pytest

from audiocodecs.frames import Samples, audio_level
from audiocodecs.loudness import SPEECH
from audiocodecs.resampling import narrowed
from audiocodecs.tones import tone
from gateway.media.decoding import phone_decoder
from gateway.media.earpiece import Earpiece
from gateway.media.messages import Direction, Payload, Play, Played, Recorded, Say, Silence, Tone
from gateway.media.music import Music
from gateway.media.speech import MUSIC
from gateway.media.utterance import DUCKED, NoRecordings
from gateway.rtp.packet import RtpPacket
from tests.helpers.listening import share_of
from tests.helpers.music import hears_music, place_in_music
from tests.helpers.prompts import find, prompt
from tests.media.test_announcement import pitches
from tests.media.test_said import G722, MUTED, PCMU, Room

HELLO = Recorded("en", "hello")
STEADY = np.full(16000, 8000, np.int16)  # what is done to it is seen at once
WORDS = tone([900.0], 0.3, rate=16000)


class Shelf:
    """A recording of music, and one of words, that are there, or will be when `is_read`."""

    def __init__(self, music: Samples = STEADY, *, is_read: bool = True) -> None:
        self.is_read = is_read
        self._music = music

    def samples(self, recorded: Recorded, rate: int) -> Samples | None:
        if not self.is_read:
            return None
        wide = self._music if recorded == MUSIC else WORDS
        return narrowed(wide) if rate == 8000 and len(wide) else wide


def played(music: Music, frames: int, *, is_beneath: bool = False) -> Samples:
    heard = [music.next_frame(is_beneath=is_beneath) for _ in range(frames)]
    return np.concatenate([frame for frame in heard if frame is not None])


def largest_step(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


def wanted(shelf: Shelf | NoRecordings, *, rate: int = 16000) -> Music:
    music = Music(shelf, rate=rate)
    music.is_wanted = True
    return music


def test_it_comes_and_goes_without_a_click() -> None:
    music = wanted(Shelf())
    begins = played(music, 10)
    assert begins[0] < 10 and begins[-1] == 8000
    music.is_wanted = False
    ends = played(music, 10)
    assert ends[-1] == 0 and len(ends) == 4 * 320  # 80 ms, and then nothing at all
    assert largest_step(np.concatenate((begins, ends))) < 10
    assert music.next_frame(is_beneath=False) is None


def test_it_is_twelve_decibels_softer_beneath_words_without_a_click() -> None:
    music = wanted(Shelf())
    heard = np.concatenate(
        (played(music, 10), played(music, 10, is_beneath=True), played(music, 10))
    )
    assert heard[20 * 320 - 1] == round(8000 * DUCKED)
    assert heard[-1] == 8000
    assert largest_step(heard) < 10


def test_it_goes_round_and_round() -> None:
    turn = np.arange(1000, dtype=np.int16)  # three frames and a bit
    music = wanted(Shelf(turn))
    heard = played(music, 50)[4 * 320 :]
    assert heard.tolist() == [(4 * 320 + at) % 1000 for at in range(len(heard))]


def test_what_is_shorter_than_a_frame_goes_round_as_well() -> None:
    assert played(wanted(Shelf(np.full(7, 500, np.int16))), 10)[4 * 320 :].tolist() == [500] * 1920


def test_it_goes_on_where_it_was() -> None:
    turn = np.arange(16000, dtype=np.int16)
    music = wanted(Shelf(turn))
    before = int(played(music, 20)[-1])
    music.is_wanted = False
    played(music, 4)
    music.is_wanted = True
    assert played(music, 6)[-1] == before + 10 * 320


@pytest.mark.parametrize("rates", [(8000, 16000), (16000, 8000)])
def test_it_goes_on_there_at_another_rate(rates: tuple[int, int]) -> None:
    sweep = (8000 * np.sin(np.linspace(0, 400, 16000) ** 1.3)).astype(np.int16)
    music = wanted(Shelf(sweep), rate=rates[0])
    played(music, 20)
    music.change_rate(rates[1])
    goes_on = played(music, 10)
    turn = Shelf(sweep).samples(MUSIC, rates[1])
    assert turn is not None
    at = 20 * rates[1] // 50
    assert goes_on.tolist() == turn[at : at + len(goes_on)].tolist()


def test_as_long_as_it_is_being_read_there_is_silence() -> None:
    shelf = Shelf(is_read=False)
    music = wanted(shelf)
    assert not played(music, 10).any()
    shelf.is_read = True
    begins = played(music, 10)
    assert begins[0] < 10 and begins[-1] == 8000


# The earpiece.


def earpiece(shelf: Shelf | NoRecordings, *, rate: int = 8000) -> Earpiece:
    return Earpiece("call", shelf, lambda event: None, rate=rate)


def frames(ear: Earpiece, count: int) -> Samples:
    heard = [ear.tone() for _ in range(count)]
    return np.concatenate([frame for frame in heard if frame is not None])


@pytest.mark.parametrize("shelf", [NoRecordings(), Shelf(STEADY[:0])])
def test_without_a_recording_there_is_the_waiting_tone(shelf: Shelf | NoRecordings) -> None:
    ear, other = earpiece(shelf), earpiece(NoRecordings())
    ear.obey(Play("call", Tone.MUSIC))
    other.obey(Play("call", Tone.WAITING))
    assert frames(ear, 100).tolist() == frames(other, 100).tolist()
    ear.obey(Silence("call"))
    assert ear.tone() is None


@pytest.mark.parametrize("other", [Tone.REPAIRING, Tone.PASSWORD, Tone.WAITING])
def test_another_tone_that_repeats_takes_its_place(other: Tone) -> None:
    ear, alone = earpiece(Shelf()), earpiece(Shelf())
    ear.obey(Play("call", Tone.MUSIC))
    frames(ear, 10)
    ear.obey(Play("call", other))
    alone.obey(Play("call", other))
    assert frames(ear, 200)[4 * 160 :].tolist() == frames(alone, 196).tolist()
    ear.obey(Play("call", Tone.MUSIC))
    assert frames(ear, 10)[-1] == 8000


def test_a_beep_is_heard_over_it() -> None:
    ear = earpiece(Shelf(tone([1500.0], 1.0, rate=16000)))
    ear.obey(Play("call", Tone.MUSIC))
    frames(ear, 10)
    ear.obey(Play("call", Tone.MUTED))
    both = frames(ear, 15)
    assert share_of(1500.0, both, 8000) > 0.02
    assert share_of(620.0, both, 8000) + share_of(440.0, both, 8000) > 0.5
    assert share_of(1500.0, frames(ear, 30)[-1600:], 8000) > 0.95


def test_beeps_that_come_together_are_heard_one_after_the_other() -> None:
    ear = earpiece(NoRecordings())
    for news in (Tone.RECORDING, Tone.MUTED):
        ear.obey(Play("call", news))
    heard = frames(ear, 100)
    assert pitches(heard) == [740, 740, 740, 620, 440]
    assert not ear.is_beeping


def test_who_is_told_too_much_at_a_time_is_not_told_all() -> None:
    ear = earpiece(NoRecordings())
    for _ in range(100):
        ear.obey(Play("call", Tone.MUTED))
    frames(ear, 150)
    assert not ear.is_beeping


def test_loud_music_and_loud_words_do_not_overflow() -> None:
    ear = earpiece(Shelf(np.full(16000, 32767, np.int16)))
    ear.obey(Play("call", Tone.MUSIC))
    frames(ear, 10)
    ear.obey(Play("call", Tone.SPEAK))
    assert frames(ear, 3).min() > 0


# In a call.


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.recordings.close()


def ready(room: Room, rate: int) -> None:
    """Have the music read."""
    for _ in range(1000):
        if room.recordings.samples(MUSIC, rate) is not None:
            return
        sleep(0.01)  # it is read in a thread, in time of its own
    raise AssertionError("it is not read")


@pytest.mark.parametrize("payload", [PCMU, G722], ids=["PCMU", "G722"])
def test_who_waits_hears_the_recording_itself_and_nobody_else_does(
    room: Room, payload: Payload
) -> None:
    caller, other = room.phone(payload), room.phone(payload)
    ready(room, caller.rate)
    caller.media.let_hear(Play("call0", Tone.MUSIC))
    room.run(3.0)
    assert hears_music(caller.samples, caller.rate)
    assert SPEECH + 2 < audio_level(caller.samples[-2 * caller.rate :]) < SPEECH + 9
    assert np.abs(other.samples).max() < 5
    caller.media.let_hear(Silence("call0"))
    room.run(0.5)
    assert np.abs(caller.samples[-caller.rate // 3 :]).max() < 5


def test_words_are_heard_over_it_and_it_goes_on_beneath_and_after(room: Room) -> None:
    caller = room.phone(PCMU)
    ready(room, 8000)
    caller.media.let_hear(Play("call0", Tone.MUSIC))
    room.run(2.0)
    before = place_in_music(caller.samples[-4000:], 8000).at + 0.5
    caller.heard.clear()
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(2.5)
    words = prompt("de", "muted", 8000)
    found = find(words, caller.samples, 8000)
    assert found.likeness > 0.93 and found.at < 0.1
    assert caller.played == [Played("call0", 1, True)]
    beneath = caller.samples.astype(float)
    beneath[: len(words)] -= find(words, caller.samples, 8000).gain * words
    under = place_in_music(beneath[2000:8000].astype(np.int16), 8000)
    assert under.likeness > 0.8
    assert under.at == pytest.approx(before + 0.25, abs=0.01)
    after = place_in_music(caller.samples[-4000:], 8000)
    assert after.likeness > 0.97
    assert after.at == pytest.approx(before + 2.0, abs=0.01)
    assert 20 * np.log10(after.gain / under.gain) == pytest.approx(-12.0, abs=1.0)


def test_who_speaks_meanwhile_is_heard_by_the_others_as_ever(room: Room) -> None:
    caller, other = room.phone(PCMU, speaks=True), room.phone(PCMU)
    ready(room, 8000)
    caller.media.let_hear(Play("call0", Tone.MUSIC))
    room.run(2.0)
    assert share_of(250.0, other.samples[-8000:], 8000) > 0.99
    assert hears_music(caller.samples, 8000)


def test_keys_pressed_meanwhile_are_told(room: Room) -> None:
    caller = room.phone(PCMU)
    ready(room, 8000)
    caller.media.let_hear(Play("call0", Tone.MUSIC))
    room.run(1.0)
    pressed = tone([697.0, 1209.0], 0.1, rate=8000, level=-8.0)
    for at in range(0, len(pressed), 160):
        payload = caller._encoder.encode(pressed[at : at + 160])
        packet = RtpPacket(0, caller._number, caller._number * 160, 1, payload)
        caller._number += 1
        caller.media.receive_rtp(packet.serialize(), caller.address, room.now)
        room.slot.tick(room.now)
        room.now += 0.02
    room.run(1.0)
    digits = [event.digit for event in caller.events if hasattr(event, "digit")]
    assert digits == ["1"]


def test_what_is_said_waits_until_a_phone_is_back_from_hold(room: Room) -> None:
    caller = room.phone(PCMU)
    ready(room, 8000)
    caller.media.let_hear(Play("call0", Tone.MUSIC))
    caller.agree(Direction.RECVONLY, room.now)
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(3.0)
    assert caller.played == []
    caller.agree(Direction.SENDRECV, room.now)
    room.run(3.0)
    assert find(prompt("de", "muted", 8000), caller.samples, 8000).likeness > 0.93
    assert hears_music(caller.samples, 8000)


def test_a_phone_that_goes_over_to_another_rate_hears_it_go_on(room: Room) -> None:
    caller = room.phone(PCMU)
    for rate in (8000, 16000):
        ready(room, rate)
    caller.media.let_hear(Play("call0", Tone.MUSIC))
    room.run(2.0)
    before = place_in_music(caller.samples[-4000:], 8000).at
    caller.payload, caller._decoder = G722, phone_decoder(G722)
    caller.agree(Direction.SENDRECV, room.now)
    caller.heard.clear()
    room.run(1.0)
    after = place_in_music(caller.samples[-8000:], 16000)
    assert after.likeness > 0.95
    assert after.at == pytest.approx(before + 1.0, abs=0.03)
