"""Requests of ours outside a dialog that begin none: REGISTER, OPTIONS (RFC 3261 8.1)."""

from collections.abc import Sequence

from gateway.sip.client_request import Outcome, Told
from gateway.sip.core import Core
from gateway.sip.failover import Sending
from gateway.sip.flow import Flow
from gateway.sip.message import Message, Request, Response
from gateway.sip.transaction import Failure, User


def send_alone(core: Core, request: Request, flows: Sequence[Flow], told: Told, now: float) -> None:
    """Send a request that lacks nothing but its Via, by the first of `flows` that takes it.

    `told` hears what becomes of it, once.
    """

    def receive(message: Message, at: float) -> None:
        assert isinstance(message, Response)
        if message.status >= 200:
            told(Outcome(message.status, message.phrase, message, sending.flow), at)

    def fail(failure: Failure, at: float) -> None:
        told(Outcome.without_response(408 if failure is Failure.TIMEOUT else 503), at)

    request.headers.add("User-Agent", core.config.user_agent)
    ways = [(flow, None) for flow in flows]
    sending = Sending(core, request, ways, User(receive, fail), now)
