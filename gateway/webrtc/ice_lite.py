"""An ICE-lite agent (RFC 8445 section 2.5): it answers who checks, and decides nothing itself.

What the full agent at the other end nominates is where it is sent to. Consent to that (RFC 7675) is
its business too. No IO, no clock.
"""

import secrets
import struct

from aioice import stun

from gateway.media.messages import Address, PhoneIce

_MOST_PATHS = 16
_PRIORITY = (110 << 24) | (65535 << 8) | 255  # of a peer-reflexive candidate (RFC 8445 5.1.2.1)


class IceLite:
    """Our one candidate. `nominated` is where the phone is, None while it has not said so.

    `credentials` are those of the last offer/answer: another sets them. `paths` are the addresses
    that have passed a check; `refused` counts messages that were wrong.
    """

    def __init__(self, credentials: PhoneIce) -> None:
        self.credentials = credentials
        self.nominated: Address | None = None
        self.paths: set[Address] = set()
        self.refused = 0
        self._tie_breaker = secrets.randbits(64)

    def receive(self, data: bytes, source: Address) -> bytes | None:
        """Take a STUN message; the answer to send to where it came from, if it deserves one."""
        try:
            message = stun.parse_message(data)
        except (ValueError, KeyError, struct.error):  # aioice's words for damage
            self.refused += 1
            return None
        is_binding = message.message_method is stun.Method.BINDING
        if not is_binding or message.message_class is not stun.Class.REQUEST:
            return None  # an indication keeps a NAT's mapping alive, and wants nothing
        if not self._is_authentic(message):
            self.refused += 1
            return None
        if "ICE-CONTROLLED" in message.attributes:  # we never control (section 6.1.1)
            return self._answer(message, stun.Class.ERROR, "ERROR-CODE", (487, "Role Conflict"))
        self._remember(source)
        if "USE-CANDIDATE" in message.attributes:
            self.nominated = source
        return self._answer(message, stun.Class.RESPONSE, "XOR-MAPPED-ADDRESS", source)

    def check(self) -> bytes:
        """A check of ours, which proves nothing to us. A lite agent need not make any, but
        FreeSWITCH, which takes no note of a=ice-lite, shakes no hands before it has had one."""
        own = self.credentials
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{own.remote_ufrag}:{own.ufrag}"
        request.attributes["PRIORITY"] = _PRIORITY
        request.attributes["ICE-CONTROLLED"] = self._tie_breaker
        request.add_message_integrity(own.remote_pwd.encode())
        return bytes(request)

    def _is_authentic(self, message: stun.Message) -> bool:
        """Whether a check is by whom it was agreed with (section 7.3); nobody else is answered."""
        own = self.credentials
        if message.attributes.get("USERNAME") != f"{own.ufrag}:{own.remote_ufrag}":
            return False
        return message.check_message_integrity(own.pwd.encode())

    def _remember(self, source: Address) -> None:
        if source not in self.paths and len(self.paths) >= _MOST_PATHS:
            self.paths = {path for path in self.paths if path == self.nominated}
        self.paths.add(source)

    def _answer(
        self, request: stun.Message, kind: stun.Class, attribute: str, value: object
    ) -> bytes:
        answer = stun.Message(request.message_method, kind, request.transaction_id)
        answer.attributes[attribute] = value
        answer.add_message_integrity(self.credentials.pwd.encode())
        return bytes(answer)
