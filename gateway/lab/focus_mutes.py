"""The focus mutes somebody, and sees to it that it happens (rules 15, 16 and 31).

The request is answered within a second, the presence says so, and RTP stops; who speaks again asks
the focus to let the bridge carry its audio.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.focus_member import Member
from gateway.lab.focus_port import FocusPort
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element

_PRESENCE_WITHIN = 2.0  # seconds; clients must coalesce their presences
_REQUEST_WITHIN = 2.0
_QUIET_AFTER = 1.0  # seconds from which on no RTP may come
_QUIET_FOR = 1.0
_STRAGGLERS = 2  # packets


@dataclass(slots=True)
class _Watch:
    """Somebody who was told to be silent at `since`, for a while or until it is `released`."""

    member: Member
    rule: int
    since: float
    until_released: bool = False
    packets: int | None = None
    presence_checked: bool = False
    blamed: bool = False


class MuteOrders:
    """The mute orders of one conference."""

    def __init__(self, room: str, port: FocusPort, members: dict[str, Member]) -> None:
        self._room = room
        self._port = port
        self._members = members
        self._watches: list[_Watch] = []
        self._requests: dict[str, tuple[Member, float]] = {}  # by nick: who has to ask by when

    def order(
        self, member: Member, actor: str | None, now: float, *, until_approved: bool = False
    ) -> None:
        """Mute a member in the name of `actor` (an occupant JID), or on the focus' own account.

        With `until_approved` it has to be silent until it is released.
        """
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
        if member.is_speaker:
            return
        if until_approved:
            self.hold(member, now)
        else:
            self._force(member, True)
            self.watch(member, 15, now)

    def hold(self, member: Member, now: float) -> None:
        """A member has to be muted from now on until it is released (rule 16)."""
        self._force(member, True)
        self._watches.append(_Watch(member, 16, now, until_released=True))

    def holds(self, member: Member) -> bool:
        """Whether a member has to be muted until it is released."""
        return any(each.member is member and each.until_released for each in self._watches)

    def release(self, member: Member) -> None:
        """A member may unmute now; the bridge carries its audio when it asks for that."""
        self._watches = [
            each for each in self._watches if each.member is not member or not each.until_released
        ]

    def watch(self, member: Member, rule: int, now: float) -> None:
        """From now on the member has to be, and to call itself, muted."""
        self._watches.append(_Watch(member, rule, now))

    def expect_request(self, member: Member, now: float) -> None:
        """A member speaks again: it has to ask for the bridge to carry its audio."""
        self._requests[member.nick] = (member, now + _REQUEST_WITHIN)

    def lift(self, member: Member) -> None:
        """The member may speak again, and the bridge carries it."""
        self._watches = [watch for watch in self._watches if watch.member is not member]
        self._requests.pop(member.nick, None)
        self._force(member, False)

    def handle_timer(self, now: float) -> None:
        """Look whether they have done it."""
        self._watches = [watch for watch in self._watches if not self._is_done(watch, now)]
        for nick, (member, due) in list(self._requests.items()):
            if now < due:
                continue
            del self._requests[nick]
            if self._members.get(nick) is member and member.force_muted and not member.muted:
                self._port.blame(16, nick, "speaks again without asking the focus to be heard")

    def _force(self, member: Member, muted: bool) -> None:
        member.force_muted = muted
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
        self._look_at_packets(watch, watch.packets)
        return watch.presence_checked and not watch.until_released

    def _look_at_packets(self, watch: _Watch, before: int) -> None:
        sent = self._port.packets(self._room, watch.member.nick)
        watch.packets = min(before, sent)  # another session counts from the beginning
        if sent > before + _STRAGGLERS and not watch.blamed:
            watch.blamed = True
            self._port.blame(watch.rule, watch.member.nick, "was muted, but goes on sending RTP")
