"""Rule 18: a recording is pending, on, off, and each presence of the focus says so."""

import pytest

from gateway.lab.focus_recording import JIBRI, RecordingRefused
from gateway.xmpp.element import child, element
from tests.lab.rig import FOCUS, ROOM, Client, Rig, condition


def states(client: Client) -> list[str | None]:
    """What the focus' presences say of recordings, in order."""
    found = [
        child(stanza, JIBRI, "jibri-recording-status")
        for stanza in client.presences
        if stanza.get("from") == FOCUS
    ]
    return [state.get("status") if state is not None else None for state in found]


@pytest.mark.parametrize("mode", ["file", "stream"])
def test_a_recording_goes_through_its_states(mode: str) -> None:
    rig = Rig()
    ann = rig.speaker()
    client = rig.joined()
    before = len(states(client))
    rig.conference.start_recording(mode, f"{ROOM}/{ann.nick}", rig.now)
    rig.wait(1.5)
    rig.conference.stop_recording()
    rig.flush()
    assert states(client)[before:] == ["pending", "on", "off"]
    last = child(client.presences[-1], JIBRI, "jibri-recording-status")
    assert last.get("recording_mode") == mode
    assert last.get("initiator") == f"{ROOM}/{ann.nick}"
    assert last.get("session_id")


def test_the_state_is_repeated_in_each_presence_and_told_to_who_comes_later() -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.conference.start_recording("file", None, rig.now)
    rig.wait(1.5)
    rig.conference.set_bridge_available(False, rig.now)
    rig.flush()
    assert states(client)[-2:] == ["on", "on"]
    assert states(rig.joined())[0] == "on"


@pytest.mark.parametrize("failure", ["busy", "error"])
def test_a_recording_may_fail(failure: str) -> None:
    rig = Rig()
    rig.speaker()
    client = rig.joined()
    rig.conference.start_recording("file", None, rig.now)
    rig.conference.stop_recording(failure)
    rig.wait(1.5)
    last = child(client.presences[-1], JIBRI, "jibri-recording-status")
    assert (last.get("status"), last.get("failure_reason")) == ("off", failure)
    assert "on" not in states(client)


def test_there_is_one_recording_at_a_time() -> None:
    rig = Rig()
    rig.speaker()
    rig.conference.start_recording("file", None, rig.now)
    with pytest.raises(RecordingRefused):
        rig.conference.start_recording("stream", None, rig.now)
    rig.conference.stop_recording()
    with pytest.raises(RecordingRefused):
        rig.conference.stop_recording()


def order(client: Client, **attributes: str):
    return client.request(FOCUS, element(JIBRI, "jibri", attributes))


def test_moderators_order_recordings_and_nobody_else_does() -> None:
    rig = Rig()
    moderator = rig.joined()
    other = rig.joined()
    assert condition(order(other, action="start", recording_mode="file")) == "not-allowed"
    answer = order(moderator, action="start", recording_mode="file")
    told = child(answer, JIBRI, "jibri")
    assert told.get("status") == "pending"
    assert condition(order(moderator, action="start")) == "unexpected-request"
    assert condition(order(moderator, action="stop", session_id="x")) == "item-not-found"
    assert condition(order(moderator, action="dance")) == "bad-request"
    stopped = order(moderator, action="stop", session_id=told.get("session_id"))
    assert child(stopped, JIBRI, "jibri").get("status") == "off"


def test_a_recorder_is_no_member_of_the_conference() -> None:
    rig = Rig()
    client = rig.joined()
    recorder = Client(rig, domain="hidden.lab.test")
    recorder.join()
    assert list(rig.conference.members) == [client.nick]
    assert client.jingles("session-initiate") == []  # with a recorder, it is alone as before
    recorder.leave()
    assert list(rig.conference.members) == [client.nick]
