"""A Jitsi installation, as the operator describes it."""

from dataclasses import dataclass

from gateway.conference.login_queue import LoginQueue
from gateway.conference.token import TokenIssuer
from gateway.xmpp.client import Server


@dataclass(frozen=True, slots=True)
class Installation:
    """Where conferences are held.

    `muc_domains` are those whose rooms may be joined; a name without a domain is a room of the
    first. `focus` is the address that conference requests go to (`focus.<domain>`).
    `machine_uid` is the gateway's own, the same for all calls. `region` matters on sites with
    several. `media_timeout` is how many seconds the media of an offered session may take to
    connect, `join_timeout` how many a conference may take to become ready, `lobby_timeout` how many
    we wait for people: to be let in from the lobby, or for a host. `tokens` makes a JWT for each
    login, `logins` is the queue for it, and `turn` says that the server may be asked for relays.
    """

    server: Server
    muc_domains: tuple[str, ...]
    focus: str
    machine_uid: str
    region: str | None = None
    media_timeout: float = 15.0
    join_timeout: float = 30.0
    lobby_timeout: float = 600.0
    tokens: TokenIssuer | None = None
    logins: LoginQueue | None = None
    turn: bool = False
