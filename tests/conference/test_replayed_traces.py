"""What a real server, focus and browsers sent, when they sent it, to a participant of ours."""

import asyncio
from itertools import takewhile
from xml.etree.ElementTree import Element, tostring

import pytest

from gateway.conference.address import RoomAddress
from gateway.conference.events import (
    Approved,
    ChatReceived,
    Ended,
    Event,
    LeaveCause,
    MediaDown,
    MediaUp,
    Moved,
    MutedByModerator,
    Waiting,
    WaitingFor,
)
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.connection import Connection
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Server
from tests.conference.world import INSTALLATION, Call, Media, Sent, Stream, World
from tests.xmpp.traces import trace
from tests.xmpp.virtual_time import in_virtual_time

IQ = "{jabber:client}iq"
MEDIA = (MediaUp, MediaDown, MutedByModerator, Approved, Waiting, Moved, Ended, ChatReceived)


def is_request(stanza: Element) -> bool:
    return stanza.tag == IQ and stanza.get("type") in ("get", "set")


class Replay(World):
    """Plays what came after the probe's first join, from when we join until the probe left."""

    def __init__(self, name: str) -> None:
        super().__init__()
        entries = trace(name)
        (self.jid, *_) = (
            jid.text or ""
            for entry in entries
            for jid in entry.stanza.iter("{urn:ietf:params:xml:ns:xmpp-bind}jid")
        )
        (room, *_) = (
            part.get("room")
            for entry in entries
            for part in entry.stanza.iter()
            if part.get("room")
        )
        local, _, domain = str(room).partition("@")
        self.address = RoomAddress(local, domain)
        sent = [Sent(entry.time, entry.stanza).kind for entry in entries if not entry.incoming]
        self.probe_sent = [kind for kind in sent if kind in KINDS]
        kinds = [None if e.incoming else Sent(e.time, e.stanza).kind for e in entries]
        begin = kinds.index("join")
        self._entries = [
            entry
            for kind, entry in takewhile(
                lambda pair: pair[0] != "unavailable",
                zip(kinds[begin:], entries[begin:], strict=True),
            )
        ]
        self._played = [
            entry
            for entry in self._entries
            if entry.incoming and (entry.stanza.tag != IQ or is_request(entry.stanza))
        ]
        self.duration = self._entries[-1].time - self._entries[0].time

    @property
    def requests(self) -> list[str]:
        """The ids of all requests to us."""
        stanzas = [entry.stanza for entry in self._played]
        return [stanza.get("id", "") for stanza in stanzas if is_request(stanza)]

    _is_playing = False

    async def connect(self, server: Server, reception: Reception) -> Connection:
        stream = Stream(self, 0)
        stream.jid, stream.nick = self.jid, self.jid[:8]
        self.streams.append(stream)
        return await Connection.open(stream, reception, anonymous=True)

    def react(self, stream: Stream, sent: Sent) -> None:
        if sent.kind == "join" and not self._is_playing:
            self._is_playing = True
            for entry in self._played:
                text = tostring(entry.stanza, encoding="unicode")
                after = entry.time - self._entries[0].time
                asyncio.get_running_loop().call_later(after, stream.deliver, text)
        elif sent.kind not in ("presence", "join"):  # the echo of these is in the trace
            super().react(stream, sent)


KINDS = ("conference", "join", "session-accept", "session-terminate", "unavailable")
EXPECTED: dict[str, list[Event]] = {
    "join-and-leave": [MediaUp()],
    "muted-by-moderator": [MediaUp(), MutedByModerator("Alice")],
    "av-moderation": [MediaUp(), MutedByModerator(None), Approved()],
    "lobby-approved": [Waiting(WaitingFor.LOBBY, "tlobby@lobby.meet.test/31ac9839"), MediaUp()],
    "start-muted": [MutedByModerator(None), MediaUp()],
    "chat-hand-owner": [
        MediaUp(),
        ChatReceived("0704b97b", "Alice", "hello all", private=False),
        ChatReceived("0704b97b", "Alice", "hello phone", private=True),
    ],
    "bridge-killed": [MediaUp(), MediaDown("nothing has replaced it"), MediaUp()],
    "kicked": [
        MediaUp(),
        MediaDown("left the conference"),
        Ended(LeaveCause.KICKED, "bye", "Alice"),
    ],
    "end-meeting": [
        MediaUp(),
        MediaDown("left the conference"),
        Ended(LeaveCause.MEETING_ENDED, "The meeting has been terminated"),
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
@in_virtual_time
async def test_a_real_conference_is_lived_through(name: str) -> None:
    replay = Replay(name)
    async with Call(replay, Media(), address=replay.address) as call:
        await asyncio.sleep(replay.duration + 0.5)
        assert [event for event in call.told() if isinstance(event, MEDIA)] == EXPECTED[name]
        assert replay.requests
        for request in replay.requests:
            (answer,) = replay.answers(request)
            assert answer.get("type") == "result"
    assert len(replay.streams) == 1


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("password-room", JoinFailure.PASSWORD),
        ("lobby-denied", JoinFailure.LOBBY_DENIED),
    ],
)
@in_virtual_time
async def test_a_real_room_that_is_closed_is_not_joined(name: str, cause: JoinFailure) -> None:
    replay = Replay(name)
    with pytest.raises(ConferenceError) as refused:
        async with Call(replay, Media(), address=replay.address):
            pass
    assert refused.value.cause is cause
    assert replay.stream.closed_at is not None
    await asyncio.sleep(replay.duration + 0.5)  # what comes afterwards finds nobody


@in_virtual_time
async def test_we_send_what_the_real_participant_sent_and_end_the_session_before_we_leave() -> None:
    replay = Replay("join-and-leave")
    async with Call(replay, Media(), address=replay.address):
        await asyncio.sleep(replay.duration)
    assert replay.probe_sent == ["conference", "join", "session-accept", "unavailable"]
    assert replay.stream.kinds() == [
        *replay.probe_sent[:-1],
        "session-terminate",
        replay.probe_sent[-1],
    ]


@in_virtual_time
async def test_a_real_lobby_that_is_switched_off_lets_us_in() -> None:
    replay = Replay("lobby-disabled")
    participant = Participant(
        INSTALLATION, replay.address, display_name="x", media=Media(), connect=replay.connect
    )
    async with participant:
        joining = asyncio.create_task(participant.join())
        await asyncio.sleep(replay.duration + 0.5)
        room = replay.address.jid
        lobby = f"{replay.address.name}@lobby.meet.test"
        joined = [sent.stanza.get("to") for sent in replay.stream.of("join")]
        assert joined == [f"{where}/{replay.stream.nick}" for where in (room, lobby, room)]
        joining.cancel()
        await asyncio.wait([joining])
    assert replay.stream.kinds() == ["conference", "join", "join", "join"]


@in_virtual_time
async def test_a_real_order_to_go_to_a_breakout_room_is_obeyed() -> None:
    replay = Replay("breakout-room")
    async with Call(replay, Media(), address=replay.address):
        await asyncio.sleep(replay.duration + 0.5)
        assert replay.stream.kinds() == [
            *("conference", "join", "session-accept", "session-terminate", "unavailable"),
            *("conference", "join"),
        ]
        room = replay.stream.of("conference")[-1].stanza[0].get("room")
        assert room is not None and room.endswith("@breakout.meet.test")
        assert replay.stream.of("join")[-1].stanza.get("to") == f"{room}/{replay.stream.nick}"
