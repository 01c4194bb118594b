"""Conference mappers of others, asked by HTTP: the edge of `mapper_search`.

Addresses that are asked for have a PIN in them: they are in no log and in no exception.
"""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp
import structlog

from gateway.errors import GatewayError
from gateway.host_addresses import HOSTS, HostAddresses
from gateway.ivr.conference_mapping import ConferenceMapping, by_pin, by_room
from gateway.ivr.hops import MOST, Hops, new_hop, write_via
from gateway.ivr.mapper_search import Ask, Mapper, MapperSearch
from gateway.ivr.remembered import Remembered
from gateway.sparse_lines import SparseLines
from gateway.web_resolver import WebResolver

log = structlog.get_logger(__name__)

MAX_ANSWER = 65_536  # octets
FOUND_FOR = 60.0  # seconds for which an answer is not asked for again
PIN_FOR = 3600.0  # of a room: it stays the same for long
UNKNOWN_FOR = 10.0
MOST_REMEMBERED = 10_000

NOTHING = ConferenceMapping(None)


class MapperUnavailable(GatewayError):
    """No mapper knows, and at least one could not say."""


class MapperClient:
    """The mappers in their order. `async with` it.

    A question that somebody else asks has `hops`: the gateways it has passed.
    """

    def __init__(self, mappers: tuple[Mapper, ...], hosts: HostAddresses = HOSTS) -> None:
        self._mappers = mappers
        self._hosts = hosts
        self._own_hop = new_hop()
        self._remembered: Remembered[tuple[str, str], ConferenceMapping] = Remembered(
            MOST_REMEMBERED
        )
        self._session: aiohttp.ClientSession | None = None
        self._lines = SparseLines.one_a_second()

    @property
    def has_mappers(self) -> bool:
        """Whether there is anybody to ask."""
        return bool(self._mappers)

    def gives_pins(self, hops: Hops = ()) -> bool:
        """Whether there is anybody to ask for the PINs of rooms."""
        return self._goes_on(hops) and any(mapper.gives_pins for mapper in self._mappers)

    def _goes_on(self, hops: Hops) -> bool:
        """Whether a question is asked any further: not if it has been here, in a circle then."""
        return self._own_hop not in hops and len(hops) < MOST

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(resolver=WebResolver(self._hosts))
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def find(self, pin: str, hops: Hops = ()) -> ConferenceMapping | None:
        """The room of a PIN, None if there is none; MapperUnavailable if nobody can say."""
        return await self._ask("id", pin, hops)

    async def pin_of(self, room: str, hops: Hops = ()) -> str | None:
        """A room's PIN, by those who give PINs; None if nobody gives it one; MapperUnavailable if
        nobody can say."""
        mapping = await self._ask("conference", room, hops)
        return mapping.pin if mapping is not None else None

    def remembered_pin(self, room: str) -> str | None:
        """What `pin_of` has said of a room lately."""
        known = self._remembered.get(("conference", room), asyncio.get_running_loop().time())
        return known.pin if known is not None else None

    def forget_pin(self, room: str) -> None:
        """It is of no use."""
        self._remembered.pop(("conference", room))

    async def _ask(self, kind: str, what: str, hops: Hops) -> ConferenceMapping | None:
        now = asyncio.get_running_loop().time()
        known = self._remembered.get((kind, what), now)
        if known is None:
            if not self._goes_on(hops):
                return None  # which says nothing of the next question
            known = await self._search(kind, what, hops) or NOTHING
            found_for = FOUND_FOR if kind == "id" else PIN_FOR
            keep = found_for if known.room is not None else UNKNOWN_FOR
            self._remembered.put((kind, what), known, now + keep)
        return known if known.room is not None else None

    async def _search(self, kind: str, what: str, hops: Hops) -> ConferenceMapping | None:
        search = MapperSearch(m for m in self._mappers if m.gives_pins or kind == "id")
        while (ask := search.next()) is not None:
            await asyncio.sleep(ask.pause)
            await self._get(ask, search, kind, what, hops)
        for failure in search.failures:
            if (times := self._lines.count(asyncio.get_running_loop().time())) is not None:
                log.warning("a conference mapper is of no use", reason=failure, times=times)
        if search.found is None and not search.is_certain:
            raise MapperUnavailable("no conference mapper could say")
        return search.found

    async def _get(self, ask: Ask, search: MapperSearch, kind: str, what: str, hops: Hops) -> None:
        assert self._session is not None
        mapper = ask.mapper
        url = by_pin(mapper.url, what) if kind == "id" else by_room(mapper.url, what)
        headers = {"Accept": "application/json", "Via": write_via((*hops, self._own_hop))}
        if mapper.token is not None:
            headers["Authorization"] = f"Bearer {mapper.token}"
        try:
            async with (
                asyncio.timeout(mapper.timeout),
                self._session.get(url, headers=headers, allow_redirects=False) as response,
            ):
                body = await _limited(response)
        except TimeoutError:
            search.failed(f"did not answer within {mapper.timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            search.failed(type(error).__name__)  # its text may have the whole address
        else:
            search.answered(response.status, body)


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    """As much of a body as an answer can have; what is cut off is no JSON any more."""
    body = b""
    async for piece in response.content.iter_chunked(8192):
        body += piece
        if len(body) > MAX_ANSWER:
            break
    return body[:MAX_ANSWER]
