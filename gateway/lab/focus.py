"""The lab's conference focus: what Jicofo does, without IO.

It is an entity like any other: stanzas for its JID come to `receive`, what it sends is collected
in `outgoing`; the videobridge takes its orders. So it can live in the lab's own server or log in
to a real one.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.focus_allocation import Allocations
from gateway.lab.focus_brewery import FocusBrewery
from gateway.lab.focus_conference import FocusConference
from gateway.lab.focus_dialling import FocusDialling
from gateway.lab.focus_member import Member
from gateway.lab.focus_port import (
    NICK,
    Allocation,
    Answered,
    BridgeOrders,
    FocusConfig,
    FocusPort,
)
from gateway.lab.focus_presence import CAPABILITIES
from gateway.lab.focus_recording import JIBRI
from gateway.lab.refusal import is_answer, is_request, refuse, result
from gateway.lab.violation import Blame, Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.component_message import ComponentMessage
from gateway.xmpp.element import child, element
from gateway.xmpp.jid import bare
from gateway.xmpp.sources import SignalledSource

_QUESTIONS = frozenset({f"{{{ns.DISCO_INFO}}}query", f"{{{ns.PING}}}ping"})
"""What is to be got of the focus; all else is to be set."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request of ours that waits for its answer."""

    to: str
    deadline: float
    answered: Answered


