"""Asking the focus for a conference by HTTP: the edge of `conference_json`."""

import asyncio
import ssl

import aiohttp

from gateway.xmpp import conference_json
from gateway.xmpp.conference_request import ConferenceRequest, ConferenceResult
from gateway.xmpp.connection import REQUEST_TIMEOUT, ConnectionFailed, FailureCause
from gateway.xmpp.stanza import NoReply
from gateway.xmpp.web import connector

MAX_ANSWER = 65_536  # octets


async def ask_by_http(
    url: str,
    request: ConferenceRequest,
    *,
    tls: ssl.SSLContext | None,
    token: str | None = None,
    timeout: float = REQUEST_TIMEOUT,
) -> ConferenceResult:
    """Post the request and read the answer; `token` is a JWT.

    StanzaError if it is refused, NoReply if nobody answers within `timeout` seconds or can be
    reached, JingleError if the answer makes no sense, ConnectionFailed if the server is not to be
    trusted.
    """
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        async with (
            asyncio.timeout(timeout),
            aiohttp.ClientSession(connector=connector(tls)) as session,
            session.post(
                url,
                data=conference_json.serialize(request),
                headers=headers,
                allow_redirects=False,  # the token is for this server
            ) as response,
        ):
            body = await _limited(response)
    except TimeoutError:
        raise NoReply(f"{url} did not answer within {timeout:g} s") from None
    except aiohttp.ClientSSLError as error:
        raise ConnectionFailed(FailureCause.TLS, str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise NoReply(f"{url}: {error}") from error
    if response.status != 200:
        raise conference_json.refusal(response.status, body)
    return conference_json.parse(body)


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    """As much of a body as an answer can have; what is cut off is no JSON any more."""
    body = b""
    async for piece in response.content.iter_chunked(8192):
        body += piece
        if len(body) > MAX_ANSWER:
            break
    return body[:MAX_ANSWER]
