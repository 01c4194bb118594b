"""A conference without a network: a scripted XMPP server, focus and room, and a fake media engine.

By itself the world does what an untroubled installation does: it grants the conference, lets us
in, takes the session-accept, answers pings. A test tells it otherwise, and makes everything else
happen. What we send is kept with the time it was sent at. Runs in virtual time only.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, fromstring, tostring

from gateway.conference.address import RoomAddress
from gateway.conference.events import CompanyChanged, Event, MediaUp
from gateway.conference.installation import Installation
from gateway.conference.participant import Participant
from gateway.conference.visiting import Visiting
from gateway.errors import MediaError
from gateway.media import messages
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause, Sink
from gateway.xmpp.element import local_name
from gateway.xmpp.jid import bare
from gateway.xmpp.jingle import Jingle
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Server

ADDRESS = RoomAddress("room", "conference.meet.test")
ROOM = ADDRESS.jid
FOCUS = "focus.meet.test"
INSTALLATION = Installation(Server("meet.test", None), ("conference.meet.test",), FOCUS, "machine")

LOBBY = "room@lobby.meet.test"
BREAKOUT = "7c4f@breakout.meet.test"
COMPONENTS = {
    "av_moderation": "avmoderation.meet.test",
    "breakout_rooms": "breakout.meet.test",
    "lobbyrooms": "lobby.meet.test",
}

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
JINGLE = "{urn:xmpp:jingle:1}jingle"
FINGERPRINT = "AB:" * 31 + "CD"


async def settle(seconds: float = 0.001) -> None:
    """Let everything happen that needs no time, or that needs up to `seconds`."""
    await asyncio.sleep(seconds)


def error(type_: str, condition: str, inside: str = "", text: str = "") -> str:
    words = f"<text xmlns='{STANZAS}'>{text}</text>" if text else ""
    return f"<error type='{type_}'><{condition} xmlns='{STANZAS}'/>{words}{inside}</error>"


def members_only(inside: str = "", lobby: str | None = LOBBY) -> str:
    """The refusal of a room with a lobby."""
    named = f"<lobbyroom xmlns='http://jitsi.org/jitmeet'>{lobby}</lobbyroom>" if lobby else ""
    return error("auth", "registration-required", named + inside)


NOT_YET = error("cancel", "not-allowed", text="Room creation is restricted")


def compact(sources: dict[str, int]) -> str:
    """Jitsi's JSON form of audio sources, one for each owner."""
    owners = {
        owner: [[], [], [{"s": ssrc, "n": f"{owner}-a0", "m": f"{owner} track"}]]
        for owner, ssrc in sources.items()
    }
    text = json.dumps({"sources": owners})
    return f"<json-message xmlns='http://jitsi.org/jitmeet'>{text}</json-message>"


def described(sources: dict[str, int]) -> str:
    """The XML form of the same."""
    return "".join(
        f"<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='{ssrc}' name='{owner}-a0'>"
        f"<ssrc-info xmlns='http://jitsi.org/jitmeet' owner='{owner}'/>"
        f"<parameter name='msid' value='{owner} track'/></source>"
        for owner, ssrc in sources.items()
    )


def transport(candidates: str = "", *, ufrag: str = "uf1", fingerprint: str = FINGERPRINT) -> str:
    dtls = (
        "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass' "
        f"required='false'>{fingerprint}</fingerprint>"
        if fingerprint
        else ""
    )
    credentials = f"ufrag='{ufrag}' pwd='pw1'" if ufrag else ""
    return (
        f"<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' {credentials}>"
        f"<rtcp-mux/>{dtls}{candidates}</transport>"
    )


def ice_restart(sid: str, generation: int) -> str:
    """The transport-info with which the focus passes on an ICE restart of the bridge's."""
    renewed = transport(CANDIDATE, ufrag=f"uf-{generation}")
    renewed = renewed.replace("<transport ", f"<transport ice-generation='{generation}' ")
    return (
        f"<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='{sid}'>"
        f"<content name='audio' creator='initiator'>{renewed}</content></jingle>"
    )


CANDIDATE = (
    "<candidate id='1' component='1' foundation='1' generation='0' network='0' protocol='udp' "
    "type='host' priority='2130706431' ip='10.99.0.1' port='10000'/>"
)


