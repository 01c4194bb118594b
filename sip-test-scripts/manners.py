"""More scenarios: what phones, trunks and PBXs write in their own manner, and what we make of it.

Most are about signalling alone, so nobody is listened to: what the room sees of a caller is read
from its presence.
"""

import asyncio

from media_agent import TONES
from scene import Plan, Scenario, Scene, eventually
from sipp import HOST, ScenarioFailed

from gateway.calls.end_reason import EndReason
from gateway.lab.calm import in_calm
from gateway.lab.lab_occupant import LabOccupant

_ON_HOLD = "On hold"


async def talk(scene: Scene) -> None:
    """The call is answered, has its media, and is hung up by the caller."""
    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()


async def be_refused(scene: Scene) -> None:
    """There is no call, so there is no audio."""
    async with scene.calls():
        pass
    scene.unheard()


async def give_up(scene: Scene) -> None:
    """The caller is gone before it gets into the room."""
    with scene.slow_focus():
        async with scene.calls():
            pass
    scene.unheard()


async def be_answered_elsewhere(scene: Scene) -> None:
    """The caller gives up since somebody else has answered: that is on record."""
    await give_up(scene)
    await eventually(lambda: scene.site.gateway.call_count == 0, "the end of the call")
    end = scene.site.records[-1].end
    if end is None or "Call completed elsewhere" not in end.text:
        raise ScenarioFailed([f"the record says {end}"])


async def press_by_info(scene: Scene) -> None:
    """Star and six mute the caller, and again give it its voice back."""
    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()
        await sipp.reported("muted")
        await eventually(lambda: caller_of(scene).muted is True, "muting by keys")
        sipp.go()
        await sipp.reported("unmuted")
        await eventually(lambda: caller_of(scene).muted is False, "unmuting by keys")
        sipp.go()


async def press_by_tone(scene: Scene) -> None:
    """The same by tones; they are pressed again if the machine has stood still meanwhile."""

    async def press(*, muted: bool) -> None:
        for caller in scene.callers.values():
            caller.press("*6")
        for _ in range(100):
            await asyncio.sleep(0.03)
            if caller_of(scene).muted is muted:
                return
        raise ScenarioFailed([f"what was pressed has not led to muted={muted}"])

    clock = scene.site.gateway.engine.clock
    async with scene.calls() as sipp:
        await scene.talking()
        await in_calm(clock, lambda: press(muted=True))
        await in_calm(clock, lambda: press(muted=False))
        sipp.go()


async def be_held(scene: Scene) -> None:
    """On hold the room sees that, and no longer when the call is resumed."""
    async with scene.calls() as sipp:
        await scene.talking()
        sipp.go()
        await sipp.reported("held")
        await eventually(lambda: caller_of(scene).status == _ON_HOLD, "the hold")
        sipp.go()
        await sipp.reported("resumed")
        await eventually(lambda: caller_of(scene).status != _ON_HOLD, "the end of the hold")
        sipp.go()


async def be_named(scene: Scene) -> None:
    """The room sees whom the trunk asserts."""
    await _be_shown(scene, "Ann Smith")


async def be_anonymous(scene: Scene) -> None:
    """The room does not see who wants to be unknown."""
    await _be_shown(scene, "Anonymous")


async def _be_shown(scene: Scene, name: str) -> None:
    async with scene.calls() as sipp:
        await scene.talking()
        shown, recorded = caller_of(scene).display_name, scene.records[0].caller
        if (shown, recorded) != (name, name):
            raise ScenarioFailed([f"the room sees {shown!r}, the record has {recorded!r}"])
        sipp.go()


async def be_hung_up_on(scene: Scene) -> None:
    """The meeting ends, and so does the call."""
    async with scene.calls():
        await scene.talking()
        for room in scene.speakers:
            scene.site.lab.destroy(room)


def caller_of(scene: Scene) -> LabOccupant:
    """The only caller of the only room, as the room sees it."""
    (record,) = scene.records
    (room,) = scene.speakers
    return next(
        occupant for occupant in scene.site.lab.occupants(room) if occupant.nick == record.endpoint
    )