class Focus:
    """The focus with the full JID `jid`.

    `packets` counts the RTP that came to the bridge from an endpoint of a room; `blame` is told of
    broken rules, `step` of what happens.
    """

    def __init__(
        self,
        jid: str,
        bridge: BridgeOrders,
        config: FocusConfig,
        *,
        packets: Callable[[str, str], int],
        blame: Blame,
        step: Step,
    ) -> None:
        self.jid = jid
        self.outgoing: list[Element] = []
        self.conferences: dict[str, FocusConference] = {}
        self.allocations = Allocations(config, bare(jid), blame)
        self._config = config
        self._speakers: dict[str, dict[str, SignalledSource]] = {}
        self._asked: dict[str, _Asked] = {}
        self._waiting: list[Element] = []  # conference requests, until the focus is in the room
        self._later: list[tuple[float, Element]] = []
        self._step = step
        self._port = FocusPort(
            jid, config, bridge, packets, self.outgoing.append, self.ask, blame, step
        )
        self.brewery = FocusBrewery(config.brewery or "", self._port)
        self.dialling = FocusDialling(self.brewery, self.conferences, self._port)

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza that is addressed to the focus."""
        if is_answer(stanza):
            self._answered(stanza, now)
        elif is_request(stanza):
            self._request(stanza, now)
        elif stanza.tag == f"{{{ns.CLIENT}}}presence":
            if bare(stanza.get("from", "")) == self._config.brewery:
                self.brewery.receive_presence(stanza)
                return
            conference = self.conferences.get(bare(stanza.get("from", "")))
            if conference is not None:
                conference.receive_presence(stanza, now)
                self._settle(conference)
        elif stanza.get("from") == self._config.av_moderation:
            self._moderation_told(stanza, now)

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time."""
        for id_, asked in list(self._asked.items()):
            if now >= asked.deadline:
                del self._asked[id_]
                asked.answered(None, now)
        due = [stanza for at, stanza in self._later if now >= at]
        self._later = [(at, stanza) for at, stanza in self._later if now < at]
        self.outgoing += due
        for conference in list(self.conferences.values()):
            conference.handle_timer(now)
            self._settle(conference)

    def take_outgoing(self) -> list[Element]:
        """What has to be sent now."""
        taken = self.outgoing[:]
        self.outgoing.clear()
        return taken

    # Orders of the lab.

    def begin(self) -> None:
        """Be in the brewery, if there is to be one; wanted once it is connected."""
        if self._config.brewery is not None:
            self.brewery.enter()

    def open(self, room: str, now: float) -> FocusConference:
        """Be in a room."""
        conference = self.conferences.get(room)
        if conference is None:
            speakers = self._speakers.setdefault(room, {})
            conference = FocusConference(room, self._port, speakers, now)
            self.conferences[room] = conference
            self._step(NICK, f"enters {room}")
            conference.join()
        return conference

    def expect_speaker(self, room: str, nick: str, source: SignalledSource) -> None:
        """Somebody of the lab's own is going to join: it needs no session."""
        self._speakers.setdefault(room, {})[nick] = source

    def forget_speaker(self, room: str, nick: str) -> None:
        """The opposite of `expect_speaker`, after it has left."""
        self._speakers.get(room, {}).pop(nick, None)

    def abandon(self, room: str) -> None:
        """Leave a room as a focus that dies: nobody's session is ended, everything is forgotten."""
        conference = self.conferences.pop(room, None)
        if conference is not None:
            asked = self._asked.items()
            self._asked = {id_: each for id_, each in asked if bare(each.to) != room}
            attributes = {"from": self.jid, "to": f"{room}/{NICK}", "type": "unavailable"}
            self.outgoing.append(element(ns.CLIENT, "presence", attributes))
            self._step(NICK, f"leaves {room}")

    def member(self, room: str, nick: str) -> Member:
        """A member as the focus sees it. KeyError if it is not there."""
        return self.conferences[room].members[nick]

    def bridge_lost(self, room: str, nick: str, now: float) -> None:
        """The bridge has given an endpoint up."""
        if room in self.conferences:
            self.conferences[room].bridge_lost(nick, now)

    def ask(
        self,
        to: str,
        payload: Element,
        now: float,
        answered: Answered,
        *,
        type_: str = "set",
        timeout: float | None = None,
    ) -> None:
        """Send a request; `answered` is called once, with None after `timeout` seconds."""
        id_ = secrets.token_hex(8)
        attributes = {"type": type_, "id": id_, "from": self.jid, "to": to}
        deadline = now + (self._config.reply_timeout if timeout is None else timeout)
        self._asked[id_] = _Asked(to, deadline, answered)
        self.outgoing.append(element(ns.CLIENT, "iq", attributes, payload))

    def disconnected(self) -> None:
        """The server is gone, and everything with it: all rooms, all that was asked."""
        for conference in self.conferences.values():
            conference.close()
        self.conferences.clear()
        self.brewery.disconnected()
        self._asked.clear()
        self._waiting.clear()
        self._later.clear()
        self.outgoing.clear()

    def _moderation_told(self, stanza: Element, now: float) -> None:
        told = child(stanza, ns.JITSI_MEET, "json-message")
        if told is None:
            return
        message = ComponentMessage.parse(stanza.get("from", ""), told)
        conference = self.conferences.get(message.text("room") or "")
        if conference is not None:
            conference.moderation_told(message.content, now)

    # Requests.

    def _request(self, stanza: Element, now: float) -> None:
        payload = next(iter(stanza), None)
        tag = payload.tag if payload is not None else ""
        conference = self.conferences.get(bare(stanza.get("from", "")))
        if payload is None:
            self.outgoing.append(refuse(stanza, "modify", "bad-request"))
        elif stanza.get("type") != ("get" if tag in _QUESTIONS else "set"):
            self.outgoing.append(refuse(stanza, "cancel", "service-unavailable"))
        elif tag == f"{{{ns.JITSI_FOCUS}}}conference":
            self._conference_requested(stanza, payload, now)
        elif tag == f"{{{ns.DISCO_INFO}}}query":
            self.outgoing.append(result(stanza, CAPABILITIES.answer(payload)))
        elif tag == f"{{{ns.PING}}}ping":
            self.outgoing.append(result(stanza))
        elif tag == f"{{{ns.JINGLE}}}jingle" and conference is not None:
            conference.receive_jingle(stanza, payload, now)
            self._settle(conference)
        elif tag == f"{{{ns.JITSI_MUTE_AUDIO}}}mute" and conference is not None:
            conference.receive_mute(stanza, payload, now)
        elif tag == f"{{{ns.RAYO}}}dial":
            self.dialling.receive(stanza, payload, now)
        elif tag == f"{{{JIBRI}}}jibri" and conference is not None:
            conference.receive_jibri(stanza, payload, now)
        else:
            self.outgoing.append(refuse(stanza, "cancel", "service-unavailable"))

    def _conference_requested(self, iq: Element, asked: Element, now: float) -> None:
        room = asked.get("room", "").lower()
        conference = self.conferences.get(room)
        if room.rpartition("@")[2] in self._config.closed_domains:
            self._port.blame(10, iq.get("from", ""), f"asks for a conference in {room}")
            self.outgoing.append(refuse(iq, "cancel", "service-unavailable"))
            return
        has_host = not self._needs_host(room) or (conference is not None and conference.has_host)
        chosen = self.allocations.choose(iq, has_host=has_host)
        self._step(iq.get("from", ""), f"asks for conference {room}: {chosen}")
        match chosen:
            case Allocation.NO_REPLY:
                return
            case Allocation.READY:
                self._waiting.append(iq)
                self._settle(self.open(room, now))
            case Allocation.SLOW:
                self.open(room, now)
                due = now + self._config.slow_answer
                self._later.append((due, self.allocations.answer(iq, chosen)))
            case _:
                self.outgoing.append(self.allocations.answer(iq, chosen))

    def _needs_host(self, room: str) -> bool:
        """Whether guests are turned away from a room until somebody of the lab's own is there."""
        is_breakout = room.rpartition("@")[2] == self._config.breakout_domain
        return self.allocations.needs_host and not is_breakout

    def _settle(self, conference: FocusConference) -> None:
        """Answer who waits for a room, and forget a conference that is over."""
        if conference.over:
            if self.conferences.get(conference.room) is conference:
                del self.conferences[conference.room]
                self._step(NICK, f"ends the conference {conference.room}")
        elif not conference.joined:
            return
        ready = [iq for iq in self._waiting if _room_of(iq) == conference.room]
        self._waiting = [iq for iq in self._waiting if iq not in ready]
        chosen = Allocation.SERVICE_UNAVAILABLE if conference.over else Allocation.READY
        self.outgoing += [self.allocations.answer(iq, chosen) for iq in ready]

    def _answered(self, stanza: Element, now: float) -> None:
        asked = self._asked.get(stanza.get("id", ""))
        if asked is not None and asked.to == stanza.get("from"):
            del self._asked[stanza.get("id", "")]
            asked.answered(stanza, now)


def _room_of(iq: Element) -> str:
    conference = child(iq, ns.JITSI_FOCUS, "conference")
    return conference.get("room", "").lower() if conference is not None else ""
