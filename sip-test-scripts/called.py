"""Scenarios in which SIPp is called: a trunk as the gateway's user agent meets it when it dials.

There is no conference here and no sound, only signalling: a story says what the user agent does
with its call and what it must be told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scene import eventually
from sipmessage import URI, Address
from sipp import HOST, ScenarioFailed, Sipp, host_port

from gateway.sip.admission import Verdict
from gateway.sip.call import Call, CallEvent
from gateway.sip.core import StackConfig
from gateway.sip.digest import Credentials
from gateway.sip.events import (
    Answered,
    Failed,
    InfoReceived,
    MessageReceived,
    Provisional,
    Reoffered,
)
from gateway.sip.header_values import format_host
from gateway.sip.locate import Destination
from gateway.sip.network import Listen
from gateway.sip.reason import Reason
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgent, UserAgentConfig

STACK = StackConfig(timers=Timers(t1=0.1))
_OTHER_FORK = 0.5  # seconds until another phone has answered, too, and has been hung up
_OFFER = (
    f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
).encode()
_UNANSWERED = Reason("SIP", 480, "No answer")


@dataclass(frozen=True, slots=True)
class CalledScenario:
    """One scenario: `story` conducts our call of the trunk that `file` plays."""

    name: str
    proves: str
    rfc: str
    story: Callable[[Call], Awaitable[None]]

    @property
    def file(self) -> str:
        """The SIPp scenario."""
        return f"{self.name}.xml"


async def play_called(scenario: CalledScenario, transport: str, host: str = HOST) -> None:
    """Play a scenario; ScenarioFailed: it went another way, or left a call behind."""
    config = UserAgentConfig((Listen(transport, host, 0),), stack=STACK)
    async with sipp_for(scenario, transport, host) as sipp:
        await call_sipp(scenario, sipp, config, Destination(transport, *sipp.address))


def sipp_for(scenario: CalledScenario, transport: str, host: str = HOST) -> Sipp:
    """SIPp, which waits to be called."""
    return Sipp(scenario.file, [(scenario.name,)], None, transport=transport, host=host)


async def call_sipp(
    scenario: CalledScenario, sipp: Sipp, config: UserAgentConfig, by: Destination
) -> None:
    """Have a user agent call it by that next hop; ScenarioFailed as of `play_called`."""
    host, _ = sipp.address
    async with UserAgent(config, lambda flow, request: Verdict.DROP) as agent:
        call = await agent.invite(
            f"sip:+49170123@{host_port(*sipp.address)}",
            _OFFER,
            from_=Address(URI("sip", format_host(host), user="room"), "Lecture"),
            headers=[("P-Asserted-Identity", f"<sip:+4930123@{format_host(host)}>")],
            destination=by,
            credentials=Credentials("alice", "open sesame"),
        )
        with call:
            try:
                await scenario.story(call)
            except ScenarioFailed as failure:
                await sipp.give_up(str(failure))  # which knows what it did not like
        await sipp.succeeded()
        await eventually(lambda: agent.call_count == 0, "the end of the call")


async def _told(call: Call) -> CallEvent:
    event = await call.events.next()
    if event is None:
        raise ScenarioFailed(["the call ended without an event"])
    return event


def _expect(found: object, wanted: object) -> None:
    if found != wanted:
        raise ScenarioFailed([f"{found!r} instead of {wanted!r}"])


async def _progress(call: Call) -> tuple[list[int], Answered | Failed]:
    """The provisional responses of a call, and what became of it."""
    statuses = []
    while isinstance(event := await _told(call), Provisional):
        statuses.append(event.status)
    assert isinstance(event, Answered | Failed)
    return statuses, event


async def answered(call: Call) -> None:
    """The call is answered; we hang up."""
    statuses, end = await _progress(call)
    _expect((statuses, type(end)), ([180], Answered))


async def _failure(call: Call, *statuses: int) -> Failed:
    before, end = await _progress(call)
    _expect((before, type(end)), (list(statuses[:-1]), Failed))
    assert isinstance(end, Failed)
    _expect(end.status, statuses[-1])
    _expect(await call.events.next(), None)
    return end


async def unknown(call: Call) -> None:
    """Our credentials are refused."""
    await _failure(call, 401)


async def busy(call: Call) -> None:
    """Nobody can be reached for a minute."""
    failed = await _failure(call, 486)
    _expect(failed.reasons, (Reason("Q.850", 17, "user busy"),))
    _expect(failed.retry_after, 60)


async def declined(call: Call) -> None:
    """Nobody wants to talk to us."""
    await _failure(call, 180, 603)


async def redirected(call: Call) -> None:
    """We should call somebody else."""
    failed = await _failure(call, 302)
    users = [contact.partition("@")[0] for contact in failed.contacts]
    _expect(users, ["sip:first", "sip:second"])


async def given_up(call: Call) -> None:
    """It rings; nobody answers; we give up, and that is the end whatever comes."""
    _expect(type(await _told(call)), Provisional)
    call.hang_up(_UNANSWERED)
    _expect(await call.events.next(), None)


async def early_media(call: Call) -> None:
    """The network's announcement has a session description of its own."""
    early = await _told(call)
    assert isinstance(early, Provisional)
    _expect((early.status, b"m=audio" in (early.sdp or b"")), (183, True))
    await answered(call)


