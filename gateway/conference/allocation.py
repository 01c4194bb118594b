"""Asking the focus for the conference, until it is ready or certain not to be.

The room does not exist before the focus is in it, so this comes before joining. `Allocation`
decides from the answers; `allocate` asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.conference.backoff import Backoff
from gateway.errors import ConferenceError, JingleError, JoinFailure
from gateway.xmpp import namespaces as ns
from gateway.xmpp.conference_request import AS_VISITOR, ConferenceRequest, ConferenceResult
from gateway.xmpp.stanza import NoReply, StanzaError

_PASSING = frozenset({"service-unavailable", "recipient-unavailable", "feature-not-implemented"})

Answer = ConferenceResult | StanzaError | NoReply

Ask = Callable[[ConferenceRequest], Awaitable[ConferenceResult]]
"""Asks the focus. StanzaError: it refuses; NoReply: it does not answer; JingleError: no sense."""

HOST_INTERVAL = 5.0  # seconds between requests while there is no host, as browsers do


class Redirected(Exception):
    """Visitors of this conference are at another node: `node` is what it is called."""

    def __init__(self, node: str) -> None:
        super().__init__(f"visitors go to {node}")
        self.node = node


class Allocation:
    """One conference request, perhaps a `visitor`'s, and its repetitions until `deadline`.

    Waiting for a host, who must open the conference, does not count; that ends at `host_until`.
    """

    def __init__(
        self,
        room: str,
        machine_uid: str,
        deadline: float,
        host_until: float = 0.0,
        *,
        visitor: bool = False,
    ) -> None:
        properties = AS_VISITOR if visitor else {}
        self.request = ConferenceRequest(room, machine_uid, properties=properties)
        self.waits_for_host = False
        self._deadline = deadline
        self._host_until = host_until
        self._backoff = Backoff(first=1.0, longest=120.0)

    def answered(self, answer: Answer, now: float) -> float | None:
        """None: the room can be joined; else seconds until the request is to be repeated.

        ConferenceError if repeating it is of no use, Redirected if the room is elsewhere for us.
        """
        match answer:
            case ConferenceResult(vnode=str(node)) if node and self.request.properties:
                raise Redirected(node)
            case ConferenceResult(vnode=str(node)) if node:
                text = f"sent to visitor node {node}, which was not asked for"
                raise ConferenceError(JoinFailure.REFUSED, text)
            case ConferenceResult(ready=True):
                return None
            case ConferenceResult(session_id=session_id, properties=properties):
                self.request = replace(self.request, session_id=session_id)
                if properties.get("live") == "false":
                    text = "the conference is not live yet"
                    return self._later(now, JoinFailure.WAITING_FOR_HOST, text)
                return self._later(now, JoinFailure.TIMEOUT, "the conference is not ready")
            case NoReply():
                return self._later(now, JoinFailure.TIMEOUT, str(answer))
        return self._refused(answer, now)

    def _refused(self, error: StanzaError, now: float) -> float:
        reservation = error.find(ns.JITSI_FOCUS, "reservation-error")
        if reservation is not None:
            code = reservation.get("error-code", "without a code")
            text = f"reservation refused ({code}): {error.text or error}"
            raise ConferenceError(JoinFailure.REFUSED, text)
        if error.has(ns.JITSI_FOCUS, "session-invalid") and self.request.session_id:
            self.request = replace(self.request, session_id=None)
            return 0.0
        # Jicofo is not connected at the moment, has only just logged in (then it implements nothing
        # yet), or could not open the conference.
        if error.condition in _PASSING or error.type == "wait":
            return self._later(now, JoinFailure.FOCUS_UNAVAILABLE, str(error))
        match error.condition:
            case "not-authorized":  # a guest, and no host has opened the conference
                return self._wait_for_host(now, str(error))
            case "item-not-found" | "remote-server-not-found":
                raise ConferenceError(JoinFailure.FOCUS_UNAVAILABLE, str(error))
            case "bad-request":
                raise ConferenceError(JoinFailure.PROTOCOL, str(error))
        raise ConferenceError(JoinFailure.REFUSED, str(error))

    def _wait_for_host(self, now: float, text: str) -> float:
        if now + HOST_INTERVAL > self._host_until:
            raise ConferenceError(JoinFailure.WAITING_FOR_HOST, text)
        self.waits_for_host = True
        self._deadline += HOST_INTERVAL
        return HOST_INTERVAL

    def _later(self, now: float, cause: JoinFailure, text: str) -> float:
        wait = self._backoff.wait()
        if now + wait > self._deadline:
            raise ConferenceError(cause, text)
        return wait


async def allocate(
    ask: Ask,
    *,
    room: str,
    machine_uid: str,
    timeout: float,
    host_until: float = 0.0,
    visitor: bool = False,
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Return when the room can be joined; ConferenceError if it cannot within about `timeout`.

    Redirected if we want to be a `visitor`, and visitors go elsewhere.
    `waiting` is told once if we wait for a host, which we do until `host_until`.
    """
    clock = asyncio.get_running_loop().time
    allocation = Allocation(room, machine_uid, clock() + timeout, host_until, visitor=visitor)
    is_told = False
    while True:
        answer: Answer
        try:
            answer = await ask(allocation.request)
        except (StanzaError, NoReply) as refusal:
            answer = refusal
        except JingleError as error:
            raise ConferenceError(JoinFailure.PROTOCOL, str(error)) from error
        wait = allocation.answered(answer, clock())
        if wait is None:
            return
        if allocation.waits_for_host and not is_told:
            is_told = True
            waiting()
        await asyncio.sleep(wait)
