"""The caller's microphone during one stay: carries out what `Floor` says, and tells the room.

Muting takes effect in the engine at once; the room is told by our presence, and the focus, when
we unmute, by a request to lift what it may have forced on us. A phone on hold is silent as well,
but that is no muting: it goes with the hold, whatever becomes of the microphone meanwhile.
"""

import asyncio
import time

import structlog

from gateway.conference.appearance import Appearance
from gateway.conference.audio import BridgeMedia, Emit
from gateway.conference.component_orders import ApprovalChanged, ModerationChanged
from gateway.conference.events import (
    ApprovalWithdrawn,
    Approved,
    HandLowered,
    ModerationSwitched,
    MutedByModerator,
)
from gateway.conference.floor import Floor, Toggled
from gateway.conference.room import Room
from gateway.sparse_lines import SparseLines
from gateway.xmpp.connection import Connection
from gateway.xmpp.mute import unmute_request
from gateway.xmpp.stanza import NoReply, StanzaError

log = structlog.get_logger(__name__)


class Microphone:
    """`floor` is what we come with, on hold or not; `appearance` is how the room sees us."""

    def __init__(
        self,
        floor: Floor,
        appearance: Appearance,
        *,
        is_held: bool,
        connection: Connection,
        focus: str,
        media: BridgeMedia,
        emit: Emit,
    ) -> None:
        self.floor = floor
        self._appearance = appearance
        self._is_held = is_held
        self._connection = connection
        self._focus = focus
        self._media = media
        self._emit = emit
        self._unmuted = asyncio.Event()
        self._lines = SparseLines.one_a_second()
        self._apply(floor)  # it may have changed since we sent that presence

    # The caller's side

    def toggle(self) -> Toggled:
        """The caller has pressed the microphone key."""
        toggled, floor = self.floor.toggled(round(time.time() * 1000))
        times = self._lines.count(asyncio.get_running_loop().time())
        if times is not None:
            log.info("microphone key", done=toggled.name.lower(), times=times)
        self._apply(floor)
        return toggled

    def set_muted(self, muted: bool) -> bool:
        """Mute or unmute; False, and nothing has changed, if we may not unmute."""
        if not muted and self.floor.is_blocked:
            return False
        self._apply(self.floor.with_mute(muted))
        return True

    def raise_hand(self) -> None:
        """Ask to speak; a hand that is up stays where it is in the row of hands."""
        if self.floor.hand_raised_at is None:
            self._apply(self.floor.with_hand(round(time.time() * 1000)))

    def hold(self, held: bool) -> None:
        """The phone is on hold, or no longer."""
        was_silent, self._is_held = self._is_silent, held
        self._tell(was_silent)

    def toggle_hand(self) -> Toggled:
        """The caller asks to speak, or no longer."""
        if self.floor.hand_raised_at is None:
            self.raise_hand()
            return Toggled.HAND_RAISED
        self.lower_hand()
        return Toggled.HAND_LOWERED

    def lower_hand(self) -> None:
        """Ask no longer."""
        self._apply(self.floor.with_hand(None))

    # The conference's side

    def muted_by(self, actor: str | None) -> None:
        """A moderator (a name), or the rules (None), want us muted."""
        if self.floor.muted:
            return
        log.info("muted", actor=actor)
        self._apply(self.floor.with_mute(True))
        self._emit(MutedByModerator(actor))

    def session_begins_muted(self, *, is_newcomer: bool) -> None:
        """The focus wants a session to begin so.

        Who is no newcomer goes on speaking in its next session, except where audio is moderated:
        there the bridge holds it back until the focus is asked to have it heard.
        """
        if is_newcomer or self.floor.moderated:
            self.muted_by(None)

    def hand_lowered(self) -> None:
        """A moderator wants our hand down."""
        if self.floor.hand_raised_at is not None:
            self.lower_hand()
            self._emit(HandLowered())

    def ordered(self, order: ModerationChanged | ApprovalChanged) -> None:
        """A moderator has changed who may speak."""
        match order:
            case ModerationChanged(enabled):
                self._apply(self.floor.with_moderation(enabled))
                self._emit(ModerationSwitched(enabled))
            case ApprovalChanged(approved):
                self._apply(self.floor.with_approval(approved))
                self._emit(Approved() if approved else ApprovalWithdrawn())
        log.info("audio moderation", blocked=self.floor.is_blocked)
        if self.floor.is_blocked:
            self.muted_by(None)

    def look(self, room: Room) -> None:
        """The room has told us our role, perhaps, or whether one more may speak."""
        floor = self.floor.with_role(room.role).with_limit(room.is_audio_limit_reached)
        if floor != self.floor:
            self._apply(floor)

    # What goes out

    async def ask_to_be_heard(self) -> None:
        """Have the focus lift what it, or a moderator, has forced on us, each time we unmute."""
        while True:
            await self._unmuted.wait()
            self._unmuted.clear()
            if self.floor.muted:  # again, already
                continue
            request = unmute_request(self._appearance.presence.occupant)
            try:
                await self._connection.request(self._focus, request)
            except NoReply as error:
                log.warning("unmuting not answered", error=str(error))
            except StanzaError as error:
                log.warning("unmuting refused", error=str(error))
                if error.condition in ("not-allowed", "forbidden"):
                    self.muted_by(None)

    def _apply(self, floor: Floor) -> None:
        was_silent, was_muted, self.floor = self._is_silent, self.floor.muted, floor
        if was_muted and not floor.muted:
            self._unmuted.set()
        self._tell(was_silent)

    def _tell(self, was_silent: bool) -> None:
        """Let the engine and the room know."""
        if self._is_silent != was_silent:
            self._media.mute(self._is_silent)
        self._appearance.has_floor(self.floor, is_silent=self._is_silent)

    @property
    def _is_silent(self) -> bool:
        return self.floor.muted or self._is_held
