"""The PINs that were given out, in SQLite. Nothing here is asynchronous: see `pin_store`.

Times are seconds since 1970. A room keeps its PIN until nobody has asked for either for
`lifetime` seconds; then the PIN is expired, and some time later forgotten. Whoever has the file has
the PINs, so nobody but its owner can read it. SQLite holds on to the file that it has opened,
whatever becomes of its name: what is written there afterwards is lost with the process.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.errors import GatewayError
from gateway.ivr.pin_policy import NoPinLeft, PinPolicy, draw
from gateway.ivr.pin_tags import PinTags, is_same

log = structlog.get_logger(__name__)

EXPIRED_FOR = 30 * 86_400.0  # seconds for which an expired PIN is still known as such
STALE = 3_600.0  # seconds after which being asked for is written down again
EARLIEST = 1_767_225_600.0
"""2026: what was written down before that was so by a clock that was not set yet, after a boot."""
BUSY = 5.0  # seconds another process may have the file
PRUNED = 100  # PINs that are forgotten at a time

_Identity = tuple[int, int]  # device and inode of a file

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE pin_key (key BLOB NOT NULL);
CREATE TABLE pins (
    room TEXT PRIMARY KEY,
    pin TEXT NOT NULL,
    tag BLOB NOT NULL UNIQUE,
    asked_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX pins_by_age ON pins (asked_at);
CREATE TABLE given (digits INTEGER PRIMARY KEY, count INTEGER NOT NULL);
CREATE TRIGGER pin_given AFTER INSERT ON pins BEGIN
    INSERT INTO given VALUES (length(new.pin), 1)
        ON CONFLICT (digits) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER pin_forgotten AFTER DELETE ON pins BEGIN
    UPDATE given SET count = count - 1 WHERE digits = length(old.pin);
END;
PRAGMA user_version = {_VERSION};
"""


class PinsUnavailable(GatewayError):
    """The file of PINs cannot be used: the text says why, and has no PIN in it."""


