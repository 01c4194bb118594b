"""How calls go out through a trunk, and to which numbers."""

from dataclasses import dataclass

from gateway.sip.header_values import address, format_host
from gateway.sip.responses import HeaderFields


@dataclass(frozen=True, slots=True)
class DialOut:
    """How a trunk is called through.

    `host`, `port` and `transport` are the next hop and the host of the URI; which of them is left
    open is asked of DNS (RFC 3263). `prefixes` are what numbers must begin with to be called at
    all, `deny` what they must not. `strip` is taken from
    their front, then `prepend` is put there. `caller` is the number or user we call from, `name`
    the name beside it. `ringing_timeout` is in seconds. With `early_media` the conference hears
    what the network plays before the answer. With `assert_identity` the caller is in
    P-Asserted-Identity as well; with `withhold_caller` it is not in From, and whoever is called
    is not to learn it. `headers` are added to each INVITE. Where it has to `confirm`, who answers
    is in the conference only after it has pressed a key.
    """

    host: str
    prefixes: tuple[str, ...]
    port: int | None = None
    transport: str | None = None
    deny: tuple[str, ...] = ()
    strip: str = ""
    prepend: str = ""
    caller: str = "anonymous"
    name: str = ""
    ringing_timeout: float = 60.0
    early_media: bool = False
    assert_identity: bool = False
    withhold_caller: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    confirm: bool = False

    def allows(self, number: str) -> int:
        """The length of the longest prefix that allows this number; 0 if none does."""
        if any(number.startswith(prefix) for prefix in self.deny):
            return 0
        fitting = [len(prefix) for prefix in self.prefixes if number.startswith(prefix)]
        return max(fitting, default=0)

    @property
    def caller_uri(self) -> str:
        """Who calls, for the From header (RFC 3323 section 4.1.1.3 where that is withheld)."""
        return "sip:anonymous@anonymous.invalid" if self.withhold_caller else self._identity

    @property
    def caller_name(self) -> str:
        """The name beside it."""
        return "Anonymous" if self.withhold_caller else self.name

    @property
    def identity_headers(self) -> HeaderFields:
        """What else the trunk is told of who calls (RFC 3325)."""
        headers: list[tuple[str, str]] = []
        if self.assert_identity:
            headers.append(("P-Asserted-Identity", str(address(self._identity, self.name))))
        if self.withhold_caller:
            headers.append(("Privacy", "id"))
        return headers

    @property
    def _identity(self) -> str:
        return f"sip:{self.caller}@{format_host(self.host)}"

    @property
    def peer_uri(self) -> str:
        """The next hop itself, to be asked whether it is there."""
        return f"sip:{format_host(self.host)}"

    def target(self, number: str) -> str:
        """The SIP URI to call."""
        user = f"{self.prepend}{number.removeprefix(self.strip)}".replace(
            "#", "%23"
        )  # RFC 3261 25.1
        return f"sip:{user}@{format_host(self.host)}"

    def number_of(self, user: str) -> str:
        """The number that `target` makes this user of; others are as the trunk says them."""
        is_own = user.startswith(self.prepend)
        return f"{self.strip}{user.removeprefix(self.prepend)}" if is_own else user
