"""All calls of a gateway: who may call, one task and one id for each, and how many there are.

A mistake of ours in one call ends that call, with its traceback in the log, and no other.
"""

import asyncio
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakKeyDictionary

import structlog

from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.gatekeeper import Doors, Gatekeeper
from gateway.calls.incoming import IncomingCall, called_of
from gateway.calls.parties import calling_party
from gateway.calls.record import CallRecord, Direction
from gateway.calls.services import Services
from gateway.calls.statistics import Statistics, Totals
from gateway.calls.trunk import Trunk
from gateway.calls.trunk_limits import TrunkLimit, TrunkLimits
from gateway.media.messages import StreamReport
from gateway.sip.admission import FORBID, Refusal, Verdict, unavailable
from gateway.sip.call import Call
from gateway.sip.digest_server import DigestCounters
from gateway.sip.flow import Flow
from gateway.sip.message import Request
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)


class RunningCall(Protocol):
    """A call of either direction."""

    async def run(self) -> None:
        """Return when nothing of the call is left."""

    def shut_down(self) -> None:
        """End the call because the gateway goes down."""

    def holds(self, call: Call) -> bool:
        """Whether this is its phone's call."""

    def take_over(self, call: Call) -> None:
        """Another phone takes the place of its phone, by this call."""


class Switchboard:
    """Takes calls between `async with` and its end; `admit` is for the user agent.

    `strangers` is what happens to requests that are no trunk's, by their address or through
    `doors`. Above `max_calls` calls, and while media `is_overloaded`, a new one is refused.
    `on_end` is told of every call that is over.
    """

    def __init__(
        self,
        trunks: tuple[Trunk, ...],
        services: Services,
        *,
        strangers: Verdict | Refusal,
        max_calls: int,
        doors: Doors | None = None,
        is_overloaded: Callable[[], bool] = lambda: False,
        on_end: Callable[[CallRecord], None] = lambda record: None,
    ) -> None:
        self.ended: Counter[EndReason] = Counter()
        self.max_calls = max_calls
        self._statistics = Statistics()
        self.limits = TrunkLimits()
        self._gatekeeper = Gatekeeper(trunks, doors or Doors(), strangers)
        self._admitted: WeakKeyDictionary[Request, Trunk] = WeakKeyDictionary()
        self._services = services
        self._is_overloaded = is_overloaded
        self._on_end = on_end
        self._calls: dict[RunningCall, CallRecord] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: defaultdict[str, SparseLines] = defaultdict(SparseLines.one_a_second)

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """The calls that are not over."""
        return tuple(self._calls.values())

    @property
    def is_full(self) -> bool:
        """Whether a new call would be one too many."""
        return len(self._calls) >= self.max_calls or self._is_overloaded()

    def callers_in(self, room: str) -> int:
        """How many of the calls are for this room."""
        return sum(record.room == room for record in self._calls.values())

    @property
    def totals(self) -> Totals:
        """What all calls since the start add up to."""
        return self._statistics.totals(self._calls.values())

    @property
    def phones(self) -> Mapping[str, tuple[str, ...]]:
        """Who is registered here, by name, and from which addresses."""
        return self._gatekeeper.phones

    @property
    def digest_counters(self) -> DigestCounters:
        return self._gatekeeper.digest_counters

    def calls_of(self, trunk: Trunk) -> int:
        """How many calls a trunk has, those included that have only just been admitted."""
        running = sum(record.trunk == trunk.name for record in self._calls.values())
        return running + sum(each.name == trunk.name for each in self._admitted.values())

    def exceeded(self, trunk: Trunk) -> TrunkLimit | None:
        """Count a new call against the limits of its trunk; the one it is above, if there is."""
        return self.limits.check(trunk, self.calls_of(trunk), time.monotonic())

    def hears(self, flow: Flow, method: str | None) -> bool:
        """Whether to read a request that belongs to no call."""
        return self._gatekeeper.hears(flow, method)

    def admit(self, flow: Flow, request: Request) -> Verdict | Refusal:
        """Whether to take up a request that belongs to no call."""
        judged = self._gatekeeper.judge(flow, request)
        if isinstance(judged, Refusal) or judged is Verdict.DROP:
            return judged
        if request.method == "OPTIONS" and not request.headers.to.tag:
            return self._asked(judged if isinstance(judged, Trunk) else None)
        if not isinstance(judged, Trunk):
            return judged
        if request.method != "INVITE" or request.headers.to.tag:
            return Verdict.ACCEPT
        if request.headers.takes_over:  # and is none too many
            self._admitted[request] = judged
            return Verdict.ACCEPT
        if not judged.takes_calls:
            self._tell("a trunk for calls that go out calls", trunk=judged.name, peer=str(flow))
            return FORBID
        if self.is_full:
            self._tell(
                "too many calls",
                calls=len(self._calls),
                limit=self.max_calls,
                overloaded=self._is_overloaded(),
                peer=str(flow),
            )
            return unavailable(self._services.retry_after)
        if (limit := self.exceeded(judged)) is not None:
            self._tell("too many calls of a trunk", trunk=judged.name, limit=limit.value)
            return unavailable(1 if limit is TrunkLimit.RATE else self._services.retry_after)
        self._admitted[request] = judged
        return Verdict.ACCEPT

    def _tell(self, event: str, **fields: object) -> None:
        """Why calls are refused: whoever sends too many must not fill the disk."""
        if (times := self._lines[event].count(time.monotonic())) is not None:
            log.warning(event, times=times, **fields)

    def _asked(self, trunk: Trunk | None) -> Verdict | Refusal:
        """Say what would become of a call, that calls may go elsewhere meanwhile (11.2).

        How many come in a second is no matter: the next second has room for others.
        """
        is_at_limit = trunk is not None and trunk.is_full_with(self.calls_of(trunk))
        if self.is_full or is_at_limit:
            return unavailable(self._services.retry_after)
        return Verdict.ACCEPT

    def register(self, flow: Flow, request: Request) -> Refusal:
        """Answer a REGISTER that was admitted."""
        return self._gatekeeper.register(flow, request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the calls that are left, and wait until nothing of them remains."""
        for call in tuple(self._calls):
            call.shut_down()
        await self.emptied()
        self._services.spoken_names.close()

    async def emptied(self) -> None:
        """Return when no call is left."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def take(self, calls: AsyncIterator[Call]) -> None:
        """Serve each call beside the others, until there will be no more."""
        async for call in calls:
            self._take(call)

    def begin(
        self, call: RunningCall, record: CallRecord, ended: Callable[[], None] = lambda: None
    ) -> None:
        """Run a call beside the others; `ended` is told when nothing of it is left."""
        self._calls[call] = record
        task = asyncio.create_task(self._serve(call, record), name=f"call {record.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: ended())

    def _take(self, call: Call) -> None:
        trunk = self._admitted.pop(call.request)
        if trunk.credentials is not None:
            call.identify(trunk.credentials)
        if call.request.headers.takes_over:
            self._replace(call, trunk)
            return
        record = CallRecord(
            id=secrets.token_hex(4),
            sip_call_id=call.call_id,
            trunk=trunk.name,
            caller=calling_party(call.request, is_trusted=trunk.trust_identity).full,
            called=next(iter(called_of(call, trunk).users), ""),
        )
        self._services.user_agent.label(call, record.id)
        self.begin(IncomingCall(call, trunk, self._services, record), record)

    def _replace(self, call: Call, trunk: Trunk) -> None:
        """A call that takes over another has no room of its own (RFC 3891)."""
        for running, record in self._calls.items():
            is_held = call.replaces is not None and running.holds(call.replaces)
            if is_held and record.trunk == trunk.name and record.end is None:
                running.take_over(call)
                return
        call.reject(481)

    async def _serve(self, call: RunningCall, record: CallRecord) -> None:
        with structlog.contextvars.bound_contextvars(call=record.id):
            log.info(
                "call received" if record.direction is Direction.IN else "dialling",
                caller=record.caller,
                called=record.called,
                trunk=record.trunk,
                sip_call_id=record.sip_call_id,
            )
            try:
                await call.run()
            except Exception:
                log.exception("call failed")
                record.ended(CallEnd(EndReason.INTERNAL_ERROR, "internal error"))
            finally:
                del self._calls[call]
            if record.end is None:
                record.ended(CallEnd(EndReason.INTERNAL_ERROR, "ended without a reason"))
            self._conclude(record)

    def _conclude(self, record: CallRecord) -> None:
        assert record.end is not None
        self.ended[record.end.reason] += 1
        self._statistics.conclude(record)
        log.info(
            "call ended",
            reason=record.end.reason.label,
            text=record.end.text,
            duration=f"{record.duration:.1f} s",
            lost=f"{record.report.from_phone.lost}/{record.report.from_bridge.lost}",
            mos=f"{_score(record.report.from_phone)}/{_score(record.report.from_bridge)}",
        )
        self._on_end(record)


def _score(stream: StreamReport) -> str:
    """The opinion of a stream, as far as there is one."""
    return "-" if stream.mos_cq is None else f"{stream.mos_cq:.1f}"