_ANNA = Plan("anna", "lecture", TONES[0])
_SPEAKER = {"lecture": TONES[-1]}
_HUNG_UP = {EndReason.CALLER_HUNG_UP: 1}
_CANCELLED = {EndReason.CALLER_CANCELLED: 1}

MANNERS = (
    Scenario(
        "compact-headers",
        "compact names in either case are understood, in the INVITE, the ACK and the BYE",
        "3261 7.3.3",
        talk,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "folded-headers",
        "so are values that go on in the next line, names in any case, colons anywhere",
        "3261 7.3.1",
        talk,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "multipart-body",
        "the offer may be a part among others; the answer is plain SDP",
        "5621 3.1; 2046 5.1",
        talk,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "tel-uri",
        "telephone numbers as URIs; they come back as they were written",
        "3966; 3261 19.1.6",
        talk,
        (Plan("anna", "room06", TONES[0], called="706"),),
        _HUNG_UP,
        {"room06": TONES[-1]},
    ),
    Scenario(
        "over-ipv6",
        "IPv6 references in every address of the signalling; the media is IPv4 and answered so",
        "3261 19.1.1, 20.42; 5118 4.1",
        talk,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
        hosts=("::1",),
        media_host=HOST,
    ),
    Scenario(
        "asserted-identity",
        "the room sees whom the trunk asserts, not what From says",
        "3325 9.1",
        be_named,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "privacy",
        "it does not if the caller wants to be unknown",
        "3323 4.2; 3325 9.3",
        be_anonymous,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "diverted",
        "the called number is looked for in Diversion as well",
        "5806 4",
        talk,
        (Plan("anna", "705", TONES[0], called="desk"),),
        _HUNG_UP,
        {"room05": TONES[-1]},
    ),
    Scenario(
        "history-info",
        "and in History-Info",
        "7044 5",
        talk,
        (Plan("anna", "704", TONES[0], called="desk"),),
        _HUNG_UP,
        {"room04": TONES[-1]},
    ),
    Scenario(
        "digits-by-info",
        "keys by INFO, relayed and bare, are commands; 415 says which types are known",
        "6086 4.2",
        press_by_info,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "digits-by-tone",
        "without telephone-event keys are heard as tones",
        "4733 1.2; ITU-T Q.24",
        press_by_tone,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "hold-by-zeros",
        "c=0.0.0.0 is hold as well, answered with recvonly",
        "3264 8.4",
        be_held,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "hold-inactive",
        "inactive is answered with inactive; an INVITE without an offer has us offer sendrecv",
        "3264 6.1, 8.4; 3261 14.2",
        be_held,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "other-codec",
        "new offers change the codec and add one; the session's version counts on",
        "3264 8; 3261 14.2",
        talk,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "crossing-offers",
        "a new offer while ours is not answered: 491",
        "3261 14.2; 3264 4",
        talk,
        (Plan("anna", "lecture", TONES[0]),),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "cancel-too-late",
        "a CANCEL after the 200 is answered with 200 and changes nothing",
        "3261 9.2",
        talk,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "cancelled-elsewhere",
        "the Reason of a CANCEL is on record",
        "3326 2; 3261 9.2",
        be_answered_elsewhere,
        (_ANNA,),
        _CANCELLED,
        _SPEAKER,
    ),
    Scenario(
        "early-bye",
        "a BYE while it rings: 200 for it, 487 for the INVITE",
        "3261 15.1.2",
        give_up,
        (_ANNA,),
        _HUNG_UP,
        _SPEAKER,
    ),
    Scenario(
        "record-routed",
        "the 200 has the Record-Route, our BYE goes by it, with a Reason",
        "3261 12.1.1, 12.2.1.1; 3326",
        be_hung_up_on,
        (_ANNA,),
        {EndReason.MEETING_ENDED: 1},
        _SPEAKER,
    ),
    Scenario(
        "malformed-requests",
        "400, 406 and 505 name the fault",
        "3261 8.2, 21.4.1; 5118 4.2",
        be_refused,
        (_ANNA,),
        {},
        _SPEAKER,
    ),
)
