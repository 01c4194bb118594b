"""Which address of ours a phone is told to send its RTP to (RFC 8866 section 5.7)."""

from collections.abc import Callable

from gateway.sip.flow import Flow
from gateway.sip.network import WILDCARDS, is_for
from gateway.sip.user_agent import UserAgent

_FAR = ("192.0.2.1", "2001:db8::1")  # stand for whoever is far away (RFC 3849, 5737)


class MediaHosts:
    """The hosts on which RTP is received, an address of each IP version at most.

    `advertised` is the operator's word for those of its version; `external_host` knows at which
    address a peer sees us behind a NAT, None if at our own.
    """

    def __init__(
        self,
        hosts: tuple[str, ...],
        user_agent: UserAgent,
        *,
        advertised: str | None = None,
        external_host: Callable[[str], str | None] = lambda remote_host: None,
    ) -> None:
        self._hosts = hosts
        self._user_agent = user_agent
        self._advertised = advertised
        self._external_host = external_host

    def towards(self, flow: Flow, media_host: str | None = None) -> str:
        """Where a phone on a flow is to send to, whose own media is at `media_host` if it is known.

        It is an address of the same IP version, if we have one; else one of that of its signalling,
        or the one there is.
        """
        signalling = flow.remote[0]
        wanted = (media_host or signalling, signalling, *_FAR)
        bound = next(host for peer in wanted for host in self._hosts if is_for(host, peer))
        # Behind a NAT a phone's own address says less than the one it is seen at.
        remote = next(peer for peer in (signalling, *wanted) if is_for(bound, peer))
        if self._advertised is not None and is_for(self._advertised, remote):
            return self._advertised
        external = self._external_host(remote)
        if external is not None:
            return external
        if bound not in WILDCARDS:
            return bound
        if remote == signalling:
            return self._user_agent.address(flow)
        return self._user_agent.local_host(remote)
