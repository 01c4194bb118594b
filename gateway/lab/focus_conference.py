"""The focus in one room: who is there, what they can, who owns it, and when to talk to whom."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from gateway.lab.focus_member import Member
from gateway.lab.focus_moderation import FocusModeration
from gateway.lab.focus_mutes import MuteOrders
from gateway.lab.focus_port import NICK, FocusPort
from gateway.lab.focus_presence import focus_presence
from gateway.lab.focus_recording import Failure, Mode, RecordingRefused, Recordings
from gateway.lab.focus_requests import JingleRequests
from gateway.lab.focus_rules import (
    ASSUMED_FEATURES,
    capability_problems,
    features_of,
    first_presence_problems,
    presence_problems,
)
from gateway.lab.focus_sessions import FocusSessions
from gateway.lab.muc_stanzas import MUC_ADMIN
from gateway.lab.refusal import refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, element
from gateway.xmpp.jid import bare, resource
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence
from gateway.xmpp.sources import SignalledSource

_ENOUGH = 2  # members, for which a session is worth while


class FocusConference:
    """One conference. `joined` and `over` tell the focus where it stands with the room.

    `speakers` are the lab's own and their sources, by nick.
    """

    def __init__(
        self, room: str, port: FocusPort, speakers: Mapping[str, SignalledSource], now: float
    ) -> None:
        self.room = room
        self.joined = False
        self.over = False
        self.members: dict[str, Member] = {}
        self.sessions = FocusSessions(room, port, self.members)
        self._requests = JingleRequests(room, port, self.sessions)
        self.mutes = MuteOrders(room, port, self.members)
        self.moderation = FocusModeration()
        self.recordings = Recordings(port.config.recording_starts_after, port.config.recorder)
        self._everybody_starts_muted = False  # when the room is not moderated
        self._port = port
        self._speakers = speakers
        self._bridge_used = False
        self._bridge_available = True
        self._empty_since: float | None = now
        self._alone_since: float | None = None

    def join(self) -> None:
        """Enter the room, and by that make it."""
        self._send_presence(element(ns.MUC, "x"))

    def leave(self) -> None:
        """Leave the room for good; all sessions are over."""
        self.close()
        attributes = {"from": self._port.jid, "to": self._address, "type": "unavailable"}
        self._port.send(element(ns.CLIENT, "presence", attributes))

    def close(self) -> None:
        """Free what the bridge holds."""
        self.over = True
        self.sessions.close()
        self.members.clear()

    @property
    def has_host(self) -> bool:
        """Whether somebody of the lab's own is there."""
        return any(member.is_speaker for member in self.members.values())

    def receive_presence(self, stanza: Element, now: float) -> None:
        """A presence out of the room."""
        presence = parse_presence(stanza)
        if isinstance(presence, PresenceRefused):
            self.close()
        elif presence.nick == NICK:
            self._own_presence(presence)
        elif bare(presence.real_jid or "").rpartition("@")[2] in self._port.config.hidden_domains:
            return
        elif not presence.available:
            switches = child_text(stanza, ns.CLIENT, "status") == "switch_room"
            self._member_left(presence.nick, now, switches=switches)
        elif presence.nick in self.members:
            self._member_changed(self.members[presence.nick], presence, stanza, now)
        else:
            self._member_joined(presence, stanza, now)

    def has_member(self, address: str) -> bool:
        """Whether an occupant JID is somebody's who is here."""
        return self._member_at(address) is not None

    def is_moderator(self, address: str) -> bool:
        """Whether an occupant JID is a moderator's."""
        member = self._member_at(address)
        return member is not None and member.affiliation in ("owner", "admin")

    def receive_jingle(self, stanza: Element, jingle: Element, now: float) -> None:
        """A Jingle request out of the room."""
        member = self._member_at(stanza.get("from", ""))
        if member is None:
            self._port.send(refuse(stanza, "cancel", "item-not-found"))
        else:
            self._requests.receive(member, stanza, jingle, now)

    def receive_mute(self, stanza: Element, mute: Element, now: float) -> None:
        """A client mutes, or unmutes: itself, or if it is a moderator somebody else."""
        sender = self._member_at(stanza.get("from", ""))
        about = self._member_at(mute.get("jid", ""))
        text = (mute.text or "").strip()
        muted = text == "true"
        if text not in ("true", "false") or not mute.get("jid"):
            self._port.send(refuse(stanza, "modify", "bad-request"))
        elif sender is None or about is None:
            self._port.send(refuse(stanza, "cancel", "item-not-found"))
        elif about is not sender and (not muted or sender.affiliation not in ("owner", "admin")):
            self._port.blame(42, sender.nick, "mutes others, or gives them their voice back")
            self._port.send(refuse(stanza, "cancel", "not-allowed"))
        elif not muted and self.moderation.blocks(sender):
            self._port.blame(16, sender.nick, "asks to be heard before it is approved")
            self._port.send(refuse(stanza, "cancel", "not-allowed"))
        else:
            self._port.send(result(stanza))
            if about is not sender:
                self.mutes.order(about, sender.address, now)
            elif not muted:
                self.mutes.lift(about)

    def moderation_told(self, content: Mapping[str, object], now: float) -> None:
        """The component says who may speak; who may not is muted by the focus itself."""
        was_enabled = self.moderation.enabled
        if not self.moderation.told(content):
            return
        if self.moderation.enabled and not was_enabled:
            self._everybody_starts_muted = self.sessions.start_muted
            self.sessions.start_muted = True
        elif was_enabled and not self.moderation.enabled:
            self.sessions.start_muted = self._everybody_starts_muted
        for member in self.members.values():
            if member.is_speaker or not self.moderation.blocks(member):
                self.mutes.release(member)
            elif not was_enabled and not member.muted:
                self.mutes.order(member, None, now, until_approved=True)
            elif not self.mutes.holds(member):
                self.mutes.hold(member, now)

    def receive_jibri(self, stanza: Element, jibri: Element, now: float) -> None:
        """Somebody wants to record, or to record no longer: moderators only."""
        sender = self._member_at(stanza.get("from", ""))
        if sender is None or sender.affiliation not in ("owner", "admin"):
            self._port.blame(42, resource(stanza.get("from", "")), "orders a recorder about")
            self._port.send(refuse(stanza, "cancel", "not-allowed"))
            return
        try:
            payload = self.recordings.order(jibri, sender.address, now)
        except RecordingRefused as refusal:
            self._port.send(refuse(stanza, refusal.type, refusal.condition, str(refusal)))
            return
        self._port.send(result(stanza, payload))
        self._send_presence()

    def start_recording(self, mode: Mode, initiator: str | None, now: float) -> None:
        """Record; RecordingRefused if that is done already."""
        self.recordings.start(mode, initiator, now)
        self._port.step(NICK, f"asks for a recorder ({mode})")
        self._send_presence()

    def stop_recording(self, failure: Failure | None = None) -> None:
        """Record no longer, or fail to; RecordingRefused if nothing is recorded."""
        self.recordings.stop(failure)
        self._port.step(NICK, f"records no longer{f' ({failure})' if failure else ''}")
        self._send_presence()

    def handle_timer(self, now: float) -> None:
        """An empty room is left, somebody who stays alone loses the session."""
        config = self._port.config
        if self._empty_since is not None and now - self._empty_since >= config.initial_timeout:
            self.leave()
            return
        if self._alone_since is not None and now - self._alone_since >= config.alone_timeout:
            self._alone_since = None
            for member in self.members.values():
                self.sessions.terminate(member, "expired", "Idle session timeout", now)
        self.sessions.handle_timer(now)
        self.mutes.handle_timer(now)
        if self.recordings.handle_timer(now):
            self._port.step(NICK, "records")
            self._send_presence()

    def bridge_lost(self, nick: str, now: float) -> None:
        """The bridge has given an endpoint up."""
        if nick in self.members:
            self.sessions.bridge_lost(self.members[nick], now)

    def set_bridge_available(self, available: bool, now: float) -> None:
        """All bridges are gone, or one is back; the room is told, sessions end or begin."""
        self._bridge_available = available
        if not available:
            for member in self.members.values():
                self.sessions.terminate(member, "success", "moving", now)
        self._send_presence()
        self._invite_all(now)

    # Members.

    def _own_presence(self, presence: OccupantPresence) -> None:
        if presence.available:
            self.joined = True
        elif presence.destroyed is not None or presence.statuses & {301, 307, 332}:
            self.close()

    def _member_joined(self, presence: OccupantPresence, stanza: Element, now: float) -> None:
        member = Member(
            presence.nick,
            presence.occupant,
            presence.real_jid or "",
            affiliation=presence.affiliation,
            muted=presence.audio_muted,
        )
        self.members[member.nick] = member
        self._empty_since = None
        self._alone_since = None if len(self.members) >= _ENOUGH else now
        if not any(other.affiliation == "owner" for other in self.members.values()):
            self._make_owner(member, now)
        if member.nick in self._speakers:
            member.is_speaker = True
            member.features = frozenset()
            self.sessions.add_speaker(member, self._speakers[member.nick], now)
        else:
            for problem in (*first_presence_problems(stanza), *_sources(stanza, member)):
                self._port.blame(13, member.nick, problem)
            self._query_capabilities(member, stanza, now)
        self._invite_all(now)

    def _member_changed(
        self, member: Member, presence: OccupantPresence, stanza: Element, now: float
    ) -> None:
        member.affiliation = presence.affiliation
        if member.is_speaker:
            return
        if presence.audio_muted != member.muted:
            self._port.step(member.nick, "is muted" if presence.audio_muted else "is not muted")
            if not presence.audio_muted:
                self._unmuted(member, now)
        member.muted = presence.audio_muted
        for problem in _sources(stanza, member):
            self._port.blame(13, member.nick, problem)

    def _unmuted(self, member: Member, now: float) -> None:
        """A member says that it speaks again: it has to be allowed to, and to tell the focus."""
        if self.moderation.blocks(member):
            self._port.blame(16, member.nick, "unmutes before it is approved")
        elif member.force_muted:
            self.mutes.expect_request(member, now)

    def _member_left(self, nick: str, now: float, *, switches: bool = False) -> None:
        member = self.members.pop(nick, None)
        if member is None:
            return
        self.sessions.left(member, now)
        if not self.members and switches:  # perhaps it comes back from the other room
            self._empty_since = now
            return
        if not self.members:
            self.leave()
            return
        if len(self.members) < _ENOUGH:
            self._alone_since = now
        if member.affiliation == "owner" and not any(
            other.affiliation == "owner" for other in self.members.values()
        ):
            self._make_owner(next(iter(self.members.values())), now)

    def _member_at(self, address: str) -> Member | None:
        return next((m for m in self.members.values() if m.address == address), None)

    def _make_owner(self, member: Member, now: float) -> None:
        """Auto-owner: the first who comes owns the conference, a phone as well."""
        attributes = {"affiliation": "owner", "jid": bare(member.jid)}
        query = element(MUC_ADMIN, "query", None, element(MUC_ADMIN, "item", attributes))
        self._port.ask(self.room, query, now, _ignore)

    # Capabilities (rule 12).

    def _query_capabilities(self, member: Member, stanza: Element, now: float) -> None:
        caps = child(stanza, ns.CAPS, "c")
        if caps is None:
            self._port.blame(12, member.nick, "a presence without capabilities (XEP-0115)")
        node = f"{caps.get('node')}#{caps.get('ver')}" if caps is not None else None
        query = element(ns.DISCO_INFO, "query", {"node": node})

        def answered(answer: Element | None, now: float) -> None:
            if self.members.get(member.nick) is member:
                self._capabilities_told(member, caps, answer, now)

        self._port.ask(member.address, query, now, answered, type_="get")

    def _capabilities_told(
        self, member: Member, caps: Element | None, answer: Element | None, now: float
    ) -> None:
        query = child(answer, ns.DISCO_INFO, "query") if answer is not None else None
        if query is None or (answer is not None and answer.get("type") == "error"):
            self._port.blame(12, member.nick, "disco#info was not answered")
            member.features = ASSUMED_FEATURES
        else:
            member.features = features_of(query)
            for problem in capability_problems(query, caps) if caps is not None else ():
                self._port.blame(12, member.nick, problem)
        self._invite_all(now)

    def _invite_all(self, now: float) -> None:
        if len(self.members) < _ENOUGH or not self._bridge_available:
            return
        for member in list(self.members.values()):
            known = member.features is not None and not member.is_speaker
            if known and member.session is None and member.may_be_invited:
                self.sessions.invite(member, now)
                if self.sessions.start_muted:
                    self.mutes.watch(member, 31, now)
                if self.moderation.blocks(member):
                    self.mutes.hold(member, now)
                if not self._bridge_used:
                    self._bridge_used = True
                    self._send_presence()

    # The focus' own presence.

    @property
    def _address(self) -> str:
        return f"{self.room}/{NICK}"

    def _send_presence(self, *first: Element) -> None:
        told = focus_presence(
            self._port.jid,
            self._address,
            bridge_used=self._bridge_used,
            bridge_available=self._bridge_available,
            states=[recording.to_element()] if (recording := self.recordings.current) else (),
        )
        for number, part in enumerate(first):
            told.insert(number, part)
        self._port.send(told)


def _sources(stanza: Element, member: Member) -> list[str]:
    return list(presence_problems(stanza, member.nick))


def _ignore(_: Element | None, __: float) -> None:
    """The answer does not matter."""
