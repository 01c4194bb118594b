"""How the servers of an installation are reached by HTTP and WebSocket. [io]"""

import ssl

import aiohttp

from gateway.web_resolver import WebResolver


def connector(tls: ssl.SSLContext | None, *, limit: int = 1) -> aiohttp.TCPConnector:
    """`limit` connections at a time; `tls` says whom to believe, None: the system's authorities."""
    return aiohttp.TCPConnector(
        ssl=tls if tls is not None else True, limit=limit, resolver=WebResolver()
    )
