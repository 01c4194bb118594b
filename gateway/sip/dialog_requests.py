"""What the peer says within a call that changes nothing about its session.

INFO, MESSAGE and OPTIONS are answered at once; a REFER waits for somebody to decide.
"""

from typing import TYPE_CHECKING

from gateway.sip import events
from gateway.sip.admission import CAPABILITIES
from gateway.sip.core import Core
from gateway.sip.flow import Flow
from gateway.sip.info import take_info
from gateway.sip.instant_message import take_text
from gateway.sip.transaction import Transaction

if TYPE_CHECKING:
    from gateway.sip.session import Session


def take_request(
    core: Core, session: "Session", transaction: Transaction, flow: Flow, now: float
) -> events.Event | None:
    """Answer a request; what there is to tell of it."""
    match transaction.request.method:
        case "INFO":
            said = take_info(core, transaction, now)
            return events.InfoReceived(session, *said) if said is not None else None
        case "MESSAGE":
            text = take_text(core, transaction, now)
            return events.MessageReceived(session, text) if text else None
        case "REFER" if session.is_acknowledged:
            target = session.referrals.receive(transaction, flow, now)
            return events.Referred(session, target) if target is not None else None
        case "REFER":
            core.respond(transaction, 491, now=now)
        case _:
            core.respond(transaction, 200, headers=CAPABILITIES, now=now)
    return None
