"""A participant that is told what goes on in its room, and with whom."""

from dataclasses import replace

import pytest
import structlog

from gateway.conference.awaited_offer import FIRST_OFFER_PATIENCE
from gateway.conference.events import (
    Alone,
    ChatReceived,
    CompanyChanged,
    EncryptionChanged,
    Event,
    MediaUp,
    Moved,
    OccupantJoined,
    OccupantLeft,
    RecordingChanged,
    RecordingMode,
    RecordingState,
    Rejoined,
    TranscriptionChanged,
)
from gateway.conference.goings import BACK_WITHIN
from tests.conference.world import (
    BREAKOUT,
    COMPONENTS,
    INSTALLATION,
    ROOM,
    Call,
    Media,
    World,
    offer,
    settle,
)
from tests.xmpp.virtual_time import in_virtual_time

HIDING = replace(INSTALLATION, hidden_domains=("recorder.meet.test",))
RECORDER = "recorder@recorder.meet.test/1"
JIGASI = "<features><feature var='http://jitsi.org/protocol/jigasi'/></features>"
ENCRYPTING = "<jitsi_participant_e2ee.enabled>true</jitsi_participant_e2ee.enabled>"

ON = RecordingChanged(RecordingMode.FILE, RecordingState.ON, "s1")
OFF = RecordingChanged(RecordingMode.FILE, RecordingState.OFF, "s1")


def recording(status: str) -> str:
    return (
        "<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' session_id='s1' "
        f"recording_mode='file' status='{status}' initiator='{ROOM}/alice'/>"
    )


def with_alice() -> World:
    return World(occupants={"alice": "Alice"}, components={**COMPONENTS, "room_metadata": "m.test"})


def status_shown(world: World) -> str | None:
    last = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1]
    return last.stanza.findtext("{jabber:client}status")


# Company


@in_virtual_time
async def test_company_is_told_on_entering_and_when_it_changes() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.presence("phone", "+49 1", extra=JIGASI)
        await settle()
        world.goes("alice")
        await settle()
        assert call.company == [CompanyChanged(1, 0), CompanyChanged(1, 1), CompanyChanged(0, 1)]
        assert call.company[-1].only_phones
        world.presence("phone", gone=True)
        await settle(1.5)
        assert call.company[-1].is_alone and call.told()[-1] == Alone()


@in_virtual_time
async def test_a_recorder_is_no_company_comes_and_goes_unseen_and_takes_its_sources_along() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media, installation=HIDING) as call:
        world.request(offer("s1", {"alice": 2001, "jibri": 2002}))
        await settle(1)
        world.presence("jibri", "Recorder", jid=RECORDER)
        await settle()
        world.goes("alice")
        await settle(1.5)
        assert call.told() == [MediaUp(), OccupantLeft("alice", "Alice"), Alone()]
        assert media.heard == {2002: "jibri"}
        world.presence("jibri", gone=True)
        await settle(1.5)
        assert media.heard == {}
        assert call.told() == []
        assert call.company == [CompanyChanged(1, 0), CompanyChanged(0, 0)]


@in_virtual_time
async def test_the_first_caller_of_a_room_is_told_at_once_that_it_is_alone() -> None:
    async with Call(World(), Media()) as call:
        await settle()
        assert call.told() == [Alone()]


def put_out(world: World) -> None:
    """What a server that goes down does: Alice is put out before us, and comes back after us."""
    world.goes("alice")
    world.occupants.clear()
    world.lose()


@in_virtual_time
async def test_the_first_who_is_back_is_not_told_that_it_is_alone_while_others_come_back() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        put_out(world)
        await settle(BACK_WITHIN)
        world.presence("alice", "Alice")
        await settle(2 * BACK_WITHIN)
        assert call.told() == [Rejoined(), OccupantJoined("alice", "Alice")]
        world.goes("alice")
        await settle(1.5)  # as soon as ever
        assert call.told() == [OccupantLeft("alice", "Alice"), Alone()]


@in_virtual_time
async def test_who_comes_back_and_goes_again_leaves_us_alone_once() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        put_out(world)
        await settle(2)
        world.presence("alice", "Alice")
        world.goes("alice")
        await settle(2 * BACK_WITHIN)
        told = [OccupantJoined("alice", "Alice"), OccupantLeft("alice", "Alice"), Alone()]
        assert call.told() == [Rejoined(), *told]


@in_virtual_time
async def test_who_comes_for_a_moment_as_all_others_leave_leaves_us_alone_once() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.goes("alice")
        for nick in ("bob", "bob"):
            await settle(0.2)
            world.presence(nick, "Bob")
            await settle(0.2)
            world.goes(nick)
        await settle(2)
        told = call.told()
        assert [event for event in told if not isinstance(event, OccupantJoined)] == [
            OccupantLeft("alice", "Alice"),
            OccupantLeft("bob", "Bob"),
            Alone(),
        ]