def offer(
    sid: str,
    sources: dict[str, int] | None = None,
    *,
    opus: int = 111,
    event: int | None = 126,
    level: int | None = 1,
    in_xml: bool = False,
    muted: bool = False,
    bridge_session: str | None = "bridge-1",
    transport: str = transport(CANDIDATE),
) -> str:
    """A session-initiate as Jicofo sends it, with what Jicofo's configuration may vary."""
    listed = {"jvb": 1000, **(sources or {"alice": 2001})}
    payloads = f"<payload-type id='{opus}' name='opus' clockrate='48000' channels='2'>"
    payloads += "<parameter name='minptime' value='10'/></payload-type>"
    if event is not None:
        payloads += f"<payload-type id='{event}' name='telephone-event' clockrate='8000'/>"
    if level is not None:
        payloads += (
            "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' "
            f"id='{level}' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level'/>"
        )
    start = "<startmuted xmlns='http://jitsi.org/jitmeet/start-muted' audio='true'/>"
    session = f"<bridge-session xmlns='http://jitsi.org/protocol/focus' id='{bridge_session}'/>"
    return (
        f"<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='{sid}' "
        "initiator='focus@auth.meet.test/focus'>"
        "<content name='audio' creator='initiator' senders='both'>"
        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio' maxptime='60'>"
        f"{payloads}<rtcp-mux/>{described(listed) if in_xml else ''}</description>"
        f"{transport}</content>"
        "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'>"
        "<content name='audio'/></group>"
        f"{start if muted else ''}{session if bridge_session else ''}"
        f"{'' if in_xml else compact(listed)}"
        "<traceparent xmlns='jitsi:opentelemetry' trace_id='00'/></jingle>"
    )


def terminate(sid: str, reason: str, text: str = "") -> str:
    return (
        f"<jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='{sid}'>"
        f"<reason><{reason}/><text>{text}</text></reason></jingle>"
    )


def sources(action: str, sid: str, changed: dict[str, int], *, in_xml: bool = False) -> str:
    """A source-add or source-remove."""
    inside = compact(changed)
    if in_xml:
        inside = (
            "<content name='audio' creator='initiator'>"
            "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
            f"{described(changed)}</description></content>"
        )
    return f"<jingle xmlns='urn:xmpp:jingle:1' action='{action}' sid='{sid}'>{inside}</jingle>"


@dataclass(frozen=True)
class Sent:
    """A stanza of ours, and when it was sent."""

    time: float
    stanza: Element

    @property
    def kind(self) -> str:
        """In a word or two: what a test of an order of stanzas compares."""
        name, type_ = local_name(self.stanza), self.stanza.get("type")
        if name == "presence":
            joining = self.stanza.find("{http://jabber.org/protocol/muc}x") is not None
            return type_ or ("join" if joining else "presence")
        payload = next(iter(self.stanza), None)
        if payload is None or type_ in ("result", "error"):
            return str(type_)
        return payload.get("action") or local_name(payload)

    @property
    def jingle(self) -> Jingle:
        found = self.stanza.find(JINGLE)
        assert found is not None
        return Jingle.parse(found)


class Stream:
    """One connection to the world (`gateway.xmpp.connection.Stream`)."""

    def __init__(self, world: "World", number: int) -> None:
        self.nick = f"{number:08x}"
        self.jid = f"{self.nick}-dded-4a56@meet.test/res"
        self.sink: Sink | None = None
        self.sent: list[Sent] = []
        self.closed_at: float | None = None
        self._up = asyncio.Event()
        self._kept: list[Element] = []
        self._world = world

    async def open(self, sink: Sink) -> str:
        await asyncio.sleep(0.01)
        if self._world.login_failures:
            raise self._world.login_failures.pop(0)
        self.sink = sink
        self._up.set()
        return self.jid

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def until_up(self) -> None:
        await self._up.wait()

    def breaks(self) -> None:
        """Its link is cut, and another is sought."""
        self._up.clear()

    def resumes(self) -> None:
        """There is one: what was sent meanwhile arrives."""
        self._up.set()
        kept, self._kept = self._kept, []
        for stanza in kept:
            self.send(stanza)

    def send(self, stanza: Element) -> None:
        assert self.closed_at is None
        if not self._up.is_set():
            self._kept.append(stanza)
            return
        loop = asyncio.get_running_loop()
        sent = Sent(loop.time(), fromstring(tostring(stanza)))
        self.sent.append(sent)
        loop.call_soon(self._world.react, self, sent)

    def suspect(self, failure: ConnectionFailed) -> None:
        assert self.sink is not None
        if self._up.is_set():
            self.sink.lost(failure)

    async def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = asyncio.get_running_loop().time()

    def deliver(self, xml: str) -> None:
        """Let the server send something, unless the stream is gone."""
        if self.closed_at is None and self.sink is not None:
            self.sink.received(fromstring(xml))

    def kinds(self, *without: str) -> list[str]:
        """What we have sent, but for pings, answers and the question who is who."""
        ignored = ("ping", "query", "result", "error", *without)
        return [sent.kind for sent in self.sent if sent.kind not in ignored]

    def of(self, kind: str) -> list[Sent]:
        return [sent for sent in self.sent if sent.kind == kind]


