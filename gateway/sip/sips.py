"""What a `sips` URI asks for: TLS on every hop (RFC 3261 26.2.2, 12.1.1; RFC 3263 4.1)."""

from sipmessage import URI

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import parse_name_addr, parse_uri
from gateway.sip.message import Request


def is_sips(uri: str) -> bool:
    """Whether a URI, as it is written, is one of that scheme."""
    return uri.lower().startswith("sips:")


def transport_of(uri: URI) -> str | None:
    """The transport a URI asks for, in lower case; None if it leaves that open."""
    named = (uri.parameters.get("transport") or "").lower() or None
    return "tls" if uri.scheme == "sips" and named in (None, "tcp") else named


def wants_sips(request: Request) -> bool:
    """Whether the Contact that answers a request has to be a `sips` URI (12.1.1)."""
    routes = request.headers.values("Record-Route")
    contact = request.headers.contact
    try:
        hop = parse_name_addr(routes[0]).uri if routes else contact.uri if contact else ""
        return any(parse_uri(uri).scheme == "sips" for uri in (request.uri, hop) if uri)
    except SipSyntaxError:
        return False
