"""One stay in a room: from our own presence to leaving, over one connection.

`attend` takes in what the server tells, one thing after the other and without waiting; what takes
time (a session, a restart, a patience) runs beside it. Whatever ends the stay is raised as
`Departed`, which ends everything that runs.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace

import structlog

from gateway.conference.address import outer_room
from gateway.conference.audio import FOREVER, Audio, BridgeMedia, Emit
from gateway.conference.awaited_offer import (
    FIRST_OFFER_PATIENCE,
    OFFER_PATIENCE,
    RESTART_PATIENCE,
    AwaitedOffer,
)
from gateway.conference.bridge_channel import channel_opener
from gateway.conference.bridge_session import BridgeSession, Fault, FaultKind
from gateway.conference.cancellation import raise_if_cancelled
from gateway.conference.chair import Chair
from gateway.conference.component_orders import (
    ApprovalChanged,
    Demoted,
    ModerationChanged,
    MoveOrdered,
    RoomsNamed,
    TranscriptionWanted,
    read_order,
)
from gateway.conference.departure import (
    Departed,
    Departure,
    first_departure,
    focus_lost,
    raise_if_lost,
    told_to,
)
from gateway.conference.entering import Entry
from gateway.conference.events import Alone, LeaveCause, OccupantJoined, OccupantLeft
from gateway.conference.floor import Floor
from gateway.conference.goings import Goings
from gateway.conference.microphone import Microphone
from gateway.conference.proceedings import Proceedings
from gateway.conference.profile import Profile
from gateway.conference.recovery import MediaRecovery, Remedy, lingering
from gateway.conference.room import FocusJoined, FocusLeft, MachineLeft, RoomEvent
from gateway.conference.room_keys import RoomKeys
from gateway.conference.sayings import Sayings
from gateway.conference.surroundings import Surroundings
from gateway.errors import ConferenceError
from gateway.xmpp.chat import ChatMessage
from gateway.xmpp.component_message import ComponentMessage
from gateway.xmpp.connection import ConnectionFailed
from gateway.xmpp.jid import bare, resource
from gateway.xmpp.jingle import Action, Jingle, Reason
from gateway.xmpp.jingle_dtmf import Dtmf
from gateway.xmpp.mute import MuteOrder
from gateway.xmpp.own_presence import unavailable
from gateway.xmpp.presence import OccupantPresence, PresenceRefused
from gateway.xmpp.rayo import HangUp
from gateway.xmpp.reception import JingleReceived, Received
from gateway.xmpp.room_entrance import RoomReconfigured
from gateway.xmpp.stanza import NoReply, StanzaError, iq
from gateway.xmpp.visitors import Promotion

log = structlog.get_logger(__name__)

FOCUS_PATIENCE = 10.0  # seconds a focus may be away before it is called back


class Stay:
    """We are in the room of `entry`, as `profile` says, with the microphone as `floor` says.

    `recovery` remembers what earlier stays went through, `proceedings` what the caller was told in
    them, `company_at` where it was with others; `audio` may still be that of the last one. Without
    any before we are a newcomer.
    """

    def __init__(
        self,
        entry: Entry,
        *,
        profile: Profile,
        floor: Floor,
        proceedings: Proceedings,
        company_at: str | None,
        media: BridgeMedia,
        audio: Audio,
        recovery: MediaRecovery,
        emit: Emit,
        is_newcomer: bool = True,
    ) -> None:
        self.login = entry.login
        self._connection = entry.login.connection
        self._installation = entry.login.installation
        self.room = entry.room
        self._media = media
        self._audio = audio
        self._recovery = recovery
        self._emit = emit
        self.sayings = Sayings(entry.login, entry.room)
        self.surroundings = Surroundings(entry, profile, proceedings, emit)
        self.microphone = Microphone(
            floor,
            self.surroundings.appearance,
            is_held=profile.is_held,
            connection=self._connection,
            focus=entry.room.focus,
            media=media,
            emit=emit,
        )
        self.chair = Chair(entry, may_preside=profile.may_preside, emit=emit)
        self._keys = RoomKeys()
        self._tasks = asyncio.TaskGroup()
        self._offer = AwaitedOffer(entry.room, self._connection, recovery, self._run)
        self.goings = Goings(entry.room, company_at, self._drop_sources, emit, self._run)
        self._is_newcomer = is_newcomer  # until it has a session
        self._session: BridgeSession | None = None
        self._serving: asyncio.Task[None] | None = None
        self._waiting_for_focus: asyncio.Task[None] | None = None

    async def attend(self) -> Departure:
        """Be in the room until something ends that. May be called once."""
        departure = Departure(LeaveCause.CONNECTION_LOST, "")
        try:
            async with self._tasks:
                self._run(self.surroundings.appearance.publish())
                self._run(self.microphone.ask_to_be_heard())
                self._run(self.chair.attend())
                self.goings.entered()
                if not self.room.alone:
                    self._offer.within(FIRST_OFFER_PATIENCE)
                self.surroundings.look()
                self.microphone.look(self.room)
                if not self.room.focus_present:
                    self._seen(FocusLeft())
                while True:
                    self._receive(await self._connection.receive())
        except* ConnectionFailed as lost:
            departure = replace(departure, text=str(lost.exceptions[0]), rejoin=True)
        except* Departed as departed:
            # What the room says about it counts more than that the connection has ended as well.
            departure = first_departure(departed)
        raise_if_cancelled()
        return departure

    @property
    def endpoint(self) -> str:
        """Our endpoint id."""
        return self.room.nick

    def show(self, profile: Profile) -> None:
        """Let the room see what has changed of it."""
        self.surroundings.show(profile)
        self.microphone.hold(profile.is_held)

    def depart(self, status: str | None = None) -> None:
        """End the session and leave the room; the connection stays."""
        if not self.room.entered:
            return
        if self._session is not None:
            self._send_jingle(self.room.focus, self._session.terminate(Reason("success")))
        self.chair.leave()
        self._connection.send(unavailable(self.room.jid, self.room.nick, status))
        self.room.entered = False

    async def leave(self) -> None:
        """Leave the room and close the connection, in a bounded time."""
        self.depart()
        await self._connection.close()

    def session(self, sid: str) -> BridgeSession | None:
        """The session of that name, unless we have done with it."""
        return self._session if self._session is not None and self._session.sid == sid else None

    # What comes in

    def _receive(self, received: Received) -> None:
        match received:
            case OccupantPresence():
                self._sees(received)
            case PresenceRefused(error=error):
                log.warning("presence refused", error=str(error))
                raise_if_lost(received, self.room.jid)
            case MuteOrder(muted=True, actor=actor) if self.room.focus_present:
                name = self.room.name_of(resource(actor)) if actor is not None else None
                self.microphone.muted_by(name)
            case ComponentMessage():
                self._component_says(received)
            case RoomReconfigured(room) if room == self.room.jid:
                self.chair.look()
            case ChatMessage():
                self.surroundings.hears(received)
            case HangUp():
                self._hang_up(received)
            case JingleReceived():
                self._jingle_received(received.sender, received.jingle)
            case Promotion() if received.sender == self.room.jid:
                if received.allowed:
                    raise Departed(told_to(received))
                self.microphone.hand_lowered()

    def _sees(self, presence: OccupantPresence) -> None:
        had_bridge = self.room.bridge_available
        for event in self.room.receive(presence):
            self._seen(event)
        self.surroundings.look()
        if self._session is not None:
            self._session.look()
        self.microphone.look(self.room)
        self.chair.sees(presence)
        if had_bridge != self.room.bridge_available:
            self._bridge_seen()

    def _asks_to_lower_hand(self, endpoint: str) -> None:
        """Somebody does so by the bridge; who is no moderator may not."""
        if self.room.company.is_moderator(endpoint):
            self.microphone.hand_lowered()

    def _hang_up(self, order: HangUp) -> None:
        if not self.room.may_hang_up(order.sender):
            self._connection.send(order.refused())
            return
        self._connection.send(order.granted())
        name = self.room.name_of(resource(order.sender))
        raise Departed(Departure(LeaveCause.HUNG_UP, f"hung up by {name}", name))

    def _jingle_received(self, sender: str, jingle: Jingle) -> None:
        match jingle:
            case Jingle(action=Action.SESSION_INFO, dtmf=Dtmf() as dtmf):
                if bare(sender) != self.room.jid:
                    return
                digit = self._keys.received(resource(sender), dtmf)
                if digit is not None:
                    self._emit(digit)
            case _ if sender == self.room.focus:
                if self.room.focus_present:  # or somebody has taken its nick
                    self._focus_says(jingle)
            case Jingle(action=Action.SESSION_INITIATE) if bare(sender) == self.room.jid:
                # A browser offers a direct connection; declined, it stays on the videobridge.
                decline = Jingle(Action.SESSION_TERMINATE, jingle.sid, reason=Reason("decline"))
                self._send_jingle(sender, decline)

    def _component_says(self, message: ComponentMessage) -> None:
        match read_order(message, self.login.components):
            case ModerationChanged() | ApprovalChanged() as order:
                told = outer_room(message.text("room") or self.room.jid)
                if told == self.room.jid:  # else it has crossed our coming here
                    self.microphone.ordered(order)
            case MoveOrdered(room) if room != self.room.jid and self.login.serves(room):
                sent = Departure(LeaveCause.CONNECTION_LOST, "sent to another room", moved_to=room)
                raise Departed(sent)
            case Demoted(self.room.nick) as order:
                self.microphone.muted_by(None)
                raise Departed(told_to(order))
            case RoomsNamed(names):
                self.login.name_rooms(names)
            case TranscriptionWanted(wanted):
                self.room.is_transcription_wanted = wanted
                self.surroundings.look()
            case MoveOrdered(room):
                log.warning("not going there", room=room)

    def _seen(self, event: RoomEvent) -> None:
        match event:
            case Departure(moved_to=str(told)):
                room = outer_room(told)
                raise Departed(replace(event, moved_to=room if self.login.serves(room) else None))
            case Departure():
                if event.failed:  # audio outlasts a server that is restarted
                    self._end_session(event.text, FOREVER)
                raise Departed(event)
            case FocusLeft():
                log.warning("the focus has left the room")
                self._waiting_for_focus = self._run(self._call_focus_back())
            case FocusJoined() if self._waiting_for_focus is not None:
                self._waiting_for_focus.cancel()
            case OccupantJoined():
                if self._session is None and not self._offer.is_due:
                    self._offer.within(FIRST_OFFER_PATIENCE)
                self.goings.came(event)
            case OccupantLeft() | MachineLeft() | Alone():
                if isinstance(event, Alone):
                    self._offer.no_more()  # to be alone is no fault
                self.goings.went(event)

    def _drop_sources(self, endpoint: str) -> None:
        if self._session is not None:
            self._session.drop_owner(endpoint)

    def _focus_says(self, jingle: Jingle) -> None:
        session = self._session
        if jingle.action == Action.SESSION_INITIATE:
            self._offered(jingle)
        elif session is not None and session.sid != jingle.sid:
            log.debug("jingle for another session", action=jingle.action, sid=jingle.sid)
        elif jingle.action == Action.SESSION_TERMINATE:
            # Without a session, perhaps the end of one whose offer we have refused as unreadable.
            self._terminated(jingle.reason)
        elif session is None:
            log.debug("jingle for no session", action=jingle.action, sid=jingle.sid)
        elif jingle.action == Action.SOURCE_ADD:
            session.add_sources(jingle.sources)
        elif jingle.action == Action.SOURCE_REMOVE:
            session.remove_sources(jingle.sources)
        elif jingle.action == Action.TRANSPORT_INFO:
            session.transport_told(jingle)
        elif jingle.action == Action.TRANSPORT_REPLACE:
            self._send_jingle(self.room.focus, session.reject_transport(jingle))

    # Sessions

    def _offered(self, initiate: Jingle) -> None:
        if self._session is not None and self._session.sid == initiate.sid:
            return
        self._end_session("replaced by another session", FOREVER)
        self._offer.no_more()
        if initiate.start_muted:
            self.microphone.session_begins_muted(is_newcomer=self._is_newcomer)
        self._is_newcomer = False
        log.info("session offered", sid=initiate.sid, sources=len(initiate.sources))
        self._session = BridgeSession(
            initiate,
            room=self.room,
            connection=self._connection,
            media=self._media,
            emit=self._emit,
            open_channel=channel_opener(self._installation, self._asks_to_lower_hand),
            relays=self.login.relays if self._recovery.needs_relay else None,
            audio=self._audio,
            recovery=self._recovery,
        )
        self._serving = self._run(self._serve(self._session))

    def _terminated(self, reason: Reason | None) -> None:
        """The focus has ended the session."""
        text = str(reason or "the focus gave no reason")
        linger = lingering(reason)
        self._end_session(text, linger)
        if not linger:
            self._audio.end(text)
        self._offer.after_end(reason)

    def _end_session(self, reason: str, linger: float) -> None:
        """Its audio may go on for `linger` seconds, until another session has come up."""
        if self._session is not None and self._serving is not None:
            log.info("session ended", sid=self._session.sid, reason=reason)
            self._session.ended_by(reason, linger=linger)
            self._serving.cancel()
            self._session = None

    async def _serve(self, session: BridgeSession) -> None:
        """A session, and what its failure leads to."""
        fault = await session.run(self._installation.media_timeout)
        self._session = None
        log.warning("session failed", sid=session.sid, kind=fault.kind.name, reason=fault.text)
        if fault.kind is FaultKind.UNUSABLE:
            reason = Reason("incompatible-parameters", fault.text)
            self._send_jingle(self.room.focus, session.terminate(reason))
            raise Departed.without_media(fault.text, rejoin=False)
        if fault.kind is FaultKind.REJECTED:
            # The focus keeps us without a session for good; a new endpoint gets another chance,
            # and another SSRC.
            raise Departed.without_media(fault.text, rejoin=True)
        now = asyncio.get_running_loop().time()
        match self._recovery.lost(now, was_connected=fault.kind is FaultKind.LOST):
            case Remedy.RESTART:
                await self._restart(session, fault)
            case Remedy.REJOIN:
                raise Departed.without_media(fault.text, rejoin=True)
            case Remedy.GIVE_UP:
                raise Departed.without_media(fault.text, rejoin=False)

    async def _restart(self, session: BridgeSession, fault: Fault) -> None:
        """Ask for a new session in place of one whose media failed."""
        self._offer.within(RESTART_PATIENCE)
        terminate = session.terminate(Reason("connectivity-error", fault.text), restart=True)
        try:
            await self._connection.request(self.room.focus, terminate.to_element())
        except StanzaError as error:
            log.warning("restart refused", error=str(error))
            # Asked too often, the focus offers nothing more. Any other refusal means that it has
            # ended the session itself meanwhile, and its offer may be on the way.
            if error.condition == "resource-constraint" and self._session is None:
                raise Departed.without_media(fault.text, rejoin=True) from error
        except NoReply as error:
            log.warning("restart not answered", error=str(error))

    def _bridge_seen(self) -> None:
        if not self.room.bridge_available:
            log.warning("the focus has no videobridge")
        elif self._offer.is_due:  # which may come to newcomers only
            self._offer.within(OFFER_PATIENCE)

    async def _call_focus_back(self) -> None:
        """Media goes on without the focus, for a while; a new focus makes new sessions."""
        await asyncio.sleep(FOCUS_PATIENCE)
        log.info("calling the focus back")
        try:
            await self.login.reopen_room(self.room.jid)
        except ConferenceError as error:
            comes_anew = self._installation.node is not None  # visitors cannot ask here
            if comes_anew:
                self._end_session(str(error), FOREVER)  # and hear on until they have
            raise Departed(focus_lost(str(error), rejoin=comes_anew)) from error

    # What goes out

    def _send_jingle(self, to: str, jingle: Jingle) -> None:
        self._connection.send(iq("set", to, jingle.to_element()))

    def _run(self, story: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(story)
