"""What goes on in a room that a caller has to know of, and what has changed in it. Pure.

What was told is compared with what is, so that nothing is told twice: presences repeat everything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.conference.events import (
    CompanyChanged,
    EncryptionChanged,
    RecordingChanged,
    RecordingMode,
    RecordingState,
    TranscriptionChanged,
)
from gateway.conference.room import Room
from gateway.xmpp.recording import RecordingStatus

ProceedingsEvent = CompanyChanged | RecordingChanged | TranscriptionChanged | EncryptionChanged

_BRIDGE = ""  # a recording by the videobridge has no session


@dataclass(frozen=True, slots=True)
class Proceedings:
    """What a caller has been told; before it has been told anything, nothing goes on.

    `recordings` are by session; None if the focus has not been heard.
    """

    company: CompanyChanged | None = None
    recordings: Mapping[str, RecordingStatus] | None = None
    is_transcribed: bool = False
    encrypting: tuple[str, ...] = ()

    @classmethod
    def of(cls, room: Room) -> "Proceedings":
        """What goes on in a room now."""
        recordings = None
        if room.recordings is not None:
            recordings = {each.session: each for each in room.recordings}
            if room.is_audio_recorded:
                recordings[_BRIDGE] = RecordingStatus(_BRIDGE, "on")
        return cls(
            company=room.company.count,
            recordings=recordings,
            is_transcribed=room.company.is_transcribed or room.is_transcription_wanted,
            encrypting=room.company.encrypting,
        )

    def now(self, room: Room) -> tuple["Proceedings", list[ProceedingsEvent]]:
        """What goes on in the room now, and what has to be told of it."""
        current = Proceedings.of(room)
        if current.recordings is None:
            current = replace(current, recordings=self.recordings)
        return current, list(_changes(self, current))


def _changes(before: Proceedings, now: Proceedings) -> Iterator[ProceedingsEvent]:
    if now.company is not None and now.company != before.company:
        yield now.company
    yield from _recordings(before.recordings or {}, now.recordings or {})
    if now.is_transcribed != before.is_transcribed:
        yield TranscriptionChanged(now.is_transcribed)
    if bool(now.encrypting) != bool(before.encrypting):
        yield EncryptionChanged(bool(now.encrypting), now.encrypting)


def _recordings(
    before: Mapping[str, RecordingStatus], now: Mapping[str, RecordingStatus]
) -> Iterator[RecordingChanged]:
    for session in (*before, *(each for each in now if each not in before)):
        # What the focus lists no longer is over; what was off when we came never began.
        absent = RecordingStatus(session, "off")
        old, new = before.get(session, absent), now.get(session, absent)
        if old.status == new.status:
            continue
        state = RecordingState(new.status)
        if state is RecordingState.OFF and old.status != "on":
            state = RecordingState.FAILED
        known = new if session in now else old
        mode = RecordingMode.STREAM if known.is_stream else RecordingMode.FILE
        yield RecordingChanged(mode, state, session, new.failure)
