"""Who may make an offer when (RFC 3261 13.2.1 and 14.1, RFC 3262 5, RFC 3311 5)."""

import random

from gateway.sip.admission import Refusal
from gateway.sip.client_invitation import ClientInvitation
from gateway.sip.message import Request
from gateway.sip.server_invitation import ServerInvitation, Stage


class Offers:
    """The offers and answers of a session: at most one offer is under way.

    `description` is what we have said last, `server` answers the latest INVITE of the peer,
    `client` is our first one.
    """

    def __init__(self) -> None:
        self.description: bytes | None = None
        self.server: ServerInvitation | None = None
        self.client: ClientInvitation | None = None
        self.is_confirmed = False  # our first INVITE is answered, and that acknowledged
        self.is_reinviting = False  # by us
        self.is_updating = False  # an UPDATE of the peer waits to be answered

    @property
    def is_pending(self) -> bool:
        """Whether an INVITE of the peer waits to be answered finally."""
        return self.server is not None and self.server.stage is Stage.PENDING

    @property
    def are_settled(self) -> bool:
        """Whether we may send an INVITE (14.1) with an offer (RFC 3264 4)."""
        return not (self.is_pending or self.is_updating or self.await_answer)

    @property
    def await_answer(self) -> bool:
        """Whether we have made an offer that one of the peer must not cross (14.2)."""
        server = self.server
        if server is not None and server.stage is Stage.ACCEPTED:
            return server.makes_offer and not server.is_agreed
        if self.is_reinviting:
            return True
        return self.client is not None and not self.is_confirmed

    def find_reinvite_fault(self) -> Refusal | None:
        """Why an INVITE of the peer cannot come now (14.2)."""
        if self.is_pending or self.is_updating:
            return _later()
        return Refusal(491) if self.await_answer else None

    def find_update_fault(self, request: Request) -> Refusal | None:
        """Why an offer outside of an INVITE cannot come now (RFC 3311 5.2)."""
        if self.is_updating:
            return _later()
        if self.client is not None and not self.is_confirmed:
            is_agreed = self.client.is_agreed(request.headers.from_.tag)
            return None if is_agreed else Refusal(491)
        if self.server is not None and self.is_pending:
            if self.server.is_agreed:
                return None
            return Refusal(491) if self.server.makes_offer else _later()
        return Refusal(491) if self.await_answer else None


def _later() -> Refusal:
    return Refusal(500, headers=(("Retry-After", str(random.randint(0, 10))),))
