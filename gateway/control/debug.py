"""`GET /debug`: the calls there are, in Jigasi's shape, and what we know besides.

That is more about each call, how the trunks are, and which phones are registered here.
"""

from gateway.calls.record import CallRecord
from gateway.calls.trunk_status import TrunkStatus
from gateway.control.quality import quality
from gateway.control.snapshot import Snapshot


def debug(snapshot: Snapshot) -> dict[str, object]:
    """One gateway, named `sip`, and its sessions by the names shown in the conference."""
    sessions: dict[str, object] = {}
    for record in snapshot.calls:
        name = record.caller or record.id
        if name in sessions:
            name = f"{name} ({record.id})"
        sessions[name] = _session(record, snapshot)
    return {
        "gateways": {"sip": {"sessions": sessions}},
        "trunks": {trunk.name: _trunk(trunk) for trunk in snapshot.trunks},
        "phones": {user: list(places) for user, places in snapshot.phones.items()},
    }


def _trunk(trunk: TrunkStatus) -> dict[str, object]:
    told: dict[str, object] = {"calls": trunk.calls}
    if trunk.probe is not None:
        told |= {"probe": trunk.probe.value, "probe_error": trunk.probe_error}
    registration = trunk.registration
    if registration is not None:
        left = registration.expires_in
        told["registration"] = {
            "registrar": registration.registrar,
            "state": registration.state.value,
            "error": registration.error,
            "expires_in": None if left is None else round(left, 1),
        }
    return told


def _session(record: CallRecord, snapshot: Snapshot) -> dict[str, object]:
    conference: dict[str, object] = {}
    if record.room:
        conference["meetingUrl"] = snapshot.meeting_url(record.room)
        conference["room"] = record.room
    if record.is_joined:
        conference |= {
            "nick": record.endpoint,
            "participants": record.participants,
            "media": record.media_at is not None,
            "rejoins": record.rejoins,
        }
    return {
        "jvbConference": conference,
        "call": record.id,
        "sip_call_id": record.sip_call_id,
        "trunk": record.trunk,
        "answered": record.answered_at is not None,
        "seconds": round(snapshot.now - record.started_at, 1),
        "quality": quality(record.report),
    }
