"""Services beside the XMPP server, with credentials for them (XEP-0215): STUN and TURN."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp.element import attribute, children, element, integer

NAMESPACES = ("urn:xmpp:extdisco:2", "urn:xmpp:extdisco:1")
"""Both are in use; the newer is to be asked for first."""

_PORTS = {"turn": 3478, "turns": 5349, "stun": 3478, "stuns": 5349}


@dataclass(frozen=True, slots=True)
class ExternalService:
    """A service, `type` being stun, turn or turns, and `transport` udp or tcp.

    The credentials are good until `expires`, in seconds since 1970; None is for ever.
    """

    type: str
    host: str
    port: int
    transport: str
    username: str | None
    password: str | None = field(repr=False)
    expires: float | None


def services_request(namespace: str) -> Element:
    """The payload that asks for all services."""
    return element(namespace, "services")


def read_services(answer: Element, now: float) -> tuple[ExternalService, ...]:
    """The services of an answer that came at `now`; those that make no sense are left out."""
    found = []
    for namespace in NAMESPACES:
        for part in answer.iterfind(f"{{{namespace}}}services"):
            for service in children(part, namespace, "service"):
                try:
                    found.append(_service(service, now))
                except JingleError:
                    continue
    return tuple(found)


def _service(service: Element, now: float) -> ExternalService:
    type_ = attribute(service, "type")
    transport = "tcp" if type_ in ("turns", "stuns") else "udp"
    return ExternalService(
        type=type_,
        host=attribute(service, "host"),
        port=integer(service, "port", 1, 65535, _PORTS.get(type_)),
        transport=service.get("transport", transport).lower(),
        username=service.get("username"),
        password=service.get("password"),
        expires=_expires(service, now),
    )


def _expires(service: Element, now: float) -> float | None:
    text = service.get("expires")
    if text is not None:  # XEP-0082
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise JingleError(f"<service> expires at {text!r}") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if service.get("ttl") is not None:  # Prosody's older module
        return now + integer(service, "ttl", 0, 1 << 40)
    return None
