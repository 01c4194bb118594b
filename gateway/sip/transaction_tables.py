"""The four transaction machines as data (RFC 3261 section 17, amended by RFC 6026).

Rule: every arrow of the RFC's figures stands here, with its section, and nowhere else. What has
no arrow in a state is ignored in it; so a timer stops by its state having no arrow for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """The states of figures 5 to 8; INITIAL is the point before the request was sent or taken."""

    INITIAL = auto()
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What happens to a transaction.

    REQUEST is the request itself, first or repeated. Responses come from the peer for a client
    and from the transaction user for a server.
    """

    REQUEST = auto()
    PROVISIONAL = auto()  # 1xx
    SUCCESS = auto()  # 2xx
    FAILURE = auto()  # 3xx to 6xx
    ACK = auto()
    TRANSPORT_ERROR = auto()
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()


class Do(Enum):
    """What a transaction does on its way along an arrow."""

    SEND = auto()  # the request of a client, the latest response of a server
    ACKNOWLEDGE = auto()  # send the ACK of a response other than 2xx (17.1.1.3)
    DELIVER = auto()  # give the message to the transaction user
    SLOW_DOWN = auto()  # retransmit at T2 from now on
    REPORT_TIMEOUT = auto()
    REPORT_TRANSPORT_ERROR = auto()


@dataclass(frozen=True, slots=True)
class Arrow:
    """Where an input leads, what is done on the way, and which timers are started."""

    to: State
    do: tuple[Do, ...] = ()
    start: tuple[Input, ...] = ()


Table = Mapping[tuple[State, Input], Arrow]

CLIENT_INVITE: Table = {
    # Figure 5; 17.1.1.2
    (State.INITIAL, Input.REQUEST): Arrow(
        State.CALLING, (Do.SEND,), (Input.TIMER_A, Input.TIMER_B)
    ),
    (State.CALLING, Input.TIMER_A): Arrow(State.CALLING, (Do.SEND,), (Input.TIMER_A,)),
    (State.CALLING, Input.TIMER_B): Arrow(State.TERMINATED, (Do.REPORT_TIMEOUT,)),
    (State.CALLING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.DELIVER,)),
    (State.CALLING, Input.FAILURE): Arrow(
        State.COMPLETED, (Do.ACKNOWLEDGE, Do.DELIVER), (Input.TIMER_D,)
    ),
    (State.CALLING, Input.TRANSPORT_ERROR): Arrow(State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)),
    (State.PROCEEDING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.DELIVER,)),
    (State.PROCEEDING, Input.FAILURE): Arrow(
        State.COMPLETED, (Do.ACKNOWLEDGE, Do.DELIVER), (Input.TIMER_D,)
    ),
    (State.COMPLETED, Input.FAILURE): Arrow(State.COMPLETED, (Do.ACKNOWLEDGE,)),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Arrow(State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)),
    (State.COMPLETED, Input.TIMER_D): Arrow(State.TERMINATED),
    # RFC 6026 section 7.2: a 2xx no longer ends the transaction at once
    (State.CALLING, Input.SUCCESS): Arrow(State.ACCEPTED, (Do.DELIVER,), (Input.TIMER_M,)),
    (State.PROCEEDING, Input.SUCCESS): Arrow(State.ACCEPTED, (Do.DELIVER,), (Input.TIMER_M,)),
    (State.ACCEPTED, Input.SUCCESS): Arrow(State.ACCEPTED, (Do.DELIVER,)),
    (State.ACCEPTED, Input.TIMER_M): Arrow(State.TERMINATED),
}

