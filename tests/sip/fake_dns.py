"""DNS as a dictionary: what it says, how often it was asked, and whether it answers at all."""

from dataclasses import dataclass, field

from gateway.sip.locate import Answer, Naptr, Srv


@dataclass
class FakeDns:
    """A `Resolver`; names that are not there have no records."""

    naptrs: dict[str, list[Naptr]] = field(default_factory=dict)
    srvs: dict[str, list[Srv]] = field(default_factory=dict)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    ttl: float = 300.0
    ttls: dict[str, float] = field(default_factory=dict)
    is_down: bool = False
    failing: set[str] = field(default_factory=set)  # names of which it does not say anything
    asked: list[str] = field(default_factory=list)

    async def naptr(self, name: str) -> Answer[Naptr]:
        return Answer(tuple(self.naptrs.get(name, ())), self._ask(name))

    async def srv(self, name: str) -> Answer[Srv]:
        return Answer(tuple(self.srvs.get(name, ())), self._ask(name))

    async def addresses(self, host: str) -> Answer[str]:
        return Answer(tuple(self.hosts.get(host, ())), self._ask(host))

    def _ask(self, name: str) -> float:
        self.asked.append(name)
        if self.is_down or name in self.failing:
            raise OSError("DNS is down")
        return self.ttls.get(name, self.ttl)