@dataclass(frozen=True, slots=True)
class GivenRoom:
    """The room that a PIN was given to, and whether that is too long ago."""

    room: str
    is_expired: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A room that is to have a PIN at this time, but none that `is_taken` by others."""

    room: str
    now: float
    is_taken: Callable[[str], bool] = lambda pin: False


class PinDatabase:
    """One connection to the file, for one thread. PinsUnavailable whenever it cannot be used."""

    def __init__(self, file: Path, policy: PinPolicy, lifetime: float) -> None:
        self._policy = policy
        self._lifetime = lifetime
        self._file = file
        with _told(file):
            self._open()

    def close(self) -> None:
        """Nothing can be asked afterwards."""
        self._connection.close()

    @property
    def count(self) -> int:
        """How many PINs there are, expired ones with them."""
        with _told(self._file):
            return sum(self._given().values())

    @property
    def longest(self) -> int:
        """How many digits the longest PIN has; 0 if there is none."""
        with _told(self._file):
            return max((digits for digits, count in self._given().items() if count), default=0)

    def known(self, room: str, now: float) -> str | None:
        """The room's PIN, if it has one that is not expired."""
        with _told(self._file):
            return self._known(room, now)

    def give(self, asked: Iterable[Asked]) -> list[str | NoPinLeft]:
        """The PIN of each room, a new one if it has none, or that there may be no more."""
        with _told(self._file):
            self._follow()
            with _transaction(self._connection):
                return [self._give(each) for each in asked]

    def find(self, pin: str, now: float) -> GivenRoom | None:
        """Whose PIN it is."""
        with _told(self._file):
            row = self._connection.execute(
                "SELECT room, pin, asked_at FROM pins WHERE tag = ?", (self._tags.tag(pin),)
            ).fetchone()
            if row is None or not is_same(row[1], pin):
                return None
            room, _, asked_at = row
            if self._is_expired(asked_at, now):
                return GivenRoom(room, True)
            self._ask(room, asked_at, now)
            return GivenRoom(room, False)

    def _open(self) -> None:
        _make(self._file)
        connection = sqlite3.connect(
            self._file, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            tags = PinTags(self._prepare(connection))
        except BaseException:
            connection.close()
            raise
        self._connection, self._tags = connection, tags
        self._identity, self._journals = _identity(self._file), self._journals_there()

    def _follow(self) -> None:
        """Write what is open to the file again if that is gone; open another that is there now."""
        there = _identity(self._file)
        if there == self._identity:
            return
        # SQLite would take the journals of one file for those of another with its name.
        for journal, identity in self._journals_there().items():
            if identity is not None and identity == self._journals[journal]:
                journal.unlink(missing_ok=True)
        if there is None:
            self._write_anew()
        before = self._connection
        self._open()
        before.close()
        if there is None:
            log.warning("the file of PINs was gone, and is written anew", file=str(self._file))
        else:
            log.warning("another file of PINs is used from now on", file=str(self._file))

    def _journals_there(self) -> dict[Path, _Identity | None]:
        journals = (Path(f"{self._file}{suffix}") for suffix in ("-wal", "-shm"))
        return {journal: _identity(journal) for journal in journals}

    def _write_anew(self) -> None:
        new = self._file.with_name(f"{self._file.name}.new")
        try:
            new.unlink(missing_ok=True)
            _make(new)
            self._connection.execute("VACUUM INTO ?", (str(new),))
            new.replace(self._file)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    @staticmethod
    def _prepare(connection: sqlite3.Connection) -> bytes:
        """Make what is missing; the key of the tags."""
        execute = connection.execute
        execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
        execute("PRAGMA synchronous = NORMAL")  # a crash of the machine may cost the last PINs
        with _transaction(connection):
            (version,) = execute("PRAGMA user_version").fetchone()
            if version not in (0, _VERSION):
                raise PinsUnavailable(f"its version is {version}, and {_VERSION} is known here")
            if version == 0:
                for statement in _statements():
                    execute(statement)
                execute("INSERT INTO pin_key VALUES (?)", (PinTags().key,))
            (key,) = execute("SELECT key FROM pin_key").fetchone()
        return bytes(key)

    def _known(self, room: str, now: float) -> str | None:
        row = self._connection.execute(
            "SELECT pin, asked_at FROM pins WHERE room = ?", (room,)
        ).fetchone()
        if row is None or self._is_expired(row[1], now):
            return None
        self._ask(room, row[1], now)
        return str(row[0])

    def _give(self, asked: Asked) -> str | NoPinLeft:
        known = self._known(asked.room, asked.now)
        if known is not None and not asked.is_taken(known):
            return known
        self._connection.execute("DELETE FROM pins WHERE room = ?", (asked.room,))
        self._prune(asked.now)
        try:
            return self._new(asked)
        except NoPinLeft as error:
            return error

    def _new(self, asked: Asked) -> str:
        while True:
            pin = draw(self._policy.length(self._given()))
            if asked.is_taken(pin):
                continue
            inserted = self._connection.execute(
                "INSERT INTO pins VALUES (?, ?, ?, ?) ON CONFLICT (tag) DO NOTHING",
                (asked.room, pin, self._tags.tag(pin), asked.now),
            )
            if inserted.rowcount:
                return pin

    def _given(self) -> dict[int, int]:
        return dict(self._connection.execute("SELECT digits, count FROM given").fetchall())

    def _prune(self, now: float) -> None:
        forgotten = (
            "SELECT room FROM pins WHERE asked_at < ? AND asked_at >= ? ORDER BY asked_at LIMIT ?"
        )
        self._connection.execute(
            f"DELETE FROM pins WHERE room IN ({forgotten})",
            (now - self._lifetime - EXPIRED_FOR, _believed_from(now), PRUNED),
        )

    def _ask(self, room: str, asked_at: float, now: float) -> None:
        """Write down that it is of use. On a full disk it is known all the same."""
        if now - asked_at > STALE:
            used = (now, room)
            try:
                self._connection.execute("UPDATE pins SET asked_at = ? WHERE room = ?", used)
            except sqlite3.OperationalError as error:
                log.warning("not written down that a PIN is used", reason=str(error))

    def _is_expired(self, asked_at: float, now: float) -> bool:
        return asked_at >= _believed_from(now) and now - asked_at > self._lifetime


def _believed_from(now: float) -> float:
    """Which times that were written down are believed: a clock may have begun at 1970."""
    return EARLIEST if now >= EARLIEST else 0.0


def _statements() -> Iterator[str]:
    """Those of the schema, one by one: `executescript` would end the transaction."""
    statement = ""
    for line in _SCHEMA.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _make(file: Path) -> None:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _identity(file: Path) -> _Identity | None:
    """Which file has that name; None if there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, PinsUnavailable) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PinsUnavailable(f"{file}: {reason}") from None
