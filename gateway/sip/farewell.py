"""Our BYE, from the end of a call to when nobody waits for it any more (RFC 3261 15.1.1).

One that could not be sent is sent again, for as long as a peer may be silent: if a proxy is only
being restarted, the phone behind it must not be left on a dead line.
"""

from collections.abc import Callable

from gateway.sip.client_request import ClientRequest, Order, Outcome
from gateway.sip.core import Core
from gateway.sip.dialog import Dialog
from gateway.sip.digest import DigestClient
from gateway.sip.reason import Reason, reason_fields
from gateway.sip.timers import Timer

_PAUSE = 4  # T1


class Farewell:
    """Says BYE in a dialog; `over` is called when it is answered, or nobody is there to hear it."""

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        reasons: tuple[Reason, ...],
        *,
        digest: DigestClient,
        over: Callable[[float], None],
        now: float,
    ) -> None:
        self._core = core
        self._dialog = dialog
        self._order = Order("BYE", self._told, reason_fields(reasons))
        self._digest = digest
        self._over = over
        self._until = now + core.timers.transaction
        self._again: Timer | None = None
        self._say(now)

    def stop(self) -> None:
        """Say it no more."""
        if self._again is not None:
            self._again.cancel()

    def _say(self, now: float) -> None:
        ClientRequest(self._core, self._dialog, self._order, digest=self._digest, now=now)

    def _told(self, outcome: Outcome, now: float) -> None:
        later = now + _PAUSE * self._core.timers.t1
        is_sent = outcome.response is not None or outcome.status != 503
        if is_sent or later >= self._until:
            self._over(now)  # whatever the answer, nobody is there any more
        else:
            self._again = self._core.queue.start(later, self._say)
