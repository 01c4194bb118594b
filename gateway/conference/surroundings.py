"""What goes on around us during one stay, told to the caller, and what is seen of us there."""

import structlog

from gateway.conference.appearance import Appearance
from gateway.conference.audio import Emit
from gateway.conference.entering import Entry
from gateway.conference.events import ChatReceived
from gateway.conference.proceedings import Proceedings
from gateway.conference.profile import Profile
from gateway.xmpp.chat import ChatMessage
from gateway.xmpp.jid import resource

log = structlog.get_logger(__name__)


class Surroundings:
    """We are in the room of `entry`. `proceedings` are what the caller has been told of so far."""

    def __init__(
        self, entry: Entry, profile: Profile, proceedings: Proceedings, emit: Emit
    ) -> None:
        self.proceedings = proceedings
        self.appearance = Appearance(entry.presence, entry.login.connection)
        self._room = entry.room
        self._profile = profile
        self._emit = emit

    def show(self, profile: Profile) -> None:
        """Something about us has changed."""
        self._profile = profile
        is_unheard = bool(self.proceedings.encrypting)
        status = profile.status_text(is_unheard=is_unheard)
        self.appearance.is_known_as(profile.display_name, status)

    def look(self) -> None:
        """Something in the room may have changed, and at first of us as well: tell it."""
        self.proceedings, changes = self.proceedings.now(self._room)
        for change in changes:
            log.debug("in the room", change=change)
            self._emit(change)
        self.show(self._profile)

    def hears(self, said: ChatMessage) -> None:
        """Somebody has written something; what we wrote ourselves comes back, and is not told."""
        nick = resource(said.sender)
        if self._room.is_other(said.sender):
            name = self._room.name_of(nick)
            self._emit(ChatReceived(nick, name, said.text, said.private))
