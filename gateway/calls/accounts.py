"""Who may say by digest who calls, and which trunk's calls those then are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.calls.routing import is_within
from gateway.calls.trunk import IpNetwork, Trunk
from gateway.sip.digest_server import DigestAccount


@dataclass(frozen=True, slots=True)
class CallerAccount:
    """A trunk that is told by digest, or a user of our registrar.

    `networks` are where it may call from; none: anywhere. `is_user` is whether it may register.
    """

    digest: DigestAccount
    trunk: Trunk
    networks: tuple[IpNetwork, ...] = ()
    is_user: bool = False

    def may_be_at(self, host: str) -> bool:
        """Whether it may call, or register, from an address."""
        return not self.networks or is_within(host, self.networks)


class Accounts:
    """All accounts, by their names."""

    def __init__(self, accounts: Iterable[CallerAccount]) -> None:
        self._by_name = {account.digest.name: account for account in accounts}
        # Of many users all have the same networks.
        self._places = {(each.networks, each.is_user): each for each in self._by_name.values()}

    def any_at(self, host: str, *, users: bool) -> bool:
        """Whether anybody at an address may be asked who it is; `users` alone may register."""
        return any(
            (account.is_user or not users) and account.may_be_at(host)
            for account in self._places.values()
        )

    def finder(self, host: str, *, users: bool) -> Callable[[str], DigestAccount | None]:
        """Finds, by name, who may be at an address; all others are as if they were not."""

        def find(name: str) -> DigestAccount | None:
            account = self._by_name.get(name)
            if account is None or (users and not account.is_user) or not account.may_be_at(host):
                return None
            return account.digest

        return find

    def trunk_of(self, account: DigestAccount) -> Trunk:
        """Whose calls those of an account are."""
        return self._by_name[account.name].trunk
