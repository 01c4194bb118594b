"""The scenarios: a table of what each proves, and the stories that conduct them.

A story lets SIPp place its calls, decides when they go on, and checks what SIPp cannot: who hears
whom, and how the gateway's own records say each call ended.
"""

from manners import MANNERS, be_refused, give_up, talk
from media_agent import TONES
from scene import LISTENING, Plan, Scenario, Scene, eventually
from sipp import ScenarioFailed, host_port

from audiocodecs.tones import pulsed
from gateway.calls.end_reason import EndReason
from gateway.lab.phone import TestPhone
from gateway.lab.phone_media import RATE

WITHOUT_RETRANSMISSION = ("-nr",)  # neither SIPp's own, nor hiding ours


async def talk_and_hang_up(scene: Scene) -> None:
    """Everybody speaks and is heard; then the callers hang up."""
    async with scene.calls() as sipp:
        await scene.talking()
        await scene.hear(scene.callers)
        sipp.go()


async def never_acknowledge(scene: Scene) -> None:
    """Audio is sent to where the SDP says, from the 200 on, though nothing comes from there."""
    async with scene.calls() as sipp:
        await sipp.reported("accepted")
        await eventually(lambda: all(caller.packets for caller in scene.callers.values()), "audio")
    if scene.site.gateway.user_agent.counters.acks_missing == 0:
        raise ScenarioFailed(["the gateway has missed no ACK"])


async def end_meeting(scene: Scene) -> None:
    """Everybody speaks and is heard; then a moderator ends the meeting."""
    async with scene.calls() as sipp:
        await scene.talking()
        await scene.hear(scene.callers)
        for room in scene.speakers:
            scene.site.lab.destroy(room)
        if sipp.awaits("bye"):
            await sipp.reported("bye")
            await eventually(lambda: scene.site.gateway.call_count == 0, "giving up the BYE")
            sipp.go()


async def be_kicked(scene: Scene) -> None:
    """Everybody speaks and is heard; then a moderator throws the caller out."""
    async with scene.calls():
        await scene.talking()
        await scene.hear(scene.callers)
        (record,) = scene.records
        (room,) = scene.speakers
        scene.site.lab.kick(room, record.endpoint, "noise")


async def come_twice(scene: Scene) -> None:
    """The INVITE comes twice while the conference is being entered: there is one call."""
    repeated = scene.site.gateway.user_agent.counters.repeated_requests
    async with scene.calls() as sipp:
        with scene.slow_focus():
            await scene.talking()
        if len(scene.records) != 1:
            raise ScenarioFailed([f"{len(scene.records)} calls came of one INVITE"])
        await scene.hear(scene.callers)
        sipp.go()
    if scene.site.gateway.user_agent.counters.repeated_requests == repeated:
        raise ScenarioFailed(["the second INVITE was not taken for the first"])


async def leave_one_after_the_other(scene: Scene) -> None:
    """The first caller hangs up and is out, whatever it still sends; the second talks on."""
    first, second = scene.callers
    async with scene.calls() as sipp:
        await scene.talking()
        await scene.hear(scene.callers)
        sipp.go(first)
        await eventually(lambda: len(scene.records) == 1, "the end of the first call")
        await scene.hear(scene.callers, apart=[first])
        sipp.go(second)
    await eventually(lambda: scene.site.gateway.call_count == 0, "the end of both calls")
    texts = [record.end.text for record in scene.site.records[-2:] if record.end is not None]
    if not all("Q.850;cause=16" in text for text in texts):
        raise ScenarioFailed([f"the caller's reason is not in the records: {texts}"])


async def hold_and_resume(scene: Scene) -> None:
    """On hold nobody hears the caller, whatever it sends, and it is sent nothing."""
    async with scene.calls() as sipp:
        await scene.talking()
        await scene.hear(scene.callers)
        sipp.go()
        await sipp.reported("held")
        await scene.hear(scene.callers, apart=list(scene.callers))
        sipp.go()
        await sipp.reported("resumed")
        await scene.hear(scene.callers)
        sipp.go()


async def acknowledge_ringing(scene: Scene) -> None:
    """The conference takes its time, so that it rings for a while."""
    with scene.slow_focus():
        async with scene.calls() as sipp:
            await sipp.reported("acknowledged")
            sipp.go()
            await scene.talking()
            sipp.go()


