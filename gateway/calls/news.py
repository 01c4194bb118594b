"""What is said in words of what happens in a conference, and of its end. Pure."""

import re
from dataclasses import dataclass

from gateway.calls.end_reason import EndReason
from gateway.calls.reminder import Repair, Wait
from gateway.conference import events as conference
from gateway.conference.events import RecordingMode, RecordingState, WaitingFor
from gateway.ivr.prompt import Prompt

ALONE, ENCRYPTION = "company", "encryption"  # topics of what may be over before it is told


@dataclass(frozen=True, slots=True)
class News:
    """A prompt; while it waits, newer news of the same topic take its place."""

    prompt: Prompt
    topic: str


def news_of(event: conference.Event) -> News | None:
    """What a caller is told of an event, if anything."""
    match event:
        case conference.RecordingChanged():
            return _of_recording(event)
        case conference.TranscriptionChanged(on):
            said = Prompt.TRANSCRIPTION_STARTED if on else Prompt.TRANSCRIPTION_STOPPED
            return News(said, "transcription")
        case conference.EncryptionChanged(on=True):
            return News(Prompt.NOT_HEARD, ENCRYPTION)
        case conference.Waiting(password_refused=True):
            return News(Prompt.PASSWORD_WRONG, "door")
        case conference.Waiting(for_=WaitingFor.LOBBY):
            return News(Prompt.LOBBY, "door")
        case conference.Waiting():
            return News(Prompt.WAIT_FOR_HOST, "door")
        case conference.Alone():
            return News(Prompt.ALONE, ALONE)
        case conference.Moved(is_main=is_main):
            return News(Prompt.MAIN_ROOM if is_main else Prompt.BREAKOUT_ROOM, "room")
    return _of_microphone(event)


def waiting_of(wait: Wait) -> Prompt:
    """What a caller is told that it waits for."""
    if isinstance(wait, Repair):
        return Prompt.CONNECTION_LOST if wait.was_heard else Prompt.ONE_MOMENT
    news = news_of(wait)
    assert news is not None
    return news.prompt


def spoken_part(room: str) -> str:
    """What is said of the name of a breakout room, after "the breakout room": of those that Jitsi
    itself gives, "Breakout room #2", only the number."""
    numbered = re.fullmatch(r".*#(\d+)", room)
    return numbered[1] if numbered else room


def _of_microphone(event: conference.Event) -> News | None:
    match event:
        case conference.MutedByModerator(actor):
            said = Prompt.MUTED if actor is None else Prompt.MUTED_BY_MODERATOR
            return News(said, "microphone")
        case conference.HandLowered():
            return News(Prompt.HAND_LOWERED_BY_MODERATOR, "microphone")
        case conference.Approved() | conference.VisitorChanged(on=False):
            return News(Prompt.MAY_SPEAK, "microphone")
        case conference.VisitorChanged(on=True):
            return News(Prompt.MAY_NOT_UNMUTE, "microphone")
    return None


def _of_recording(event: conference.RecordingChanged) -> News | None:
    is_stream = event.mode is RecordingMode.STREAM
    topic = "stream" if is_stream else "recording"
    match event.state:
        case RecordingState.ON:
            started = Prompt.STREAMING_STARTED if is_stream else Prompt.RECORDING_STARTED
            return News(started, topic)
        case RecordingState.OFF:
            stopped = Prompt.STREAMING_STOPPED if is_stream else Prompt.RECORDING_STOPPED
            return News(stopped, topic)
    return None


def farewell_of(reason: EndReason) -> Prompt:
    """What is said before a call is hung up for this reason."""
    return FAREWELLS.get(reason, Prompt.NOT_REACHABLE)


FAREWELLS = {
    EndReason.LOBBY_DENIED: Prompt.DENIED,
    EndReason.LOBBY: Prompt.GOODBYE,
    EndReason.WAITING_FOR_HOST: Prompt.GOODBYE,
    EndReason.PASSWORD_WRONG: Prompt.PASSWORD_WRONG,
    EndReason.ROOM_FULL: Prompt.MEETING_FULL,
    EndReason.KICKED: Prompt.REMOVED,
    EndReason.BANNED: Prompt.REMOVED,
    EndReason.MEETING_ENDED: Prompt.MEETING_ENDED,
    EndReason.HUNG_UP: Prompt.GOODBYE,
    EndReason.TOO_LONG: Prompt.TIME_IS_UP,
    EndReason.CONFERENCE_LOST: Prompt.NOT_REACHABLE,
    EndReason.MEDIA_FAILED: Prompt.NOT_REACHABLE,
}
