"""The four machines, arrow by arrow, against figures 5 to 8 of RFC 3261 as amended by RFC 6026.

The figures are written out here a second time, in words, and a real transaction is walked along
each arrow: what it sends, tells and starts is what the figure says.
"""

from collections import deque

import pytest

from gateway.sip.counters import Counters
from gateway.sip.flow import Flow, Transmission
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.timers import TimerQueue, Timers
from gateway.sip.transaction import Failure, Surroundings, Transaction, User
from gateway.sip.transaction_tables import (
    CLIENT_INVITE,
    CLIENT_NON_INVITE,
    SERVER_INVITE,
    SERVER_NON_INVITE,
    Input,
    State,
    Table,
)
from tests.sip.wire import TCP, UDP, request, response

# state, input -> state: sent; told; timers that run for the first time
FIGURES = {
    "client INVITE": """
        INITIAL    REQUEST         CALLING     request  -        AB
        CALLING    TIMER_A         CALLING     request  -        -
        CALLING    TIMER_B         TERMINATED  -        timeout  -
        CALLING    TRANSPORT_ERROR TERMINATED  -        broken   -
        CALLING    PROVISIONAL     PROCEEDING  -        message  -
        CALLING    SUCCESS         ACCEPTED    -        message  M
        CALLING    FAILURE         COMPLETED   ack      message  D
        PROCEEDING PROVISIONAL     PROCEEDING  -        message  -
        PROCEEDING SUCCESS         ACCEPTED    -        message  M
        PROCEEDING FAILURE         COMPLETED   ack      message  D
        COMPLETED  FAILURE         COMPLETED   ack      -        -
        COMPLETED  TRANSPORT_ERROR TERMINATED  -        broken   -
        COMPLETED  TIMER_D         TERMINATED  -        -        -
        ACCEPTED   SUCCESS         ACCEPTED    -        message  -
        ACCEPTED   TIMER_M         TERMINATED  -        -        -
    """,
    "client other": """
        INITIAL    REQUEST         TRYING      request  -        EF
        TRYING     TIMER_E         TRYING      request  -        -
        TRYING     TIMER_F         TERMINATED  -        timeout  -
        TRYING     TRANSPORT_ERROR TERMINATED  -        broken   -
        TRYING     PROVISIONAL     PROCEEDING  -        message  -
        TRYING     SUCCESS         COMPLETED   -        message  K
        TRYING     FAILURE         COMPLETED   -        message  K
        PROCEEDING TIMER_E         PROCEEDING  request  -        -
        PROCEEDING TIMER_F         TERMINATED  -        timeout  -
        PROCEEDING TRANSPORT_ERROR TERMINATED  -        broken   -
        PROCEEDING PROVISIONAL     PROCEEDING  -        message  -
        PROCEEDING SUCCESS         COMPLETED   -        message  K
        PROCEEDING FAILURE         COMPLETED   -        message  K
        COMPLETED  TIMER_K         TERMINATED  -        -        -
    """,
    "server INVITE": """
        INITIAL    REQUEST         PROCEEDING  -        -        -
        PROCEEDING REQUEST         PROCEEDING  response -        -
        PROCEEDING PROVISIONAL     PROCEEDING  response -        -
        PROCEEDING SUCCESS         ACCEPTED    response -        L
        PROCEEDING FAILURE         COMPLETED   response -        GH
        PROCEEDING TRANSPORT_ERROR TERMINATED  -        broken   -
        COMPLETED  REQUEST         COMPLETED   response -        -
        COMPLETED  TIMER_G         COMPLETED   response -        -
        COMPLETED  TIMER_H         TERMINATED  -        timeout  -
        COMPLETED  TRANSPORT_ERROR TERMINATED  -        broken   -
        COMPLETED  ACK             CONFIRMED   -        -        I
        CONFIRMED  TIMER_I         TERMINATED  -        -        -
        ACCEPTED   REQUEST         ACCEPTED    -        -        -
        ACCEPTED   SUCCESS         ACCEPTED    response -        -
        ACCEPTED   ACK             ACCEPTED    -        message  -
        ACCEPTED   TRANSPORT_ERROR ACCEPTED    -        broken   -
        ACCEPTED   TIMER_L         TERMINATED  -        -        -
    """,
    "server other": """
        INITIAL    REQUEST         TRYING      -        -        -
        TRYING     PROVISIONAL     PROCEEDING  response -        -
        TRYING     SUCCESS         COMPLETED   response -        J
        TRYING     FAILURE         COMPLETED   response -        J
        PROCEEDING REQUEST         PROCEEDING  response -        -
        PROCEEDING PROVISIONAL     PROCEEDING  response -        -
        PROCEEDING SUCCESS         COMPLETED   response -        J
        PROCEEDING FAILURE         COMPLETED   response -        J
        PROCEEDING TRANSPORT_ERROR TERMINATED  -        broken   -
        COMPLETED  REQUEST         COMPLETED   response -        -
        COMPLETED  TRANSPORT_ERROR TERMINATED  -        broken   -
        COMPLETED  TIMER_J         TERMINATED  -        -        -
    """,
}
TABLES: dict[str, Table] = {
    "client INVITE": CLIENT_INVITE,
    "client other": CLIENT_NON_INVITE,
    "server INVITE": SERVER_INVITE,
    "server other": SERVER_NON_INVITE,
}
STATUSES = {Input.PROVISIONAL: 180, Input.SUCCESS: 200, Input.FAILURE: 486}


