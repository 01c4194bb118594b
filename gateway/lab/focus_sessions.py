"""The Jingle sessions of one conference, as Jicofo conducts them (XEP-0166 and Jitsi's ways).

Inviting, moving, ending, and telling of sources: rules 19, 20, 29 and 30. What clients ask for is
served by `gateway.lab.focus_requests`.
"""

import secrets
import uuid
from collections.abc import Iterable
from xml.etree.ElementTree import Element

from gateway.lab.focus_member import FocusSession, Member, SessionState
from gateway.lab.focus_offer import (
    JSON_SOURCES,
    Invited,
    session_initiate,
    session_terminate,
    source_change,
    transport_info,
)
from gateway.lab.focus_port import FocusPort
from gateway.lab.focus_sources import ConferenceSources
from gateway.xmpp.sources import SignalledSource

_STRANGER = SignalledSource("ffffffff", 0xFEEDBEEF, "ffffffff-a0", "stranger track")


class FocusSessions:
    """`members` is the conference's own dictionary."""

    def __init__(self, room: str, port: FocusPort, members: dict[str, Member]) -> None:
        self.start_muted = False
        self.sources = ConferenceSources()
        self._room = room
        self._port = port
        self._members = members
        self._expiring: dict[str, float] = {}  # nicks, and when their endpoints go
        self._former: dict[str, float] = {}  # or those that others have taken the place of

    # What the focus does.

    def invite(self, member: Member, now: float) -> None:
        """Offer a session; one that is there is replaced without a word."""
        assert member.features is not None
        port = self._port
        if member.session is not None:
            self.end(member, expire=False)
            self.signal("source-remove", self.sources.drop(member.nick), member, now)
        self._expiring.pop(member.nick, None)
        negotiated = port.config.offer.negotiated(member.features)
        self._former[member.nick] = now + port.config.bridge_keeps
        transport = port.bridge.allocate(self._room, member.nick, negotiated)
        self.sources.set_bridge_ssrc(port.bridge.feedback_ssrc(self._room))
        if member.force_muted:
            port.bridge.force_mute(self._room, member.nick, True)
        session = FocusSession(secrets.token_hex(7), str(uuid.uuid4()))
        member.session = member.sessions[session.sid] = session
        jingle = session_initiate(
            port.config.offer,
            Invited(member.nick, member.features, session.sid, session.bridge_session),
            initiator=port.jid,
            transport=transport,
            sources=self.sources.except_of(member.nick),
            start_muted=self.start_muted,
            region=port.config.region,
        )
        port.step("focus", f"session-initiate to {member.nick} ({session.sid})")

        def answered(answer: Element | None, now: float) -> None:
            self._offer_answered(member, session, answer)

        port.ask(member.address, jingle, now, answered)
        if port.config.early_sources:
            early = (*self.sources.except_of(member.nick), _STRANGER)
            self._send_change("source-add", member, session, early, now)

    def terminate(self, member: Member, condition: str, text: str, now: float) -> None:
        """End a member's session, and with it its sources."""
        session = member.session
        if session is None:
            return
        self.signal("source-remove", self.sources.drop(member.nick), member, now)
        jingle = session_terminate(session.sid, condition, text)
        self._ask(member, jingle, now)
        self.end(member, expire=False)
        self._expiring[member.nick] = now + self._port.config.bridge_keeps
        self._port.step("focus", f"session-terminate to {member.nick}: {condition} ({text})")

    def move(self, member: Member, now: float) -> None:
        """To another videobridge, as it were: end the session and offer another."""
        self.terminate(member, "success", "moving", now)
        self.invite(member, now)

    def restart_ice(self, member: Member, now: float) -> None:
        """Another path for a session; without one that has connected the bridge keeps what it has.

        In that case there is nothing to tell the client, though it may have asked.
        """
        session, port = member.session, self._port
        transport = port.bridge.restart_ice(self._room, member.nick)
        if session is None or transport is None:
            port.step("focus", f"nothing to restart for {member.nick}")
            return
        session.ice_generation = transport.ice_generation
        features = member.features or frozenset()
        invited = Invited(member.nick, features, session.sid, session.bridge_session)
        self._ask(member, transport_info(port.config.offer, invited, transport), now)
        port.step("focus", f"ICE restart for {member.nick} ({transport.ice_generation})")

    def add_speaker(self, member: Member, source: SignalledSource, now: float) -> None:
        """One of the lab's own speaks from now on."""
        self.sources.add(member.nick, [source])
        self.signal("source-add", (source,), member, now)

    def left(self, member: Member, now: float) -> None:
        """A member has left the room: nobody is sent a source-remove for that."""
        if member.session is not None:
            self.end(member, expire=False)
            self._expiring[member.nick] = now + self._port.config.ghosts_last
        if not self._port.config.ghosts_last:
            self._expire(member.nick)
        self._forget_former(member.nick)
        self.sources.drop(member.nick)

    def close(self) -> None:
        """The conference is over: nothing of anybody works any more."""
        for member in self._members.values():
            self.left(member, 0.0)
        for nick in list(self._expiring):
            self._expire(nick)

    def bridge_lost(self, member: Member, now: float) -> None:
        """The bridge has given the member up; Jicofo finds out a little later."""
        if member.session is not None:
            member.session.bridge_lost_at = now

    def handle_timer(self, now: float) -> None:
        """Endpoints without a session go, members without an endpoint are invited anew."""
        for nick in [nick for nick, due in self._expiring.items() if now >= due]:
            self._expire(nick)
        for nick in [nick for nick, due in self._former.items() if now >= due]:
            self._forget_former(nick)
        for member in list(self._members.values()):
            session = member.session
            lost = session.bridge_lost_at if session is not None else None
            if lost is not None and now - lost >= self._port.config.reinvite_after:
                self.move(member, now)

    # For both sides.

    def end(self, member: Member, *, expire: bool = True) -> None:
        """A member's session is over; its endpoint goes as well, unless another takes its place."""
        assert member.session is not None
        member.session.state = SessionState.ENDED
        member.session = None
        if expire:
            self._port.bridge.expire(self._room, member.nick)

    def allow(self, member: Member) -> None:
        """Tell the bridge what a member may send."""
        if member.session is None or member.session.bridge_lost_at is not None:
            return
        ssrcs = frozenset(source.ssrc for source in self.sources.of(member.nick))
        self._port.bridge.set_sources(self._room, member.nick, ssrcs)

    def signal(
        self, action: str, sources: Iterable[SignalledSource], of: Member, now: float
    ) -> None:
        """Tell everybody else with a session."""
        changed = tuple(sources)
        for member in self._members.values():
            session = member.session
            if not changed or session is None or member is of:
                continue
            if session.state is SessionState.ACTIVE:
                self._send_change(action, member, session, changed, now)
            else:
                session.queued.append((action, changed))

    def flush(self, member: Member, session: FocusSession, now: float) -> None:
        """A session was accepted: now its client can be told what has changed meanwhile."""
        queued, session.queued = session.queued, []
        for action, sources in queued:
            self._send_change(action, member, session, sources, now)
        if self._port.config.early_sources:
            self._send_change("source-remove", member, session, (_STRANGER,), now)

    # Details.

    def _expire(self, nick: str) -> None:
        if self._expiring.pop(nick, None) is not None:
            self._port.bridge.expire(self._room, nick)

    def _forget_former(self, nick: str) -> None:
        if self._former.pop(nick, None) is not None:
            self._port.bridge.forget_former(self._room, nick)

    def _offer_answered(
        self, member: Member, session: FocusSession, answer: Element | None
    ) -> None:
        if session.state is SessionState.ENDED or self._members.get(member.nick) is not member:
            return
        session.acknowledged = True  # Jicofo takes silence for success
        if answer is None:
            self._blame(20, member, "session-initiate was not answered in time")
        elif answer.get("type") == "error":
            self._blame(20, member, "session-initiate was answered with an error")
            self.end(member)
            member.may_be_invited = False

    def _send_change(
        self,
        action: str,
        member: Member,
        session: FocusSession,
        sources: tuple[SignalledSource, ...],
        now: float,
    ) -> None:
        as_json = JSON_SOURCES in (member.features or ())
        self._ask(member, source_change(action, session.sid, sources, as_json=as_json), now)

    def _ask(self, member: Member, jingle: Element, now: float) -> None:
        action = jingle.get("action", "")

        def answered(answer: Element | None, now: float) -> None:
            if answer is None and self._members.get(member.nick) is member:
                self._blame(20, member, f"{action} was not answered in time")

        self._port.ask(member.address, jingle, now, answered)

    def _blame(self, rule: int, member: Member, what: str) -> None:
        self._port.blame(rule, member.nick, what)
