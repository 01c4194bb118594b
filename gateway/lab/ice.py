"""The bridge's side of ICE (RFC 8445): a full, controlling agent behind one shared port.

Like a videobridge it needs nothing of the client but ufrag and password: it learns where the
client is from the client's own checks, nominates the first address that answers, and asks for
consent (RFC 7675) for the whole call. No IO and no clock; `outgoing` is to be sent after each call.
"""

import secrets
import struct
from enum import Enum

from aioice import stun

Address = tuple[str, int]

_RETRANSMISSION = 0.5
_CHECK_ATTEMPTS = 7
_CONSENT_ATTEMPTS = 30
_PRIORITY = (110 << 24) | (65535 << 8) | 255  # peer-reflexive (section 5.1.2.1)
_PAIRS = 16  # addresses a client may check from


class IceState(Enum):
    """Where an agent is: nobody checked it yet, a pair is nominated, or consent was withdrawn."""

    WAITING = "waiting"
    CONNECTED = "connected"
    FAILED = "failed"


def parse_stun(data: bytes) -> stun.Message | None:
    """A STUN message (RFC 8489), None if it is none, or is damaged."""
    try:
        return stun.parse_message(data)
    except (ValueError, KeyError, struct.error):  # aioice's words for damage
        return None


class _Check:
    """A binding request of ours that waits for its answer."""

    def __init__(self, address: Address, request: stun.Message, *, nominates: bool) -> None:
        self.address = address
        self.request = request
        self.nominates = nominates
        self.attempts = 0
        self.due = 0.0


class ControllingAgent:
    """One endpoint's agent. `consent_interval` is the time between consent checks in seconds."""

    def __init__(self, *, consent_interval: float = 15.0) -> None:
        self.ufrag = secrets.token_hex(7)
        self.pwd = secrets.token_hex(13)
        self.state = IceState.WAITING
        self.peer: Address | None = None
        self.outgoing: list[tuple[bytes, Address]] = []
        self.violations: list[str] = []
        self.consents = 0
        self._remote: tuple[str, str] | None = None
        self._tie_breaker = (1 << 64) - 1  # always wins: the focus has made us controlling
        self._consent_interval = consent_interval
        self._next_consent = 0.0
        self._checks: dict[bytes, _Check] = {}
        self._pairs: dict[Address, bool] = {}  # address: whether it has answered

    def set_remote(self, ufrag: str, pwd: str, now: float) -> None:
        """The client's credentials have come: check every address it was seen at."""
        self._remote = (ufrag, pwd)
        for address in self._pairs:
            self._check(address, now, nominate=False)

    def is_for(self, data: bytes) -> bool:
        """Whether a STUN message is a check of this agent, or the answer to one."""
        message = parse_stun(data)
        if message is None:
            return False
        ours, _, _ = str(message.attributes.get("USERNAME", "")).partition(":")
        return ours == self.ufrag or message.transaction_id in self._checks

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """Take a STUN message that came from `source`; what is not one is dropped."""
        message = parse_stun(data)
        if message is None or message.message_method != stun.Method.BINDING:
            return
        if message.message_class == stun.Class.REQUEST:
            self._request(message, source, now)
        elif message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR):
            self._response(message, source, now)

    @property
    def has_remote(self) -> bool:
        """Whether the client's credentials have come."""
        return self._remote is not None

    def handle_timer(self, now: float) -> None:
        """Repeat checks that are overdue, give up those repeated too often, ask for consent."""
        for check in list(self._checks.values()):
            if now >= check.due:
                self._repeat(check, now)
        if self.state is IceState.CONNECTED and self.peer and now >= self._next_consent:
            self._next_consent = now + self._consent_interval
            self._check(self.peer, now, nominate=False)

    def _request(self, message: stun.Message, source: Address, now: float) -> None:
        problem = self._problem_of(message)
        if problem is not None:
            self.violations.append(problem)
            return
        if "ICE-CONTROLLING" in message.attributes:
            self._answer(message, source, error=(487, "Role Conflict"))
            return
        if self.state is IceState.CONNECTED and source != self.peer:
            self._answer(message, source, error=(403, "Forbidden"))  # the choice is made
            return
        self._answer(message, source)
        if source not in self._pairs and len(self._pairs) < _PAIRS:
            self._pairs[source] = False
            if self._remote is not None:
                self._check(source, now, nominate=False)

    def _problem_of(self, message: stun.Message) -> str | None:
        """What is wrong with a check of the client's (sections 7.1 and 7.3)."""
        attributes = message.attributes
        ours, colon, theirs = str(attributes.get("USERNAME", "")).partition(":")
        if "FINGERPRINT" not in attributes:
            return "a check without FINGERPRINT"
        if not colon or ours != self.ufrag or (self._remote and theirs != self._remote[0]):
            return f"a check with USERNAME {attributes.get('USERNAME')!r}"
        if not message.check_message_integrity(self.pwd.encode()):
            return "a check whose MESSAGE-INTEGRITY is missing or wrong"
        return None

    def _answer(
        self, request: stun.Message, source: Address, error: tuple[int, str] | None = None
    ) -> None:
        response = stun.Message(
            request.message_method,
            stun.Class.ERROR if error else stun.Class.RESPONSE,
            request.transaction_id,
        )
        if error:
            response.attributes["ERROR-CODE"] = error
        else:
            response.attributes["XOR-MAPPED-ADDRESS"] = source
        response.add_message_integrity(self.pwd.encode())
        self.outgoing.append((bytes(response), source))

    def _response(self, message: stun.Message, source: Address, now: float) -> None:
        check = self._checks.get(message.transaction_id)
        if check is None or check.address != source or self._remote is None:
            return
        if not message.check_message_integrity(self._remote[1].encode()):
            self.violations.append("an answer to a check without valid MESSAGE-INTEGRITY")
            return
        del self._checks[message.transaction_id]
        if message.message_class == stun.Class.ERROR:
            return
        if check.nominates:
            self.state, self.peer = IceState.CONNECTED, source
            self._next_consent = now + self._consent_interval
        elif self.state is IceState.CONNECTED:
            self.consents += 1
        elif not any(self._pairs.values()):
            self._pairs[source] = True
            self._check(source, now, nominate=True)

    def _check(self, address: Address, now: float, *, nominate: bool) -> None:
        assert self._remote is not None
        ufrag, pwd = self._remote
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = _PRIORITY
        request.attributes["ICE-CONTROLLING"] = self._tie_breaker
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(pwd.encode())
        check = _Check(address, request, nominates=nominate)
        self._checks[request.transaction_id] = check
        self._repeat(check, now)

    def _repeat(self, check: _Check, now: float) -> None:
        connected = self.state is IceState.CONNECTED
        if check.attempts >= (_CONSENT_ATTEMPTS if connected else _CHECK_ATTEMPTS):
            del self._checks[check.request.transaction_id]
            if connected and check.address == self.peer:
                self.state = IceState.FAILED
            return
        check.attempts += 1
        check.due = now + _RETRANSMISSION
        self.outgoing.append((bytes(check.request), check.address))
