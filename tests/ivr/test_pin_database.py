"""The file of PINs."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from gateway.ivr import pin_database
from gateway.ivr.pin_database import (
    EARLIEST,
    EXPIRED_FOR,
    Asked,
    GivenRoom,
    PinDatabase,
    PinsUnavailable,
)
from gateway.ivr.pin_policy import NoPinLeft, PinPolicy

DAY = 86_400.0
LIFETIME = 90 * DAY
POLICY = PinPolicy()
ROOM = "standup@conference.meet.example.org"


def opened(file: Path, policy: PinPolicy = POLICY) -> PinDatabase:
    return PinDatabase(file, policy, LIFETIME)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pins.sqlite3"


@pytest.fixture
def database(file: Path) -> Iterator[PinDatabase]:
    with closing(opened(file)) as database:
        yield database


def free(_: str) -> bool:
    return False


def give(database: PinDatabase, room: str, now: float, is_taken: Callable[[str], bool]) -> str:
    """The PIN of one room; NoPinLeft is raised."""
    (pin,) = database.give((Asked(room, now, is_taken),))
    if isinstance(pin, NoPinLeft):
        raise pin
    return pin


def test_a_room_keeps_its_pin_and_the_pin_is_its_own(database: PinDatabase) -> None:
    assert database.known(ROOM, 0.0) is None
    pin = give(database, ROOM, 0.0, free)
    assert give(database, ROOM, 5.0, free) == pin == database.known(ROOM, 5.0)
    assert database.known(ROOM, LIFETIME + 6.0) is None
    assert database.find(pin, 6.0) == GivenRoom(ROOM, False)
    other = give(database, "retro@conference.meet.example.org", 7.0, free)
    assert other != pin
    assert database.count == 2


def test_a_pin_that_was_given_before_the_clock_was_set_is_good_and_its_age_begins_then(
    database: PinDatabase,
) -> None:
    pin, other = (give(database, room, 20.0, free) for room in (ROOM, "other@c.d"))
    now = EARLIEST + 300 * DAY
    give(database, "third@c.d", now, free)  # which has others forgotten that are expired for long
    assert database.find(other, now) == GivenRoom("other@c.d", False)
    assert database.known(ROOM, now) == pin
    assert database.find(pin, now + LIFETIME) == GivenRoom(ROOM, False)
    assert database.find(other, now + LIFETIME + 1) == GivenRoom("other@c.d", True)


def test_a_pin_that_is_none_is_not_found(database: PinDatabase) -> None:
    pin = give(database, ROOM, 0.0, free)
    for wrong in (pin[:-1], pin + "0", "0" + pin, "", pin[:-1] + str((int(pin[-1]) + 1) % 10)):
        assert database.find(wrong, 1.0) is None


def test_a_restart_keeps_them(file: Path) -> None:
    with closing(opened(file)) as before:
        pin = give(before, ROOM, 0.0, free)
    with closing(opened(file)) as after:
        assert give(after, ROOM, 1.0, free) == pin
        assert after.find(pin, 1.0) == GivenRoom(ROOM, False)


def test_a_process_that_dies_keeps_them(file: Path) -> None:
    """Nothing is closed; what was given is in the file and its journal."""
    before = opened(file)
    pin = give(before, ROOM, 0.0, free)
    with closing(opened(file)) as after:
        assert after.find(pin, 1.0) == GivenRoom(ROOM, False)
    before.close()


def test_a_pin_nobody_asks_for_expires_and_is_forgotten_later(database: PinDatabase) -> None:
    pin = give(database, ROOM, 0.0, free)
    assert database.find(pin, LIFETIME + 1) == GivenRoom(ROOM, True)
    give(database, "other@c.d", LIFETIME + EXPIRED_FOR - 1, free)
    assert database.find(pin, LIFETIME + EXPIRED_FOR) == GivenRoom(ROOM, True)
    give(database, "another@c.d", LIFETIME + EXPIRED_FOR + 1, free)
    assert database.find(pin, LIFETIME + EXPIRED_FOR + 2) is None
    assert database.count == 2


def test_asking_keeps_a_pin_alive(database: PinDatabase) -> None:
    pin = give(database, ROOM, 0.0, free)
    for day in (80, 160, 240):
        assert database.find(pin, day * DAY) == GivenRoom(ROOM, False)
    assert give(database, ROOM, 320 * DAY, free) == pin
    assert database.find(pin, 400 * DAY) == GivenRoom(ROOM, False)


def test_pins_are_known_on_a_full_disk_as_well(file: Path, database: PinDatabase) -> None:
    pin = give(database, ROOM, 0.0, free)
    with closing(sqlite3.connect(file)) as full:
        (pages,) = full.execute("PRAGMA page_count").fetchone()
    database._connection.execute(f"PRAGMA max_page_count = {pages}")
    big = [Asked(f"{number}@{'x' * 500}", 0.0, free) for number in range(100)]
    with pytest.raises(PinsUnavailable, match="full"):
        database.give(big)
    database._connection.execute("PRAGMA query_only = ON")  # nor can anything be changed
    assert database.find(pin, DAY) == GivenRoom(ROOM, False)
    assert database.known(ROOM, DAY) == pin


def test_a_room_whose_pin_expired_gets_another(database: PinDatabase) -> None:
    old = give(database, ROOM, 0.0, free)
    new = give(database, ROOM, LIFETIME + 1, free)
    assert new != old
    assert database.find(old, LIFETIME + 2) is None
    assert database.count == 1


def test_a_pin_that_somebody_has_is_not_given_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["100", "100", "200", "200", "300"])
    monkeypatch.setattr(pin_database, "draw", lambda length: next(drawn))
    with closing(opened(file)) as database:
        given = [give(database, f"{name}@c.d", 0.0, lambda pin: pin == "200") for name in "ab"]
    assert given == ["100", "300"]


def test_pins_grow_with_their_number(file: Path) -> None:
    policy = PinPolicy(digits=4, odds=1_000)
    with closing(opened(file, policy)) as database:
        pins = [give(database, f"{number}@c.d", 0.0, free) for number in range(20)]
    assert [len(pin) for pin in pins] == [4] * 9 + [5] * 11
    assert len(set(pins)) == 20


def test_there_are_so_many_rooms_at_most_and_known_ones_are_still_answered(file: Path) -> None:
    with closing(opened(file, PinPolicy(most_rooms=2))) as database:
        pins = [give(database, room, 0.0, free) for room in ("a@c.d", "b@c.d")]
        with pytest.raises(NoPinLeft):
            give(database, "e@c.d", 1.0, free)
        assert [give(database, room, 2.0, free) for room in ("a@c.d", "b@c.d")] == pins
        later = LIFETIME + EXPIRED_FOR + 3
        assert give(database, "e@c.d", later, free), "the old ones are forgotten"


def test_several_at_a_time_give_no_pin_twice(file: Path) -> None:
    """Each has a connection of its own, as if they were processes; rooms are asked for twice."""
    policy = PinPolicy(digits=4, odds=1, most_rooms=10_000)
    opened(file, policy).close()

    def give_half(worker: int) -> dict[str, str]:
        with closing(opened(file, policy)) as database:
            return {
                room: give(database, room, 0.0, free)
                for room in (f"{number}@c.d" for number in range(worker, 400, 2))
            }

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(give_half, (0, 1, 0, 1)))
    together = {room: pin for answer in answers for room, pin in answer.items()}
    assert answers[0] == answers[2] and answers[1] == answers[3]
    assert len(together) == len(set(together.values())) == 400


def test_rooms_that_are_asked_for_together_are_answered_each(file: Path) -> None:
    with closing(opened(file, PinPolicy(most_rooms=2))) as database:
        rooms = ("a@c.d", "b@c.d", "a@c.d", "e@c.d", "b@c.d")
        a, b, a_again, none, b_again = database.give([Asked(room, 0.0) for room in rooms])
        assert (a, b) == (a_again, b_again)
        assert isinstance(none, NoPinLeft)
        assert database.count == 2


def test_only_its_owner_can_read_it(file: Path, database: PinDatabase) -> None:
    give(database, ROOM, 0.0, free)
    assert {each.stat().st_mode & 0o777 for each in file.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("journal_is_left", [False, True])
def test_a_file_that_was_deleted_is_written_anew_with_all_that_was_in_it(
    file: Path, database: PinDatabase, journal_is_left: bool
) -> None:
    pin = give(database, ROOM, 0.0, free)
    for each in file.parent.iterdir():
        if each == file or not journal_is_left:
            each.unlink()
    new = give(database, "retro@c.d", 1.0, free)
    assert {each.stat().st_mode & 0o777 for each in file.parent.iterdir()} == {0o600}
    with closing(opened(file)) as after:
        assert (after.known(ROOM, 2.0), after.known("retro@c.d", 2.0)) == (pin, new)
        assert after.find(pin, 2.0) == GivenRoom(ROOM, False)


def test_a_file_that_is_put_in_its_place_is_used(
    file: Path, database: PinDatabase, tmp_path: Path
) -> None:
    give(database, ROOM, 0.0, free)
    backup = tmp_path / "backup"
    with closing(opened(backup)) as other:
        pin = give(other, "board@c.d", 0.0, free)
    backup.replace(file)
    assert give(database, "board@c.d", 1.0, free) == pin
    new = give(database, "retro@c.d", 1.0, free)
    with closing(opened(file)) as after:
        assert after.known("retro@c.d", 2.0) == new
        assert after.known(ROOM, 2.0) is None


def test_without_its_folder_no_pin_is_given_that_a_restart_would_forget(
    file: Path, database: PinDatabase
) -> None:
    pin = give(database, ROOM, 0.0, free)
    away = file.parent.rename(file.parent.with_name("away"))
    with pytest.raises(PinsUnavailable, match="No such file"):
        give(database, "retro@c.d", 1.0, free)
    assert database.find(pin, 1.0) == GivenRoom(ROOM, False)
    assert database.known(ROOM, 1.0) == pin
    away.rename(file.parent)
    new = give(database, "retro@c.d", 2.0, free)
    with closing(opened(file)) as after:
        assert (after.known(ROOM, 3.0), after.known("retro@c.d", 3.0)) == (pin, new)


def test_what_is_put_in_its_place_and_is_no_database_changes_nothing(
    file: Path, database: PinDatabase
) -> None:
    pin = give(database, ROOM, 0.0, free)
    for each in file.parent.iterdir():
        each.unlink()
    file.write_text("something else, and quite long enough to be looked at by sqlite" * 20)
    with pytest.raises(PinsUnavailable, match="not a database"):
        give(database, "retro@c.d", 1.0, free)
    assert database.find(pin, 1.0) == GivenRoom(ROOM, False)
    file.unlink()
    new = give(database, "retro@c.d", 2.0, free)
    with closing(opened(file)) as after:
        assert (after.known(ROOM, 3.0), after.known("retro@c.d", 3.0)) == (pin, new)


def test_a_file_that_is_no_database_is_told(file: Path) -> None:
    file.write_text("something else, and quite long enough to be looked at by sqlite" * 20)
    with pytest.raises(PinsUnavailable, match="not a database"):
        opened(file)
    with pytest.raises(PinsUnavailable, match="No such file"):
        opened(file.parent / "nowhere" / "pins.sqlite3")


def test_a_file_of_a_later_version_is_left_alone(file: Path) -> None:
    opened(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(PinsUnavailable, match="its version is 2"):
        opened(file)
