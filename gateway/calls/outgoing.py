"""The story of a call that goes out: into the conference, then to the phone, talking, the end.

The conference has asked for it, and shows it as a participant while it rings. What becomes of it
is told there: in the participant's status, for a moment after a failure too.
"""

import asyncio
import re
from collections.abc import Mapping

import structlog

from gateway.calls.called_phone import CalledPhone
from gateway.calls.confirmation import Confirmation
from gateway.calls.conversation import Conversation
from gateway.calls.dial_out import DialOut
from gateway.calls.end_reason import CallEnd, EndReason, Over, first_over, of_join_failure
from gateway.calls.keys import Keys
from gateway.calls.limits import LimitWatch
from gateway.calls.media_session import MediaSession
from gateway.calls.presses import Presses
from gateway.calls.record import CallRecord
from gateway.calls.services import Services
from gateway.calls.teller import teller_of
from gateway.calls.trunk import Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.events import Waiting
from gateway.conference.installation import Installation
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError, JoinFailure
from gateway.ivr.phrasebook import Speech
from gateway.sip.call import Call

log = structlog.get_logger(__name__)

ROOM_HEADER = "Jitsi-Conference-Room"

_DIRECTION = {"JigasiCallDirection": "out"}
_SHOWN_FOR = 5.0  # seconds that a failure is shown in the participant's status
_SHOWN = {
    EndReason.BUSY: "Busy",
    EndReason.DECLINED: "Declined",
    EndReason.NO_ANSWER: "No answer",
    EndReason.NOT_CONFIRMED: "No answer",
    EndReason.NO_SUCH_NUMBER: "No such number",
    EndReason.CALL_FAILED: "Call failed",
    EndReason.NO_COMMON_CODEC: "Call failed",
    EndReason.NO_COMMON_ENCRYPTION: "Call failed",
    EndReason.BAD_DESCRIPTION: "Call failed",
    EndReason.NO_PORT: "Call failed",
}
# Only headers of an application's own go to the trunk: no other may be set by a web page.
_COPIED = re.compile(r"(?i:x-|jitsi-)[A-Za-z0-9.!%*_+`'~-]+")


