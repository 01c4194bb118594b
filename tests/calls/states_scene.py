"""One call to which things happen, and what three onlookers make of it: web, caller and bridge.

Every step is what somebody does, and the time until it has had its effect.
"""

import asyncio
import json

from gateway.calls.confirmation import AGAIN_AFTER, WITHIN
from gateway.conference.goings import GONE_AFTER
from gateway.conference.recovery import RETURN_PATIENCE
from gateway.media.messages import Tone
from tests.calls.exchange import Exchange, Party
from tests.calls.fake_phone import FakePhone
from tests.conference.strict_world import StrictWorld
from tests.conference.world import BREAKOUT, LOBBY, NOT_YET, ROOM, error, members_only, settle

EFFECT = 4.0  # seconds after which a step has had its effect
WRONG = error("auth", "not-authorized")
_TONES = {
    Tone.WAITING: "waiting tone",
    Tone.MUSIC: "music",
    Tone.REPAIRING: "repair tone",
    Tone.PASSWORD: "password tone",
    Tone.MUTED: "two falling beeps",
    Tone.UNMUTED: "two rising beeps",
    Tone.HAND: "a high beep",
    Tone.MAY_SPEAK: "three rising beeps",
    Tone.REFUSED: "a long low beep",
    Tone.RECORDING: "three equal beeps",
    Tone.RECORDING_OVER: "three falling beeps",
    Tone.NOT_HEARD: "low, high, low, high",
    Tone.CONGESTION: "congestion tone",
}


