"""The focus mutes somebody, and sees to it that it happens (rule 15).

The request is answered within a second, the presence says so, and RTP stops.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.focus_member import Member
from gateway.lab.focus_port import FocusPort
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element

_PRESENCE_WITHIN = 2.0  # seconds; clients must coalesce their presences
_QUIET_AFTER = 1.0  # seconds from which on no RTP may come
_QUIET_FOR = 1.0
_STRAGGLERS = 2  # packets


@dataclass(slots=True)
class _Watch:
    """Somebody who was told to be silent at `since`."""

    member: Member
    rule: int
    since: float
    packets: int | None = None
    presence_checked: bool = False


class MuteOrders:
    """The mute orders of one conference."""

    def __init__(self, room: str, port: FocusPort, members: dict[str, Member]) -> None:
        self._room = room
        self._port = port
        self._members = members
        self._watches: list[_Watch] = []

    def order(self, member: Member, actor: str | None, now: float) -> None:
        """Mute a member in the name of `actor` (an occupant JID), or on the focus' own account."""
        mute = element(ns.JITSI_MUTE_AUDIO, "mute", {"actor": actor}, text="true")

        def answered(answer: Element | None, now: float) -> None:
            if self._members.get(member.nick) is not member:
                return
            if answer is None:
                self._port.blame(15, member.nick, "the order to mute was not answered in time")
            elif answer.get("type") == "error":
                self._port.blame(15, member.nick, "the order to mute was refused")

        self._port.step("focus", f"mutes {member.nick}")
        timeout = self._port.config.mute_timeout
        self._port.ask(member.address, mute, now, answered, timeout=timeout)
        if not member.is_speaker:
            self._force(member, True)
            self.watch(member, 15, now)

    def watch(self, member: Member, rule: int, now: float) -> None:
        """From now on the member has to be, and to call itself, muted."""
        self._watches.append(_Watch(member, rule, now))

    def lift(self, member: Member) -> None:
        """The member may speak again."""
        self._watches = [watch for watch in self._watches if watch.member is not member]
        self._force(member, False)

    def handle_timer(self, now: float) -> None:
        """Look whether they have done it."""
        self._watches = [watch for watch in self._watches if not self._is_done(watch, now)]

    def _force(self, member: Member, muted: bool) -> None:
        if member.session is not None and member.session.bridge_lost_at is None:
            self._port.bridge.force_mute(self._room, member.nick, muted)

    def _is_done(self, watch: _Watch, now: float) -> bool:
        member, elapsed = watch.member, now - watch.since
        if self._members.get(member.nick) is not member:
            return True
        if watch.packets is None and elapsed >= _QUIET_AFTER:
            watch.packets = self._port.packets(self._room, member.nick)
        if not watch.presence_checked and elapsed >= _PRESENCE_WITHIN:
            watch.presence_checked = True
            if not member.muted:
                self._port.blame(watch.rule, member.nick, "was muted, but its presence says no")
        if watch.packets is None or elapsed < _QUIET_AFTER + _QUIET_FOR:
            return False
        if self._port.packets(self._room, member.nick) > watch.packets + _STRAGGLERS:
            self._port.blame(watch.rule, member.nick, "was muted, but goes on sending RTP")
        return watch.presence_checked
