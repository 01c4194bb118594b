"""Whatever happens in a conference, and in whatever order: what always holds."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.events import Ended, MediaDown, MediaUp
from gateway.conference.profile import ON_HOLD
from tests.conference.world import (
    CANDIDATE,
    NOT_YET,
    ROOM,
    Call,
    Media,
    World,
    error,
    ice_restart,
    offer,
    settle,
    sources,
    terminate,
    transport,
)
from tests.xmpp import virtual_time


class Stage:
    """The steps that may be taken; each by its name."""

    def __init__(self) -> None:
        self.world = World(occupants={"alice": "Alice"})
        self.media = Media(opening_takes=0.02)
        self.offered = 0
        self.generation = 0
        self.requests: list[str] = []
        self.call = Call(self.world, self.media)

    @property
    def sid(self) -> str:
        return f"s{self.offered}"

    def _request(self, payload: str, sender: str = f"{ROOM}/focus") -> None:
        if self.world.stream.closed_at is None and self.world.stream.sink is not None:
            self.requests.append(self.world.request(payload, sender=sender))

    def offer(self) -> None:
        self.offered += 1
        self._request(offer(self.sid))

    def offer_again(self) -> None:
        self._request(offer(self.sid))

    def offer_nonsense(self) -> None:
        self._request(offer(self.sid).replace("'111'", "'x'"))

    def expire(self) -> None:
        self._request(terminate(self.sid, "expired"))

    def move(self) -> None:
        self._request(terminate(self.sid, "success", "moving"))

    def fail(self) -> None:
        self._request(terminate(self.sid, "general-error"))

    def end_the_last_but_one(self) -> None:
        self._request(terminate(f"s{self.offered - 1}", "general-error"))

    def add(self) -> None:
        self._request(sources("source-add", self.sid, {"bob": 3001}))

    def remove(self) -> None:
        self._request(sources("source-remove", self.sid, {"alice": 2001}))

    def trickle(self) -> None:
        self._request(
            f"<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='{self.sid}'>"
            f"<content name='audio'>{transport(CANDIDATE)}</content></jingle>"
        )

    def mute(self) -> None:
        self._request("<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute>")

    def press_the_key(self) -> None:
        self.call.participant.toggle_microphone()

    def hold(self) -> None:
        self.call.participant.set_held(True)

    def resume(self) -> None:
        self.call.participant.set_held(False)

    def moderate(self) -> None:
        self.world.moderates(enabled=True)

    def moderate_no_more(self) -> None:
        self.world.moderates(enabled=False)

    def approve(self) -> None:
        self.world.moderates(approved=True)

    def withdraw(self) -> None:
        self.world.moderates(removed=True)

    def refuse_unmuting(self) -> None:
        self.world.unmutes.append(error("cancel", "not-allowed"))

    def offer_directly(self) -> None:
        self._request(offer("p2p"), sender=f"{ROOM}/alice")

    def break_media(self) -> None:
        self.media.down(self.sid)

    def interrupt_media(self) -> None:
        if self.media.in_use == self.sid:
            self.media.interrupt(self.sid)

    def restart_ice(self) -> None:
        self.generation += 1
        self._request(ice_restart(self.sid, self.generation))

    def reach_the_bridge_again(self) -> None:
        self.media.up(self.sid)

    def connect_never(self) -> None:
        self.media.connects = False

    def connect_again(self) -> None:
        self.media.connects = True

    def open_nothing(self) -> None:
        self.media.failures.append("no port")

    def go(self) -> None:
        self.world.goes("alice")

    def come(self) -> None:
        self.world.comes("alice", "Alice")

    def take_focus_away(self) -> None:
        self.world.presence("focus", gone=True)

    def bring_focus_back(self) -> None:
        self.world.presence("focus")

    def kick(self) -> None:
        self.world.removes_us("<status code='307'/>")

    def drop(self) -> None:
        self.world.removes_us("<status code='332'/>")

    def lose(self) -> None:
        if self.world.stream.sink is not None:
            self.world.lose()

    def refuse_accept(self) -> None:
        self.world.accepts.append(error("modify", "bad-request"))

    def ignore_accept(self) -> None:
        self.world.accepts.append(None)

    def refuse_restart(self) -> None:
        self.world.terminates.append(error("wait", "resource-constraint"))

    def refuse_ice_restart(self) -> None:
        self.world.infos.append(error("cancel", "item-not-found"))

    def refuse_conference(self) -> None:
        self.world.conference.append(error("cancel", "service-unavailable"))

    def refuse_join(self) -> None:
        self.world.joins.append(NOT_YET)


STEPS: list[Callable[[Stage], None]] = [
    step for name, step in vars(Stage).items() if name[0] != "_" and callable(step)
]
OFFERS = [Stage.offer, Stage.break_media]  # or little would ever happen
WAITS = [0.0, 0.0, 0.001, 0.03, 0.3, 5.0, 6.0, 11.0, 21.0]


@given(
    st.lists(st.tuples(st.sampled_from([*STEPS, *OFFERS * 4]), st.sampled_from(WAITS)), max_size=25)
)
def test_what_always_holds(steps: list[tuple[Callable[[Stage], None], float]]) -> None:
    virtual_time.run(story(steps))


async def story(steps: list[tuple[Callable[[Stage], None], float]]) -> None:
    stage = Stage()
    async with stage.call as call:
        for step, wait in steps:
            step(stage)
            if wait:
                await settle(wait)
        await settle(1.0)
        stay = call.participant._stay
        is_inside = not any(isinstance(event, Ended) for event in call.events)
    assert stay is not None
    microphone, shown = stay.microphone, stay.surroundings.appearance.presence
    await settle(0.1)  # what the engine of the test still wants to say
    events = call.events
    # The end is told once, and last.
    assert [event for event in events[:-1] if isinstance(event, Ended)] == []
    # Media goes up and down in turns.
    media = [type(event) for event in events if isinstance(event, MediaUp | MediaDown)]
    assert media == [MediaUp, MediaDown] * (len(media) // 2) + [MediaUp] * (len(media) % 2)
    # The engine does what the caller, the moderators and the rules want, and so the room is told.
    mutes = [muted for what, muted in stage.media.log if what == "mute"]
    is_silent = microphone.floor.muted or shown.status == ON_HOLD
    assert is_silent == (mutes[-1] if mutes else False)
    assert all(before != after for before, after in pairwise([False, *mutes]))
    assert shown.muted == is_silent
    assert microphone.floor.muted or microphone.floor.hand_raised_at is None
    if is_inside and microphone.floor.is_blocked:
        assert microphone.floor.muted
    # The engine keeps nothing.
    assert stage.media.open_sessions == []
    # Every request is answered, and once.
    for request in stage.requests:
        assert len(stage.world.answers(request)) == 1
    restarts = []
    for stream in stage.world.streams:
        # Every stream is closed, and nothing follows the farewell.
        assert stream.closed_at is not None
        kinds = [sent.kind for sent in stream.sent]
        assert "unavailable" not in kinds[:-1]
        # One join at a time: only the first presences after a refusal may join again.
        joined = kinds.index("presence") if "presence" in kinds else len(kinds)
        assert "join" not in kinds[joined:]
        for sent in stream.of("session-terminate"):
            bridge = sent.jingle.bridge_session
            if sent.stanza.get("to") == f"{ROOM}/focus":
                assert bridge is not None and bridge.id == "bridge-1"
                restarts += [sent.time] if bridge.restart else []
        presences = [sent.time for sent in stream.of("presence")]
        assert all(b - a >= 0.25 for a, b in pairwise(presences))
        ssrcs = [
            source.ssrc for sent in stream.of("session-accept") for source in sent.jingle.sources
        ]
        assert len(set(ssrcs)) == len(ssrcs)
    # The focus' limits on restarts.
    assert all(b - a >= 5 for a, b in pairwise(restarts))
    assert all(b - a >= 60 for a, b in zip(restarts, restarts[5:], strict=False))
    asked = [sent.time for stream in stage.world.streams for sent in stream.of("session-info")]
    assert all(b - a >= 60 for a, b in zip(asked, asked[2:], strict=False))