Answer = str | None
"""What is put into the answer to an IQ: `<error>` makes it an error; None is no answer."""


@dataclass
class World:
    """`conference`, `join`, `accept`, `restart`, `infos`, `unmute`, `orders` and `services` hold
    answers still to be given, in order; then the usual one is given. `orders` are a moderator's,
    to the room and for recorders; `described` is what the room says of itself. `occupants` are
    there besides the focus (nick to name). `room` is where we are. The lobby shows who knocks, if
    `lobby_answers`."""

    occupants: dict[str, str] = field(default_factory=dict)
    conference: list[Answer] = field(default_factory=list)
    joins: list[Answer] = field(default_factory=list)
    accepts: list[Answer] = field(default_factory=list)
    terminates: list[Answer] = field(default_factory=list)
    infos: list[Answer] = field(default_factory=list)
    login_failures: list[ConnectionFailed] = field(default_factory=list)
    unmutes: list[Answer] = field(default_factory=list)
    services: list[Answer] = field(default_factory=list)
    orders: list[Answer] = field(default_factory=list)
    described: Answer = ""
    components: dict[str, str] | None = field(default_factory=lambda: dict(COMPONENTS))
    room: str = ROOM
    lobby_answers: bool = True
    focus_present: bool = True
    pings: bool = True
    streams: list[Stream] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    on_join: Callable[[], None] = lambda: None

    async def connect(self, server: Server, reception: Reception) -> Connection:
        stream = Stream(self, 0x1A2B3C40 + len(self.streams))
        self.streams.append(stream)
        self.servers.append(server)
        return await Connection.open(stream, reception, anonymous=True)

    @property
    def stream(self) -> Stream:
        return self.streams[-1]

    # What the world does by itself

    def react(self, stream: Stream, sent: Sent) -> None:
        stanza = sent.stanza
        match sent.kind:
            case "ping":
                self._answer(stream, stanza, "" if self.pings else None)
            case "query" | "start" | "stop":
                self._answer(stream, stanza, self._asked_or_ordered(stanza))
            case "services":
                refusal = error("cancel", "service-unavailable")
                self._answer(stream, stanza, self.services.pop(0) if self.services else refusal)
            case "mute":
                self._answer(stream, stanza, self.unmutes.pop(0) if self.unmutes else "")
            case "conference":
                granted = (
                    f"<conference xmlns='http://jitsi.org/protocol/focus' "
                    f"room='{stanza[0].get('room')}' "
                    "ready='true' focusjid='focus@auth.meet.test'/>"
                )
                self._answer(stream, stanza, self.conference.pop(0) if self.conference else granted)
            case "join":
                room = bare(stanza.get("to", ""))
                if room.endswith("@lobby.meet.test"):
                    self._knocked(room)
                else:
                    self._join(stream, room)
            case "session-accept":
                self._answer(stream, stanza, self.accepts.pop(0) if self.accepts else "")
            case "session-terminate" | "session-info" as action:
                answers = self.terminates if action == "session-terminate" else self.infos
                self._answer(stream, stanza, answers.pop(0) if answers else "")
            case "presence":
                self._echo(stream)
            case _:
                pass

    def _answer(self, stream: Stream, request: Element, inside: Answer) -> None:
        if inside is None:
            return
        type_ = "error" if inside.startswith("<error") else "result"
        stream.deliver(
            f"<iq xmlns='jabber:client' type='{type_}' id='{request.get('id')}' "
            f"from='{request.get('to')}' to='{stream.jid}'>{inside}</iq>"
        )

    def _asked_or_ordered(self, stanza: Element) -> Answer:
        """A question, or what a moderator wants of the room, or of a recorder."""
        if stanza.get("type") == "set":
            return self.orders.pop(0) if self.orders else ""
        is_room = bare(stanza.get("to", "")) == self.room
        return self.described if is_room else self._discovered()

    def _discovered(self) -> Answer:
        if self.components is None:
            return None
        identities = "".join(
            f"<identity category='component' type='{type_}' name='{name}'/>"
            for type_, name in self.components.items()
        )
        return (
            "<query xmlns='http://jabber.org/protocol/disco#info'>"
            f"<identity category='server' type='im' name='Prosody'/>{identities}</query>"
        )

    def _knocked(self, lobby: str) -> None:
        if self.lobby_answers:
            self.presence(self.stream.nick, inside="<status code='110'/>", room=lobby)

    def _join(self, stream: Stream, room: str) -> None:
        refusal = self.joins.pop(0) if self.joins else ""
        if refusal is None:
            return
        if refusal:
            self.refuses_us(room, refusal)
            return
        self.enters(room)

    def _echo(self, stream: Stream) -> None:
        self.presence(stream.nick, inside="<status code='110'/>", role=self.role)

    # What a test lets happen

    def enters(self, room: str) -> None:
        """The room lets us in."""
        stream, self.room = self.stream, room
        if self.focus_present:
            self.presence("focus")
        for nick, name in self.occupants.items():
            self.presence(nick, name)
        self.on_join()
        stream.deliver(
            "<message xmlns='jabber:client' from='metadata.meet.test'><json-message "
            f"xmlns='http://jitsi.org/jitmeet' room='{room}'>{{}}</json-message></message>"
        )
        self._echo(stream)
        stream.deliver(
            f"<message xmlns='jabber:client' type='groupchat' from='{room}'><subject/></message>"
        )

    def refuses_us(self, room: str, refusal: str) -> None:
        """The room does not let us in."""
        self.stream.deliver(
            f"<presence xmlns='jabber:client' type='error' from='{room}/{self.stream.nick}'>"
            f"{refusal}</presence>"
        )

    def presence(
        self,
        nick: str,
        name: str = "",
        *,
        inside: str = "",
        gone: bool = False,
        item: str = "",
        extra: str = "",
        room: str = "",
        role: str = "participant",
        jid: str = "",
    ) -> None:
        """A presence of an occupant, by default that it is there; `jid` is its own."""
        type_ = "type='unavailable'" if gone else ""
        named = f"<nick xmlns='http://jabber.org/protocol/nick'>{name}</nick>" if name else ""
        role = "none" if gone else role
        room = room or self.room
        own = f"jid='{jid}'" if jid else ""
        self.stream.deliver(
            f"<presence xmlns='jabber:client' from='{room}/{nick}' to='{self.stream.jid}' {type_}>"
            f"{named}{extra}<x xmlns='http://jabber.org/protocol/muc#user'>"
            f"<item role='{role}' affiliation='none' {own}>{item}</item>{inside}</x></presence>"
        )

    def comes(self, nick: str, name: str = "") -> None:
        self.occupants[nick] = name
        self.presence(nick, name)

    def goes(self, nick: str) -> None:
        self.occupants.pop(nick, None)
        self.presence(nick, gone=True)

    def removes_us(self, inside: str, item: str = "", room: str = "") -> None:
        own = f"{inside}<status code='110'/>"
        self.presence(self.stream.nick, gone=True, inside=own, item=item, room=room)

    def tells(self, component: str, **content: object) -> None:
        """A component of that address tells us something."""
        self.stream.deliver(
            f"<message xmlns='jabber:client' from='{component}' to='{self.stream.jid}'>"
            f"<json-message xmlns='http://jitsi.org/jitmeet'>{json.dumps(content)}</json-message>"
            "</message>"
        )

    def moderates(self, **content: object) -> None:
        """The component for audio moderation tells us something."""
        told = {"type": "av_moderation", "mediaType": "audio", "room": self.room, **content}
        self.tells("avmoderation.meet.test", **told)

    def promotes_us(self, role: str = "moderator") -> None:
        """The focus, or a moderator, gives us another role."""
        self.role = role
        self._echo(self.stream)

    def locks(self, *, password: bool = False, lobby: str | None = None) -> None:
        """The room has other rules of entrance, and says that it has (status 104)."""
        features = "<feature var='muc_passwordprotected'/>" if password else ""
        features += "<feature var='muc_membersonly'/>" if lobby else ""
        form = (
            "<x xmlns='jabber:x:data' type='result'><field var='muc#roominfo_lobbyroom'>"
            f"<value>{lobby}</value></field></x>"
        )
        inside = features + (form if lobby else "")
        self.described = f"<query xmlns='http://jabber.org/protocol/disco#info'>{inside}</query>"
        self.stream.deliver(
            f"<message xmlns='jabber:client' type='groupchat' from='{self.room}'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>"
        )

    def sends_us_to(self, room: str, component: str = "breakout.meet.test") -> None:
        """A moderator sends us to another room."""
        event = "features/breakout-rooms/move-to-room"
        self.tells(component, type="breakout_rooms", event=event, roomJid=room)

    def invites_us(self, *, password: str = "", sender: str = ROOM) -> None:
        """A moderator lets us in."""
        word = f"<password>{password}</password>" if password else ""
        self.stream.deliver(
            f"<message xmlns='jabber:client' from='{sender}' to='{self.stream.jid}'>"
            "<x xmlns='http://jabber.org/protocol/muc#user'>"
            f"<invite from='mod@meet.test/x'><reason/></invite>{word}</x></message>"
        )

    def request(self, payload: str, *, sender: str = "", type_: str = "set") -> str:
        """An IQ to us, by the focus if nobody else is named; its id."""
        sender = sender or f"{self.room}/focus"
        self._requests += 1
        id_ = f"req{self._requests}"
        self.stream.deliver(
            f"<iq xmlns='jabber:client' type='{type_}' id='{id_}' from='{sender}' "
            f"to='{self.stream.jid}'>{payload}</iq>"
        )
        return id_

    def answers(self, id_: str) -> list[Element]:
        """What we have answered to such an IQ."""
        return [
            sent.stanza
            for stream in self.streams
            for sent in stream.sent
            if sent.stanza.get("id") == id_ and sent.stanza.get("type") in ("result", "error")
        ]

    def lose(self, cause: FailureCause = FailureCause.STREAM, text: str = "cut") -> None:
        """The connection breaks."""
        sink, self.stream.sink = self.stream.sink, None
        assert sink is not None
        sink.lost(ConnectionFailed(cause, text))

    role: str = "participant"
    _requests: int = 0


