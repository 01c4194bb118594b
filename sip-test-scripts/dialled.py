"""Scenarios in which the conference dials: a moderator's order, the brewery, and SIPp as trunk.

A lab conference and a gateway that waits in its brewery are made for each; the story says what the
moderator does, and what the room must be shown.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from scene import T1, eventually
from sipp import HOST, ScenarioFailed, Sipp, host_port

from gateway.app import Gateway
from gateway.calls.end_reason import EndReason
from gateway.calls.record import CallRecord
from gateway.config.configuration import Config, parse
from gateway.lab.gateway_tables import brewery_tables, jitsi_table
from gateway.lab.lab import Lab, LabConfig
from gateway.lab.phones_out import PhoneOut, PhonesOut
from gateway.lab.voice import Voice

_ROOM = "room1"
_ACCOUNTS = {"jigasi": "secret"}


@dataclass(frozen=True, slots=True)
class Order:
    """What a story has at hand: the phone that was ordered, and who has ordered it."""

    lab: Lab
    by: PhonesOut
    phone: PhoneOut

    async def shows(self, status: str) -> None:
        """Return when the room has been shown that."""
        await eventually(lambda: status in self.phone.statuses, f"the status {status!r}")


Story = Callable[[Order], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DialledScenario:
    """One scenario: `end` is that of the call record; `through` is laid over `[trunk.dial_out]`.

    The trunk is called `calls` times.
    """

    name: str
    proves: str
    rfc: str
    story: Story
    end: EndReason
    played: str | None = None
    calls: int = 1
    through: Mapping[str, object] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The SIPp scenario."""
        return f"{self.played or self.name}.xml"


async def play_dialled(scenario: DialledScenario, transport: str, host: str = HOST) -> None:
    """Play a scenario; ScenarioFailed: it went another way, or left something behind."""
    records: list[CallRecord] = []
    async with AsyncExitStack() as stack:
        rows = [(scenario.name,)] * scenario.calls
        sipp = Sipp(scenario.file, rows, None, transport=transport, host=host)
        await stack.enter_async_context(sipp)
        lab = await stack.enter_async_context(Lab(LabConfig(accounts=_ACCOUNTS)))
        ann = await lab.add_speaker(_ROOM, "Ann", Voice.of_tone(440.0))
        config = _configuration(lab, scenario, transport, sipp.address)
        gateway = await stack.enter_async_context(Gateway(config, on_end=records.append))
        await eventually(lambda: bool(lab.waiting_gateways), "a gateway in the brewery")
        by = lab.phones_out(_ROOM)[lab.nick_of(ann)]
        order = Order(lab, by, by.dial("+49 170 123"))
        try:
            await eventually(lambda: order.phone.reference is not None, "the phone's participant")
            await scenario.story(order)
        except ScenarioFailed as failure:
            await sipp.give_up(str(failure))
        await sipp.succeeded()
        await eventually(lambda: order.phone.over, "the participant's leaving")
        await eventually(lambda: gateway.call_count == 0, "the end of the call")
        if lab.violations:
            raise ScenarioFailed([f"a rule was broken: {each}" for each in lab.violations])
    (end,) = [record.end for record in records]
    if end is None or end.reason is not scenario.end:
        raise ScenarioFailed([f"the call ended by {end}, not {scenario.end.label}"])


async def talked(order: Order) -> None:
    """It is answered (ringing that is over at once need not be shown); the moderator hangs up."""
    await order.shows("Connected")
    order.by.hang_up(order.phone)


async def is_busy(order: Order) -> None:
    """The room sees that it is busy."""
    await order.shows("Busy")


async def is_declined(order: Order) -> None:
    """The room sees that it is declined."""
    await order.shows("Declined")


async def is_not_answered(order: Order) -> None:
    """The room sees that nobody answers."""
    await order.shows("No answer")


async def cancel(order: Order) -> None:
    """The moderator hangs up while it rings."""
    await order.shows("Ringing")
    order.by.hang_up(order.phone)


async def kick(order: Order) -> None:
    """The moderator throws it out while it rings."""
    await order.shows("Ringing")
    assert order.phone.nick is not None
    order.lab.kick(_ROOM, order.phone.nick)


_GIVEN_UP = "dialled-given-up"
_CREDENTIALS = {"user": "alice", "password": "open sesame"}

DIALLED = (
    DialledScenario(
        "dialled-answered",
        "180, 200, ACK; the room sees Connected; a moderator's hangup is a BYE",
        "3261 13.2, 15.1.1; XEP-0327",
        talked,
        EndReason.HUNG_UP,
    ),
    DialledScenario(
        "dialled-challenged",
        "the trunk's 407 and 401 are answered with the account of `[trunk.dial_out]`",
        "3261 22",
        talked,
        EndReason.HUNG_UP,
        through=_CREDENTIALS,
    ),
    DialledScenario(
        "dialled-withheld",
        "P-Asserted-Identity tells the trunk who calls; From is anonymous, Privacy says id",
        "3323 4.1; 3325 9",
        talked,
        EndReason.HUNG_UP,
        through={
            "caller": "+4312345",
            "name": "Meeting",
            "assert_identity": True,
            "withhold_caller": True,
        },
    ),
    DialledScenario(
        "dialled-early-media",
        "183 with SDP, then 180, then 200",
        "3261 13.2.1; 3960",
        talked,
        EndReason.HUNG_UP,
        through={"early_media": True},
    ),
    DialledScenario(
        "dialled-redirected",
        "302 to two numbers: the one that may be dialled is called, at the trunk",
        "3261 8.1.3.4",
        talked,
        EndReason.HUNG_UP,
        calls=2,
    ),
    DialledScenario(
        "dialled-busy", "486; the room sees Busy", "3261 21.4.24", is_busy, EndReason.BUSY
    ),
    DialledScenario(
        "dialled-declined",
        "603; the room sees Declined",
        "3261 21.6.2",
        is_declined,
        EndReason.DECLINED,
    ),
    DialledScenario(
        "dialled-unanswered",
        "nobody answers: CANCEL, 487, ACK; the room sees No answer",
        "3261 9.1",
        is_not_answered,
        EndReason.NO_ANSWER,
        played=_GIVEN_UP,
        through={"ringing_timeout": 1.0},
    ),
    DialledScenario(
        "dialled-cancelled",
        "a moderator hangs up while it rings: CANCEL, 487, ACK",
        "3261 9.1; XEP-0327",
        cancel,
        EndReason.HUNG_UP,
        played=_GIVEN_UP,
    ),
    DialledScenario(
        "dialled-kicked",
        "a moderator throws it out while it rings: CANCEL, 487, ACK",
        "3261 9.1",
        kick,
        EndReason.KICKED,
        played=_GIVEN_UP,
    ),
)
DIALLED_BY_NAME = {scenario.name: scenario for scenario in DIALLED}


def _configuration(
    lab: Lab, scenario: DialledScenario, transport: str, trunk: tuple[str, int]
) -> Config:
    dial_out = {
        "host": trunk[0],
        "port": trunk[1],
        "transport": transport,
        "prefixes": ["+49"],
        **scenario.through,
    }
    return parse(
        {
            "sip": {"listen": [f"{transport}:{host_port(trunk[0], 0)}"], "t1": T1},
            "media": {
                "workers": 0,
                "host": trunk[0],
                "bridge_addresses": [HOST],
                "codecs": ["PCMU", "PCMA"],
            },
            "jitsi": jitsi_table(lab),
            "control": {"listen": ""},
            "trunk": [{"name": "sipp", "from": [trunk[0]], "dial_out": dial_out}],
            "brewery": brewery_tables(lab),
        }
    )
