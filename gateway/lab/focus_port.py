"""What the parts of the focus have in common: how they send, ask, order, and complain."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from xml.etree.ElementTree import Element

from gateway.lab.endpoint_feedback import Negotiated
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.focus_recording import Recorder
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.lab.violation import Blame, Step

NICK = "focus"

Answered = Callable[[Element | None, float], None]
"""Takes the answer to a request, None if there was none in time, and the time."""


class Allocation(StrEnum):
    """How a conference request is answered (rule 6)."""

    READY = "ready"
    NOT_READY = "not-ready"  # with a session-id
    NOT_AUTHORIZED = "not-authorized"
    SESSION_INVALID = "session-invalid"
    RESERVATION_ERROR = "reservation-error"
    SERVICE_UNAVAILABLE = "service-unavailable"
    SLOW = "slow"  # ready, after `slow_answer` seconds
    NO_REPLY = "no-reply"


@dataclass(frozen=True, slots=True)
class FocusConfig:
    """How the focus behaves; times are seconds.

    `allocations` are the answers to clients' first conference requests; those after them are
    answered with READY. With `needs_host` clients are turned away until somebody of the lab is in
    the room. With `early_sources` sources are signalled before the session is accepted, twice,
    and with an owner nobody knows (rule 29). For `bridge_keeps` seconds after its session has
    ended, or has been replaced, an endpoint works as before: the focus has to tell the bridge
    first. That of somebody who has left works for `ghosts_last` seconds more, as if the server had
    not noticed yet that the connection is gone. `ice_restart` is whether clients may ask for
    another path within their sessions. `av_moderation` is the component that says who may
    speak, `breakout_domain` the one of rooms that need no host, `hidden_domains` those of
    recorders, which are no members, `closed_domains` those of lobbies, which are no conferences,
    `brewery` the room in which gateways wait to be told to dial. `recorder` is whether there is a
    Jibri that is free, or busy, or none at all, or ("unknown") not even a brewery of theirs.
    """

    offer: OfferConfig = field(default_factory=OfferConfig)
    allocations: tuple[Allocation, ...] = ()
    needs_host: bool = False
    alone_timeout: float = 20.0
    initial_timeout: float = 15.0
    reply_timeout: float = 15.0
    mute_timeout: float = 1.0
    slow_answer: float = 10.0
    reinvite_after: float = 2.0
    bridge_keeps: float = 0.05
    ghosts_last: float = 0.0
    ice_restart: bool = True
    early_sources: bool = False
    region: str | None = None
    recording_starts_after: float = 1.0
    recorder: Recorder = "free"
    av_moderation: str | None = None
    breakout_domain: str | None = None
    hidden_domains: frozenset[str] = frozenset()
    closed_domains: frozenset[str] = frozenset()
    brewery: str | None = None


class BridgeOrders(Protocol):
    """The videobridge, as the focus orders it about."""

    def allocate(
        self, conference: str, endpoint: str, negotiated: Negotiated | None = None
    ) -> BridgeTransportOffer: ...

    def feedback_ssrc(self, conference: str) -> int: ...

    def connect(
        self,
        conference: str,
        endpoint: str,
        *,
        ufrag: str,
        pwd: str,
        fingerprint: tuple[str, str],
        setup: str,
    ) -> None: ...

    def set_sources(self, conference: str, endpoint: str, ssrcs: frozenset[int]) -> None: ...

    def force_mute(self, conference: str, endpoint: str, muted: bool) -> None: ...

    def expire(self, conference: str, endpoint: str) -> None: ...

    def forget_former(self, conference: str, endpoint: str) -> None: ...

    def restart_ice(self, conference: str, endpoint: str) -> BridgeTransportOffer | None: ...

    def continue_ice(
        self, conference: str, endpoint: str, generation: int, ufrag: str, pwd: str
    ) -> None: ...


class Ask(Protocol):
    """Sends a request; `answered` is called once, with None after `timeout` seconds."""

    def __call__(
        self,
        to: str,
        payload: Element,
        now: float,
        answered: Answered,
        *,
        type_: str = "set",
        timeout: float | None = None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class FocusPort:
    """What a conference needs. `packets` counts the RTP the bridge has got from an endpoint."""

    jid: str
    config: FocusConfig
    bridge: BridgeOrders
    packets: Callable[[str, str], int]
    send: Callable[[Element], None]
    ask: Ask
    blame: Blame
    step: Step