@dataclass
class Media:
    """A media engine that does as it is told, and connects at once unless `connects` is False.

    `log` has every order as (what, session or value), and which session it left for another;
    `failures` are raised by the next openings. `in_use` is the session that carries audio.
    """

    connects: bool = True
    failures: list[str] = field(default_factory=list)
    opening_takes: float = 0.0
    log: list[tuple[str, object]] = field(default_factory=list)
    offers: list[messages.BridgeOffer] = field(default_factory=list)
    sources: list[tuple[str, tuple[messages.Source, ...]]] = field(default_factory=list)
    candidates: list[tuple[str, tuple[messages.IceCandidate, ...]]] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    restarts: list[messages.IceParameters] = field(default_factory=list)
    participant: Participant | None = None
    in_use: str | None = None
    _patience: asyncio.TimerHandle | None = None

    async def open_bridge(self, offer: messages.BridgeOffer) -> messages.BridgeAnswer:
        self.log.append(("open", offer.session))
        self.offers.append(offer)
        if self.opening_takes:
            await asyncio.sleep(self.opening_takes)
        if self.failures:
            raise MediaError(self.failures.pop(0))
        if self.connects:
            self.up(offer.session, after=0.05)
        return messages.BridgeAnswer(
            "ourufrag", "ourpwd", messages.Fingerprint("SHA-256", "11:22"), "active", ()
        )

    def up(self, session: str, after: float = 0.0) -> None:
        """The engine says that a session is connected."""
        asyncio.get_running_loop().call_later(after, self._connected, session)

    def _connected(self, session: str) -> None:
        assert self.participant is not None
        if session not in self.open_sessions:
            return
        previous, self.in_use = self.in_use, session
        self.participant.bridge_connected(session)
        if previous is not None and previous != session:
            self._gone("left", previous)
            self.participant.bridge_lost(previous, "replaced")

    def down(self, session: str, reason: str = "consent expired") -> None:
        """The engine says that a session is lost, if it has it."""
        assert self.participant is not None
        if session in self.open_sessions:
            self._gone("left", session)
            self.in_use = None if self.in_use == session else self.in_use
            self.participant.bridge_lost(session, reason)

    def interrupt(self, session: str, reason: str = "no path") -> None:
        """The engine says that a session has no path any more."""
        assert self.participant is not None
        self.in_use = None
        self.participant.bridge_interrupted(session, reason)

    def set_sources(self, session: str, sources: tuple[messages.Source, ...]) -> None:
        self.sources.append((session, sources))

    def add_candidates(self, session: str, candidates: tuple[messages.IceCandidate, ...]) -> None:
        self.candidates.append((session, candidates))

    def enter_room(self, room: str) -> None:
        self.rooms.append(room)

    def restart_ice(self, session: str, remote: messages.IceParameters) -> None:
        self.log.append(("restart ice", session))
        self.restarts.append(remote)

    def close_bridge(self, session: str, linger: float = 0.0) -> None:
        is_in_use = session == self.in_use
        if linger and is_in_use:
            self.log.append(("linger", session))
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(linger, self.down, session, "nothing has replaced it")
        else:
            self._gone("close", session)
            self.in_use = None if is_in_use else self.in_use

    def _gone(self, what: str, session: str) -> None:
        self.log.append((what, session))
        if self._patience is not None and ("linger", session) in self.log:
            self._patience.cancel()

    def mute(self, muted: bool) -> None:
        self.log.append(("mute", muted))

    @property
    def heard(self) -> dict[int, str]:
        """The sources that the engine was told of last."""
        return {source.ssrc: source.endpoint for source in self.sources[-1][1]}

    @property
    def encrypted(self) -> set[int]:
        """Those of them that the engine must not decode."""
        return {source.ssrc for source in self.sources[-1][1] if source.is_encrypted}

    @property
    def open_sessions(self) -> list[object]:
        opened = [session for what, session in self.log if what == "open"]
        closed = [session for what, session in self.log if what in ("close", "left")]
        return [session for session in opened if session not in closed]


