"""Where a lab's conference takes place: whose server it is, and who keeps its rooms.

The lab has a server of its own (`gateway.lab.own_venue`), or its focus and its speakers are clients
of somebody else's (`gateway.lab.prosody_venue`).
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal, Protocol
from xml.etree.ElementTree import Element

from gateway.lab.focus import Focus
from gateway.lab.lab_occupant import LabOccupant

Tls = Literal["verify", "insecure", "off"]
"""As `[jitsi] tls`: STARTTLS with a certificate that is verified, or is not; or plain text."""


class NotHere(Exception):
    """The lab can do this on its own server only."""


class Seat(Protocol):
    """A session of one of the lab's own, logged in as `jid`."""

    @property
    def jid(self) -> str: ...

    def listen(self, deliver: Callable[[Element, float], None], lost: Callable[[], None]) -> None:
        """From now on `deliver` takes stanzas; `lost` is called if the session has ended."""

    def send(self, stanza: Element) -> None:
        """Send a stanza; its `from` is `jid`."""

    def close(self) -> None:
        """Log out."""


class Rooms(Protocol):
    """The rooms, by JID, and what a moderator orders there. KeyError if there is no such one."""

    def occupants(self, room: str) -> list[LabOccupant]:
        """Everybody in a room but the focus; nobody if there is no such room."""

    def kick(self, room: str, nick: str, reason: str | None, actor: str | None) -> None: ...

    def set_affiliation(
        self, room: str, nick: str, affiliation: str, actor: str | None
    ) -> None: ...

    def destroy(self, room: str, reason: str | None, alternate: str | None) -> None: ...

    def set_password(self, room: str, password: str | None) -> None: ...

    def set_members_only(self, room: str, members_only: bool, members: Collection[str]) -> None: ...


class Venue(Protocol):
    """`open` and `close` belong together; `handle_timer` wants to be called often."""

    @property
    def focus(self) -> Focus: ...

    @property
    def rooms(self) -> Rooms: ...

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the XMPP server."""

    @property
    def focus_address(self) -> str:
        """Where conference requests go."""

    @property
    def ca_file(self) -> Path | None:
        """What to verify the server's certificate with; None if there is none to be known."""

    @property
    def tls(self) -> Tls:
        """How clients protect their connections."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def open_room(self, room: str) -> None:
        """Return when the focus is in a room."""

    async def seat(self) -> Seat:
        """Log somebody of the lab's own in."""

    async def settled(self) -> None:
        """Return when everything that was ordered has been done."""

    def flush(self, now: float) -> None:
        """Send what the focus has to say, after it was given an order."""

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time."""
