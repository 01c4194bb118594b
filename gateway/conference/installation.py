"""A Jitsi installation, as the operator describes it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gateway.conference.address import RoomAddress
from gateway.conference.login_queue import LoginQueue
from gateway.conference.logins import Logins
from gateway.conference.token import TokenIssuer
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.own_presence import STATS_ID
from gateway.xmpp.server import Server

VISITOR_DOMAIN = "{vnode}.meet.jitsi"
"""What a node for visitors is called. Jitsi's modules for Prosody and its web page know of no other
domain, whatever the main one is."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where conferences are held.

    `muc_domains` are those whose rooms may be joined; a name without a domain is a room of the
    first. `focus` is the address that conference requests go to (`focus.<domain>`).
    `machine_uid` is the gateway's own, the same for all calls. `region` matters on sites with
    several. `media_timeout` is how many seconds the media of an offered session may take to
    connect, `join_timeout` how many a conference may take to become ready, `lobby_timeout` how many
    we wait for people: to be let in from the lobby, or for a host. Occupants whose own JID is of
    one of `hidden_domains` are machines (recorders, transcribers). `avatar_url` and `stats_id` are
    shown of every caller. `name` tells several installations apart; `rooms`, which room names it
    has where others have the rest (shards). With `tenants`, rooms of tenants (`tenant/room`) may be
    joined as well. `web_url` is where browsers go. `logins` is what has come of logging in there.
    `features` are advertised beside those every participant has. With `bridge_channel` the
    videobridge's WebSocket is connected, where one is offered. `tokens` makes a JWT for each login,
    `login_queue` is the queue for it, and `turn` says that the server may be asked for relays.
    `visitor_domain` is what its nodes for visitors are called, with `{vnode}` in it; `node` is
    which of them this is, if it is one. Conferences are asked for at `conference_request_url` if
    there is one, else of the focus by XMPP.
    """

    server: Server
    muc_domains: tuple[str, ...]
    focus: str
    machine_uid: str
    region: str | None = None
    media_timeout: float = 15.0
    join_timeout: float = 30.0
    lobby_timeout: float = 600.0
    hidden_domains: tuple[str, ...] = ()
    avatar_url: str | None = None
    stats_id: str = STATS_ID
    name: str = "jitsi"
    tenants: bool = False
    rooms: re.Pattern[str] | None = None
    web_url: str = ""
    features: tuple[str, ...] = ()
    bridge_channel: bool = False
    tokens: TokenIssuer | None = None
    login_queue: LoginQueue | None = None
    turn: bool = False
    visitor_domain: str = VISITOR_DOMAIN
    node: str | None = None
    conference_request_url: str | None = None
    logins: Logins = field(default_factory=Logins, compare=False, repr=False)

    def room(self, text: str, tenant: str | None = None) -> RoomAddress:
        """The room of this installation that is meant; ConferenceError (NOT_FOUND) if none is."""
        address = RoomAddress.parse(text, self.muc_domains, tenants=self.tenants, tenant=tenant)
        if self.rooms is not None and not self.rooms.fullmatch(address.name):
            text = f"{self.name} has no rooms named like {address.name!r}"
            raise ConferenceError(JoinFailure.NOT_FOUND, text)
        return address

    def serves(self, jid: str) -> bool:
        """Whether this is a room of ours, of whatever name."""
        try:
            RoomAddress.parse(jid, self.muc_domains, tenants=self.tenants)
        except ConferenceError:
            return False
        return "@" in jid

    def meeting_url(self, jid: str) -> str:
        """Where browsers join the conference of a room of ours."""
        address = self.room(jid)
        tenant = f"{address.tenant}/" if address.tenant is not None else ""
        return f"{self.web_url}/{tenant}{address.name}"

    def internal_room(self, jid: str) -> str:
        """What the focus itself calls a room: `[tenant]room@conference.meet.example.org`.

        Over XMPP the domain mapper in Prosody translates; nobody does for requests by HTTP.
        """
        address = self.room(jid) if self.serves(jid) else None
        if address is None or address.tenant is None:
            return jid
        domain = address.domain.replace(f".{address.tenant}.", ".", 1)
        return f"[{address.tenant}]{address.name}@{domain}"

    def for_visitors(self, node: str) -> "Installation":
        """One of its nodes for visitors: a Prosody of its own, with no accounts of ours.

        ConferenceError (PROTOCOL) if nothing can be called so.
        """
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]{0,62}", node):
            text = f"{node!r} is no name of a node for visitors"
            raise ConferenceError(JoinFailure.PROTOCOL, text)
        domain = self.visitor_domain.replace("{vnode}", node.lower())
        server = replace(
            self.server.asking("vnode", node),
            domain=domain,
            host=None,
            account=None,
            guest_domain=None,
        )
        muc_domains = tuple(self._at(domain, muc_domain) for muc_domain in self.muc_domains)
        return replace(self, server=server, muc_domains=muc_domains, node=node)

    def for_promoted(self, username: str) -> "Installation":
        """As a visitor comes to the main room who has been promoted: expected by that name."""
        return replace(self, server=self.server.asking("customusername", username))

    def at_node(self, address: RoomAddress, node: "Installation") -> RoomAddress:
        """Where visitors of a room are, at that node."""
        return replace(address, domain=self._at(node.server.domain, address.domain))

    def _at(self, domain: str, muc_domain: str) -> str:
        """A domain of rooms as it is at a node of that domain."""
        own = f".{self.server.domain}"
        if muc_domain.endswith(own):
            return f"{muc_domain.removesuffix(own)}.{domain}"
        return f"{muc_domain.partition('.')[0]}.{domain}"

    def key_of(self, jid: str) -> str:
        """A room as no room of another installation is called."""
        return f"{self.name}/{jid}"


def find_room(
    installations: Iterable[Installation], text: str, tenant: str | None = None
) -> tuple[Installation, RoomAddress]:
    """The first installation that has such a room; ConferenceError (NOT_FOUND) if none does."""
    refusal = ConferenceError(JoinFailure.NOT_FOUND, "there is no such installation")
    for installation in installations:
        try:
            return installation, installation.room(text, tenant)
        except ConferenceError as error:
            refusal = error
    raise refusal