class Call:
    """A participant in the world, and the events it has told; company's are kept by themselves."""

    def __init__(
        self,
        world: World,
        media: Media,
        *,
        installation: Installation = INSTALLATION,
        address: RoomAddress = ADDRESS,
        password: str | None = None,
        name: str = "+49 30 1234",
        visiting: Visiting = Visiting.NEVER,
        moderator: bool = False,
    ) -> None:
        self.world = world
        self.media = media
        self.events: list[Event] = []
        self.company: list[CompanyChanged] = []
        self.participant = Participant(
            installation,
            address,
            display_name=name,
            media=media,
            password=password,
            visiting=visiting,
            moderator=moderator,
            connect=world.connect,
        )
        media.participant = self.participant
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Call":
        await self.participant.__aenter__()
        self._reading = asyncio.create_task(self._read())
        try:
            await self.participant.join()
        except BaseException:
            await self.__aexit__()
            raise
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.participant.__aexit__(None, None, None)
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async for event in self.participant.events():
            if isinstance(event, CompanyChanged):
                self.company.append(event)
            else:
                self.events.append(event)

    def told(self) -> list[Event]:
        """The events since the last time."""
        events, self.events = self.events, []
        return events


def with_alice(**rest: object) -> World:
    """A world in which one other is in the room."""
    return World(occupants={"alice": "Alice"}, **rest)  # type: ignore[arg-type]


async def connected(call: Call, sid: str = "s1", **rest: object) -> None:
    """The focus offers a session, and it comes up."""
    call.world.request(offer(sid, **rest))  # type: ignore[arg-type]
    await settle(0.1)
    assert call.told()[-1:] == [MediaUp()]
