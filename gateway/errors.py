"""The exceptions of the gateway, and whose fault each one is.

    GatewayError
    ├── ConfigError              the operator's: a configuration file that cannot be used
    ├── CannotListen             the operator's: an address that is not to be had
    ├── RemoteProtocolError      a peer's: what it sent breaks its protocol
    │   ├── SipSyntaxError       carries the status a response to it should have
    │   ├── SdpError             a session description that cannot be read
    │   ├── RtpError             a packet that is not RTP or RTCP
    │   └── JingleError          a stanza that is not what XEP-0166 or Jitsi say
    ├── ConferenceError          the conference could not be joined; carries the cause
    └── MediaError               the media engine could not do what it was told to
        └── MediaLost            nor will it: what carried the call is gone

A peer's fault becomes a response, an XMPP error or a counted drop, never a traceback.
Our own mistakes are `AssertionError`, `ValueError` and the like: they fail loudly.
"""

import errno
import os
from enum import StrEnum


class GatewayError(Exception):
    """The root of all errors the gateway raises on purpose."""


class ConfigError(GatewayError):
    """A configuration that cannot be used; `problems` holds one line for each wrong key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CannotListen(GatewayError, OSError):
    """An address that is not to be had; the text names it, says why, and what to do about it."""

    def __init__(self, address: str, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno else str(error)
        mend = _MENDS.get(error.errno or 0)
        super().__init__(f"cannot listen on {address}: {reason}{f'; {mend}' if mend else ''}")


_MENDS = {
    errno.EADDRINUSE: "another program has this port (ss -lntup shows which)",
    errno.EADDRNOTAVAIL: "this machine has no such address (ip addr shows those it has)",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE or root",
}


class RemoteProtocolError(GatewayError):
    """A peer sent something its protocol does not allow."""


class SipSyntaxError(RemoteProtocolError):
    """A SIP message that cannot be understood; `status` is the answer it deserves (RFC 3261)."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class SdpError(RemoteProtocolError):
    """A session description that cannot be read (RFC 8866)."""


class RtpError(RemoteProtocolError):
    """A datagram that is neither RTP nor RTCP (RFC 3550)."""


class JingleError(RemoteProtocolError):
    """A stanza that does not say what XEP-0166 or Jitsi's extensions require."""


class MediaError(GatewayError):
    """The media engine could not carry out a command."""


class MediaLost(MediaError):
    """What carried the call's media is gone."""


class JoinFailure(StrEnum):
    """Why a conference could not be joined."""

    NOT_FOUND = "not-found"  # no such room, or not one that may be joined from here
    PASSWORD = "password"  # the room has a password, and it was not given or is another one
    LOBBY = "lobby"  # the room admits members only, and nobody has let us in
    LOBBY_DENIED = "lobby-denied"  # a moderator does not let us in
    MEETING_ENDED = "meeting-ended"  # while we waited to be let in
    WAITING_FOR_HOST = "waiting-for-host"  # the conference begins when a host is there
    AUTHENTICATION = "authentication"  # the room, or the server, wants another login than ours
    BANNED = "banned"
    FULL = "full"
    ONLY_VISITORS = "only-visitors"  # nobody else comes in whom no moderator has let speak
    NO_VISITORS = "no-visitors"  # there is a lobby instead, or the node for them is away
    REFUSED = "refused"  # by some other policy, which the text names
    FOCUS_UNAVAILABLE = "focus-unavailable"  # nobody there to open conferences
    UNREACHABLE = "unreachable"  # the XMPP server cannot be reached, or is not to be trusted
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"  # an answer that makes no sense


class ConferenceError(GatewayError):
    """A conference could not be joined; `text` is for the log and the call's record."""

    def __init__(self, cause: JoinFailure, text: str) -> None:
        super().__init__(f"{cause}: {text}")
        self.cause = cause
        self.text = text
