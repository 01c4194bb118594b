"""What DNS says, as `gateway.sip.locate` asks for it."""

from collections.abc import Sequence

import pycares

from gateway.resolver import Resolver
from gateway.sip.locate import Answer, Naptr, Srv


class Dns:
    """By a `Resolver` of those `servers`. `close` it. Each answer may be an OSError."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._resolver = Resolver(servers)

    async def naptr(self, name: str) -> Answer[Naptr]:
        """The NAPTR records of a name."""
        records, ttl = await self._resolver.records(name, "NAPTR")
        return Answer(
            tuple(
                Naptr(each.order, each.preference, each.flags, each.service, each.replacement)
                for each in records
                if isinstance(each, pycares.NAPTRRecordData)
            ),
            ttl,
        )

    async def srv(self, name: str) -> Answer[Srv]:
        """The SRV records of a name."""
        records, ttl = await self._resolver.records(name, "SRV")
        return Answer(
            tuple(
                Srv(each.priority, each.weight, each.port, each.target)
                for each in records
                if isinstance(each, pycares.SRVRecordData)
            ),
            ttl,
        )

    async def addresses(self, host: str) -> Answer[str]:
        """The addresses of a host, those first that this machine reaches best (RFC 6724)."""
        return Answer(*await self._resolver.addresses(host))

    async def close(self) -> None:
        """Ask no more."""
        await self._resolver.close()
