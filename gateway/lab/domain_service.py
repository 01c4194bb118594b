"""What the server itself answers: discovery, ping, and that it knows nothing else."""

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_request, refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element

_ROSTER = "jabber:iq:roster"
_FEATURES = (
    ns.DISCO_INFO,
    "http://jabber.org/protocol/disco#items",
    _ROSTER,
    ns.PING,
)


class DomainService:
    """The domain. Jitsi's components are told of as identities; `components` maps type to JID."""

    def __init__(
        self, components: Mapping[str, str], send: Callable[[Element, float], None]
    ) -> None:
        self._components = components
        self._send = send

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the domain; presences and messages lead nowhere."""
        if not is_request(stanza):
            return
        payload = next(iter(stanza), None)
        match (stanza.get("type"), payload.tag if payload is not None else ""):
            case ("get", tag) if tag == f"{{{ns.DISCO_INFO}}}query":
                assert payload is not None
                answer = result(stanza, self._discovered(payload.get("node")))
            case ("get", tag) if tag == f"{{{ns.PING}}}ping":
                answer = result(stanza)
            case ("get", tag) if tag == f"{{{_ROSTER}}}query":
                answer = result(stanza, element(_ROSTER, "query"))
            case _:
                answer = refuse(stanza, "cancel", "service-unavailable")
        self._send(answer, now)

    def _discovered(self, node: str | None) -> Element:
        query = element(ns.DISCO_INFO, "query", {"node": node})
        server = {"category": "server", "type": "im", "name": "Prosody"}
        query.append(element(ns.DISCO_INFO, "identity", server))
        for type_, jid in self._components.items():
            identity = {"category": "component", "type": type_, "name": jid}
            query.append(element(ns.DISCO_INFO, "identity", identity))
        query.extend(element(ns.DISCO_INFO, "feature", {"var": name}) for name in _FEATURES)
        return query
