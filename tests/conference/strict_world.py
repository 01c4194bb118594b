"""A world that watches its participant: what none may ever do, whatever happens to it.

Its focus works by itself: it offers a session while there is company, another where one is asked
for, and ends it when nobody is left. `violations` says what was wrong, and when.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from xml.etree.ElementTree import tostring

from gateway.xmpp.jid import bare
from gateway.xmpp.jingle import Jingle
from tests.conference.world import Sent, Stream, World, offer, terminate

RATES = {"presence": 4, "iq": 10, "message": 3}  # a second
ANSWERED_WITHIN = 1.0  # seconds


@dataclass
class StrictWorld(World):
    """`chance` decides how long the focus takes; `ssrcs` are those of all worlds so far."""

    chance: Random = field(default_factory=lambda: Random(0))
    ssrcs: set[int] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    moderated: bool = False
    starts_muted: bool = False
    _inside: str = ""  # the room we are in
    _offered: int = 0
    _sid: str = ""  # of the session that there is, accepted or not
    _accepted: str = ""
    _blocked_since: float | None = None
    _asked: list[tuple[str, float, Stream]] = field(default_factory=list)

    @property
    def is_inside(self) -> bool:
        """Whether the participant is in the room, and its connection stands."""
        return bool(self._inside) and bool(self.streams) and self.stream.sink is not None

    def check(self) -> list[str]:
        """Once it is over: everything that was wrong."""
        for id_, asked_at, stream in self._asked:
            answers = [
                sent.time
                for sent in stream.sent
                if sent.stanza.get("id") == id_ and sent.stanza.get("type") in ("result", "error")
            ]
            gone_at = stream.closed_at if stream.closed_at is not None else float("inf")
            is_due = gone_at > asked_at + ANSWERED_WITHIN
            if len(answers) > 1 or (is_due and not answers):
                self.violations.append(f"{len(answers)} answers to {id_} of {asked_at:.2f}")
            if answers and answers[0] > asked_at + ANSWERED_WITHIN:
                self.violations.append(f"late answer to {id_}")
        self._asked.clear()
        for stream in self.streams:
            self._judge_rates(stream)
        if any(stream.closed_at is None for stream in self.streams):
            self.violations.append("a stream is left open")
        return self.violations

    # What the focus does

    def offers(self) -> None:
        """The focus offers a session, in place of the one there may be."""
        if self.is_inside and self.focus_present and self.occupants:
            self._offered += 1
            self._sid = f"s{self._offered}@{self.stream.nick}"
            self._accepted = ""
            self.request(offer(self._sid, muted=self.starts_muted))

    def ends_session(self, reason: str, text: str = "", *, again: bool = False) -> None:
        """The focus ends the session that there is; perhaps another follows."""
        if self.is_inside and self.focus_present and self._sid:
            self.request(terminate(self._sid, reason, text))
            self._sid = self._accepted = ""
            if again:
                self._later(self.offers)

    # What it does by itself

    def react(self, stream: Stream, sent: Sent) -> None:
        if stream.sink is None:  # it never came here
            return
        self._judge(sent)
        is_refused = bool(self.terminates)
        super().react(stream, sent)
        match sent.kind:
            case "session-terminate" if sent.jingle.sid == self._sid and not is_refused:
                self._sid = self._accepted = ""
                self._later(self.offers)
            case "unavailable" if bare(sent.stanza.get("to", "")) == self._inside:
                self._is_out()

    def presence(self, nick: str, name: str = "", *, gone: bool = False, **more: object) -> None:
        if gone and nick == self.stream.nick and more.get("room") in (None, "", self._inside):
            self._is_out()
        super().presence(nick, name, gone=gone, **more)  # type: ignore[arg-type]

    def promotes(self, role: str) -> None:
        """Somebody makes us a moderator, or takes that back."""
        self.role = role
        if self._blocked_since is not None:
            self._blocked_since = asyncio.get_running_loop().time()
        self.presence(self.stream.nick, inside="<status code='110'/>", role=role)

    def comes(self, nick: str, name: str = "") -> None:
        super().comes(nick, name)
        if not self._sid:
            self._later(self.offers)

    def goes(self, nick: str) -> None:
        super().goes(nick)
        if not self.occupants:
            self.ends_session("expired")

    def moderates(self, **content: object) -> None:
        super().moderates(**content)
        now = asyncio.get_running_loop().time()
        match content:
            case {"enabled": bool(enabled)}:
                self.moderated = enabled
                self._blocked_since = now if enabled else None
            case {"approved": True}:
                self._blocked_since = None
            case {"removed": True} if self.moderated:
                self._blocked_since = now

    def request(self, payload: str, *, sender: str = "", type_: str = "set") -> str:
        id_ = super().request(payload, sender=sender, type_=type_)
        if self.stream.sink is not None and self.stream.closed_at is None:
            now = asyncio.get_running_loop().time()
            self._asked.append((id_, now, self.stream))
        return id_

    def lose(self, *cause: object) -> None:
        self._is_out()
        super().lose(*cause)  # type: ignore[arg-type]

    def _join(self, stream: Stream, room: str) -> None:
        is_refused = bool(self.joins)
        super()._join(stream, room)
        if is_refused:
            return
        self._inside = room
        if self.moderated:
            self.moderates(enabled=True)
        self._later(self.offers)

    def _is_out(self) -> None:
        self._inside = self._sid = self._accepted = ""
        self._blocked_since = None

    def _later(self, act: Callable[[], None]) -> None:
        stream = self.stream
        asyncio.get_running_loop().call_later(
            self.chance.uniform(0.1, 1.5), lambda: stream is self.stream and not self._sid and act()
        )

    # What it looks at

    def _judge(self, sent: Sent) -> None:
        match sent.kind:
            case "join" if bare(sent.stanza.get("to", "")) == self._inside:
                self._wrong(sent, "joins the room that it is in")
            case "mute" if self._is_blocked(sent):
                self._wrong(sent, "unmutes while blocked")
            case "session-accept":
                self._judge_accept(sent, sent.jingle)
            case "session-terminate" if sent.stanza.get("to", "").endswith("/focus"):
                bridge = sent.jingle.bridge_session
                if bridge is None or bridge.id != "bridge-1":
                    self._wrong(sent, "names no bridge session")
            case "session-info" if b"failed" in tostring(sent.stanza):
                self._wrong(sent, "tells that ICE has failed")

    def _judge_accept(self, sent: Sent, accept: Jingle) -> None:
        if self._accepted:
            self._wrong(sent, f"accepts {accept.sid} beside {self._accepted}")
        if accept.sid == self._sid:
            self._accepted = accept.sid
        for source in accept.sources:
            if source.ssrc in self.ssrcs:
                self._wrong(sent, f"uses SSRC {source.ssrc} again")
            self.ssrcs.add(source.ssrc)

    def _is_blocked(self, sent: Sent) -> bool:
        since = self._blocked_since
        return since is not None and sent.time > since and self.role != "moderator"

    def _judge_rates(self, stream: Stream) -> None:
        """Jitsi's Prosody hardly listens any more to who is faster than that. At the end of a
        stream everything that waits may go at once."""
        for name, most in RATES.items():
            sent = [
                each
                for each in stream.sent
                if each.stanza.tag.endswith(name) and each.time != stream.closed_at
            ]
            for first, last in zip(sent, sent[most:], strict=False):
                if last.time < first.time + 1.0:
                    self._wrong(last, f"is the {most + 1}th {name} within a second")

    def _wrong(self, sent: Sent, what: str) -> None:
        self.violations.append(f"{sent.time:.2f}: {what} ({sent.kind})")
