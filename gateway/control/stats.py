"""`GET /about/stats`: Jigasi's keys with Jigasi's types, and ours.

config/JIGASI.md has the same list for people; a test compares the two.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.calls.end_reason import EndReason
from gateway.control.snapshot import Phase, Snapshot
from gateway.media.load import EngineLoad

CONFERENCE_SIZES = 22  # buckets; the last is for all that are larger


@dataclass(frozen=True, slots=True)
class Stat:
    """One key. `type` is JSON's name of it; `metric` is what Jigasi's Prometheus makes of it:
    a counter, a gauge, or nothing."""

    name: str
    type: str
    read: Callable[[Snapshot], object]
    help: str
    metric: str | None = None


def _sizes(snapshot: Snapshot) -> list[int]:
    sizes = [0] * CONFERENCE_SIZES
    for record in snapshot.joined:
        sizes[min(record.participants, CONFERENCE_SIZES - 1)] += 1
    return sizes


def _timestamp(snapshot: Snapshot) -> str:
    moment = datetime.fromtimestamp(snapshot.current_time, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03}"


def _ended(snapshot: Snapshot) -> dict[str, int]:
    return {reason.label: count for reason, count in snapshot.ended.items()}


def _worker(load: EngineLoad) -> dict[str, object]:
    return {
        "up": load.down_since is None,
        "calls": load.calls,
        "late_share": round(load.late_share, 4),
        "cpu_share": round(load.cpu_share, 4),
    }


def _total(
    name: str, count: Callable[[Snapshot], float], help_: str, metric: str = "counter"
) -> Stat:
    return Stat(f"total_{name}", "integer", lambda snapshot: int(count(snapshot)), help_, metric)


def _never(name: str, metric: str = "counter") -> Stat:
    """What counts transcribers: there are none here."""
    return _total(f"transcriber_{name}", lambda _: 0, "There is no transcriber here.", metric)


def _gauge(name: str, read: Callable[[Snapshot], int], help_: str) -> Stat:
    return Stat(name, "integer", read, help_, "gauge")


JIGASI_STATS = (
    _gauge("conferences", lambda s: len(s.joined), "Calls that are in a room."),
    _gauge(
        "participants",
        lambda s: sum(record.participants for record in s.joined),
        "The occupants of each call's room, without the focus, added up over the calls.",
    ),
    Stat(
        "stress_level",
        "number",
        lambda s: round(s.stress, 4),
        "The largest of calls over max_calls, and the least loaded worker's late ticks and share "
        "of a core over what can be borne.",
        "gauge",
    ),
    Stat(
        "conference_sizes",
        "array",
        _sizes,
        "How many calls are in a room of 0, 1, ... 20, and more participants.",
    ),
    _gauge("threads", lambda _: threading.active_count(), "Threads of Python's."),
    Stat("current_timestamp", "string", _timestamp, "UTC, to the millisecond."),
    _total("conferences_completed", lambda s: s.totals.completed, "Calls that were in a room."),
    _total(
        "participants",
        lambda s: s.totals.participants,
        "The participants of each call's room at its end, added up.",
    ),
    _total("conference_seconds", lambda s: s.totals.seconds, "Seconds from INVITE to end."),
    _total(
        "calls_with_dropped_media", lambda s: s.totals.silent_phones, "The phone's RTP stopped."
    ),
    _total(
        "count_dropped_media", lambda s: s.totals.silent_phones, "The same: it ends a call here."
    ),
    _total(
        "calls_with_connection_failed",
        lambda s: s.totals.without_conference,
        "The conference could not be reached, or was lost for good.",
    ),
    _total(
        "calls_with_sip_call_waiting",
        lambda s: s.totals.media_lost,
        "The session with the bridge ended and the phone waited for another.",
    ),
    _total(
        "calls_with_sip_call_reconnected",
        lambda s: s.totals.media_returned,
        "The phone that waited got another.",
    ),
    _total(
        "calls_with_jvb_migrate",
        lambda s: s.totals.bridge_changed,
        "Another session was offered in the same stay: another bridge, or a repair.",
    ),
    _total(
        "calls_jvb_no_media",
        lambda s: s.totals.without_bridge_media,
        "Ended because there was no media connection with the bridge.",
    ),
    _total(
        "calls_no_heartbeat_response",
        lambda s: s.ended.get(EndReason.NO_HEARTBEAT, 0),
        "Ended because the other end did not answer heartbeats (`trunk.heartbeat`).",
    ),
    Stat(
        "graceful_shutdown",
        "boolean",
        lambda s: s.phase in (Phase.DRAINING, Phase.CLOSING),
        "New calls are refused; it ends with the last.",
        "gauge",
    ),
    _never("g_requests"),
    _never("g_minutes", "gauge"),
    _never("ggl_millis", "gauge"),
    _never("oci_millis", "gauge"),
    _never("wsp_millis", "gauge"),
    _never("vsk_millis", "gauge"),
    _never("started"),
    _never("stopped"),
    _never("failed"),
    _never("connection_errors"),
    _never("connection_retries"),
    _never("no_result_errors"),
    _never("send_errors"),
    _never("session_creation_errors"),
)

OWN_STATS = (
    Stat("calls", "integer", lambda s: len(s.calls), "Calls that are not over, joined or not."),
    Stat("max_calls", "integer", lambda s: s.max_calls, "As configured."),
    Stat(
        "media_workers",
        "array",
        lambda s: [_worker(load) for load in s.loads],
        "Each process that carries media: `up`, `calls`, `late_share` of its ticks, `cpu_share` of "
        "a core.",
    ),
    Stat("total_rejoins", "integer", lambda s: s.totals.rejoins, "Rooms entered again in a call."),
    Stat("total_calls_ended", "object", _ended, "By end reason, as in the log."),
)

STATS = (*JIGASI_STATS, *OWN_STATS)


def stats(snapshot: Snapshot) -> dict[str, object]:
    """What `/about/stats` says."""
    return {stat.name: stat.read(snapshot) for stat in STATS}
