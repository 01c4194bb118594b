"""A whole installation without sockets: routing, rooms, the focus and its address.

What `gateway.lab.lab` puts on the network; tests of rules use it as it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab.client_proxy import ClientProxy
from gateway.lab.domain_service import DomainService
from gateway.lab.focus import Focus
from gateway.lab.focus_port import NICK, BridgeOrders, FocusConfig
from gateway.lab.muc import Muc
from gateway.lab.muc_room import RoomServices
from gateway.lab.violation import Blame, Step
from gateway.lab.xmpp_host import XmppHost


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """The domain `D`, its rooms' domain `<muc_prefix>.D`, and how strict and how fast it is."""

    domain: str = "lab.test"
    muc_prefix: str = "conference"
    strict_nick: bool = True
    focus: FocusConfig = field(default_factory=FocusConfig)

    @property
    def muc_domain(self) -> str:
        return f"{self.muc_prefix}.{self.domain}"

    @property
    def auth_domain(self) -> str:
        return f"auth.{self.domain}"

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
    """`host` routes, `muc` keeps the rooms, `focus` conducts the conferences."""

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
        components = config.components
        focus_user = f"{NICK}@{config.auth_domain}"
        services = RoomServices(
            send=self.host.send,
            blame=blame,
            step=step,
            metadata=components["room_metadata"],
            duration=components["conference_duration"],
            lobby=components["lobbyrooms"],
            privileged=frozenset({focus_user}),
        )
        self.muc = Muc(services, _wall_clock, strict_nick=config.strict_nick)
        self.focus = Focus(
            f"{focus_user}/{NICK}",
            bridge,
            config.focus,
            packets=packets,
            blame=blame,
            step=step,
        )
        self._proxy = ClientProxy(
            config.focus_address,
            self.focus.jid,
            is_connected=lambda: self.focus.jid in self.host.entities,
            send=self.host.send,
        )
        service = DomainService(components, self.host.send)
        self.host.add_component(config.domain, service.receive)
        self.host.add_component(config.auth_domain, service.receive)
        self.host.add_component(config.muc_domain, self.muc.receive)
        self.host.add_component(config.focus_address, self._proxy.receive)
        self.host.add_entity(self.focus.jid, self._tell_focus)

    def handle_timer(self, now: float) -> None:
        """Everything that happens by time."""
        self.focus.handle_timer(now)
        self.flush(now)

    def flush(self, now: float) -> None:
        """Send what the focus has to say, after it was given an order."""
        for stanza in self.focus.take_outgoing():
            self.host.send(self._proxy.disguise(stanza), now)

    def _tell_focus(self, stanza: Element, now: float) -> None:
        self.focus.receive(stanza, now)
        self.flush(now)


def _wall_clock() -> int:
    return round(time.time() * 1000)
