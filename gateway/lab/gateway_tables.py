"""What a gateway's configuration (`gateway.config`) says of a lab: tables as in the file."""

from typing import Any

from gateway.lab.lab import Lab


def jitsi_table(lab: Lab) -> dict[str, Any]:
    """`[jitsi]`: how its server, its rooms and its focus are reached."""
    host, port = lab.xmpp_address
    guests = lab.config.guest_domain
    return {
        **({"guest_domain": guests} if guests is not None else {}),
        "domain": lab.domain,
        "host": host,
        "port": port,
        "ca_file": str(lab.ca_file),
        "muc_domains": [lab.muc_domain],
        "focus": lab.focus_jid,
    }


def brewery_tables(lab: Lab) -> list[dict[str, Any]]:
    """`[[brewery]]`, once for each of its accounts: where that account waits for dials."""
    _, port = lab.xmpp_address
    return [
        {
            "user": f"{user}@{lab.config.site.auth_domain}",
            "password": password,
            "room": lab.brewery,
            "port": port,
        }
        for user, password in lab.config.accounts.items()
    ]