async def hear_a_tone_first(scene: Scene) -> None:
    """Before the call is answered the caller gets audio, and nobody hears it."""
    with scene.slow_focus():
        async with scene.calls() as sipp:
            await sipp.reported("early")
            (caller,) = scene.callers.values()
            await eventually(lambda: caller.packets > 10, "audio before the answer")
            (record,) = scene.records
            if record.answered_at is not None:
                raise ScenarioFailed(["answered already"])
            sipp.go()
            await scene.talking()
            sipp.go()


async def go_elsewhere(scene: Scene) -> None:
    """The caller is in one room, and then heard in the other only."""
    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()
        await sipp.reported("there")
        await scene.moved("anna", "seminar")
        await scene.hear(scene.callers)
        sipp.go()


async def be_replaced(scene: Scene) -> None:
    """The phone that takes over is heard; there is one call all the time."""
    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()
        await sipp.reported("taken")
        if len(scene.records) != 1:
            raise ScenarioFailed([f"{len(scene.records)} calls"])
        await scene.hear(scene.callers)
        sipp.go()


async def hold_by_update(scene: Scene) -> None:
    """As with re-INVITEs, but for being heard before."""
    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()
        await sipp.reported("held")
        await scene.hear(scene.callers, apart=list(scene.callers))
        sipp.go()
        await sipp.reported("resumed")
        await scene.hear(scene.callers)
        sipp.go()


async def find_it_busy(scene: Scene) -> None:
    """A phone of the lab's has the only place while SIPp calls."""
    at = host_port(*scene.site.address(scene.transport, scene.host))
    target = f"sip:71@{at};transport={scene.transport}"
    async with TestPhone(scene.host) as phone:
        call = await phone.dial(target, speaks=pulsed(TONES[0], rate=RATE))
        await call.answered()
        async with scene.calls():
            pass
    scene.unheard()


async def talk_in_pairs(scene: Scene) -> None:
    """Many calls; in every room two callers speak at a time, the others listen."""
    clock = scene.site.gateway.engine.clock
    clock.longest_stall = 0.0
    hearings = []
    async with scene.calls() as sipp:
        await scene.talking()
        while_coming, clock.longest_stall = clock.longest_stall, 0.0
        for pair in (("a", "b"), ("c", "d")):
            hearings += await scene.listen(name for name in scene.callers if name.endswith(pair))
        sipp.go()
    while_talking, hole = clock.longest_stall, max(hearing.hole for hearing in hearings)
    scene.notes.append(
        f"longest stall of the media loop {while_coming * 1000:.0f} ms while the calls came, "
        f"{while_talking * 1000:.0f} ms while they talked"
    )
    scene.notes.append(f"longest hole in what was heard {hole * 1000:.0f} ms")
    # How well it sounds under load depends on the machine and is stated; that everybody is heard
    # does not.
    scene.judge(hearings, span=LISTENING, hole=LISTENING)


ANNA = Plan("anna", "lecture", TONES[0])
SPEAKER = {"lecture": TONES[-1]}
HUNG_UP = {EndReason.CALLER_HUNG_UP: 1}


def crowd(rooms: int, letters: str) -> tuple[Plan, ...]:
    """Callers in each of some rooms: neighbouring rooms have no tone in common, nor have pairs."""
    return tuple(
        Plan(f"caller-{room}{letter}", f"hall-{room}", TONES[room % 2 :: 2][1 + at % 4])
        for at, letter in enumerate(letters)
        for room in range(rooms)
    )


def halls(rooms: int) -> dict[str, float]:
    """A speaker for each of the crowd's rooms."""
    return {f"hall-{room}": TONES[room % 2 :: 2][0] for room in range(rooms)}


def crowded(name: str, calls: str, callers: tuple[Plan, ...], *, rooms: int, rate: int) -> Scenario:
    """Many calls that SIPp places."""
    return Scenario(
        name,
        f"{calls}, two callers of a room speaking at a time: none fails, everybody hears whom "
        "they should and nobody else",
        "3261 13, 15",
        talk_in_pairs,
        callers,
        {EndReason.CALLER_HUNG_UP: len(callers)},
        halls(rooms),
        played="twenty-calls",
        rate=rate,
        options=("-l", str(len(callers))),
    )


