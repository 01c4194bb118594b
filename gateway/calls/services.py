"""What every call uses, whichever side began it."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.calls.limits import Limits
from gateway.calls.media_session import MediaSwitch
from gateway.conference.installation import Installation
from gateway.sip.call import Call
from gateway.sip.flow import Flow


@dataclass(frozen=True, slots=True)
class Services:
    """The conferences, the media engine, and what phones are told.

    `local_host` is the address a phone on a flow can send RTP to. `label` names a call's SIP
    messages in the log. `callers_in` says how many calls are for a room. `retry_after` is in
    seconds.
    """

    installations: tuple[Installation, ...]
    switch: MediaSwitch
    local_host: Callable[[Flow], str]
    label: Callable[[Call, str], None]
    callers_in: Callable[[str], int] = lambda room: 0
    limits: Limits = Limits()  # noqa: RUF009 -- frozen
    retry_after: int = 30