class Walk:
    """A transaction of one kind, and what it did since somebody looked."""

    def __init__(self, kind: str, flow: Flow = UDP) -> None:
        self.is_client = kind.startswith("client")
        method = "INVITE" if kind.endswith("INVITE") else "INFO"
        message = parse_message(request(method, to_tag="" if method == "INVITE" else "ours"))
        assert isinstance(message, Request)
        self.request = message
        self.sent: list[Transmission] = []
        self.told: list[str] = []
        self.is_over = False
        self.queue = TimerQueue()
        self.counters = Counters()
        self.transaction = Transaction(
            "key",
            TABLES[kind],
            message,
            flow=flow,
            fallback=None,
            surroundings=Surroundings(
                Timers(), self.queue, self.counters, self.sent.append, self._forget
            ),
            user=User(lambda message, now: self.told.append("message"), self._fail),
            latest=message.serialize() if self.is_client else b"",
        )

    def feed(self, happened: Input, now: float = 0.0) -> None:
        if happened is Input.REQUEST and self.transaction.state is State.INITIAL:
            self.transaction.begin(now)
        elif happened in STATUSES:
            message = parse_message(response(self.request, STATUSES[happened]))
            assert isinstance(message, Response)
            if self.is_client:
                self.transaction.feed(happened, now, message)
            else:
                self.transaction.respond(message, now)
        elif happened is Input.ACK:
            ack = parse_message(request("ACK"))
            assert isinstance(ack, Request)
            self.transaction.feed(happened, now, ack)
        else:
            self.transaction.feed(happened, now)

    def take_sent(self) -> list[str]:
        sent = [parse_message(transmission.data) for transmission in self.sent]
        self.sent.clear()
        return [
            "response"
            if isinstance(message, Response)
            else ("ack" if message.method == "ACK" else "request")
            for message in sent
        ]

    def take_told(self) -> list[str]:
        told, self.told = self.told, []
        return told

    def forget(self) -> None:
        self.take_sent()
        self.take_told()

    def running(self) -> set[str]:
        return {
            timer.name[-1]
            for timer, running in self.transaction._running.items()
            if running.is_running
        }

    def _fail(self, failure: Failure, now: float) -> None:
        self.told.append("timeout" if failure is Failure.TIMEOUT else "broken")

    def _forget(self, transaction: Transaction) -> None:
        self.is_over = True


def arrows() -> list[tuple[str, str]]:
    return [
        (kind, " ".join(line.split()))
        for kind, figure in FIGURES.items()
        for line in figure.strip().splitlines()
    ]


def path_to(kind: str, goal: State) -> list[Input]:
    """The shortest way to a state."""
    queue: deque[tuple[State, list[Input]]] = deque([(State.INITIAL, [])])
    while True:
        state, path = queue.popleft()
        if state is goal:
            return path
        queue += [
            (arrow.to, [*path, happened])
            for (start, happened), arrow in TABLES[kind].items()
            if start is state and arrow.to is not state
        ]


@pytest.mark.parametrize(("kind", "arrow"), arrows())
def test_each_arrow_leads_where_the_figure_says(kind: str, arrow: str) -> None:
    start, happened, end, sent, told, timers = arrow.split()
    walk = Walk(kind)
    for step in path_to(kind, State[start]):
        walk.feed(step)
    if (start, happened) == ("PROCEEDING", "REQUEST"):  # repeats the response there is
        walk.feed(Input.PROVISIONAL)
    walk.forget()
    before = walk.running()

    walk.feed(Input[happened])

    assert walk.transaction.state is State[end]
    assert walk.take_sent() == [word for word in [sent] if word != "-"]
    assert walk.take_told() == [word for word in [told] if word != "-"]
    if end == "TERMINATED":
        assert walk.is_over
        assert walk.running() == set()
    else:
        assert walk.running() - before == {name for name in timers if name != "-"}


@pytest.mark.parametrize("kind", FIGURES)
def test_the_table_has_these_arrows_and_no_others(kind: str) -> None:
    figure = {tuple(arrow.split()[:2]) for its, arrow in arrows() if its == kind}
    assert {(state.name, happened.name) for state, happened in TABLES[kind]} == figure


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("state", State)
def test_what_has_no_arrow_changes_nothing(kind: str, state: State) -> None:
    if all(start is not state for start, _ in TABLES[kind]):
        return
    for happened in Input:
        if (state, happened) in TABLES[kind]:
            continue
        walk = Walk(kind)
        for step in path_to(kind, state):
            walk.feed(step)
        walk.forget()
        if state is not State.INITIAL or happened is not Input.ACK:
            walk.feed(happened)
        assert walk.transaction.state is state
        assert (walk.take_sent(), walk.take_told()) == ([], [])


def test_a_server_that_has_not_answered_yet_has_nothing_to_repeat() -> None:
    walk = Walk("server INVITE")
    walk.feed(Input.REQUEST)
    walk.feed(Input.REQUEST)
    assert walk.take_sent() == []


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_every_transaction_ends_by_its_timers_alone_from_every_state(kind: str, flow: Flow) -> None:
    endless = {("client INVITE", State.PROCEEDING)} | {
        (its, state)
        for its in ("server INVITE", "server other")
        for state in (State.TRYING, State.PROCEEDING)
    }  # these wait for a response of the peer, or of the transaction user
    for state in {start for start, _ in TABLES[kind]} - {State.INITIAL}:
        if (kind, state) in endless:
            continue
        walk = Walk(kind, flow)
        for step in path_to(kind, state):
            walk.feed(step)
        for tick in range(400):
            walk.queue.fire_due(tick / 10)
        assert walk.is_over
        assert walk.queue.next() is None
