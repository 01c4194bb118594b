"""What has to be told of what goes on: each thing once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.events import (
    CompanyChanged,
    EncryptionChanged,
    RecordingChanged,
    RecordingMode,
    RecordingState,
    TranscriptionChanged,
)
from gateway.conference.proceedings import Proceedings, ProceedingsEvent
from gateway.conference.room import Room
from gateway.xmpp.conference_properties import AUDIO_RECORDED
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.recording import RecordingStatus

JID = "room@conference.meet.test"
FILE, STREAM = RecordingMode.FILE, RecordingMode.STREAM
PENDING, ON = RecordingState.PENDING, RecordingState.ON
OFF, FAILED = RecordingState.OFF, RecordingState.FAILED


class Followed:
    """A room, and what was told of it since the last time."""

    def __init__(self, room: Room | None = None) -> None:
        self.room = room or Room(JID, "me", ("hidden.meet.test",))
        self.told = Proceedings()
        self.changes()

    def focus(self, *recordings: RecordingStatus, **rest: object) -> list[ProceedingsEvent]:
        seen = OccupantPresence(f"{JID}/focus", True, recordings=recordings)
        self.room.receive(replace(seen, **rest))  # type: ignore[arg-type]
        return self.changes()

    def alice(self, **rest: object) -> list[ProceedingsEvent]:
        seen = OccupantPresence(f"{JID}/alice", True, display_name="Alice")
        self.room.receive(replace(seen, **rest))  # type: ignore[arg-type]
        return self.changes()

    def changes(self) -> list[ProceedingsEvent]:
        self.told, events = self.told.now(self.room)
        return events


def test_a_recording_is_told_in_every_state_and_each_once() -> None:
    story = Followed()
    for status, state in (("pending", PENDING), ("on", ON), ("off", OFF)):
        recording = RecordingStatus("s1", status)
        assert story.focus(recording) == [RecordingChanged(FILE, state, "s1")]
        assert story.focus(recording) == []  # every presence repeats it


def test_a_recording_that_was_over_when_we_came_is_no_news() -> None:
    story = Followed()
    assert story.focus(RecordingStatus("s1", "off")) == []


def test_a_recording_that_never_began_has_failed() -> None:
    story = Followed()
    story.focus(RecordingStatus("s1", "pending", is_stream=True))
    failed = RecordingStatus("s1", "off", is_stream=True, failure="busy")
    assert story.focus(failed) == [RecordingChanged(STREAM, FAILED, "s1", "busy")]


def test_one_recording_after_another_and_a_stream_beside() -> None:
    story = Followed()
    first, stream = RecordingStatus("s1", "on"), RecordingStatus("l1", "on", is_stream=True)
    assert story.focus(first, stream) == [
        RecordingChanged(FILE, ON, "s1"),
        RecordingChanged(STREAM, ON, "l1"),
    ]
    # What the focus lists no longer is over.
    second = RecordingStatus("s2", "pending")
    assert story.focus(second, stream) == [
        RecordingChanged(FILE, OFF, "s1"),
        RecordingChanged(FILE, PENDING, "s2"),
    ]
    assert story.focus() == [
        RecordingChanged(FILE, FAILED, "s2"),
        RecordingChanged(STREAM, OFF, "l1"),
    ]


def test_the_videobridge_records_as_well() -> None:
    story = Followed()
    assert story.focus(properties=frozenset({AUDIO_RECORDED})) == [RecordingChanged(FILE, ON, "")]
    assert story.focus(properties=frozenset({AUDIO_RECORDED})) == []
    assert story.focus() == [RecordingChanged(FILE, OFF, "")]


def test_a_focus_that_leaves_does_not_end_recordings() -> None:
    story = Followed()
    story.focus(RecordingStatus("s1", "on"))
    assert story.focus(available=False) == []


def test_another_room_is_told_of_by_what_is_different_there() -> None:
    story = Followed()
    story.focus(RecordingStatus("s1", "on"))
    story.alice(encrypts=True)
    story.room = Room(JID, "me2")
    # As long as the focus has not been heard, nothing is known of recordings.
    assert story.changes() == [CompanyChanged(0, 0), EncryptionChanged(False)]
    assert story.focus() == [RecordingChanged(FILE, OFF, "s1")]
    story.room = Room(JID, "me3")
    assert story.focus(RecordingStatus("s1", "on")) == [RecordingChanged(FILE, ON, "s1")]


def test_transcription_is_told_by_the_transcriber_and_by_the_metadata() -> None:
    story = Followed()
    transcriber = {"real_jid": "t@hidden.meet.test/1", "transcribes": True}
    assert story.alice(**transcriber) == [TranscriptionChanged(True)]
    story.room.is_transcription_wanted = True
    assert story.changes() == []
    assert story.alice(**transcriber, available=False) == []
    story.room.is_transcription_wanted = False
    assert story.changes() == [TranscriptionChanged(False)]


def test_encryption_is_told_when_the_first_begins_and_the_last_ends() -> None:
    story = Followed()
    bob = OccupantPresence(f"{JID}/bob", True, encrypts=True)
    assert story.alice(encrypts=True) == [
        CompanyChanged(1, 0),
        EncryptionChanged(True, ("Alice",)),
    ]
    story.room.receive(bob)
    assert story.changes() == [CompanyChanged(2, 0)]
    assert story.alice() == []
    story.room.receive(replace(bob, available=False))
    assert story.changes() == [CompanyChanged(1, 0), EncryptionChanged(False)]


def test_that_nobody_is_there_is_told_as_well() -> None:
    _, events = Proceedings().now(Room(JID, "me"))
    assert events == [CompanyChanged(0, 0)]


statuses = st.builds(
    RecordingStatus, st.sampled_from("abc"), st.sampled_from(["pending", "on", "off"])
)


@given(st.lists(st.lists(statuses, max_size=3, unique_by=lambda each: each.session), max_size=20))
def test_recordings_end_after_they_began_and_only_once(
    presences: list[list[RecordingStatus]],
) -> None:
    story, state = Followed(), dict[str, RecordingState]()
    for recordings in presences:
        for event in story.focus(*recordings):
            assert isinstance(event, RecordingChanged)
            before = state.get(event.session, OFF)
            allowed = {OFF: (ON,), FAILED: (PENDING,)}.get(event.state)
            assert event.state != before and (allowed is None or before in allowed)
            state[event.session] = event.state
    running = {each.session for each in (presences or [[]])[-1] if each.status != "off"}
    assert running == {session for session, last in state.items() if last in (ON, PENDING)}