SCENARIOS = (
    Scenario(
        "basic-call",
        "INVITE, 100, 180, 200, ACK, BYE; a header names the room, before the called number does; "
        "nobody hears another room",
        "3261 12.1, 13.3.1, 15.1.2; 3581",
        talk_and_hang_up,
        (
            Plan("anna", "lecture", TONES[0], called="703"),
            Plan("ben", "seminar", TONES[1], called="703"),
        ),
        {EndReason.CALLER_HUNG_UP: 2},
        {"lecture": TONES[-1], "seminar": TONES[-2], "room03": TONES[-3]},
    ),
    Scenario(
        "called-number",
        "the called number alone decides about the room",
        "3261 8.2.2.1",
        talk_and_hang_up,
        (
            Plan("anna", "room01", TONES[0], called="701"),
            Plan("ben", "room02", TONES[1], called="702"),
        ),
        {EndReason.CALLER_HUNG_UP: 2},
        {"room01": TONES[-1], "room02": TONES[-2]},
    ),
    Scenario(
        "late-offer",
        "without an offer in the INVITE the 200 makes one; the codec of the ACK's answer is used",
        "3261 13.2.1, 13.3.1; 3264 5",
        talk_and_hang_up,
        (Plan("anna", "lecture", TONES[0], codec="PCMA"),),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "cancel-before-180",
        "a CANCEL right after the 100: 200 for it, 487 for the INVITE, both with one To tag",
        "3261 9.2",
        give_up,
        (ANNA,),
        {EndReason.CALLER_CANCELLED: 1},
        SPEAKER,
    ),
    Scenario(
        "cancel-after-180",
        "a CANCEL while it rings: 200 and 487, of the dialog the 180 began",
        "3261 9.2, 12.3",
        give_up,
        (ANNA,),
        {EndReason.CALLER_CANCELLED: 1},
        SPEAKER,
    ),
    Scenario(
        "lost-ack",
        "the 200 is repeated until 64*T1 have passed, over TCP too, then BYE is said; meanwhile "
        "audio goes to where the offer says",
        "3261 13.3.1.4; 3264 6.1",
        never_acknowledge,
        (ANNA,),
        {EndReason.NO_ACK: 1},
        SPEAKER,
        options=WITHOUT_RETRANSMISSION,
    ),
    Scenario(
        "lost-bye",
        "the gateway's BYE is repeated as it was; over TCP it is not, and given up after 64*T1",
        "3261 17.1.2.2",
        end_meeting,
        (ANNA,),
        {EndReason.MEETING_ENDED: 1},
        SPEAKER,
        tcp_file="lost-bye-tcp.xml",
        options=WITHOUT_RETRANSMISSION,
    ),
    Scenario(
        "lost-bye-answer",
        "a BYE that comes again is answered again with 200; over TCP, where nothing is "
        "retransmitted, with 481",
        "3261 17.2.2, 12.2.2",
        talk_and_hang_up,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
        tcp_file="lost-bye-answer-tcp.xml",
        options=WITHOUT_RETRANSMISSION,
    ),
    Scenario(
        "options",
        "OPTIONS outside and inside a call is answered with Allow and Accept",
        "3261 11.2",
        talk_and_hang_up,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "unknown-room",
        "404 with a Reason, and no ringing, for a number without a rule and for a room of "
        "another installation",
        "3261 21.4.5; 3326",
        be_refused,
        (Plan("anna", "lecture", TONES[0], called="nobody"),),
        {EndReason.NO_SUCH_ROOM: 2},
        {},
    ),
    Scenario(
        "refused-codec",
        "488 with Reason and Warning, and no ringing, for G.729 alone and for video alone",
        "3261 13.3.1.3, 21.4.26; 3264 6",
        be_refused,
        (ANNA,),
        {EndReason.NO_COMMON_CODEC: 2},
        SPEAKER,
    ),
    Scenario(
        "two-media-lines",
        "video and audio are answered in their places, the video with port 0",
        "3264 6",
        talk_and_hang_up,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "retransmitted-invite",
        "an INVITE that comes again is answered with the same 180 and makes no second call",
        "3261 17.2.1",
        come_twice,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
        options=WITHOUT_RETRANSMISSION,
    ),
    Scenario(
        "caller-hangs-up",
        "after its BYE a caller neither hears nor is heard, its dialog is gone (481), the reason "
        "is on record; the room's other caller talks on",
        "3261 15.1.2, 12.2.2; 3326",
        leave_one_after_the_other,
        (ANNA, Plan("ben", "lecture", TONES[1])),
        {EndReason.CALLER_HUNG_UP: 2},
        SPEAKER,
    ),
    Scenario(
        "conference-hangs-up",
        "the end of the meeting is a BYE with a Reason",
        "3261 15.1.1; 3326",
        end_meeting,
        (ANNA, Plan("ben", "seminar", TONES[1])),
        {EndReason.MEETING_ENDED: 2},
        {**SPEAKER, "seminar": TONES[-2]},
    ),
    Scenario(
        "kicked",
        "who is thrown out gets a BYE with another Reason",
        "3261 15.1.1; 3326",
        be_kicked,
        (ANNA,),
        {EndReason.KICKED: 1},
        SPEAKER,
    ),
    Scenario(
        "hold-and-resume",
        "re-INVITEs: sendonly is answered with recvonly and silences both ways, sendrecv undoes it",
        "3261 14.2; 3264 8.4",
        hold_and_resume,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "session-timer",
        "422 for an interval below Min-SE, in UPDATE too; the caller is told to refresh, by UPDATE "
        "without an offer or by re-INVITE, and may hand that over",
        "4028 7, 9",
        talk,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "update-hold",
        "UPDATEs: sendonly is answered with recvonly and silences both ways, sendrecv undoes it",
        "3311 5.2; 3264 8.4",
        hold_by_update,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "reliable-ringing",
        "180 with RSeq, repeated until its PRACK; a PRACK of nothing is a 481",
        "3262 3",
        acknowledge_ringing,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
        options=WITHOUT_RETRANSMISSION,
    ),
    Scenario(
        "early-media",
        "183 with the answer, a tone before the call is answered, UPDATE meanwhile; the 200 does "
        "not repeat the answer",
        "3262 3, 5; 3311 5.2; 3261 13.2.1",
        hear_a_tone_first,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
        gateway={"trunk": {"early_media": True}},
    ),
    Scenario(
        "sent-elsewhere",
        "REFER to another room: 202, NOTIFY 100 and 200, heard there and no longer here; to "
        "another host 603, to a telephone number 416",
        "3515 2.4",
        go_elsewhere,
        (ANNA,),
        HUNG_UP,
        {**SPEAKER, "seminar": TONES[-2]},
    ),
    Scenario(
        "refer-outside",
        "REFER outside a call is a 403, of a dialog that is not there a 481",
        "3515 2.4.2",
        be_refused,
        (ANNA,),
        {},
        {},
    ),
    Scenario(
        "replaces",
        "INVITE with Replaces takes over the call, which ends with a BYE; 481 for a dialog that is "
        "not there, 486 for early-only",
        "3891 3",
        be_replaced,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
    ),
    Scenario(
        "bad-requests",
        "420, 483, 415, 405, 501, 481 and 416, each with the header that says more",
        "3261 8.2, 12.2.2, 9.2, 16.3",
        be_refused,
        (ANNA,),
        {},
        SPEAKER,
    ),
    Scenario(
        "busy",
        "above the limit of calls 503 says when to come again",
        "3261 21.5.4",
        find_it_busy,
        (ANNA,),
        HUNG_UP,
        SPEAKER,
        gateway={"sip": {"max_calls": 1}},
    ),
    crowded(
        "twenty-calls",
        "20 calls at 4 a second into five rooms",
        crowd(5, "abcd"),
        rooms=5,
        rate=4,
    ),
    *MANNERS,
)

HEAVY = (
    crowded(
        "forty-calls",
        "40 calls at 4 a second into ten rooms",
        crowd(10, "abcd"),
        rooms=10,
        rate=4,
    ),
    crowded(
        "hundred-calls",
        "100 calls at 10 a second into ten rooms",
        crowd(10, "abcdefghij"),
        rooms=10,
        rate=10,
    ),
)
"""Played only if named, and by the long tests: they want a machine for themselves."""

BY_NAME = {scenario.name: scenario for scenario in (*SCENARIOS, *HEAVY)}