@in_virtual_time
async def test_who_has_come_back_to_nobody_is_told_so_once_when_nobody_comes() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        put_out(world)
        await settle(BACK_WITHIN)
        assert call.told() == [Rejoined()]
        await settle(2 * BACK_WITHIN)
        assert call.told() == [Alone()]


@in_virtual_time
async def test_who_was_alone_before_is_told_at_once_that_it_still_is() -> None:
    world = World()
    async with Call(world, Media()) as call:
        world.lose()
        await settle(2)
        assert call.told() == [Alone(), Rejoined(), Alone()]


@in_virtual_time
async def test_with_nobody_but_a_recorder_an_offer_may_come_and_need_not() -> None:
    world, media = World(on_join=lambda: world.presence("jibri", jid=RECORDER)), Media()
    async with Call(world, media, installation=HIDING) as call:
        await settle(3 * FIRST_OFFER_PATIENCE)
        assert call.told() == [Alone()] and len(world.streams) == 1
        world.request(offer("s1", {"jibri": 2002}))
        await settle(1)
        assert call.told() == [MediaUp()]


@in_virtual_time
async def test_without_hidden_domains_the_same_one_is_company() -> None:
    world = World(on_join=lambda: world.presence("jibri", jid=RECORDER))
    async with Call(world, Media()) as call:
        assert call.company == [CompanyChanged(1, 0)] and call.told() == []


# Recording, transcription, encryption


@in_virtual_time
async def test_a_recording_that_begins_and_ends_is_told() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for status in ("pending", "pending", "on", "on", "off", "off"):
            world.presence("focus", extra=recording(status))
        await settle()
        assert call.told() == [replace(ON, state=RecordingState.PENDING), ON, OFF]


@in_virtual_time
async def test_a_recording_that_is_on_when_we_come_is_told_once_however_often_we_come() -> None:
    world = with_alice()
    world.on_join = lambda: world.presence("focus", extra=recording("on"))
    async with Call(world, Media()) as call:
        assert call.told() == [ON]
        world.removes_us("<status code='332'/>")
        await settle(10)
        assert call.told() == [Rejoined()]
        world.on_join = lambda: world.presence("focus", extra=recording("off"))
        world.removes_us("<status code='332'/>")
        await settle(10)
        assert call.told() == [Rejoined(), OFF]


@in_virtual_time
async def test_a_recording_of_the_main_room_is_none_of_the_breakout_room() -> None:
    world = with_alice()
    world.on_join = lambda: world.presence("focus", extra=recording("on"))
    async with Call(world, Media()) as call:
        world.on_join = lambda: None
        world.sends_us_to(BREAKOUT)
        await settle(5)
        assert call.told() == [ON, Moved(BREAKOUT), OFF]


@in_virtual_time
async def test_nobody_but_the_focus_says_that_a_recording_is_on() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.presence("alice", "Alice", extra=recording("on"))
        await settle()
        assert call.told() == []


@in_virtual_time
async def test_the_rooms_metadata_say_that_what_is_said_is_written_down() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for wanted in (True, True, False):
            metadata = {"recording": {"isTranscribingEnabled": wanted}}
            world.tells("evil.test", type="room_metadata", metadata={})
            world.tells("m.test", type="room_metadata", metadata=metadata)
        for nonsense in ([], {"recording": 7}, {"recording": {"isTranscribingEnabled": "yes"}}):
            world.tells("m.test", type="room_metadata", metadata=nonsense)
        await settle()
        assert call.told() == [TranscriptionChanged(True), TranscriptionChanged(False)]


@in_virtual_time
async def test_who_encrypts_is_told_and_the_room_sees_that_the_phone_is_not_heard() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        call.participant.set_status("Connected")
        world.presence("alice", "Alice", extra=ENCRYPTING)
        await settle(1)
        assert call.told() == [EncryptionChanged(True, ("Alice",))]
        assert status_shown(world) == "Not heard: end-to-end encryption"
        assert media.log == []  # nobody's claim mutes a caller
        world.presence("alice", "Alice")
        await settle(1)
        assert call.told() == [EncryptionChanged(False)]
        assert status_shown(world) == "Connected"


# Chat


def written(sender: str, text: str = "hi", type_: str = "groupchat") -> str:
    return (
        f"<message xmlns='jabber:client' type='{type_}' from='{sender}'>"
        f"<body>{text}</body></message>"
    )


