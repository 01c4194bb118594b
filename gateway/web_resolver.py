"""Where web clients find their servers: while DNS fails, where they were before."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.host_addresses import HOSTS, HostAddresses


class WebResolver(AbstractResolver):
    """Finds for aiohttp where `hosts` says that they are."""

    def __init__(self, hosts: HostAddresses = HOSTS) -> None:
        self._hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `family`, or all. OSError: there is none, or DNS does not say."""
        try:
            addresses = await self._hosts.of(host)
        except OSError as error:
            raise OSError(None, str(error)) from error  # as aiohttp expects to find the reason
        found = [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]
        wanted = [each for each in found if family in (socket.AF_UNSPEC, each["family"])]
        if not wanted:
            raise OSError(None, f"DNS knows no address of {host}")
        return wanted

    async def close(self) -> None:
        """There is nothing to close."""
