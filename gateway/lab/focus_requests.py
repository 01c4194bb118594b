"""What clients ask of the focus in Jingle, and how Jicofo answers (rules 21 to 28).

Wrong requests are answered as Jicofo answers them, and noted.
"""

from collections import deque
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.lab.focus_member import FocusSession, Member, SessionState
from gateway.lab.focus_port import FocusPort
from gateway.lab.focus_rules import answer_problems, transport_problems
from gateway.lab.focus_sessions import FocusSessions
from gateway.lab.focus_sources import SourcesRefused, claimed_sources
from gateway.lab.refusal import refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text

_RESTARTS_APART = 5.0
_RESTARTS_PERIOD = 60.0
_MEDIA = ("audio", "video", "application")


class JingleRequests:
    """Serves the members of one conference; `sessions` are theirs."""

    def __init__(self, room: str, port: FocusPort, sessions: FocusSessions) -> None:
        self._room = room
        self._port = port
        self._sessions = sessions

    def receive(self, member: Member, request: Element, jingle: Element, now: float) -> None:
        """A member's Jingle request."""
        action = jingle.get("action", "")
        session = member.sessions.get(jingle.get("sid", ""))
        if action in ("", "content-modify") or not _has_known_media(jingle):
            self._blame(23, member, f"<jingle> that Jicofo ignores (action {action!r})")
        elif session is None:
            self._blame(24, member, f"{action} for a session that never was")
            self._refuse(request, "modify", "bad-request", "unknown session")
        elif session.state is SessionState.ENDED:
            self._refuse(request, "cancel", "gone", "session ended")
        else:
            self._requested(action, member, session, request, jingle, now)

    def _requested(
        self,
        action: str,
        member: Member,
        session: FocusSession,
        request: Element,
        jingle: Element,
        now: float,
    ) -> None:
        match action:
            case "session-accept":
                self._accepted(member, session, request, jingle, now)
            case "session-terminate":
                self._terminated(member, session, request, jingle, now)
            case "source-add" | "source-remove":
                self._sources_changed(action, member, session, request, jingle, now)
            case "transport-info":
                self._transport_told(member, session, request, jingle)
            case "session-info":
                self._informed(member, session, request, jingle, now)
            case "transport-accept" | "transport-reject":
                self._port.send(result(request))
            case _:
                self._blame(24, member, f"{action} makes no sense to the focus")
                self._refuse(request, "cancel", "feature-not-implemented", "Unsupported 'action'")

    def _accepted(
        self, member: Member, session: FocusSession, request: Element, jingle: Element, now: float
    ) -> None:
        if session.state is SessionState.ACTIVE:
            self._blame(21, member, "accepts a session twice")  # and it has its SSRC already
        if not session.acknowledged:
            self._blame(20, member, "accepts the session without acknowledging the offer")
        if jingle.get("responder") not in (None, member.jid):
            self._blame(21, member, f"responder is {jingle.get('responder')!r}")
        try:
            sources = claimed_sources(jingle, member.nick)
            self._sessions.sources.add(member.nick, sources)
        except (SourcesRefused, JingleError) as error:
            self._blame(21, member, str(error))
            self._refuse(request, "modify", "bad-request", str(error))
            self._sessions.end(member)
            member.may_be_invited = False  # Jicofo leaves it without a session for good
            return
        features = member.features or frozenset()
        for problem in answer_problems(jingle, self._port.config.offer, features, member.nick):
            self._blame(21, member, problem)
        session.state = SessionState.ACTIVE
        self._port.send(result(request))
        self._port.step(member.nick, f"session-accept ({session.sid})")
        self._sessions.allow(member)
        self._connect(member, session, jingle)
        self._sessions.signal("source-add", sources, member, now)
        self._sessions.flush(member, session, now)

    def _connect(self, member: Member, session: FocusSession, jingle: Element) -> bool:
        """Give the bridge the first transport there is; whether there is one."""
        transport = next(jingle.iter(f"{{{ns.JINGLE_ICE_UDP}}}transport"), None)
        if transport is None:
            return False
        if transport.get("ice-generation") is not None:
            self._ice_restarted(member, session, transport)
            return True
        if session.has_transport:
            return True  # candidates are nothing the bridge needs
        problems = list(transport_problems(transport))
        for problem in problems:
            self._blame(21, member, problem)
        fingerprint = child(transport, ns.JINGLE_DTLS, "fingerprint")
        if problems or fingerprint is None or session.bridge_lost_at is not None:
            return True  # and the bridge never connects
        session.has_transport, session.ufrag = True, transport.get("ufrag", "")
        self._port.bridge.connect(
            self._room,
            member.nick,
            ufrag=transport.get("ufrag", ""),
            pwd=transport.get("pwd", ""),
            fingerprint=(fingerprint.get("hash", ""), (fingerprint.text or "").strip()),
            setup=fingerprint.get("setup", ""),
        )
        return True

    def _ice_restarted(self, member: Member, session: FocusSession, transport: Element) -> None:
        """The client's half of an ICE restart; the bridge can only use one with new credentials."""
        generation, ufrag = transport.get("ice-generation"), transport.get("ufrag", "")
        problems = list(transport_problems(transport))
        if session.ice_generation is None or generation != str(session.ice_generation):
            problems.append(f"ice-generation {generation}, not {session.ice_generation}")
        if ufrag == session.ufrag:
            problems.append("an ICE restart with the old ufrag")
        for problem in problems:
            self._blame(27, member, problem)
        if problems or session.ice_generation is None or session.bridge_lost_at is not None:
            return
        session.ufrag = ufrag
        pwd, number = transport.get("pwd", ""), session.ice_generation
        self._port.bridge.continue_ice(self._room, member.nick, number, ufrag, pwd)

    def _terminated(
        self, member: Member, session: FocusSession, request: Element, jingle: Element, now: float
    ) -> None:
        told = child(jingle, ns.JITSI_FOCUS, "bridge-session")
        told_id = told.get("id") if told is not None else None
        restart = told is not None and told.get("restart") == "true"
        self._port.step(member.nick, "asks for another session" if restart else "ends the session")
        self._sessions.end(member)
        dropped = self._sessions.sources.drop(member.nick)
        member.may_be_invited = False
        if told_id != session.bridge_session:
            self._blame(26, member, f"session-terminate names bridge session {told_id!r}")
            text = f"{told_id or 'null'} is not a currently active session"
            self._refuse(request, "cancel", "item-not-found", text)
        elif not restart:
            self._port.send(result(request))
        elif not _grant(member.restarts, now):
            self._blame(27, member, "asks for another session too often")
            self._refuse(request, "wait", "resource-constraint", "rate-limited")
        else:
            self._port.send(result(request))
            member.may_be_invited = True
            self._sessions.signal("source-remove", dropped, member, now)
            self._sessions.invite(member, now)

    def _sources_changed(
        self,
        action: str,
        member: Member,
        session: FocusSession,
        request: Element,
        jingle: Element,
        now: float,
    ) -> None:
        if session.state is not SessionState.ACTIVE:
            text = "jingle session no longer active"
            self._refuse(request, "cancel", "item-not-found", text)
            return
        if child(jingle, ns.JITSI_MEET, "json-message") is not None:
            self._blame(22, member, f"{action} in JSON, which Jicofo ignores")
            self._port.send(result(request))
            return
        try:
            sources = claimed_sources(jingle, member.nick)
            if action == "source-add":
                self._sessions.sources.add(member.nick, sources)
            else:
                self._sessions.sources.remove(member.nick, sources)
        except (SourcesRefused, JingleError) as error:
            self._blame(21, member, str(error))
            self._refuse(request, "modify", "bad-request", str(error))
            return
        self._port.send(result(request))
        self._sessions.allow(member)
        self._sessions.signal(action, sources, member, now)

    def _transport_told(
        self, member: Member, session: FocusSession, request: Element, jingle: Element
    ) -> None:
        if self._connect(member, session, jingle):
            self._port.send(result(request))
        else:
            self._refuse(request, "modify", "bad-request", "missing transport")

    def _informed(
        self, member: Member, session: FocusSession, request: Element, jingle: Element, now: float
    ) -> None:
        told = child(jingle, ns.JITSI_FOCUS, "bridge-session")
        right = told is not None and told.get("id") == session.bridge_session
        if told is not None and told.get("ice-restart") == "true":
            self._ice_restart_wanted(member, request, right=right, now=now)
            return
        self._port.send(result(request))
        if child_text(jingle, ns.JITSI_FOCUS, "ice-state") != "failed":
            return
        self._blame(28, member, "ice-state failed, upon which Jicofo never invites again")
        if right:
            member.may_be_invited = False
            self._sessions.terminate(member, "success", "moving", now)

    def _ice_restart_wanted(
        self, member: Member, request: Element, *, right: bool, now: float
    ) -> None:
        """A budget of its own, of which an attempt for the wrong bridge session takes as well."""
        if not self._port.config.ice_restart:
            self._refuse(request, "cancel", "feature-not-implemented", "no ICE restart")
        elif not _grant(member.ice_restarts, now):
            self._blame(27, member, "asks for an ICE restart too often")
            self._refuse(request, "wait", "resource-constraint", "rate-limited")
        elif not right:
            self._blame(26, member, "asks for an ICE restart of another bridge session")
            self._refuse(request, "cancel", "item-not-found", "not a currently active session")
        else:
            self._port.send(result(request))
            self._sessions.restart_ice(member, now)

    def _blame(self, rule: int, member: Member, what: str) -> None:
        self._port.blame(rule, member.nick, what)

    def _refuse(self, request: Element, type_: str, condition: str, text: str) -> None:
        self._port.send(refuse(request, type_, condition, text, echo=True))


def _has_known_media(jingle: Element) -> bool:
    descriptions = jingle.iter(f"{{{ns.JINGLE_RTP}}}description")
    return all(description.get("media") in _MEDIA for description in descriptions)


def _grant(restarts: deque[float], now: float) -> bool:
    """Jicofo's restart-request-rate-limits: 5 s apart, at most five a minute."""
    if restarts and now - restarts[-1] < _RESTARTS_APART:
        return False
    if len(restarts) == restarts.maxlen and now - restarts[0] < _RESTARTS_PERIOD:
        return False
    restarts.append(now)
    return True
