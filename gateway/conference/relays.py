"""The TURN servers that an installation lends us, for when its videobridge is out of reach."""

import time

import structlog

from gateway.media.messages import TurnServer
from gateway.xmpp.connection import Connection
from gateway.xmpp.external_services import (
    NAMESPACES,
    ExternalService,
    read_services,
    services_request,
)
from gateway.xmpp.stanza import NoReply, StanzaError

log = structlog.get_logger(__name__)

ASK_TIMEOUT = 5.0  # seconds
_TRANSPORTS = {("turn", "udp"): "udp", ("turn", "tcp"): "tcp", ("turns", "tcp"): "tls"}
_LEFT = 60.0  # seconds that credentials must be good for


class Relays:
    """What the server of `domain` says about relays; asked again when that is out of date."""

    def __init__(self, connection: Connection, domain: str) -> None:
        self._connection = connection
        self._domain = domain
        self._services: tuple[ExternalService, ...] = ()
        self._is_known = False

    async def ask(self) -> None:
        """Ask the server, in the newer way, then in the older; ConnectionFailed if it is gone."""
        self._services, self._is_known = (), True
        for namespace in NAMESPACES:
            request = services_request(namespace)
            try:
                answer = await self._connection.request(
                    self._domain, request, type_="get", timeout=ASK_TIMEOUT
                )
            except (StanzaError, NoReply) as error:
                log.info("no relays told", namespace=namespace, error=str(error))
                if isinstance(error, StanzaError) and error.condition == "forbidden":
                    self._is_known = False  # to who is in no room yet, perhaps
                continue
            self._services = read_services(answer, time.time())
            return

    async def servers(self) -> tuple[TurnServer, ...]:
        """One for each way of reaching one, with credentials that are good for a while yet."""
        if not self._is_known or self._is_stale():
            await self.ask()
        servers: dict[str, TurnServer] = {}
        for service in self._services:
            server = _turn_server(service)
            if server is not None:
                servers.setdefault(server.transport, server)
        return tuple(servers.values())

    def _is_stale(self) -> bool:
        until = time.time() + _LEFT
        return any(each.expires is not None and each.expires < until for each in self._services)


def _turn_server(service: ExternalService) -> TurnServer | None:
    transport = _TRANSPORTS.get((service.type, service.transport))
    if transport is None or service.username is None or service.password is None:
        return None
    return TurnServer(service.host, service.port, transport, service.username, service.password)
