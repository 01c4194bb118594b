"""Being logged in at an installation: the connection, and what its server says of itself."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from gateway.conference.address import RoomAddress
from gateway.conference.allocation import allocate
from gateway.conference.departure import PASSING
from gateway.conference.installation import Installation
from gateway.conference.recovery import RETURN_PATIENCE, RETURN_PAUSE
from gateway.conference.relays import Relays
from gateway.conference.room import FOCUS_NICK
from gateway.conference.token import user_id
from gateway.errors import ConferenceError, JingleError, JoinFailure
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.component_message import Components
from gateway.xmpp.conference_request import ConferenceRequest, ConferenceResult
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.element import element
from gateway.xmpp.http_request import ask_by_http
from gateway.xmpp.reception import Reception
from gateway.xmpp.remedies import remedy
from gateway.xmpp.server import Server
from gateway.xmpp.stanza import NoReply, StanzaError

log = structlog.get_logger(__name__)

Connect = Callable[[Server, Reception], Awaitable[Connection]]

CAPABILITIES = Capabilities()
DISCOVERY_TIMEOUT = 5.0  # seconds; without an answer the components have no say
_WRONG_URL = "conference_request_url in [jitsi] has to be where Jicofo itself is reached"

_FAILURES = {
    FailureCause.LOGIN: JoinFailure.AUTHENTICATION,
    FailureCause.TIMEOUT: JoinFailure.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Login:
    """A connection that serves one caller, in one room after the other.

    `token` makes the JWT, if there is one, that proves by HTTP as well who we are. `room_names` are
    what the meeting's breakout rooms are called, by JID, as far as that has been told.
    """

    installation: Installation
    connection: Connection
    reception: Reception
    components: Components
    relays: Relays | None = None
    token: Callable[[], str | None] = field(default=lambda: None, repr=False)
    room_names: dict[str, str] = field(default_factory=dict)

    async def ask(self, request: ConferenceRequest) -> ConferenceResult:
        """Ask the focus for a conference (`gateway.conference.allocation.Ask`)."""
        site = self.installation
        if site.node is not None:
            text = "a node for visitors opens no conferences"
            raise ConferenceError(JoinFailure.FOCUS_UNAVAILABLE, text)
        if site.conference_request_url is None:
            reply = await self.connection.request(site.focus, request.to_element())
            return ConferenceResult.parse(reply)
        try:
            return await ask_by_http(
                site.conference_request_url,
                replace(request, room=site.internal_room(request.room)),
                tls=site.server.tls,
                token=self.token(),
            )
        except (StanzaError, JingleError, ConnectionFailed) as error:
            if (advice := _advice(error)) is not None:
                log.warning("no focus answers by HTTP", reason=str(error), remedy=advice)
            raise

    async def open_room(
        self,
        room: str,
        *,
        host_until: float = 0.0,
        waiting: Callable[[], None] = lambda: None,
        visitor: bool = False,
    ) -> None:
        """Have the focus open a room; the rest is as in `allocate`."""
        await allocate(
            self.ask,
            room=room,
            machine_uid=self.installation.machine_uid,
            timeout=self.installation.join_timeout,
            host_until=host_until,
            waiting=waiting,
            visitor=visitor,
        )

    async def reopen_room(self, room: str) -> None:
        """Have a focus that has left a room open it again; it may be being restarted, and want a
        host to come back first."""
        clock = asyncio.get_running_loop().time
        until = clock() + RETURN_PATIENCE
        while True:
            try:
                return await self.open_room(room, host_until=until)
            except ConferenceError as error:
                is_here = self.installation.node is None
                if not is_here or error.cause not in PASSING or clock() > until:
                    raise
            await asyncio.sleep(random.uniform(*RETURN_PAUSE))

    def listen_to(self, room: str) -> None:
        """From now on the focus of this room gives the orders."""
        self.reception.focus = f"{room}/{FOCUS_NICK}"

    def name_rooms(self, names: Mapping[str, str]) -> None:
        """These are all the breakout rooms there are now."""
        self.room_names.clear()
        self.room_names.update(names)

    def serves(self, room: str) -> bool:
        """Whether a room that we are sent to is one that callers may be in."""
        name, _, domain = room.partition("@")
        breakout = self.components.addresses.get("breakout_rooms")
        return self.installation.serves(room) or (bool(name) and domain == breakout)


async def log_in(
    installation: Installation,
    address: RoomAddress,
    connect: Connect,
    *,
    features: tuple[str, ...] = (),
    display_name: str = "",
    token: str | None = None,
    moderator: bool = False,
) -> Login:
    """Log in for a room; ConferenceError, with nothing left open, if that is not possible.

    `features` are advertised beside the installation's. `token` is a JWT that the caller has
    brought; without it we make one for `display_name`, where that is configured, perhaps as a
    `moderator`.
    """
    capabilities = CAPABILITIES.with_features(*installation.features, *features)
    reception = Reception(capabilities, focus=f"{address.jid}/{FOCUS_NICK}")
    if token is not None and not installation.server.is_web:
        text = "a token needs websocket or bosh in [jitsi]: a plain TCP stream takes none"
        raise ConferenceError(JoinFailure.AUTHENTICATION, text)
    if token is not None and not token.isascii():  # no URL could carry octets that are no UTF-8
        raise ConferenceError(JoinFailure.AUTHENTICATION, "the token of the call is no JWT")
    if installation.login_queue is not None:
        await installation.login_queue.turn()

    def current_token() -> str | None:
        """One of ours that is needed again later may have expired by then."""
        if token is not None:
            return token
        return _mint(installation, address, display_name, moderator=moderator)

    def server() -> Server:
        there = installation.server.for_room(address.name, address.tenant, current_token())
        return replace(there, renewed=server)

    try:
        connection = await connect(server(), reception)
    except ConnectionFailed as failure:
        cause = _FAILURES.get(failure.cause, JoinFailure.UNREACHABLE)
        installation.logins.failure(cause, str(failure), time.monotonic())
        log.warning("not logged in", reason=str(failure), remedy=remedy(failure))
        raise ConferenceError(cause, str(failure)) from failure
    installation.logins.success()
    log.info("logged in", jid=connection.jid)
    domain = installation.server.domain
    relays = Relays(connection, domain) if installation.turn else None
    try:
        components = await _discover(connection, domain)
        if relays is not None:
            await relays.ask()
    except ConnectionFailed as failure:
        await connection.close()
        raise ConferenceError(JoinFailure.UNREACHABLE, str(failure)) from failure
    except BaseException:
        await connection.close()
        raise
    return Login(installation, connection, reception, components, relays, current_token)


def _mint(
    installation: Installation, address: RoomAddress, display_name: str, *, moderator: bool
) -> str | None:
    if installation.tokens is None:
        return None
    return installation.tokens.mint(
        address.name,
        name=display_name,
        user=user_id(installation.machine_uid, display_name),
        now=time.time(),
        moderator=moderator,
    )


def _advice(failure: StanzaError | JingleError | ConnectionFailed) -> str | None:
    """What an operator can do where a request by HTTP comes to nothing; None: it was the focus that
    refused."""
    if isinstance(failure, ConnectionFailed):
        return remedy(failure)
    is_refusal = isinstance(failure, StanzaError) and failure.condition != "item-not-found"
    return None if is_refusal else _WRONG_URL


async def _discover(connection: Connection, domain: str) -> Components:
    query = element(ns.DISCO_INFO, "query")
    try:
        answer = await connection.request(domain, query, type_="get", timeout=DISCOVERY_TIMEOUT)
    except (StanzaError, NoReply) as error:
        log.warning("components unknown", error=str(error))
        return Components()
    return Components.parse(answer)
