"""A whole installation without sockets: routing, rooms, components, the focus and its address.

What `gateway.lab.lab` puts on the network; tests of rules use it as it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from gateway.lab.av_moderation import AvModeration
from gateway.lab.breakout_rooms import BreakoutRooms
from gateway.lab.client_proxy import ClientProxy
from gateway.lab.domain_service import DomainService
from gateway.lab.end_conference import EndConference
from gateway.lab.focus import Focus
from gateway.lab.focus_port import NICK, BridgeOrders, FocusConfig
from gateway.lab.internal_rooms import InternalRooms
from gateway.lab.lobby import Lobbies
from gateway.lab.muc import Muc
from gateway.lab.muc_owners import Owners
from gateway.lab.muc_room import MucRoom, RoomServices
from gateway.lab.muc_stanzas import Removal
from gateway.lab.room_metadata import RoomMetadata
from gateway.lab.violation import Blame, Step
from gateway.lab.xmpp_host import XmppHost
from gateway.xmpp.element import local_name
from gateway.xmpp.jid import local


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """The domain `D`, its rooms' domain `<muc_prefix>.D`, and how strict and how fast it is.

    Guests log in at `guest_domain` where there is one: `D` is a secure domain then.
    """

    domain: str = "lab.test"
    muc_prefix: str = "conference"
    strict_nick: bool = True
    guest_domain: str | None = None
    focus: FocusConfig = field(default_factory=FocusConfig)

    @property
    def muc_domain(self) -> str:
        return f"{self.muc_prefix}.{self.domain}"

    @property
    def auth_domain(self) -> str:
        return f"auth.{self.domain}"

    @property
    def hidden_domain(self) -> str:
        """Where recorders log in, whom nobody sees."""
        return f"hidden.{self.domain}"

    @property
    def brewery(self) -> str:
        """The room in which gateways wait to be told to dial; as in Jitsi's own installations."""
        return f"jigasibrewery@internal.{self.auth_domain}"

    @property
    def focus_address(self) -> str:
        """What clients send conference requests to."""
        return f"{NICK}.{self.domain}"

    @property
    def components(self) -> dict[str, str]:
        """Jitsi's components, by type, as disco#info of the domain tells of them."""
        return {
            "lobbyrooms": f"lobby.{self.domain}",
            "conference_duration": f"conferenceduration.{self.domain}",
            "av_moderation": f"avmoderation.{self.domain}",
            "end_conference": f"endconference.{self.domain}",
            "room_metadata": f"metadata.{self.domain}",
            "speakerstats": f"speakerstats.{self.domain}",
            "breakout_rooms": f"breakout.{self.domain}",
        }


