"""Jitsi's limits in Prosody: what is over them is not refused, it becomes slow.

mod_rate_limit slows down the reading of a session, or of everybody at an address;
mod_muc_rate_limit lets who joins a room wait for its turn. No IO and no clock.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from xml.etree.ElementTree import Element

from gateway.lab.stanza_rate import Window
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, local_name
from gateway.xmpp.jid import bare


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Logins a second from one address, and stanzas a second of one session.

    Over it reading is throttled to `rate` octets a second for `penalty` seconds.
    """

    logins: int = 3
    presence: int = 4
    iq: int = 10
    message: int = 3
    rate: int = 200
    penalty: float = 60.0


class SessionLimit:
    """One session's. `throttled` is until when it is slow."""

    def __init__(
        self, limit: RateLimit, throttled: float, told: Callable[[str], None] = lambda what: None
    ) -> None:
        self._limit = limit
        self._told = told
        self._throttled = throttled
        self._windows = {"presence": Window(), "iq": Window(), "message": Window()}

    def count(self, stanza: Element, now: float) -> None:
        """The session has sent a stanza."""
        name = local_name(stanza)
        if self._windows[name].count(now) > getattr(self._limit, name):
            self._throttled = now + self._limit.penalty
            self._told(f"sends {name}s too often")

    def pause(self, octets: int, now: float) -> float:
        """Seconds to read nothing after so many octets."""
        return octets / self._limit.rate if now < self._throttled else 0.0


class RateLimiter:
    """All sessions of a server. `told` hears who (an address) is slowed down, and what for."""

    def __init__(self, limit: RateLimit, told: Callable[[str, str], None] | None = None) -> None:
        self._limit = limit
        self._told = told or (lambda address, what: None)
        self._logins: dict[str, Window] = {}
        self._throttled: dict[str, float] = {}  # by address: until when

    def arrived(self, address: str, now: float) -> SessionLimit:
        """Somebody connects from an IP address."""
        if self._logins.setdefault(address, Window()).count(now) > self._limit.logins:
            self._throttled[address] = now + self._limit.penalty
            self._told(address, "logs in too often")
        throttled = self._throttled.get(address, 0.0)
        return SessionLimit(self._limit, throttled, partial(self._told, address))


class JoinQueue:
    """At most `rate` joins a second and room of a MUC domain; the others wait in order."""

    def __init__(self, rate: int, muc_domain: str) -> None:
        self._rate = rate
        self._muc_domain = muc_domain
        self._windows: dict[str, Window] = {}
        self._waiting: dict[str, deque[Element]] = {}

    def admits(self, stanza: Element, now: float) -> bool:
        """Whether a client's stanza may be routed now; otherwise it is kept until its turn.

        What somebody sends to the room while its join waits comes after that.
        """
        room = bare(stanza.get("to", ""))
        waiting = self._waiting.get(room, ())
        if not is_join(stanza, self._muc_domain):
            sender = stanza.get("from")
            if all(each.get("from") != sender for each in waiting):
                return True
        elif not waiting and self._take_turn(room, now):
            return True
        self._waiting.setdefault(room, deque()).append(stanza)
        return False

    def handle_timer(self, now: float) -> list[Element]:
        """Those whose turn it is."""
        due: list[Element] = []
        for room, waiting in list(self._waiting.items()):
            while waiting:
                if is_join(waiting[0], self._muc_domain) and not self._take_turn(room, now):
                    break
                due.append(waiting.popleft())
            if not waiting:
                del self._waiting[room]
        return due

    def _take_turn(self, room: str, now: float) -> bool:
        window = self._windows.setdefault(room, Window())
        if window.so_far(now) >= self._rate:
            return False
        window.count(now)
        return True


def is_join(stanza: Element, muc_domain: str) -> bool:
    """Whether a stanza asks to enter a room of that domain (XEP-0045 section 7.2)."""
    return (
        stanza.tag == f"{{{ns.CLIENT}}}presence"
        and stanza.get("type") is None
        and bare(stanza.get("to", "")).rpartition("@")[2] == muc_domain
        and child(stanza, ns.MUC, "x") is not None
    )
