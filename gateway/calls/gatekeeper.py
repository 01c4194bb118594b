"""Whose call a request is, and whether its sender has to prove that first.

In this order: calls over a registration of ours, which come from the registrar's address to our
contact; the trunk of the address; who proves by digest to be a trunk or a user. A phone that is
registered here is asked even if a trunk's network holds its address: it is more than that.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from gateway.calls.accounts import Accounts, CallerAccount
from gateway.calls.routing import trunk_of
from gateway.calls.trunk import Listener, Trunk
from gateway.errors import SipSyntaxError
from gateway.sip.admission import Refusal, Verdict
from gateway.sip.digest_server import DigestCounters, DigestServer
from gateway.sip.flow import Flow
from gateway.sip.header_values import parse_uri
from gateway.sip.message import Request
from gateway.sip.registrar import Registrar
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)

_BETWEEN_REFUSALS, _BETWEEN_STRANGERS = 1.0, 60.0  # seconds from line to line


@dataclass(frozen=True, slots=True)
class Doors:
    """By what else than its address a caller may be known.

    `called` names the trunk whose registration a call comes over, by the address it comes from and
    the user part it is for, None for any. Without `registrar` nobody can register.
    """

    digest: DigestServer = field(default_factory=lambda: DigestServer("sip-gateway"))
    accounts: tuple[CallerAccount, ...] = ()
    registrar: Registrar | None = None
    called: Callable[[str, str | None], str | None] = lambda host, user: None


class Gatekeeper:
    """Decides about requests outside a dialog; `strangers` is what happens to all others'."""

    def __init__(
        self,
        trunks: Iterable[Trunk],
        doors: Doors,
        strangers: Verdict | Refusal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Where several are at one address, one that takes calls comes before one that does not.
        self._trunks = tuple(sorted(trunks, key=lambda trunk: not trunk.takes_calls))
        self._by_name = {trunk.name: trunk for trunk in self._trunks}
        self._doors = doors
        self._accounts = Accounts(doors.accounts)
        self._strangers = strangers
        self._clock = clock
        self._refusals = SparseLines(_BETWEEN_REFUSALS)
        self._strange_calls = SparseLines(_BETWEEN_STRANGERS)

    @property
    def phones(self) -> Mapping[str, tuple[str, ...]]:
        """Who is registered here, by name, and from which addresses."""
        registrar = self._doors.registrar
        known = registrar.bindings(self._clock()) if registrar is not None else {}
        return {
            user: tuple(str(each.flow) for each in bindings) for user, bindings in known.items()
        }

    @property
    def digest_counters(self) -> DigestCounters:
        return self._doors.digest.counters

    def hears(self, flow: Flow, method: str | None) -> bool:
        """Whether `judge` may say anything but to drop a request, whatever that says."""
        is_heard = self._may_hear(flow, method)
        if not is_heard and method == "INVITE":
            self._tell_stranger(flow)
        return is_heard

    def _may_hear(self, flow: Flow, method: str | None) -> bool:
        host = flow.remote[0]
        may_prove_itself = method in ("INVITE", "REGISTER", None) and self._accounts.any_at(
            host, users=method == "REGISTER"
        )
        return (
            self._strangers is not Verdict.DROP
            or may_prove_itself
            or self._trunk_at(flow) is not None
            or self._doors.called(host, None) is not None
            or self._is_registered(flow)
        )

    def judge(self, flow: Flow, request: Request) -> Trunk | Verdict | Refusal:
        """The trunk of a request, or what else to do with it.

        ACCEPT goes for requests that are nobody's call in particular.
        """
        if request.method == "REGISTER" and self._accounts.any_at(flow.remote[0], users=True):
            return Verdict.ACCEPT  # `register` looks closer
        judged = self._find(flow, request)
        if isinstance(judged, Trunk) and not judged.is_reached_by(_listener_of(flow)):
            judged = self._strangers
        if judged == self._strangers and request.method == "INVITE":
            self._tell_stranger(flow)
        return judged

    def _find(self, flow: Flow, request: Request) -> Trunk | Verdict | Refusal:
        host = flow.remote[0]
        trunk = self._registered_with(host, request)
        if trunk is not None:
            return trunk
        trunk = self._trunk_at(flow)
        is_phone = self._is_registered(flow)
        if request.method == "INVITE" and not request.headers.to.tag:
            if trunk is not None and trunk.digest_user is None and not is_phone:
                return trunk
            if self._accounts.any_at(host, users=False):
                return self._ask(flow, request)
        if trunk is None:
            return Verdict.ACCEPT if is_phone else self._strangers
        return trunk

    def register(self, flow: Flow, request: Request) -> Refusal:
        """Answer a REGISTER that was accepted."""
        registrar = self._doors.registrar
        assert registrar is not None, "there are users"
        find = self._accounts.finder(flow.remote[0], users=True)
        user = self._doors.digest.authenticate(request, find, self._clock())
        if isinstance(user, Refusal):
            self._tell_refused(flow, request)
            return user
        was_there = registrar.is_registered(user.name, self._clock())
        answer = registrar.register(user.name, request, flow, self._clock())
        is_there = registrar.is_registered(user.name, self._clock())
        if is_there != was_there:
            log.info(
                "phone registered" if is_there else "phone gone", user=user.name, peer=str(flow)
            )
        return answer

    def _ask(self, flow: Flow, request: Request) -> Trunk | Refusal:
        find = self._accounts.finder(flow.remote[0], users=False)
        account = self._doors.digest.authenticate(request, find, self._clock())
        if isinstance(account, Refusal):
            self._tell_refused(flow, request)
            return account
        return self._accounts.trunk_of(account)

    def _trunk_at(self, flow: Flow) -> Trunk | None:
        """The trunk of an address."""
        listener = _listener_of(flow)
        reached = (trunk for trunk in self._trunks if trunk.is_reached_by(listener))
        return trunk_of(flow.remote[0], reached, flow.certificate_names)

    def _registered_with(self, host: str, request: Request) -> Trunk | None:
        try:
            user = parse_uri(request.uri).user
        except SipSyntaxError:
            return None
        name = self._doors.called(host, user or "")
        return self._by_name.get(name) if name is not None else None

    def _is_registered(self, flow: Flow) -> bool:
        registrar = self._doors.registrar
        return registrar is not None and registrar.is_bound(flow.remote, self._clock())

    def _tell_refused(self, flow: Flow, request: Request) -> None:
        """Of those who did say who they are; to be asked first is nothing to tell.

        One line a second: whoever guesses must not fill the disk.
        """
        if request.headers.get("Authorization") is None:
            return
        if (count := self._refusals.count(self._clock())) is not None:
            log.info(
                "credentials not taken",
                peer=str(flow),
                method=request.method,
                since_last_line=count,
            )

    def _tell_stranger(self, flow: Flow) -> None:
        """A scanner, or a trunk at an address that nobody has told us: one line a minute."""
        if (count := self._strange_calls.count(self._clock())) is not None:
            log.info(
                "a call of no trunk's",
                peer=str(flow),
                since_last_line=count,
                remedy="if that is a trunk of yours, list its address in its `from`",
            )


def _listener_of(flow: Flow) -> Listener:
    return flow.transport, *flow.listener