CLIENT_NON_INVITE: Table = {
    # Figure 6; 17.1.2.2
    (State.INITIAL, Input.REQUEST): Arrow(State.TRYING, (Do.SEND,), (Input.TIMER_E, Input.TIMER_F)),
    (State.TRYING, Input.TIMER_E): Arrow(State.TRYING, (Do.SEND,), (Input.TIMER_E,)),
    (State.TRYING, Input.TIMER_F): Arrow(State.TERMINATED, (Do.REPORT_TIMEOUT,)),
    (State.TRYING, Input.TRANSPORT_ERROR): Arrow(State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)),
    (State.TRYING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.DELIVER, Do.SLOW_DOWN)),
    (State.TRYING, Input.SUCCESS): Arrow(State.COMPLETED, (Do.DELIVER,), (Input.TIMER_K,)),
    (State.TRYING, Input.FAILURE): Arrow(State.COMPLETED, (Do.DELIVER,), (Input.TIMER_K,)),
    (State.PROCEEDING, Input.TIMER_E): Arrow(State.PROCEEDING, (Do.SEND,), (Input.TIMER_E,)),
    (State.PROCEEDING, Input.TIMER_F): Arrow(State.TERMINATED, (Do.REPORT_TIMEOUT,)),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): Arrow(
        State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)
    ),
    (State.PROCEEDING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.DELIVER,)),
    (State.PROCEEDING, Input.SUCCESS): Arrow(State.COMPLETED, (Do.DELIVER,), (Input.TIMER_K,)),
    (State.PROCEEDING, Input.FAILURE): Arrow(State.COMPLETED, (Do.DELIVER,), (Input.TIMER_K,)),
    (State.COMPLETED, Input.TIMER_K): Arrow(State.TERMINATED),
}

SERVER_INVITE: Table = {
    # Figure 7; 17.2.1. The first REQUEST is with the transaction user already.
    (State.INITIAL, Input.REQUEST): Arrow(State.PROCEEDING),
    (State.PROCEEDING, Input.REQUEST): Arrow(State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.FAILURE): Arrow(
        State.COMPLETED, (Do.SEND,), (Input.TIMER_G, Input.TIMER_H)
    ),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): Arrow(
        State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)
    ),
    (State.COMPLETED, Input.REQUEST): Arrow(State.COMPLETED, (Do.SEND,)),
    (State.COMPLETED, Input.TIMER_G): Arrow(State.COMPLETED, (Do.SEND,), (Input.TIMER_G,)),
    (State.COMPLETED, Input.TIMER_H): Arrow(State.TERMINATED, (Do.REPORT_TIMEOUT,)),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Arrow(State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)),
    (State.COMPLETED, Input.ACK): Arrow(State.CONFIRMED, (), (Input.TIMER_I,)),
    (State.CONFIRMED, Input.TIMER_I): Arrow(State.TERMINATED),
    # RFC 6026 section 7.1: repeated INVITEs are absorbed, ACK and 2xx belong to the user
    (State.PROCEEDING, Input.SUCCESS): Arrow(State.ACCEPTED, (Do.SEND,), (Input.TIMER_L,)),
    (State.ACCEPTED, Input.REQUEST): Arrow(State.ACCEPTED),
    (State.ACCEPTED, Input.SUCCESS): Arrow(State.ACCEPTED, (Do.SEND,)),
    (State.ACCEPTED, Input.ACK): Arrow(State.ACCEPTED, (Do.DELIVER,)),
    (State.ACCEPTED, Input.TRANSPORT_ERROR): Arrow(State.ACCEPTED, (Do.REPORT_TRANSPORT_ERROR,)),
    (State.ACCEPTED, Input.TIMER_L): Arrow(State.TERMINATED),
}

SERVER_NON_INVITE: Table = {
    # Figure 8; 17.2.2
    (State.INITIAL, Input.REQUEST): Arrow(State.TRYING),
    (State.TRYING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.SEND,)),
    (State.TRYING, Input.SUCCESS): Arrow(State.COMPLETED, (Do.SEND,), (Input.TIMER_J,)),
    (State.TRYING, Input.FAILURE): Arrow(State.COMPLETED, (Do.SEND,), (Input.TIMER_J,)),
    (State.PROCEEDING, Input.REQUEST): Arrow(State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.PROVISIONAL): Arrow(State.PROCEEDING, (Do.SEND,)),
    (State.PROCEEDING, Input.SUCCESS): Arrow(State.COMPLETED, (Do.SEND,), (Input.TIMER_J,)),
    (State.PROCEEDING, Input.FAILURE): Arrow(State.COMPLETED, (Do.SEND,), (Input.TIMER_J,)),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): Arrow(
        State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)
    ),
    (State.COMPLETED, Input.REQUEST): Arrow(State.COMPLETED, (Do.SEND,)),
    (State.COMPLETED, Input.TRANSPORT_ERROR): Arrow(State.TERMINATED, (Do.REPORT_TRANSPORT_ERROR,)),
    (State.COMPLETED, Input.TIMER_J): Arrow(State.TERMINATED),
}
