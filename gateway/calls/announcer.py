"""What a caller hears once when something happens in its conference, and what the log says of it.

The backdrop, unlike that, lasts as long as what it stands for. Pure.
"""

from gateway.conference import events as conference
from gateway.conference.events import RecordingState
from gateway.media.messages import Tone


def tone_of(event: conference.Event) -> Tone | None:
    """The tone that tells of an event, if any does."""
    match event:
        case conference.Waiting(password_refused=True):
            return Tone.REFUSED
        case conference.MutedByModerator() | conference.VisitorChanged(on=True):
            return Tone.MUTED
        case conference.Approved() | conference.VisitorChanged(on=False):
            return Tone.MAY_SPEAK
        case conference.RecordingChanged(state=RecordingState.ON):
            return Tone.RECORDING
        case conference.RecordingChanged(state=RecordingState.OFF):
            return Tone.RECORDING_OVER
        case conference.TranscriptionChanged(on):
            return Tone.RECORDING if on else Tone.RECORDING_OVER
        case conference.EncryptionChanged(on=True):
            return Tone.NOT_HEARD
    return None


def line_of(event: conference.Event) -> tuple[str, dict[str, object]] | None:
    """What the log says of an event, and with which values. What people write is not in it."""
    match event:
        case conference.MutedByModerator(actor):
            return "muted by moderator", {"actor": actor}
        case conference.Approved():
            return "may speak", {}
        case conference.HandLowered():
            return "hand lowered by moderator", {}
        case conference.VisitorChanged(on):
            return "visitor", {"on": on}
        case conference.RecordingChanged(mode, state, session, failure):
            values: dict[str, object] = {
                "mode": mode.value,
                "state": state.value,
                "session": session,
            }
            return "recording", values | ({"failure": failure} if failure else {})
        case conference.TranscriptionChanged(on):
            return "transcription", {"on": on}
        case conference.EncryptionChanged(on):
            return "end-to-end encryption", {"on": on}
        case conference.CompanyChanged() if event.only_phones:
            return "only phones in the conference", {"phones": event.phones}
    return None
