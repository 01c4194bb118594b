"""Who may use the lab's web page: not other pages in the same browser.

The page has no login, it is for whoever can reach it. But any page of the web can open a WebSocket
to 127.0.0.1 (browsers only say where it comes from), or give its own name the address 127.0.0.1
(DNS rebinding). So the origin has to be the page itself, and the name an address or localhost.
"""

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse who came by a foreign name or from a foreign page; harden what is answered."""
    if not _is_own_name(request.host):
        raise web.HTTPForbidden(text="This page is reached by the address of its machine only.\n")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise web.HTTPForbidden(text="Only the lab's own page may do this.\n")
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response


def _is_own_name(host: str) -> bool:
    """Whether a Host header names an IP address or this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
