"""What the sections of a configuration say that does not go together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.conference.address import RoomAddress
from gateway.config.phones import UserSection, account_problems
from gateway.config.trunk import TrunkSection
from gateway.errors import ConferenceError
from gateway.ivr.fixed_pins import FixedPin

if TYPE_CHECKING:
    from gateway.config.configuration import Config

FIRST = "jitsi"
"""The name of the installation in the section of that name."""


def inconsistencies(config: "Config") -> Iterator[str]:
    """Every problem, with its key and a way to mend it."""
    names = [each.name for each in config.installation]
    yield from _twice("trunk", "name", [trunk.name for trunk in config.trunk])
    yield from account_problems(config.trunk, config.user)
    yield from _port_problems(config)
    yield from _listener_problems(config)
    yield from _twice("brewery", "id", [brewery.id for brewery in config.brewery])
    yield from _twice("installation", "name", names, FIRST)
    yield from _installation_problems(config)
    yield from _room_problems(config)
    yield from _transport_problems(config)
    yield from _pin_problems(config)


def _twice(section: str, key: str, names: list[str], *taken: str) -> Iterator[str]:
    """Names that are not one's own."""
    for at, name in enumerate(names):
        if name in names[:at] or name in taken:
            yield f"{section}.{at}.{key}: {name!r} is the {key} of an earlier {section} as well"


def _pin_problems(config: "Config") -> Iterator[str]:
    """Trunks that ask for PINs where there are none."""
    for at, trunk in enumerate(config.trunk):
        if trunk.ask_pin and config.dial_in.listen is None:
            yield f"trunk.{at}.ask_pin: there are no PINs; give [dial_in] with listen"


def _port_problems(config: "Config") -> Iterator[str]:
    """Addresses where two of ours would listen."""
    http = {"control.listen": config.control.listen, "dial_in.listen": config.dial_in.listen}
    wanted = [
        (f"sip.listen.{at}", each.transport == "udp", (each.host, each.port))
        for at, each in enumerate(config.sip.listen)
    ] + [(key, False, address) for key, address in http.items() if address is not None]
    taken: dict[tuple[bool, tuple[str, int]], str] = {}
    for key, is_udp, address in wanted:
        first = taken.setdefault((is_udp, address), key)
        if first != key and address[1] != 0:  # 0 is any port that is free
            yield f"{key}: is the address of {first} as well; give it another port"


def _listener_problems(config: "Config") -> Iterator[str]:
    """Listeners of trunks that there are not."""
    for at, trunk in enumerate(config.trunk):
        for listen in trunk.listeners:
            if listen not in config.sip.listen:
                there = ", ".join(str(each) for each in config.sip.listen)
                yield f"trunk.{at}.listeners: {listen} is none of sip.listen; there are {there}"


def _installation_problems(config: "Config") -> Iterator[str]:
    """Names of installations that there are not."""
    known = {FIRST, *(installation.name for installation in config.installation)}
    used: list[tuple[str, str | None]] = [
        (f"brewery.{at}", each.installation) for at, each in enumerate(config.brewery)
    ]
    for place, caller in _callers(config):
        used.append((place, caller.installation))
        used += [
            (f"{place}.rule.{number}", rule.installation) for number, rule in enumerate(caller.rule)
        ]
    for place, name in used:
        if name is not None and name not in known:
            there = ", ".join(sorted(known))
            yield f"{place}.installation: there is no {name!r}; there are {there}"


def _room_problems(config: "Config") -> Iterator[str]:
    """Rooms that are not of the installations."""
    for place, caller in _callers(config):
        if caller.default_room is not None:
            yield from _not_served(config, f"{place}.default_room", caller.default_room)
    yield from pin_room_problems(config, config.dial_in.fixed_pins)


def pin_room_problems(config: "Config", pins: tuple[FixedPin, ...]) -> Iterator[str]:
    """The same of PINs, which may be read again later than all else."""
    file = f"dial_in.pins_file: {config.dial_in.pins_file}"
    for at, pin in enumerate(pins):
        yield from _not_served(config, f"{file}: pin.{at}.room", pin.meeting.room)


def _not_served(config: "Config", place: str, room: str) -> Iterator[str]:
    sections = (config.jitsi, *config.installation)
    served = tuple(domain for section in sections for domain in section.served_domains)
    tenants = any(section.tenants for section in sections)
    try:
        RoomAddress.parse(room, served, tenants=tenants)
    except ConferenceError as error:
        yield f"{place}: {error.text}; see jitsi.muc_domains"


def _callers(config: "Config") -> Iterator[tuple[str, TrunkSection | UserSection]]:
    """All who may have rules, and their places."""
    yield from ((f"trunk.{at}", trunk) for at, trunk in enumerate(config.trunk))
    yield from ((f"user.{at}", user) for at, user in enumerate(config.user))


def _transport_problems(config: "Config") -> Iterator[str]:
    """What trunks want of the listeners, and cannot have."""
    there = {listen.transport for listen in config.sip.listen}
    nobody = config.sip.tls is None or config.sip.tls.client_certificates == "off"
    for at, trunk in enumerate(config.trunk):
        for section, transport in trunk.transports:
            if transport not in there:
                yield (
                    f"trunk.{at}.{section}.transport: there is no listener for it; "
                    f"add e.g. {transport}:0.0.0.0 to sip.listen"
                )
        if trunk.certificate_names and nobody:
            yield (
                f"trunk.{at}.certificate_names: nobody is asked for a certificate; "
                'write client_certificates = "optional" in [sip.tls]'
            )
