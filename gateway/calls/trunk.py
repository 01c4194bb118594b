"""A trunk: where calls come from or go to, how rooms are found, and what its callers have."""

import ipaddress
import re
from dataclasses import dataclass

from gateway.calls.backdrop import WhileWaiting
from gateway.calls.caller_identity import ShowCaller
from gateway.calls.dial_out import DialOut
from gateway.calls.keypad import ALL_COMMANDS, KeypadCommand
from gateway.calls.parties import BY_ADDRESS, CalledIn
from gateway.media.messages import AS_IT_IS, PhoneSound
from gateway.sdp.crypto import SrtpPolicy
from gateway.sdp.formats import DEFAULT_CODECS
from gateway.sip.digest import Credentials

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

Listener = tuple[str, str, int]
"""Where we listen, as configured: transport, literal address, port."""


@dataclass(frozen=True, slots=True)
class RoomRule:
    """Calls to a number (or user part) that `called` matches as a whole go to `room`.

    `room` may refer to groups of the pattern: ``\\1``, ``\\g<name>``, ``\\g<0>`` for all of it.
    `installation` names one where there are several.
    """

    called: re.Pattern[str]
    room: str
    installation: str | None = None


@dataclass(frozen=True, slots=True)
class Trunk:
    """Where calls may come from, how their rooms are found, and what their callers have.

    They come from its `networks`, from anywhere if there are none.
    """

    name: str
    networks: tuple[IpNetwork, ...]

    # Who may call, and how many at a time: calls to it count as well.
    certificate_names: tuple[str, ...] = ()
    """By TLS, with a certificate that has one of these names; () needs none."""
    listeners: tuple[Listener, ...] = ()
    """By these only; () is by any of ours."""
    digest_user: str | None = None
    """Who they have to prove to be, if they come from `networks`."""
    takes_calls: bool = True
    max_calls: int | None = None
    max_calls_per_second: float | None = None

    # Where calls go to that go out.
    dial_out: DialOut | None = None
    credentials: Credentials | None = None
    """For its servers, should they challenge our calls, or requests within theirs."""

    # Which room. Of the names of headers the first that is there counts.
    room_headers: tuple[str, ...] = ("Jitsi-Conference-Room",)
    password_headers: tuple[str, ...] = ("Jitsi-Conference-Room-Pass",)
    tenant_headers: tuple[str, ...] = ("Jitsi-Conference-Domain-Tenant",)
    domain_headers: tuple[str, ...] = ("Jitsi-Conference-Domain-Base",)
    """Give the domain of the installation."""
    token_headers: tuple[str, ...] = ("Jitsi-Auth-Token",)
    """Give a JWT to log in with."""
    visitor_headers: tuple[str, ...] = ("Jitsi-Visitor",)
    """Say "true" for a caller that wants to be a visitor, which it is with `allow_visitors`."""
    allow_visitors: bool = False
    """With it who is let in as nothing else becomes a visitor, too."""
    installation: str | None = None
    """Named where there are several."""
    called_party: tuple[CalledIn, ...] = BY_ADDRESS
    """Where calls say whom they are for, in the order in which `rules` look there."""
    rules: tuple[RoomRule, ...] = ()
    asks_pin: bool = False
    """Who names no room is asked for a PIN."""
    default_room: str | None = None

    # What conferences are shown of callers, and what these can do there.
    trust_identity: bool = True
    """Its word counts for who calls."""
    show_caller: ShowCaller = ShowCaller.FULL
    moderator: bool = False
    """All come with a moderator's rights, as far as the conference grants them."""
    keys: frozenset[KeypadCommand] = ALL_COMMANDS
    conference_digits: bool = False
    """Keys that people in the conference press reach its phones."""

    # What callers are told, and how.
    speaks: bool = False
    """In words, where others hear tones."""
    asks_name: bool = False
    """With the PIN they are asked to say their name."""
    early_media: bool = False
    """Before they are answered they hear the waiting tone, not their own network's ringing."""
    waiting: WhileWaiting = WhileWaiting.MUSIC
    info_json: bool = False
    """Their phones are told, and understood, in Jigasi's messages."""
    chat: bool = False
    """Their phones are sent what people write."""
    heartbeat: float | None = None
    """Seconds."""

    # Audio.
    codecs: tuple[str, ...] = DEFAULT_CODECS
    srtp: SrtpPolicy = SrtpPolicy.OFFERED
    sound: PhoneSound = AS_IT_IS
    """What is done to the voices of its callers."""

    def is_reached_by(self, listener: Listener) -> bool:
        """Whether its requests may come by a listener of ours."""
        return not self.listeners or listener in self.listeners

    def is_full_with(self, calls: int) -> bool:
        """Whether a call beside so many would be one too many."""
        return self.max_calls is not None and calls >= self.max_calls
