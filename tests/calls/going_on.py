"""A call that goes on, and what its phone may want of it."""

import re
from dataclasses import replace

from gateway.calls.trunk import RoomRule
from gateway.sip.referral import ReferTo
from tests.calls.exchange import TRUNK, Exchange, Party
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.conference.world import World, settle

HOLDS = {
    "sendonly": DESCRIPTION + b"a=sendonly\r\n",
    "inactive": DESCRIPTION + b"a=inactive\r\n",
    "zeros": DESCRIPTION.replace(b"c=IN IP4 192.0.2.9", b"c=IN IP4 0.0.0.0"),
}
OTHER = DESCRIPTION.replace(b"4000", b"4004")
"""Of another phone."""
RULES = replace(TRUNK, rules=(RoomRule(re.compile("[a-z]+"), "\\g<0>"),))
"""Rooms are called by their names."""


async def talking(there: Exchange, phone: FakePhone) -> Party:
    """It has called and been answered."""
    party = await there.call_in(phone)
    await settle(1)
    assert phone.done[-1] == "200"
    return party


def status_of(world: World) -> str | None:
    """What the room is shown of the call."""
    shown = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1]
    return shown.stanza.findtext("{jabber:client}status")


def sent_to(user: str, host: str = "gateway.test", **headers: str) -> ReferTo:
    """Where a REFER points to; a header's name has underscores."""
    return ReferTo(user, host, {name.replace("_", "-"): text for name, text in headers.items()})