class Scene:
    """A call into a room where Alice is, unless a step before it says otherwise."""

    def __init__(self, there: Exchange, world: StrictWorld) -> None:
        self._there = there
        self.world = world
        self.world.occupants["alice"] = "Alice"
        self._party: Party | None = None
        self._tones_before = self._texts_before = 0
        self._ordered: asyncio.Task[object] | None = None

    @property
    def party(self) -> Party:
        assert self._party is not None
        return self._party

    @property
    def phone(self) -> FakePhone:
        assert self.party.phone is not None
        return self.party.phone

    # What the onlookers see

    def begins(self) -> None:
        """From now on tones and texts are those of the step that follows."""
        if self._party is not None:
            self._tones_before = len(self.party.media.tones)
            self._texts_before = len(self.party.phone.said) if self.party.phone else 0

    def web(self) -> str:
        """Our participant, as browsers show it."""
        world = self.world
        if not world.is_inside:
            return "waits in the lobby" if self._is_in_lobby() else "not there"
        shown = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1].stanza
        info = json.loads(shown.findtext("{jabber:client}SourceInfo") or "")
        source = info.get(f"{world.stream.nick}-a0")
        words = ["no microphone" if source is None else "muted" if source["muted"] else "open"]
        if shown.findtext("{jabber:client}jitsi_participant_raisedHand"):
            words.append("hand up")
        status = shown.findtext("{jabber:client}status")
        return ", ".join([*words, *([f'"{status}"'] if status else [])])

    def _is_in_lobby(self) -> bool:
        to_lobby = [
            sent.kind
            for stream in self.world.streams
            if stream.closed_at is None
            for sent in stream.sent
            if sent.stanza.get("to", "").startswith(LOBBY)
        ]
        return to_lobby[-1:] == ["join"]

    def caller(self) -> str:
        """What comes out of the phone."""
        party = self.party
        tones = party.media.tones[self._tones_before :]
        heard = [_TONES[tone] for tone in tones if tone is not None and not tone.repeats]
        if party.is_over:
            return ", then ".join([*heard, self._last_word()])
        if party.phone is None:
            return "not called yet"
        if not self.phone.is_answered:
            return "ringing"
        read = [f'a text ("{text}")' for text in self.phone.said[self._texts_before :]]
        return ", then ".join([*heard, *read, self._goes_on_hearing()])

    def _last_word(self) -> str:
        match self.phone.done[-1].split() if self.phone.done else []:
            case ["BYE", status]:
                return f"{'hung up' if self.phone.is_answered else 'rings no more'} ({status})"
            case [status] if status not in ("180", "200"):
                return f"refused ({status})"
        return (
            "nothing: it has hung up" if self.phone.is_answered else "nothing: it has not answered"
        )

    def _goes_on_hearing(self) -> str:
        media = self.party.media
        if media.phone is not None and media.phone.is_held:
            return "nothing"
        if media.is_secluded:
            return "an invitation"
        if media.repeating is not None:
            return _TONES[media.repeating]
        is_heard = media.carrier is not None and not media.hears_noise
        return "conference" if is_heard else "nothing"

    def bridge(self) -> str:
        """What the videobridge has of us."""
        media = self.party.media
        if media.carrier is None:
            return "no session"
        is_silent = media.is_muted or media.is_secluded or media.phone is None
        return "silence" if is_silent else "audio"

    # The phone

    async def calls(self) -> None:
        self._party = await self._there.call_in(FakePhone("room", "room"))
        await settle(EFFECT)

    async def hangs_up(self) -> None:
        self.phone.goes()
        await settle(EFFECT)

    async def presses_star_6(self) -> None:
        await self._types("*6")

    async def types_the_password(self) -> None:
        await self._types("4711#")

    async def types_nothing(self) -> None:
        await settle(25)

    async def holds(self) -> None:
        self.phone.offers("sendonly")
        await settle(EFFECT)

    async def resumes(self) -> None:
        self.phone.offers("sendrecv")
        await settle(EFFECT)

    async def falls_silent(self) -> None:
        self._there.engine.silent(self.party.call)
        await settle(EFFECT)

    async def _types(self, keys: str) -> None:
        for key in keys:
            self._there.engine.presses(self.party.call, key)
        await settle(EFFECT)

    # A phone that is called

    async def is_ordered(self) -> None:
        self._party, self._ordered = await self._there.dial(ROOM)
        await settle(0.01)

    async def is_called(self) -> None:
        await settle(1)

    async def rings(self) -> None:
        self.phone.rings()
        await settle(1)

    async def answers(self) -> None:
        self.phone.answers()
        await settle(EFFECT)

    async def has_to_confirm(self) -> None:
        """Its trunk wants that: `test_states.tell` looks for this step."""

    async def presses_1(self) -> None:
        await self._types("1")

    async def presses_2(self) -> None:
        await self._types("2")

    async def presses_nothing(self) -> None:
        await settle(AGAIN_AFTER + WITHIN)

    async def is_busy(self) -> None:
        await self._fails(486)

    async def declines(self) -> None:
        await self._fails(603)

    async def does_not_exist(self) -> None:
        await self._fails(404)

    async def rings_too_long(self) -> None:
        await settle(20)

    async def is_forgotten(self) -> None:
        await settle(6)

    async def _fails(self, status: int) -> None:
        self.phone.fails(status)
        await settle(1)

    # The room as it is met

    async def nobody_is_there(self) -> None:
        self.world.occupants.clear()

    async def wants_a_password(self) -> None:
        self.world.joins.append(WRONG)

    async def keeps_its_password(self) -> None:
        self.world.joins.extend([WRONG] * 4)

    async def wants_another_password(self) -> None:
        self.world.joins.extend([WRONG, WRONG])

    async def has_a_lobby(self) -> None:
        self.world.joins.append(members_only())

    async def has_a_lobby_and_a_password(self) -> None:
        self.world.joins.extend([members_only(), members_only()])

    async def has_no_host(self) -> None:
        self.world.conference.extend([error("auth", "not-authorized")] * 2)

    async def is_not_there_yet(self) -> None:
        self.world.joins.append(NOT_YET)

    async def is_full(self) -> None:
        self.world.joins.append(error("wait", "service-unavailable"))

    async def has_banned_us(self) -> None:
        self.world.joins.append(error("auth", "forbidden"))

    async def starts_muted(self) -> None:
        self.world.starts_muted = True

    # Its people

    async def comes(self) -> None:
        self.world.comes("bob", "Bob")
        await settle(EFFECT)

    async def all_go(self) -> None:
        for nick in tuple(self.world.occupants):
            self.world.goes(nick)
        await settle(GONE_AFTER + EFFECT)

    async def writes(self) -> None:
        self._deliver(
            f"<message xmlns='jabber:client' type='groupchat' from='{ROOM}/alice'>"
            "<body>hello</body></message>"
        )
        await settle(EFFECT)

    async def encrypts(self) -> None:
        extra = "<jitsi_participant_e2ee.enabled>true</jitsi_participant_e2ee.enabled>"
        self.world.presence("alice", "Alice", extra=extra)
        await settle(EFFECT)

    async def encrypts_no_more(self) -> None:
        self.world.presence("alice", "Alice")
        await settle(EFFECT)

    async def mutes(self) -> None:
        self.world.request("<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute>")
        await settle(EFFECT)

    async def moderates(self) -> None:
        self.world.moderates(enabled=True)
        await settle(EFFECT)

    async def moderates_no_more(self) -> None:
        self.world.moderates(enabled=False)
        await settle(EFFECT)

    async def approves(self) -> None:
        self.world.moderates(approved=True)
        await settle(EFFECT)

    async def withdraws(self) -> None:
        self.world.moderates(removed=True)
        await settle(EFFECT)

    async def promotes(self) -> None:
        self.world.promotes("moderator")
        await settle(EFFECT)

    async def lets_in(self) -> None:
        self.world.invites_us(sender=ROOM)
        await settle(EFFECT)

    async def sends_away(self) -> None:
        self.world.removes_us("<status code='307'/>", room=LOBBY)
        await settle(EFFECT)

    async def opens_the_lobby(self) -> None:
        """Everybody may come in now: the lobby is destroyed in favour of the room."""
        self.world.removes_us(f"<destroy jid='{ROOM}'/>", room=LOBBY)
        await settle(EFFECT)

    async def nobody_lets_in(self) -> None:
        await settle(610)

    async def kicks(self) -> None:
        await self._removes("<status code='307'/>")

    async def bans(self) -> None:
        await self._removes("<status code='301'/>")

    async def closes_the_door(self) -> None:
        self.world.joins.append(members_only())
        await self._removes("<status code='322'/>")

    async def ends_for_all(self) -> None:
        await self._removes("<destroy><reason>ended</reason></destroy>")

    async def moves_the_room(self) -> None:
        await self._removes("<destroy jid='other@conference.meet.test'/>")

    async def hangs_the_phone_up(self) -> None:
        self.world.request("<hangup xmlns='urn:xmpp:rayo:1'/>")
        await settle(EFFECT)

    async def sends_to_a_breakout_room(self) -> None:
        self.world.sends_us_to(BREAKOUT)
        await settle(EFFECT)

    async def sends_back(self) -> None:
        self.world.sends_us_to(ROOM)
        await settle(EFFECT)

    # The focus, the bridge, the server

    async def records(self) -> None:
        await self._records("file", "on")

    async def records_no_more(self) -> None:
        await self._records("file", "off")

    async def streams(self) -> None:
        await self._records("stream", "on")

    async def transcribes(self) -> None:
        await self._transcribes(True)

    async def transcribes_no_more(self) -> None:
        await self._transcribes(False)

    async def focus_goes(self) -> None:
        self.world.presence("focus", gone=True)
        await settle(EFFECT)

    async def focus_comes_back(self) -> None:
        self.world.presence("focus")
        self.world.offers()
        await settle(EFFECT)

    async def is_replaced(self) -> None:
        self.world.offers()
        await settle(EFFECT)

    async def bridge_changes(self) -> None:
        self.world.ends_session("success", "moving", again=True)
        await settle(EFFECT)

    async def bridge_is_lost(self) -> None:
        self._there.engine.lose_bridge(self.party.call)
        await settle(EFFECT)

    async def no_more_bridges(self) -> None:
        """From now on nothing connects."""
        self._there.engine.connects = lambda call: False

    async def nothing_mends_it(self) -> None:
        await settle(RETURN_PATIENCE + 30)

    async def is_cut(self) -> None:
        """The connection breaks; half a second later nobody has returned."""
        self.world.lose()
        await settle(0.5)

    async def server_goes_down(self) -> None:
        """It puts everybody out first (332); half a second later nobody has returned."""
        self.world.removes_us("<status code='332'/>")
        await settle(0.5)

    async def returns(self) -> None:
        await settle(EFFECT)

    async def _removes(self, inside: str) -> None:
        self.world.removes_us(inside)
        await settle(EFFECT)

    async def _records(self, mode: str, status: str) -> None:
        extra = (
            "<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' session_id='s1' "
            f"recording_mode='{mode}' status='{status}'/>"
        )
        self.world.presence("focus", extra=extra)
        await settle(EFFECT)

    async def _transcribes(self, wanted: bool) -> None:
        self.world.tells(
            "metadata.meet.test",
            type="room_metadata",
            room=ROOM,
            metadata={"recording": {"isTranscribingEnabled": wanted}},
        )
        await settle(EFFECT)

    def _deliver(self, xml: str) -> None:
        self.world.stream.deliver(xml)