async def reliably(call: Call) -> None:
    """What comes reliably is told once; the early answer holds."""
    ringing, early = await _told(call), await _told(call)
    assert isinstance(ringing, Provisional) and isinstance(early, Provisional)
    _expect((ringing.status, ringing.sdp), (180, None))
    _expect((early.status, b"m=audio" in (early.sdp or b"")), (183, True))
    statuses, end = await _progress(call)
    assert isinstance(end, Answered)
    _expect((statuses, end.sdp), ([], None))


async def forked(call: Call) -> None:
    """Each that speaks is told; the one that answers first is kept."""
    one, two = await _told(call), await _told(call)
    assert isinstance(one, Provisional) and isinstance(two, Provisional)
    _expect((b"o=sipp 1" in (one.sdp or b""), b"o=sipp 2" in (two.sdp or b"")), (True, True))
    answered = await _told(call)
    assert isinstance(answered, Answered)
    _expect(answered.response.headers.to.tag, "two")
    await asyncio.sleep(_OTHER_FORK)  # nobody is told of it


async def lengthened(call: Call) -> None:
    """The call is answered in the end."""
    _expect(type(await _told(call)), Answered)


async def updated(call: Call) -> None:
    """Two UPDATEs, one before the answer."""
    _expect(type(await _told(call)), Provisional)
    for number in range(2):
        event = await _told(call)
        if number == 1:
            _expect(type(event), Answered)
            event = await _told(call)
        _expect(type(event), Reoffered)
        await call.accept_reoffer(_OFFER)


async def speaks(call: Call) -> None:
    """A digit and a text come; a mute request and a text go."""
    _expect(type(await _told(call)), Answered)
    digit, text = await _told(call), await _told(call)
    assert isinstance(digit, InfoReceived) and isinstance(text, MessageReceived)
    _expect((digit.media_type, text.text.strip()), ("application/dtmf-relay", "hello"))
    for outcome in (
        await call.info("application/json", b'{"type":"muteRequest"}'),
        await call.message("welcome"),
    ):
        _expect(outcome.status, 200)


CALLED = (
    CalledScenario(
        "called-challenged",
        "a 407 and a 401 are answered with digests that SIPp finds right; ACK and BYE carry them, "
        "the nonce counted",
        "3261 22; 7616 3.4",
        answered,
    ),
    CalledScenario(
        "called-unknown", "credentials that are refused are not sent again", "7616 3.3", unknown
    ),
    CalledScenario(
        "called-busy", "486 with Reason and Retry-After", "3261 21.4.18, 20.33; 3326", busy
    ),
    CalledScenario("called-declined", "603 while it rings", "3261 21.6.2", declined),
    CalledScenario(
        "called-redirected", "302 says whom to call, in order", "3261 21.3.3, 8.1.3.4", redirected
    ),
    CalledScenario(
        "called-cancelled", "a call given up while it rings: CANCEL, 487, ACK", "3261 9.1", given_up
    ),
    CalledScenario(
        "called-answered-late",
        "a 200 that crosses the CANCEL: ACK, and BYE at once",
        "3261 9.1, 15",
        given_up,
    ),
    CalledScenario(
        "called-early-media", "183 with SDP, then 180, then 200", "3261 13.2.1; 3960", early_media
    ),
    CalledScenario(
        "called-reliable",
        "180 and 183 with RSeq have their PRACKs, one that comes again none; the early answer "
        "holds for the 200",
        "3262 4; 3261 13.2.1",
        reliably,
    ),
    CalledScenario(
        "called-forked",
        "two branches speak and answer: the first is kept, the other gets ACK and BYE",
        "3261 13.2.2.4",
        forked,
    ),
    CalledScenario(
        "called-too-short",
        "a 422 is answered by an INVITE with a longer interval",
        "4028 7.3",
        lengthened,
    ),
    CalledScenario(
        "called-updates",
        "UPDATE with an offer before and after the answer",
        "3311 5.2",
        updated,
    ),
    CalledScenario(
        "called-speaks", "INFO and MESSAGE within a call, both ways", "6086 9; 3428", speaks
    ),
)
CALLED_BY_NAME = {scenario.name: scenario for scenario in CALLED}
