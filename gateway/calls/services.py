"""What every call uses, whichever side began it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.calls.limits import Limits
from gateway.calls.media_session import MediaSwitch
from gateway.calls.reception import Reception
from gateway.calls.spoken_names import SpokenNames
from gateway.calls.voice import Voices
from gateway.conference.installation import Installation
from gateway.sip.flow import Flow
from gateway.sip.liaison import ServiceRoute
from gateway.sip.user_agent import UserAgent


@dataclass(frozen=True, slots=True)
class Services:
    """The conferences, the user agent, the media engine, and what phones are told.

    `local_host` is the address a phone on a flow can send RTP to, whose own media is at some host
    (None: not known). `callers_in` says how many calls are for a room. `retry_after` is in seconds.
    At the `reception` callers are asked for PINs; `voices` are for those who are told in words,
    `spoken_names` has what callers have said for their names. `service_route` is what calls through
    the trunk of a name go by (RFC 3608).
    """

    installations: tuple[Installation, ...]
    user_agent: UserAgent
    switch: MediaSwitch
    local_host: Callable[[Flow, str | None], str]
    callers_in: Callable[[str], int] = lambda room: 0
    limits: Limits = Limits()  # noqa: RUF009 -- frozen
    retry_after: int = 30
    reception: Reception | None = None
    voices: Voices = Voices()  # noqa: RUF009 -- frozen
    spoken_names: SpokenNames = field(default_factory=SpokenNames)
    service_route: Callable[[str], ServiceRoute | None] = lambda trunk: None