class OutgoingCall:
    """One call to `number` through a trunk, for `room`; `run` it once.

    `headers` came with the order to dial; `shown_as` is its name in the conference. `inviter` is
    the user who has ordered it, if the conference says so.
    """

    def __init__(
        self,
        number: str,
        trunk: Trunk,
        installation: Installation,
        room: RoomAddress,
        services: Services,
        record: CallRecord,
        *,
        shown_as: str,
        password: str | None,
        headers: Mapping[str, str],
        inviter: str | None = None,
    ) -> None:
        self.joined: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Our occupant JID, in the room or in its lobby; ConferenceError if we are in neither."""
        self.joined.add_done_callback(asyncio.Future.exception)  # perhaps nobody waits any more
        self._stopped: asyncio.Future[CallEnd] = asyncio.get_running_loop().create_future()
        self._number = number
        self._trunk = trunk
        self._services = services
        self._record = record
        self._headers = headers
        self._inviter = inviter
        self._session = MediaSession(services.switch, record.id, trunk.sound)
        self._limits = LimitWatch(services.limits)
        self._phone = CalledPhone(self._session, services, record, trunk, self._limits.answered)
        self._voice = services.voices.voice(self._session, caller=number, called=number)
        self._teller = teller_of(trunk, self._voice, self._session, self._said_by)
        self._keys = Keys(self._teller, self._wait, trunk.keys)
        self._participant = Participant(
            installation,
            room,
            display_name=shown_as,
            media=self._session,
            password=password,
            initiator={**headers, **_DIRECTION},
            dial_pad=True,
        )

    async def run(self) -> None:
        """Return when nothing of the call is left; `record` says how it went."""
        with self._phone:
            try:
                await self._attend()
            finally:
                if not self.joined.done():
                    self.joined.set_exception(_not_joined("the call has ended"))

    async def _attend(self) -> None:
        participant, phone, through = self._participant, self._phone, self._trunk.dial_out
        assert through is not None, "a trunk that was chosen for it"
        talk = self._conversation()
        participant.set_status("Initializing Call")
        async with self._session, participant:
            try:
                async with asyncio.TaskGroup() as beside:
                    beside.create_task(self._until_stopped())
                    beside.create_task(talk.follow_engine())
                    beside.create_task(talk.follow_conference())
                    await phone.prepare()
                    if through.confirm:
                        self._session.seclude(True)
                    await self._join()
                    await phone.call(
                        self._number,
                        through,
                        headers=(*through.headers, *self._copied(through)),
                        ringing=lambda: participant.set_status("Ringing"),
                    )
                    beside.create_task(phone.follow(talk))
                    beside.create_task(phone.follow_successors(talk))
                    beside.create_task(talk.keep_limits())
                    if through.confirm:
                        await self._confirm()
                    participant.set_status("Connected")
                    talk.entered()
                    beside.create_task(talk.speak(phone))
                    beside.create_task(talk.tell())
                    beside.create_task(talk.backdrop.run())
            except* Over as over:
                if not self.joined.done():
                    self.joined.set_exception(_not_joined(first_over(over).text))
                await self._end(first_over(over))
        self._record.report = self._session.report

    def _conversation(self) -> Conversation:
        return Conversation(
            self._session,
            self._participant,
            self._record,
            trunk=self._trunk,
            answer=self._wait,
            keys=self._keys,
            limits=self._limits,
            takes_keys=True,
            teller=self._teller,
            waiting=self._is_at_door,
            presses=Presses(),
        )

    def shut_down(self) -> None:
        """End the call because the gateway goes down."""
        self.stop(CallEnd(EndReason.SHUTDOWN, "the gateway is shutting down"))

    def holds(self, call: Call) -> bool:
        """Whether this is its phone's call."""
        return self._phone.is_in(call)

    def take_over(self, call: Call) -> None:
        """Another phone takes the place of its phone, by this call."""
        self._phone.take_over(call)

    def stop(self, end: CallEnd) -> None:
        """End the call, wherever it is."""
        if not self._stopped.done():
            self._stopped.set_result(end)

    async def _until_stopped(self) -> None:
        raise Over(await self._stopped)

    async def _join(self) -> None:
        try:
            await self._participant.join()
        except ConferenceError as error:
            if not self.joined.done():
                self.joined.set_exception(error)
            raise Over(of_join_failure(error)) from error
        self._record.joined(self._participant)
        self._is_at(f"{self._participant.room.jid}/{self._participant.endpoint}")

    async def _confirm(self) -> None:
        """Let somebody who has answered in, and no machine."""
        participant = self._participant
        participant.set_status("Ringing")
        inviter = participant.name_of_user(self._inviter) if self._inviter is not None else None
        confirmation = Confirmation(self._voice, inviter)
        async with asyncio.TaskGroup() as asking:
            speaking = asking.create_task(self._voice.run())
            with self._keys.answering(confirmation):
                await confirmation.run()
            speaking.cancel()
        self._session.seclude(False)

    def _is_at_door(self, waiting: Waiting) -> None:
        if waiting.occupant is not None:
            self._is_at(waiting.occupant)

    def _is_at(self, occupant: str) -> None:
        if not self.joined.done():
            self.joined.set_result(occupant)

    def _said_by(self, endpoint: str) -> Speech:
        """What somebody in our room has said for its name."""
        return self._services.spoken_names.of(self._participant.seen_as[0], endpoint)

    async def _wait(self) -> None:
        """Nobody is to be answered: the phone is called when the conference has let us in."""

    def _copied(self, through: DialOut) -> tuple[tuple[str, str], ...]:
        """Headers of the INVITE: the room, and what came along with the order to dial.

        Those that the trunk has of its own nobody else may set.
        """
        taken = {ROOM_HEADER.lower(), *(name.lower() for name, _ in through.headers)}
        copied = [
            (name, " ".join(value.split()))
            for name, value in self._headers.items()
            if _COPIED.fullmatch(name) and name.lower() not in taken
        ]
        return ((ROOM_HEADER, self._participant.room.jid), *copied)

    async def _end(self, end: CallEnd) -> None:
        self._phone.hang_up(end)
        words = _SHOWN.get(end.reason)
        if words is not None:
            self._participant.set_status(words)
            await asyncio.sleep(_SHOWN_FOR)


def _not_joined(text: str) -> ConferenceError:
    return ConferenceError(JoinFailure.REFUSED, text)
