"""What the lab writes down when a client does what a real installation would punish."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """Rule number `rule` of the list of rules was broken by `who` (an endpoint id or a JID)."""

    rule: int
    who: str
    what: str


Blame = Callable[[int, str, str], None]
"""Takes the parts of a Violation."""

Step = Callable[[str, str], None]
"""Takes who does something and what it is, in words, for somebody who watches."""
