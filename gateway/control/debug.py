"""`GET /debug`: the calls there are, in Jigasi's shape, and about each what we know besides."""

from gateway.calls.record import CallRecord
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
    return {"gateways": {"sip": {"sessions": sessions}}}


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
