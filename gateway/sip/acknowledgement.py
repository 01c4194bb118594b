"""The ACK of a 2xx to an INVITE of ours (RFC 3261 13.2.2.4): no transaction's, but the dialog's."""

from gateway.sip.core import Core, content_type
from gateway.sip.dialog import Dialog
from gateway.sip.digest import CREDENTIAL_FIELDS
from gateway.sip.flow import Transmission
from gateway.sip.message import Request


def acknowledgement(
    core: Core, dialog: Dialog, invite: Request, sdp: bytes | None = None
) -> Transmission:
    """What to send now, and again whenever that 2xx comes again; `sdp` answers its offer."""
    ack = dialog.create_request("ACK", sequence=invite.headers.cseq.sequence)
    flow, fallback = core.address_in_dialog(dialog, ack)
    for name, value in content_type(sdp):
        ack.headers.add(name, value)
    for name in CREDENTIAL_FIELDS:  # of the INVITE; an ACK cannot be challenged (22.1)
        for value in invite.headers.getlist(name):
            ack.headers.add(name, value)
    ack = Request(ack.method, ack.uri, ack.headers, sdp or b"")
    return Transmission(ack.serialize(), flow, fallback)