@in_virtual_time
async def test_what_is_written_to_all_and_to_us_is_told_by_whom() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.stream.deliver(written(f"{ROOM}/alice", "hello all"))
        world.stream.deliver(written(f"{ROOM}/alice", "hello phone", "chat"))
        await settle()
        assert call.told() == [
            ChatReceived("alice", "Alice", "hello all", private=False),
            ChatReceived("alice", "Alice", "hello phone", private=True),
        ]


@in_virtual_time
async def test_words_of_strangers_and_of_our_own_are_not_told() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for sender in (f"{ROOM}/{world.stream.nick}", f"{ROOM}/nobody", "x@evil.test/alice", ROOM):
            for type_ in ("groupchat", "chat"):
                world.stream.deliver(written(sender, type_=type_))
        await settle()
        assert call.told() == []


@in_virtual_time
async def test_who_writes_without_end_is_never_late_with_its_words() -> None:
    world = World()
    async with Call(world, Media()) as call:
        written = 0
        for number in range(1000):
            written += call.participant.send_chat(str(number))
            await settle(0.1)
        assert written > 200
        assert len([s for s in world.stream.sent if s.stanza.tag.endswith("message")]) == written


@in_virtual_time
async def test_what_is_not_written_for_being_too_much_is_a_line_a_minute_in_the_log() -> None:
    async with Call(World(), Media()) as call:
        with structlog.testing.capture_logs() as logs:
            for number in range(1000):
                call.participant.send_chat(str(number))
                await settle(0.1)
        lines = [entry for entry in logs if entry["event"] == "message not sent: too many"]
        assert [line["times"] for line in lines][:1] == [1]
        assert len(lines) == 2
        assert lines[1]["times"] > 200


@in_virtual_time
async def test_we_write_to_everybody_or_to_one_and_not_too_much() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        write = call.participant.send_chat
        assert write("hello all") and write("hello Alice", to="alice")
        for to in ("", "nobody"):
            assert not write("never to all", to=to)
        assert not write(" ") and write("third") and not write("fourth in a second")
        await settle(1.1)
        assert write("later")
        await settle()
        sent = [
            (each.stanza.get("type"), each.stanza.get("to"), each.stanza[0].text)
            for each in world.stream.of("body")
        ]
        assert sent == [
            ("groupchat", ROOM, "hello all"),
            ("chat", f"{ROOM}/alice", "hello Alice"),
            ("groupchat", ROOM, "third"),
            ("groupchat", ROOM, "later"),
        ]


# Speaker statistics


@in_virtual_time
async def test_the_statistics_are_told_that_we_are_the_dominant_speaker() -> None:
    world = World(occupants={"alice": "Alice"}, components={"speakerstats": "stats.meet.test"})
    async with Call(world, Media()) as call:
        assert call.participant.became_dominant_speaker()
        assert call.participant.became_dominant_speaker(is_silent=True)
        await settle()
        told = world.stream.of("speakerstats")
        assert {sent.stanza.get("to") for sent in told} == {"stats.meet.test"}
        assert [sent.stanza[0].attrib for sent in told] == [
            {"room": ROOM, "silence": "false"},
            {"room": ROOM, "silence": "true"},
        ]
        assert told[0].stanza[0].tag == "{http://jitsi.org/jitmeet}speakerstats"


@pytest.mark.parametrize("components", [None, {}])
@in_virtual_time
async def test_where_nobody_keeps_statistics_nothing_is_told(
    components: dict[str, str] | None,
) -> None:
    world = World(components=components)
    async with Call(world, Media()) as call:
        assert not call.participant.became_dominant_speaker()
        await settle(1)
        assert world.stream.of("speakerstats") == []


@in_virtual_time
async def test_who_is_in_no_room_says_nothing() -> None:
    world = World(components={"speakerstats": "stats.meet.test"})
    call = Call(world, Media())
    assert not call.participant.send_chat("x")
    assert not call.participant.became_dominant_speaker()
    async with call:
        world.removes_us("<status code='307'/>")
        await settle(1)
        assert not call.participant.send_chat("x")
        assert not call.participant.became_dominant_speaker()


@pytest.mark.parametrize(
    "type_",
    ["polls", "visitors", "speakerstats", "conference_duration", "file-sharing", "lobby-notify"],
)
@in_virtual_time
async def test_what_does_not_concern_a_phone_is_ignored(type_: str) -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for sender in ("polls.meet.test", "m.test", "avmoderation.meet.test", f"{ROOM}/alice"):
            world.tells(sender, type=type_, event=type_, value=[1], users={}, room=ROOM)
        await settle(1)
        assert call.told() == [] and world.stream.closed_at is None


@in_virtual_time
async def test_who_comes_and_goes_is_told_as_ever() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.comes("bob", "Bob")
        world.goes("bob")
        await settle(1.5)
        expected: list[Event] = [OccupantJoined("bob", "Bob"), OccupantLeft("bob", "Bob")]
        assert call.told() == expected
