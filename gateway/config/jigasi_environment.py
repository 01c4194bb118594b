"""Jigasi's environment: what the variables of its docker image mean in our configuration.

They stand in for sections that the configuration file does not have, with the defaults that image
has; `SIP_GATEWAY_...` is stronger than both. Without any `JIGASI_...` nothing is read: the others
are names of the whole installation and need not be about us.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

PREFIX = "JIGASI_"
READ = (
    "XMPP_DOMAIN",
    "XMPP_SERVER",
    "XMPP_PORT",
    "XMPP_MUC_DOMAIN",
    "XMPP_AUTH_DOMAIN",
    "ENABLE_AUTH",
    "ENABLE_GUESTS",
    "XMPP_GUEST_DOMAIN",
    "PUBLIC_URL",
    "SHUTDOWN_REST_ENABLED",
    "JIGASI_XMPP_USER",
    "JIGASI_XMPP_PASSWORD",
    "JIGASI_BREWERY_MUC",
    "XMPP_INTERNAL_MUC_DOMAIN",
    "JIGASI_STATS_ID",
    "JIGASI_LOCAL_REGION",
    "JIGASI_PORT_MIN",
    "JIGASI_PORT_MAX",
    "JIGASI_ENABLE_REST",
    "JIGASI_SIP_URI",
    "JIGASI_SIP_PASSWORD",
    "JIGASI_SIP_SERVER",
    "JIGASI_SIP_PORT",
    "JIGASI_SIP_TRANSPORT",
    "JIGASI_SIP_DEFAULT_ROOM",
    "JIGASI_ENABLE_SDES_SRTP",
)
"""The variables that mean something here."""

_ROOM_HEADERS = ["X-Room-Name", "Jitsi-Conference-Room"]  # the image renames the first
_ACCOUNT = ("JIGASI_SIP_URI", "JIGASI_SIP_PASSWORD")
_OF_A_TRUNK = ("JIGASI_SIP_DEFAULT_ROOM", "JIGASI_ENABLE_SDES_SRTP")
_TRUE = {"1", "t", "true", "y", "yes", "on"}


def sections(environment: Mapping[str, str]) -> dict[str, Any]:
    """The sections that the variables speak of, with values as in TOML; checked by nobody yet."""
    said = {name: value for name, value in environment.items() if value.strip()}
    if not any(name.startswith(PREFIX) for name in said):
        return {}
    found: dict[str, Any] = {"jitsi": _jitsi(said)}
    media = {"first_port": said.get("JIGASI_PORT_MIN"), "last_port": said.get("JIGASI_PORT_MAX")}
    found["media"] = _given(media)
    found["control"] = _control(said)
    brewery = _brewery(said)
    if brewery is not None:
        found["brewery"] = [brewery]
    trunk = _trunk(said)
    if trunk is not None:
        found["trunk"] = [trunk]
    return {section: values for section, values in found.items() if values}


def not_understood(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of Jigasi's that are set and mean nothing here."""
    names = {name for name, value in environment.items() if value.strip()}
    unknown = {name for name in names if name.startswith(PREFIX)} - set(READ)
    said = {name: environment[name] for name in names}
    if _register(said) is None:
        unknown |= names & {*_ACCOUNT, "JIGASI_SIP_PORT", "JIGASI_SIP_TRANSPORT"}
    if _trunk(said) is None:
        unknown |= names & {*_OF_A_TRUNK, "JIGASI_SIP_SERVER"}
    return tuple(sorted(unknown))


def _jitsi(said: Mapping[str, str]) -> dict[str, Any]:
    host, port = _server(said)
    values: dict[str, Any] = {
        "domain": said.get("XMPP_DOMAIN", "meet.jitsi"),
        "host": host,
        "port": port,
        "muc_domains": [said.get("XMPP_MUC_DOMAIN", "muc.meet.jitsi")],
        "public_url": said.get("PUBLIC_URL"),
        "region": said.get("JIGASI_LOCAL_REGION"),
        "stats_id": said.get("JIGASI_STATS_ID"),
    }
    if _is_true(said.get("ENABLE_AUTH")):
        if _is_true(said.get("ENABLE_GUESTS")):
            values["guest_domain"] = said.get("XMPP_GUEST_DOMAIN", "guest.meet.jitsi")
        else:
            values["user"] = _account(said)
            values["password"] = said.get("JIGASI_XMPP_PASSWORD")
    return _given(values)


def _server(said: Mapping[str, str]) -> tuple[str, str | None]:
    """Host and port. Of several servers the first: each call of ours goes to one installation."""
    server = said.get("XMPP_SERVER", "xmpp.meet.jitsi").split(",")[0].split(":")
    port = server[1] if len(server) > 1 and server[1] else said.get("XMPP_PORT")
    return server[0].strip(), port


def _account(said: Mapping[str, str]) -> str:
    domain = said.get("XMPP_AUTH_DOMAIN", "auth.meet.jitsi")
    return f"{said.get('JIGASI_XMPP_USER', 'jigasi')}@{domain}"


def _brewery(said: Mapping[str, str]) -> dict[str, Any] | None:
    """Where orders to dial come from; without a password there is no account for that."""
    if "JIGASI_XMPP_PASSWORD" not in said:
        return None
    domain = said.get("XMPP_INTERNAL_MUC_DOMAIN", "internal-muc.meet.jitsi")
    values = {
        "user": _account(said),
        "password": said["JIGASI_XMPP_PASSWORD"],
        "room": f"{said.get('JIGASI_BREWERY_MUC', 'jigasibrewery')}@{domain}",
        "port": _server(said)[1],
    }
    return _given(values)


def _control(said: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if _is_true(said.get("JIGASI_ENABLE_REST")):
        values["listen"] = "0.0.0.0:8788"
    if "SHUTDOWN_REST_ENABLED" in said:
        values["enable_shutdown"] = _is_true(said["SHUTDOWN_REST_ENABLED"])
    return values


def _trunk(said: Mapping[str, str]) -> dict[str, Any] | None:
    """The SIP server as a trunk, if its address or a registration says which calls are its own."""
    address = _literal(said.get("JIGASI_SIP_SERVER", ""))
    register = _register(said)
    if address is None and register is None:
        return None
    trunk = {
        "name": "jigasi",
        "from": [address] if address is not None else None,
        "register": register,
        "default_room": said.get("JIGASI_SIP_DEFAULT_ROOM"),
        "srtp": _srtp(said.get("JIGASI_ENABLE_SDES_SRTP")),
    }
    return {**_given(trunk), "room_headers": _ROOM_HEADERS}


def _srtp(enabled: str | None) -> str | None:
    if enabled is None:
        return None
    return "offered" if _is_true(enabled) else "off"


def _register(said: Mapping[str, str]) -> dict[str, Any] | None:
    """Where Jigasi would register: at the host of its URI, by way of its server."""
    if not all(name in said for name in _ACCOUNT):
        return None
    user, at, host = said["JIGASI_SIP_URI"].strip().removeprefix("sip:").rpartition("@")
    if not at:
        return None
    server = said.get("JIGASI_SIP_SERVER", "").strip()
    transport = said.get("JIGASI_SIP_TRANSPORT", "").strip().lower()
    values = {
        "registrar": f"sip:{host}",
        "user": user,
        "password": said["JIGASI_SIP_PASSWORD"],
        "host": server or None,
        "port": said.get("JIGASI_SIP_PORT"),
        "transport": transport or None,
    }
    return _given(values)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _is_true(text: str | None) -> bool:
    return text is not None and text.strip().lower() in _TRUE


def _literal(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        return None
