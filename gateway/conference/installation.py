"""A Jitsi installation, as the operator describes it."""

from dataclasses import dataclass

from gateway.xmpp.client import Server


@dataclass(frozen=True, slots=True)
class Installation:
    """Where conferences are held.

    `muc_domains` are those whose rooms may be joined; a name without a domain is a room of the
    first. `focus` is the address that conference requests go to (`focus.<domain>`).
    `machine_uid` is the gateway's own, the same for all calls. `region` matters on sites with
    several. `media_timeout` is how many seconds the media of an offered session may take to
    connect, `join_timeout` how many a conference may take to become ready, `lobby_timeout` how many
    we wait for people: to be let in from the lobby, or for a host. `features` are advertised
    beside those every participant has. With `bridge_channel` the videobridge's WebSocket is
    connected, where one is offered.
    """

    server: Server
    muc_domains: tuple[str, ...]
    focus: str
    machine_uid: str
    region: str | None = None
    media_timeout: float = 15.0
    join_timeout: float = 30.0
    lobby_timeout: float = 600.0
    features: tuple[str, ...] = ()
    bridge_channel: bool = False