class Site:
    """`host` routes, `muc` keeps the rooms, `focus` conducts the conferences.

    `lobbies`, `moderation` and `breakouts` are the components that moderators give orders to.
    """

    def __init__(
        self,
        config: SiteConfig,
        bridge: BridgeOrders,
        *,
        packets: Callable[[str, str], int],
        blame: Blame,
        step: Step,
    ) -> None:
        self.host = XmppHost()
        self.hidden_domain = config.hidden_domain
        components = config.components
        send = self.host.send
        focus_user = f"{NICK}@{config.auth_domain}"
        services = RoomServices(
            send=send,
            blame=blame,
            step=step,
            metadata=components["room_metadata"],
            duration=components["conference_duration"],
            privileged=frozenset({focus_user}),
            trusted_domains=frozenset({config.hidden_domain}),
            moderates=self.host.moderates,
        )
        guests = config.guest_domain or config.domain
        strict_domain = guests if config.strict_nick else None
        self.lobbies = Lobbies(components["lobbyrooms"], guests, send, blame, step)
        self.muc = Muc(
            services,
            _wall_clock,
            strict_domain=strict_domain,
            owners=Owners(self.lobbies, blame),
        )
        self.breakout_muc = Muc(
            services,
            _wall_clock,
            strict_domain=strict_domain,
            may_exist=lambda room: self.breakouts.exists(room),  # noqa: PLW0108 - made below
        )
        self.moderation = AvModeration(
            components["av_moderation"], room_of=self.room_of, send=send, step=step
        )
        self.breakouts = BreakoutRooms(
            components["breakout_rooms"],
            main=self.muc.rooms,
            breakout=self.breakout_muc.rooms,
            end=self.breakout_muc.end,
            send=send,
            blame=blame,
            step=step,
        )
        services.watchers.extend((self.lobbies, self.moderation, self.breakouts))
        metadata = RoomMetadata(room_of=self.room_of, send=send)
        ending = EndConference(room_of=self._asked_room, end=self.muc.end, send=send, step=step)
        self.focus = Focus(
            f"{focus_user}/{NICK}",
            bridge,
            replace(
                config.focus,
                av_moderation=components["av_moderation"],
                breakout_domain=components["breakout_rooms"],
                hidden_domains=frozenset({config.hidden_domain}),
                closed_domains=frozenset({components["lobbyrooms"]}),
                brewery=config.brewery,
            ),
            packets=packets,
            blame=blame,
            step=step,
        )
        self.focus.dialling.knocks = self._knocks
        self.internal = InternalRooms(config.auth_domain, services, _wall_clock)
        self._proxy = ClientProxy(
            config.focus_address,
            self.focus.jid,
            is_connected=lambda: self.focus.jid in self.host.entities,
            send=send,
        )
        service = DomainService(components, send)
        self.host.add_component(config.domain, service.receive)
        # Jitsi's modules tell of the components at the main domain only (mod_features_identity).
        elsewhere = DomainService({}, send)
        self.host.add_component(config.auth_domain, elsewhere.receive)
        if config.guest_domain is not None:
            self.host.add_component(config.guest_domain, elsewhere.receive)
        self.host.add_component(config.muc_domain, self.muc.receive)
        self.host.add_component(config.brewery.partition("@")[2], self.internal.receive)
        self.host.add_component(config.focus_address, self._proxy.receive)
        self.host.add_component(components["lobbyrooms"], self.lobbies.receive)
        self.host.add_component(components["av_moderation"], self.moderation.receive)
        self.host.add_component(components["breakout_rooms"], self._tell_breakouts)
        self.host.add_component(components["end_conference"], ending.receive)
        self.host.add_component(components["room_metadata"], metadata.receive)
        self.host.add_entity(self.focus.jid, self._tell_focus)
        self.focus.begin()

    def room(self, jid: str) -> MucRoom:
        """A room of either kind. KeyError if there is no such one."""
        return self.muc.rooms.get(jid) or self.breakout_muc.rooms[jid]

    def room_of(self, jid: str) -> MucRoom | None:
        """The room a session is in."""
        return self.muc.room_of(jid) or self.breakout_muc.room_of(jid)

    def end(self, room: MucRoom, removal: Removal, now: float) -> None:
        """End a room of either kind."""
        muc = self.muc if room.jid in self.muc.rooms else self.breakout_muc
        muc.end(room, removal, now)

    def _asked_room(self, jid: str) -> MucRoom | None:
        """The room that a session's URL names: over plain TCP it names none."""
        room = self.muc.room_of(jid)
        return room if room is not None and room.name == self.host.asked_room(jid) else None

    def _knocks(self, room: str, occupant: str) -> bool:
        """Whether an occupant JID is somebody's who waits in a room's lobby."""
        found = self.muc.rooms.get(room) or self.breakout_muc.rooms.get(room)
        return found is not None and self.lobbies.knocks(found, occupant)

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time."""
        self.focus.handle_timer(now)
        self.lobbies.handle_timer(now)
        self.breakouts.handle_timer(now)
        self.flush(now)

    def flush(self, now: float) -> None:
        """Send what the focus has to say, after it was given an order."""
        for stanza in self.focus.take_outgoing():
            self.host.send(self._proxy.disguise(stanza), now)

    def _tell_breakouts(self, stanza: Element, now: float) -> None:
        """The component itself has no name before its domain, its rooms do."""
        is_order = local_name(stanza) == "message" and not local(stanza.get("to", ""))
        (self.breakouts if is_order else self.breakout_muc).receive(stanza, now)

    def _tell_focus(self, stanza: Element, now: float) -> None:
        self.focus.receive(stanza, now)
        self.flush(now)


def _wall_clock() -> int:
    return round(time.time() * 1000)
